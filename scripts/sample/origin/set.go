package origin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"m6lab/datasets/record"
)

// largeVersion changes whenever Large or the rules of a source do.
const largeVersion = "1"

// WriteSet makes a data set of the sources in dir, whole or not at all. A folder that holds that very set already is left as it is: then made is false.
func (m Maker) WriteSet(dir string, sources []string) (made bool, err error) {
	for _, s := range sources {
		if !slices.Contains(Sources, s) {
			return false, fmt.Errorf("no source %q: the sources are %s", s, strings.Join(Sources, ", "))
		}
	}
	version := largeVersion + " " + strings.Join(sources, ",")
	if old, err := record.ReadManifest(dir); err == nil && old.Made["full sample"] == version {
		return false, nil
	}
	err = record.Whole(dir, func(dir string) error {
		if err := m.writeSplits(dir, sources, version); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, "NOTICE"), []byte(largeNotice(sources)), 0o644)
	})
	return err == nil, err
}

func (m Maker) writeSplits(dir string, sources []string, version string) (err error) {
	writers := map[string]*record.Writer{}
	defer func() {
		for _, w := range writers {
			err = errors.Join(err, w.Discard()) // nothing, after Close
		}
	}()
	for _, split := range Splits {
		w, err := record.Create(dir, split, record.WriterOptions{Made: map[string]any{"full sample": version}})
		if err != nil {
			return err
		}
		writers[split] = w
	}
	for _, source := range sources {
		err := m.Make(source, func(rows ...Row) error {
			for _, r := range rows {
				if err := writers[r.Split].Write(r.Example); err != nil {
					return err
				}
			}
			return m.interrupted()
		})
		if err != nil {
			return err
		}
	}
	for _, split := range Splits {
		if err := writers[split].Close(); err != nil {
			return err
		}
	}
	return nil
}

func (m Maker) interrupted() error {
	if m.Fetcher.Context == nil {
		return nil
	}
	return m.Fetcher.Context.Err()
}

// packagesOf names the packages that a source is made of.
var packagesOf = map[string][]Package{
	"scenes": {EmojiGoogle, EmojiTwitter, EmojiNames}, "emoji": {EmojiGoogle, EmojiTwitter, EmojiNames}, "poems": {Poetry}, "help": {OfficeHelp},
	"faq": {DebianFAQ}, "stamps": {Stamps}, "reference": {DebianReference},
}

// largeNotice lists the packages and their licences; rows have theirs in `meta`.
func largeNotice(sources []string) string {
	var b strings.Builder
	b.WriteString("This data set was made of these packages, each under its own licence. Do not pass it on without looking at them.\n\n")
	for _, s := range sources {
		for _, p := range packagesOf[s] {
			fmt.Fprintf(&b, "%-10s %s %s (%s): %s\n", s, p.Name, p.Version, p.Client, p.Licence)
		}
	}
	return b.String()
}
