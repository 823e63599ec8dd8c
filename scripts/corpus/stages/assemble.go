package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"m6lab/datasets/record"
)

// completeMark stands in the folder of work when the set there is whole and only has to be moved to its place.
const (
	completeMark = "complete"
	setFolder    = "set"
)

// The files that a build puts beside the data set.
const (
	ReportName       = "report.json"
	PageName         = "report.html"
	QuarantineName   = "quarantine.jsonl"   // one Quarantine a line
	MissingName      = "missing.jsonl"      // one Missing a line
	ContaminatedName = "contaminated.jsonl" // one Contaminated a line
	RecipeName       = "recipe.json"
)

// ErrEmpty is the error of a build that kept no record; its report is there all the same.
var ErrEmpty = errors.New("no record was kept")

// Page writes the report as a page for people.
type Page func(w io.Writer, r *Report) error

// Assemble joins what all units left to the data set, checks the account, writes the reports and moves everything to its place.
func (j *Job) Assemble(ctx context.Context, ran Ran, page Page) (*Report, error) {
	if _, err := os.Stat(j.path(completeMark)); err != nil {
		if err := j.join(ctx, ran, page); err != nil {
			return nil, err
		}
	}
	if err := j.publish(); err != nil {
		return nil, err
	}
	r, err := ReadReport(filepath.Join(j.Dir, ReportName))
	if err == nil && r.Records() == 0 {
		err = fmt.Errorf("%w: %s says which rules dropped what", ErrEmpty, filepath.Join(j.Dir, PageName))
	}
	return r, err
}

// join makes the whole set in the folder of work.
func (j *Job) join(ctx context.Context, ran Ran, page Page) error {
	set := j.path(setFolder)
	if err := os.RemoveAll(set); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(set, splits[0]), 0o777); err != nil {
		return err
	}
	c := &collector{job: j, set: set, stats: newStats(), train: &record.Split{Sources: map[string]*record.Counts{}, Shards: []record.Shard{}}}
	for _, u := range j.Units {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := c.unit(u); err != nil {
			return err
		}
	}
	if err := c.stats.check(); err != nil {
		return err
	}
	if err := c.heldOut(); err != nil {
		return err
	}
	if err := c.manifest(); err != nil {
		return err
	}
	if err := c.lists(); err != nil {
		return err
	}
	r := j.report(c, ran)
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	var html bytes.Buffer
	if err := page(&html, r); err != nil {
		return err
	}
	for name, content := range map[string][]byte{ReportName: append(data, '\n'), PageName: html.Bytes(), RecipeName: append(j.Recipe.JSON(), '\n')} {
		err := durable(filepath.Join(set, name), func(f *os.File) error { _, err := f.Write(content); return err })
		if err != nil {
			return err
		}
	}
	return writeFile(j.path(completeMark), nil)
}

// collector joins what the units left.
type collector struct {
	job     *Job
	set     string
	stats   *Stats
	train   *record.Split
	stems   []string           // of the finished units, in order
	files   []map[string]int64 // that the first pass left of each, by ending
	seconds spent
}

// spent is how long workers took, all of them together, in seconds.
type spent struct{ index, clean, pictures, finish float64 }

// unit takes over one unit.
func (c *collector) unit(u Unit) error {
	first, err := c.job.cleaned(u.Name())
	if err != nil {
		return fmt.Errorf("unit %d was not finished: %w", u.Number, err)
	}
	sum, err := os.ReadFile(c.job.path(u.Name() + endFinal))
	if err != nil {
		return fmt.Errorf("unit %d was not finished: %w", u.Number, err)
	}
	stem := c.job.path(u.Name() + "-" + string(sum))
	done, err := readFinished(stem)
	if err != nil {
		return fmt.Errorf("unit %d was not finished: %w", u.Number, err)
	}
	c.stems, c.files = append(c.stems, stem), append(c.files, first.Files)
	if x, err := c.job.indexOf(u.Name()); err == nil {
		c.seconds.index += x.Seconds
	}
	c.seconds.clean += first.Seconds
	c.seconds.pictures += first.PictureSeconds
	c.seconds.finish += done.Seconds
	if err := errors.Join(c.stats.merge(first.Stats), c.stats.merge(done.Stats)); err != nil {
		return err
	}
	if done.Train == nil {
		return nil
	}
	for i, path := range shardsOf(stem, done.Train) {
		s := done.Train.Shards[i]
		s.File = fmt.Sprintf("%s/%05d.parquet", splits[0], len(c.train.Shards))
		if err := link(path, filepath.Join(c.set, filepath.FromSlash(s.File))); err != nil {
			return err
		}
		c.train.Shards = append(c.train.Shards, s)
	}
	c.train.Counts.Merge(done.Train.Counts)
	for name, counts := range done.Train.Sources {
		if c.train.Sources[name] == nil {
			c.train.Sources[name] = &record.Counts{}
		}
		c.train.Sources[name].Merge(*counts)
	}
	return nil
}

