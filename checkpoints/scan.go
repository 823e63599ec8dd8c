package checkpoints

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNone is the error of a folder that has no checkpoint at all: a run that has not saved yet.
var ErrNone = errors.New("no checkpoint")

// Problem is something wrong with, or worth knowing of, a file or folder.
type Problem struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// String returns one line.
func (p Problem) String() string { return p.Path + ": " + p.Reason }

// Report says what a search or an audit found.
type Report struct {
	Path        string    `json:"path"`
	Kind        string    `json:"kind"`        // safetensors, checkpoint (one), checkpoints (of a run)
	Checkpoints []Info    `json:"checkpoints"` // sound ones, newest first; of a restore, the one that was used
	Tensors     int       `json:"tensors"`
	Bytes       int64     `json:"bytes"`
	Problems    []Problem `json:"problems"` // damage; of a restore, the checkpoints that were skipped
	Notes       []Problem `json:"notes"`    // no damage: files of others, leftovers of saves that were killed or are under way
}

// found is a folder that is named like a checkpoint.
type found struct {
	path     string
	step     int64     // by its name
	manifest *manifest // nil where err is not
	err      error
}

func folderName(step int64) string { return fmt.Sprintf("step-%08d", step) }

// stepOf returns the step of a checkpoint folder's name.
func stepOf(name string) (int64, bool) {
	digits, ok := strings.CutPrefix(name, "step-")
	step, err := strconv.ParseInt(digits, 10, 64)
	return step, ok && err == nil && folderName(step) == name
}

// scan reads the manifests of a run's checkpoints. Those that can be read come first, newest first; then the others, by step.
func scan(dir string) ([]found, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []found
	for _, e := range entries {
		step, ok := stepOf(e.Name())
		if kind, s, under := leftover(e.Name()); under && kind == replaced {
			_, err := os.Lstat(filepath.Join(dir, folderName(s)))
			step, ok = s, errors.Is(err, fs.ErrNotExist) // moved aside, and what replaces it is not there yet
		}
		if !ok || !e.IsDir() {
			continue
		}
		f := found{path: filepath.Join(dir, e.Name()), step: step}
		f.manifest, f.err = readManifest(f.path)
		if f.err == nil && f.manifest.Step != step {
			f.manifest, f.err = nil, fmt.Errorf("its manifest is that of step %d", f.manifest.Step)
		}
		all = append(all, f)
	}
	slices.SortFunc(all, newestFirst)
	return all, nil
}

func newestFirst(a, b found) int {
	switch {
	case a.manifest != nil && b.manifest != nil:
		return cmp.Or(cmp.Compare(b.manifest.Serial, a.manifest.Serial), cmp.Compare(b.step, a.step))
	case a.manifest != nil:
		return -1
	case b.manifest != nil:
		return 1
	}
	return cmp.Compare(b.step, a.step)
}

// damage marks an error of what a checkpoint holds; other errors of its reader are not the checkpoint's fault.
type damage struct{ error }

func (d damage) Unwrap() error { return d.error }

// Latest finds the newest checkpoint of a folder that is sound to its last byte; it reads all of it. The report names the
// checkpoints that were skipped. It takes no lock: a run may be writing there.
func Latest(dir string) (Info, Report, error) {
	return newest(dir, func(c *Checkpoint) error {
		problems := c.verify()
		if len(problems) > 0 {
			return damage{errors.New(problems[0].Reason)}
		}
		return nil
	})
}

// Load reads the newest sound checkpoint of a folder, as [Latest] finds it, in one pass.
func Load(dir string) (State, Report, error) {
	var s State
	_, report, err := newest(dir, func(c *Checkpoint) (err error) {
		s, err = c.State()
		return err
	})
	return s, report, err
}

// LoadWith opens the checkpoints of a folder, newest first, until read succeeds, which takes from one what it needs, as
// [Checkpoint.ReadSlice] gives it: nothing else is in memory, and only what is read is verified. A damaged checkpoint is skipped
// and stands in the report; an error of read that is not damage ends the search and is returned.
func LoadWith(dir string, read func(*Checkpoint) error) (Info, Report, error) {
	return newest(dir, read)
}

// newest tries the checkpoints, newest first, until use succeeds. A folder that another process replaced or removed in
// between makes it look again.
func newest(dir string, use func(*Checkpoint) error) (Info, Report, error) {
	var report Report
	for range 3 {
		all, err := scan(dir)
		if err != nil {
			return Info{}, report, fmt.Errorf("checkpoints: %w", err)
		}
		report = Report{Path: dir, Kind: "checkpoints"}
		gone := false
		for _, f := range all {
			err := f.try(use)
			if err == nil {
				i := f.manifest.info(f.path)
				report.Checkpoints, report.Tensors, report.Bytes = []Info{i}, i.Tensors, i.Bytes
				report.Problems = append(report.Problems, unreadable(all, f.path, report.Problems)...)
				return i, report, nil
			}
			_, statErr := os.Stat(f.path)
			removed := errors.Is(statErr, fs.ErrNotExist)
			if !removed && !errors.As(err, new(damage)) {
				return Info{}, report, fmt.Errorf("checkpoint %s: %w", f.path, err)
			}
			gone = gone || removed
			report.Problems = append(report.Problems, Problem{f.path, reasonOf(f.path, err)})
		}
		if !gone {
			break
		}
	}
	return Info{}, report, report.failure()
}

// unreadable lists the checkpoints without a manifest that no try has reached: one of them may have been the newest.
func unreadable(all []found, used string, listed []Problem) []Problem {
	var out []Problem
	for _, f := range all {
		if f.err != nil && f.path != used && !slices.ContainsFunc(listed, func(p Problem) bool { return p.Path == f.path }) {
			out = append(out, Problem{f.path, reasonOf(f.path, f.err)})
		}
	}
	return out
}

func (f found) try(use func(*Checkpoint) error) error {
	if f.err != nil {
		return damage{f.err}
	}
	c, err := OpenCheckpoint(f.path)
	if err != nil {
		return damage{err}
	}
	err = use(c)
	return errors.Join(err, c.Close())
}

// reasonOf takes out of an error what repeats the checkpoint's path.
func reasonOf(path string, err error) string {
	return strings.ReplaceAll(strings.TrimPrefix(err.Error(), "checkpoint "+path+": "), path+string(filepath.Separator), "")
}

// failure is the error of a search without a result.
func (r Report) failure() error {
	if len(r.Problems) == 0 {
		return fmt.Errorf("checkpoints %s: %w", r.Path, ErrNone)
	}
	var lines []string
	for _, p := range r.Problems {
		lines = append(lines, filepath.Base(p.Path)+": "+p.Reason)
	}
	return fmt.Errorf("checkpoints %s: none of %d is sound: %s (move the folder away to begin anew)", r.Path, len(lines), some(lines))
}
