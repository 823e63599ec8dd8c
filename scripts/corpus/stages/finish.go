package stages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"m6lab/datasets/record"
	"m6lab/datasets/runes"
)

// finished is what the last pass over a unit leaves beside its shards.
type finished struct {
	Train     *record.Split `json:"train"`      // nil without rows
	Held      int           `json:"held"`       // records of valid and test
	HeldBytes int64         `json:"held_bytes"` // of their file
	Stats     *Stats        `json:"stats"`
	Seconds   float64       `json:"seconds"`
}

const (
	endFinal    = ".final" // holds the hash of what was dropped, which names the three below
	endSet      = ".set"   // a folder with the training shards
	endHeld     = ".held"  // records of valid and test
	endFinished = ".done.json"
)

// Finish is the last pass: it reads what the first pass kept of a unit, leaves out repetitions, and writes shards. It is not done again for the
// same drops.
func (j *Job) Finish(ctx context.Context, unit int, name string, places []Place) error {
	drops, err := j.readDrops(places)
	if err != nil {
		return err
	}
	sum := hashOf(sortedDrops(drops))
	stem := j.path(name + "-" + sum)
	if _, err := readFinished(stem); err != nil {
		first, err := j.cleaned(name)
		if err != nil {
			return fmt.Errorf("unit %d was not cleaned: %w", unit, err)
		}
		if err := j.finish(ctx, j.path(name+endKept), first.Records, stem, drops); err != nil {
			return err
		}
	}
	return writeFile(j.path(name+endFinal), []byte(sum))
}

func sortedDrops(drops map[uint64]byte) []string {
	out := make([]string, 0, len(drops))
	for _, number := range sorted(drops) {
		out = append(out, fmt.Sprint(number, drops[number]))
	}
	return out
}

// readFinished reads what the last pass left of a unit; an error where it has not been there, or something is gone.
func readFinished(stem string) (*finished, error) {
	data, err := os.ReadFile(stem + endFinished)
	if err != nil {
		return nil, err
	}
	f := &finished{}
	if err := json.Unmarshal(data, f); err != nil {
		return nil, err
	}
	if info, err := os.Stat(stem + endHeld); err != nil || info.Size() != f.HeldBytes {
		return nil, errDamaged
	}
	for i, path := range shardsOf(stem, f.Train) {
		if info, err := os.Stat(path); err != nil || info.Size() != f.Train.Shards[i].Bytes {
			return nil, errDamaged
		}
	}
	return f, nil
}

// finish writes the shards of a unit.
func (j *Job) finish(ctx context.Context, from string, records int, stem string, drops map[uint64]byte) error {
	t, err := j.tools()
	if err != nil {
		return err
	}
	end, err := j.turn(ctx)
	if err != nil {
		return err
	}
	defer end()
	start := time.Now()
	if err := os.RemoveAll(stem + endSet); err != nil {
		return err
	}
	w, err := record.Create(stem+endSet, splits[0], record.WriterOptions{})
	if err != nil {
		return err
	}
	defer w.Discard()
	f := &last{tools: t, drops: drops, train: w, done: finished{Stats: newStats()}}
	f.samples.seed = j.Seed
	err = aside(stem+endHeld, func(file *os.File) error {
		f.held = newKeptFile(file)
		err := readKept(from, func(r *kept) error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			f.read++
			return f.record(r)
		})
		if err == nil && f.read != records {
			err = fmt.Errorf("%s: %w", from, errDamaged)
		}
		return errors.Join(err, f.held.close())
	})
	if err != nil {
		return err
	}
	f.endDocument()
	if w.Counts().Rows > 0 {
		if err := w.Close(); err != nil {
			return err
		}
		m, err := record.ReadManifest(stem + endSet)
		if err != nil {
			return err
		}
		f.done.Train = m.Splits[splits[0]]
	}
	info, err := os.Stat(stem + endHeld)
	if err != nil {
		return err
	}
	f.done.HeldBytes = info.Size()
	f.done.Stats.Shots = f.samples.shots()
	f.done.Seconds = time.Since(start).Seconds()
	return writeJSON(stem+endFinished, &f.done)
}

// last is the last pass over one unit.
type last struct {
	tools   *tools
	drops   map[uint64]byte
	train   *record.Writer
	held    *keptFile
	done    finished
	samples sampler
	tokens  []int32 // of the record that is counted
	read    int     // records
	doc     uint64  // the document of the records that come; they follow each other
	from    string  // its source, "" before the first
	kept    bool    // one of its records stays
}

// record takes one record.
func (f *last) record(r *kept) error {
	if f.from != r.Source || f.doc != r.doc {
		f.endDocument()
		f.from, f.doc, f.kept = r.Source, r.doc, false
	}
	s := f.done.Stats.source(r.Source)
	kind, drop := f.drops[r.number]
	if drop && kind != keyID {
		s.Dropped[dropReasons[kind]]++
		return nil
	}
	if drop {
		r.ID = fmt.Sprintf("%s~%x", r.ID, r.number) // another record has the id: none of the two is lost
	}
	f.kept = true
	s.Out++
	f.count(s, r)
	if r.split == 0 {
		return f.train.Write(r.Example)
	}
	f.done.Held++
	return f.held.write(r)
}

// endDocument counts the document whose records have all come.
func (f *last) endDocument() {
	switch {
	case f.from == "":
	case f.kept:
		f.done.Stats.source(f.from).Documents.Out++
	default:
		f.done.Stats.source(f.from).Documents.Dropped++
	}
}

// The modalities of Table 1.
const (
	modalityText = "text"
	modalityPair = "image+text"
)

// count adds a record to its row of Table 1.
func (f *last) count(s *Source, r *kept) {
	modality := modalityText
	if r.pair {
		modality = modalityPair
	}
	row := s.row(modality)
	f.tokens = f.tools.tokenizer.Append(f.tokens[:0], r.Text)
	tokens := len(f.tokens)
	row.Passages++
	row.Tokens += int64(tokens)
	row.Characters += int64(runes.Count(r.Text))
	row.TextBytes += int64(len(r.Text))
	row.Lengths.Add(float64(tokens))
	if !r.pair {
		return
	}
	row.Images++
	row.ImageBytes += int64(len(r.Image))
	row.Sides.Add(math.Sqrt(float64(r.width) * float64(r.height)))
	var m struct {
		Found []found `json:"found"`
	}
	if json.Unmarshal([]byte(r.Meta), &m) == nil {
		for _, how := range m.Found {
			s.Found[how.Found]++
		}
	}
	f.samples.shot(r, m.Found)
}

// shardsOf lists the training shards of a finished unit by their paths.
func shardsOf(stem string, split *record.Split) []string {
	if split == nil {
		return nil
	}
	paths := make([]string, len(split.Shards))
	for i, s := range split.Shards {
		paths[i] = filepath.Join(stem+endSet, filepath.FromSlash(s.File))
	}
	return slices.Clip(paths)
}