// link gives a file a second name, or copies it where the file system has no such thing.
func link(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	return durable(to, func(f *os.File) error { _, err := io.Copy(f, in); return err })
}

// heldOut writes valid and test, which are small: one file each.
func (c *collector) heldOut() error {
	for number, split := range splits[1:] {
		w, err := record.Create(c.set, split, record.WriterOptions{})
		if err != nil {
			return err
		}
		for _, stem := range c.stems {
			err := readKept(stem+endHeld, func(r *kept) error {
				if int(r.split) != number+1 {
					return nil
				}
				return w.Write(r.Example)
			})
			if err != nil {
				return errors.Join(err, w.Discard())
			}
		}
		if w.Counts().Rows == 0 {
			err = w.Discard()
		} else {
			err = w.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// manifest adds the training split to the manifest of the others.
func (c *collector) manifest() error {
	m, err := record.ReadManifest(c.set)
	if errors.Is(err, os.ErrNotExist) {
		m, err = &record.Manifest{Splits: map[string]*record.Split{}}, nil
	}
	if err != nil {
		return err
	}
	if c.train.Rows > 0 {
		m.Splits[splits[0]] = c.train
	} else if err := os.Remove(filepath.Join(c.set, splits[0])); err != nil {
		return err
	}
	t, err := c.job.tools()
	if err != nil {
		return err
	}
	m.Made = map[string]any{"by": Version, "in": c.job.In, "recipe": c.job.Lineage, "rules": t.versions()}
	return record.WriteManifest(c.set, m)
}

// lists joins what the units put aside.
func (c *collector) lists() error {
	for ending, name := range map[string]string{endQuarantine: QuarantineName, endMissing: MissingName, endEvaluated: ContaminatedName} {
		err := durable(filepath.Join(c.set, name), func(f *os.File) error {
			for i, u := range c.job.Units {
				if _, some := c.files[i][ending]; !some {
					continue
				}
				data, err := os.ReadFile(c.job.path(u.Name() + ending))
				if err != nil {
					return err
				}
				if _, err := f.Write(data); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// publish moves the whole set to its place, the report last, and removes the folder of work.
func (j *Job) publish() error {
	set := j.path(setFolder)
	entries, err := os.ReadDir(set)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if e.Name() != ReportName {
			if err := os.Rename(filepath.Join(set, e.Name()), filepath.Join(j.Dir, e.Name())); err != nil {
				return err
			}
		}
	}
	err = os.Rename(filepath.Join(set, ReportName), filepath.Join(j.Dir, ReportName))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	j.done = true
	j.Close()
	return os.RemoveAll(filepath.Join(j.Dir, workFolder))
}

// check returns an error where a record or a document was lost: what came must have gone somewhere by name.
func (s *Stats) check() error {
	for _, name := range sorted(s.Sources) {
		x := s.Sources[name]
		if x.In != x.Out+total(x.Dropped)+x.Quarantined || x.Quarantined != total(x.Faults) {
			return fmt.Errorf("source %s does not add up: %d records in, %d out, %d dropped, %d quarantined (%d by reason): this is a fault of the program", name, x.In, x.Out, total(x.Dropped), x.Quarantined, total(x.Faults))
		}
		if d := x.Documents; d.In != d.Out+d.Dropped+d.Quarantined {
			return fmt.Errorf("source %s does not add up: %d documents in, %d out, %d dropped, %d quarantined: this is a fault of the program", name, d.In, d.Out, d.Dropped, d.Quarantined)
		}
		var passages int64
		for _, row := range x.Rows {
			passages += row.Passages
		}
		if passages != x.Out {
			return fmt.Errorf("source %s does not add up: %d records out, %d passages: this is a fault of the program", name, x.Out, passages)
		}
		if err := errors.Join(x.Text.Check(), x.Pairs.Check(), x.Pictures.Check()); err != nil {
			return fmt.Errorf("source %s does not add up: %w: this is a fault of the program", name, err)
		}
	}
	return nil
}
