package checkpoints

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
)

// ErrForeign is the error of a path that holds nothing of this package: another kind of file, or a folder without checkpoints.
var ErrForeign = errors.New("neither a safetensors file nor a folder with checkpoints")

// Check audits a safetensors file, one checkpoint, the checkpoints of a run, or a run's folder that has them in
// "checkpoints": every size, every checksum, every header, and what lies beside. Damage is in the report; an error means
// that there was nothing to audit ([ErrForeign]) or that it could not be read at all. It takes no lock.
func Check(path string) (Report, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Report{}, fmt.Errorf("check: %w", err)
	}
	switch {
	case info.Mode().IsRegular() && filepath.Ext(path) == ".safetensors":
		return checkFile(path), nil
	case !info.IsDir():
		return Report{}, fmt.Errorf("check %s: %w", path, ErrForeign)
	case isCheckpoint(path):
		r := Report{Path: path, Kind: "checkpoint"}
		r.audit(path)
		return r, nil
	}
	for _, dir := range []string{path, filepath.Join(path, "checkpoints")} {
		r, ok, err := checkRun(dir)
		if err != nil {
			return Report{}, fmt.Errorf("check: %w", err)
		}
		if ok {
			return r, nil
		}
	}
	return Report{}, fmt.Errorf("check %s: %w", path, ErrForeign)
}

// checkFile audits a safetensors file. The format has no checksums: what can be proved is that it is whole.
func checkFile(path string) Report {
	r := Report{Path: path, Kind: "safetensors"}
	f, err := ReadSafetensors(path)
	if err != nil {
		r.problem(path, errors.Unwrap(err))
		return r
	}
	r.Tensors = len(f.entries)
	r.Bytes = f.start
	for _, e := range f.entries {
		r.Bytes += e.end - e.begin
	}
	if err := f.Close(); err != nil {
		r.problem(path, err)
	}
	return r
}

// isCheckpoint says whether a folder is meant to be one checkpoint, sound or not.
func isCheckpoint(dir string) bool {
	if _, ok := stepOf(filepath.Base(dir)); ok {
		return true
	}
	_, err := readManifest(dir)
	return err == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errForeign)
}

// checkRun audits all checkpoints of a folder; ok is false where it holds none and nothing else of ours.
func checkRun(dir string) (r Report, ok bool, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Report{}, false, nil
	}
	if err != nil {
		return Report{}, false, err
	}
	r = Report{Path: dir, Kind: "checkpoints"}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		_, isStep := stepOf(e.Name())
		_, _, isLeftover := leftover(e.Name())
		isLeftover = isLeftover || bestAside.MatchString(e.Name())
		switch {
		case isStep:
			r.audit(path)
			ok = true
		case isLeftover:
			r.note(path, "a save or removal that was killed or is under way")
			ok = true
		case e.Name() == bestName:
			r.checkBest(dir)
			ok = true
		case e.Name() != lockName:
			r.note(path, "not of a checkpoint")
		}
	}
	slices.SortFunc(r.Checkpoints, func(a, b Info) int { return int(b.Serial - a.Serial) })
	return r, ok, nil
}

func (r *Report) checkBest(dir string) {
	b, err := readBest(dir)
	if err == nil && b != nil {
		if _, missing := os.Stat(filepath.Join(dir, folderName(b.Step))); missing != nil {
			err = fmt.Errorf("the best checkpoint, of step %d, is not there", b.Step)
		}
	}
	if err != nil {
		r.problem(filepath.Join(dir, bestName), err)
	}
}

// audit checks one checkpoint to its last byte and adds what it found.
func (r *Report) audit(dir string) {
	m, err := readManifest(dir)
	if err != nil {
		r.problem(dir, err)
		return
	}
	before := len(r.Problems)
	if step, ok := stepOf(filepath.Base(dir)); ok && step != m.Step {
		r.problem(dir, fmt.Errorf("its manifest is that of step %d", m.Step))
	}
	c := newCheckpoint(dir, m)
	for _, f := range m.Files {
		err := c.open(f)
		if err == nil {
			err = c.compareHeader(f)
		}
		if err != nil {
			r.problem(dir, err)
		}
	}
	r.Problems = append(r.Problems, c.join(c.verify())...)
	if err := c.Close(); err != nil {
		r.problem(dir, err)
	}
	r.strangers(c)
	i := c.Info()
	r.Tensors += i.Tensors
	r.Bytes += i.Bytes
	if len(r.Problems) == before {
		r.Checkpoints = append(r.Checkpoints, i)
	}
}

// strangers notes the files of a checkpoint's folder that its manifest does not name.
func (r *Report) strangers(c *Checkpoint) {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		r.problem(c.dir, err)
	}
	for _, e := range entries {
		known := slices.ContainsFunc(c.manifest.Files, func(f dataFile) bool { return f.Name == e.Name() })
		if !known && e.Name() != manifestName {
			r.note(filepath.Join(c.dir, e.Name()), "not named by the manifest")
		}
	}
}

func (r *Report) problem(path string, err error) {
	r.Problems = append(r.Problems, Problem{path, reasonOf(path, err)})
}

func (r *Report) note(path, reason string) { r.Notes = append(r.Notes, Problem{path, reason}) }

// compareHeader proves that a data file's own header says what the manifest says, for those who read it as safetensors.
func (c *Checkpoint) compareHeader(d dataFile) error {
	h, err := parseFile(c.files[d.Name], d.Size)
	if err != nil {
		return fmt.Errorf("%s: %w", d.Name, err)
	}
	entries := make(map[string]entry, len(h.entries))
	for _, e := range h.entries {
		entries[e.Name] = e
	}
	pieces := 0
	for _, t := range c.manifest.Tensors {
		for _, p := range t.Pieces {
			if p.File != d.Name {
				continue
			}
			pieces++
			want := Part{t.Spec, p.Start, p.Size}.stored()
			e := entries[want.Name]
			if e.DType != want.DType || !slices.Equal(e.Dims, want.Dims) || h.start+e.begin != p.Offset {
				return fmt.Errorf("%s: tensor %q: the header and the manifest disagree", d.Name, want.Name)
			}
		}
	}
	if pieces != len(entries) {
		return fmt.Errorf("%s: %d tensors in the header, %d in the manifest", d.Name, len(entries), pieces)
	}
	return nil
}

// verify reads every piece of the files that are open and names those that are damaged, in the order of the manifest.
func (c *Checkpoint) verify() []Problem {
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	problems := make([][]Problem, len(c.manifest.Tensors))
	for i, t := range c.manifest.Tensors {
		for _, p := range t.Pieces {
			if c.files[p.File] == nil {
				continue
			}
			g.Go(func() error {
				if err := c.blocks(p).verify(); err != nil {
					mu.Lock()
					defer mu.Unlock()
					problems[i] = append(problems[i], Problem{filepath.Join(c.dir, p.File), fmt.Sprintf("tensor %q: %v", t.Name, err)})
				}
				return nil
			})
		}
	}
	_ = g.Wait() // no function above returns an error
	return slices.Concat(problems...)
}

// verify reads the piece block by block and returns its first fault.
func (r *blockReader) verify() error {
	r.buf = make([]byte, min(r.block, r.piece.Length))
	for i := range r.piece.Checksums {
		at := int64(i) * r.block
		if err := r.load(int64(i), r.buf[:min(r.block, r.piece.Length-at)]); err != nil {
			return err
		}
	}
	return nil
}
