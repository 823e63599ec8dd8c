package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"
)

// hasPattern reports whether a name is a pattern.
func hasPattern(name string) bool { return strings.ContainsAny(name, "*?[") }

// glob returns the files and folders that fit a pattern, by name. "**" as an element stands for folders of any depth, none included.
func glob(ctx context.Context, s store, pattern string) ([]entry, error) {
	for _, element := range strings.Split(pattern, "/") {
		if _, err := path.Match(element, ""); err != nil {
			return nil, errors.New("unreadable pattern: want * ? or [a-z], with \\ before a bracket that is meant")
		}
	}
	seen := map[string]bool{}
	var out []entry
	add := func(e entry) {
		if !seen[e.name] {
			seen[e.name] = true
			out = append(out, e)
		}
	}
	root, rest := "", pattern
	if strings.HasPrefix(pattern, "/") {
		root, rest = "/", strings.TrimLeft(pattern, "/")
	}
	err := match(ctx, s, root, strings.Split(rest, "/"), add)
	sortEntries(out)
	return out, err
}

// match adds what fits the elements of a pattern below dir.
func match(ctx context.Context, s store, dir string, elements []string, add func(entry)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	element, last := elements[0], len(elements) == 1
	if !hasPattern(element) {
		name := join(dir, element)
		if !last {
			return match(ctx, s, name, elements[1:], add)
		}
		e, err := s.stat(ctx, name)
		if err == nil {
			e.name = name
			add(e)
		} else if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return err
	}
	found, err := s.list(ctx, dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if element == "**" && !last {
		if err := match(ctx, s, dir, elements[1:], add); err != nil {
			return err
		}
	}
	for _, e := range found {
		fits, _ := path.Match(element, e.name) // the pattern was tried before
		if strings.HasPrefix(e.name, ".") && !strings.HasPrefix(element, ".") {
			continue // as in a shell
		}
		e.name = join(dir, e.name)
		switch {
		case element == "**" && e.dir:
			err = match(ctx, s, e.name, elements, add)
		case element == "**" && last:
			add(e)
		case fits && element != "**" && last:
			add(e)
		case fits && element != "**" && e.dir:
			err = match(ctx, s, e.name, elements[1:], add)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// join puts a name behind a folder; path.Join would clean a leading "./" away, and with it the user's own form of the address.
func join(dir, name string) string {
	if dir == "" || strings.HasSuffix(dir, "/") {
		return dir + name
	}
	return dir + "/" + name
}

// compareNames orders names with slashes as a walk through their folders does.
func compareNames(a, b string) int {
	return bytes.Compare(bytes.ReplaceAll([]byte(a), []byte{'/'}, []byte{0}), bytes.ReplaceAll([]byte(b), []byte{'/'}, []byte{0}))
}

// walk calls do for the files below dir, names relative to it, in the order of a walk, from first to last ("" is without bound).
func walk(ctx context.Context, s store, dir, first, last string, do func(in *listing, rel string, e entry) error) error {
	return walkBelow(ctx, s, dir, "", first, last, do)
}

func walkBelow(ctx context.Context, s store, root, below, first, last string, do func(in *listing, rel string, e entry) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	found, err := s.list(ctx, join(root, below))
	if err != nil {
		return err
	}
	l := &listing{entries: found}
	for _, e := range found {
		rel := join(below, e.name)
		if last != "" && compareNames(rel, last) > 0 {
			return nil
		}
		before := first != "" && compareNames(rel, first) < 0
		switch {
		case e.dir && before && !strings.HasPrefix(first, rel+"/"):
		case e.dir && strings.HasPrefix(e.name, "."): // counted as one hidden file
			if !before {
				err = do(l, rel, entry{e.name, false, 0})
			}
		case e.dir:
			err = walkBelow(ctx, s, root, rel, first, last, do)
		case !before:
			err = do(l, rel, e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// listing is what one folder holds.
type listing struct {
	entries []entry
	stems   map[string]int8 // of the files: pictured, captioned
}

const (
	pictured  = 1 << iota // a picture has the stem
	captioned             // a caption file has it
)

// stemsOf notes the stems of pictures and of captions, once.
func (l *listing) stemsOf() map[string]int8 {
	if l.stems == nil {
		l.stems = map[string]int8{}
		for _, e := range l.entries {
			switch {
			case e.dir:
			case formatOfName(e.name) == FormatPictures:
				l.stems[stem(e.name)] |= pictured
			case isCaption(e.name):
				l.stems[stem(e.name)] |= captioned
			}
		}
	}
	return l.stems
}

func stem(name string) string { return strings.TrimSuffix(name, path.Ext(name)) }

func isCaption(name string) bool {
	ending := strings.ToLower(path.Ext(name))
	return ending == ".txt" || ending == ".json"
}

// role returns the format that a file of the folder has where want is asked for, "" where it is none, and whether it is large enough to be read
// on its own.
func (l *listing) role(e entry, want string) (format string, own bool) {
	format = formatOfName(e.name)
	switch {
	case strings.HasPrefix(e.name, "."), !utf8.ValidString(e.name):
		return "", false
	case want == "" || want == FormatFolder:
		if format == FormatText && digits(stem(e.name)) {
			format = FormatTHUCTC
		}
	case want == FormatPictures:
		if format != FormatPictures {
			return "", false // captions are read with their pictures
		}
	case format == "" && path.Ext(e.name) == "" || format == want || format == FormatText && (want == FormatLines || want == FormatTHUCTC) || format == FormatWARC && want == FormatWET:
		format = want
	default:
		return "", false
	}
	if format == FormatHTML || format == FormatPictures || format == FormatTHUCTC || e.size <= small {
		return format, false
	}
	return format, format != "" && !l.captions(e.name)
}

// captions reports whether a file holds the captions of a picture beside it.
func (l *listing) captions(name string) bool {
	return isCaption(name) && l.stemsOf()[stem(name)]&pictured != 0
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// readFolder reads the small files of a folder.
func (s *sink) readFolder(a address) error {
	whole := s.part
	return walk(s.ctx, s.store, a.name, rawName(whole.First), rawName(whole.Last), func(in *listing, rel string, e entry) error {
		at := a.with(join(strings.TrimSuffix(a.name, "/"), rel))
		s.part = Part{Address: at.String(), Format: whole.Format, Source: whole.Source}
		format, own := in.role(e, whole.Format)
		switch {
		case own:
			return nil // a part of its own
		case s.keys != nil && format != FormatWARC:
			return nil
		case !utf8.ValidString(rel):
			return s.fault(FaultFile, "", errName)
		case strings.HasPrefix(e.name, "."):
			return s.fault(SkipHidden, "", nil)
		case in.captions(e.name) && (whole.Format == FormatPictures || whole.Format == FormatFolder || whole.Format == ""):
			return nil // read with its picture
		case format == "":
			return s.fault(SkipKind, "", nil)
		}
		if s.part.Source == "" {
			s.part.Source = DefaultSource(format)
		}
		s.listing, s.web = in, webAddress(rel)
		if format == FormatText && whole.Format != FormatText {
			format = "" // lines or paragraphs: by content
		}
		return s.readSmall(at, format)
	})
}

// webAddress is the address of a file of a folder: http://HOST/... where the first folder is a host's name, as mirrors of sites have it.
func webAddress(rel string) string {
	host, rest, found := strings.Cut(rel, "/")
	if found && looksLikeHost(host) {
		return (&url.URL{Scheme: "http", Host: host, Path: "/" + rest}).String()
	}
	return (&url.URL{Scheme: "file", Path: "/" + rel}).String()
}

// looksLikeHost reports whether a folder's name is that of a host: letters, digits, dots and hyphens, with a last element of letters.
func looksLikeHost(name string) bool {
	i := strings.LastIndexByte(name, '.')
	if i <= 0 || len(name)-i < 3 || strings.Contains(name, "..") {
		return false
	}
	for _, r := range name[:i] {
		if !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.') {
			return false
		}
	}
	return strings.Trim(name[i+1:], "abcdefghijklmnopqrstuvwxyz") == ""
}

var errName = errors.New("its name is not UTF-8; rename it")

// plainName returns a name in a form that JSON keeps: "%" and bytes that are not UTF-8 as %XX.
func plainName(name string) string {
	if utf8.ValidString(name) && !strings.Contains(name, "%") {
		return name
	}
	var b strings.Builder
	for i, r := range name {
		if _, size := utf8.DecodeRuneInString(name[i:]); r == '%' || r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, "%%%02X", name[i])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// rawName undoes plainName.
func rawName(plain string) string {
	name, err := url.PathUnescape(plain)
	if err != nil {
		return plain
	}
	return name
}
