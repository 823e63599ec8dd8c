package checkpoints

import (
	"fmt"
	"os"
	"path/filepath"
)

// share says how much of a checkpoint lies in one of its files.
func (m *manifest) share(file string) string {
	pieces, in, tensors := 0, 0, 0
	for _, t := range m.Tensors {
		before := in
		for _, p := range t.Pieces {
			pieces++
			if p.File == file {
				in++
			}
		}
		if in > before {
			tensors++
		}
	}
	return fmt.Sprintf("%d of %d pieces, of %d of %d tensors", in, pieces, tensors, len(m.Tensors))
}

// identify says what a file is that is not the one the manifest means, as far as its header tells: another file of the same checkpoint,
// or one of another save. Nil where it does not tell.
func (m *manifest) identify(d dataFile, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return nil // what was wrong with the file is told already
	}
	h, err := parseFile(f, info.Size())
	if err != nil {
		return nil
	}
	text := make([]byte, h.start)
	if err := readFull(f, text, 0); err != nil {
		return nil
	}
	for _, other := range m.Files {
		if other.Name != d.Name && other.Checksum == checksum(text) {
			return fmt.Errorf("it is what the manifest has as %s, by a header of %d bytes where %d are right: the files are swapped or copied",
				other.Name, h.start, d.Header)
		}
	}
	if save := h.metadata["save"]; save != "" && save != m.Save {
		return fmt.Errorf("it is of save %s at step %s, the manifest of save %s at step %d: files of two saves are mixed",
			save, h.metadata["step"], m.Save, m.Step)
	}
	return nil
}

// join replaces the lines of a file of which no piece has its checksum by one: it is no damage of a few bytes but another save's file.
func (c *Checkpoint) join(problems []Problem) []Problem {
	damaged, all := map[string]int{}, map[string]int{}
	for _, p := range problems {
		damaged[p.Path]++
	}
	for _, t := range c.manifest.Tensors {
		for _, p := range t.Pieces {
			if p.Length > 0 {
				all[filepath.Join(c.dir, p.File)]++
			}
		}
	}
	var out []Problem
	for _, p := range problems {
		switch n := damaged[p.Path]; {
		case n < 2 || n < all[p.Path]:
			out = append(out, p)
		case n == all[p.Path]:
			reason := fmt.Sprintf("none of its %d pieces has its checksum: the file is of another save than the manifest of step %d", n, c.manifest.Step)
			out = append(out, Problem{p.Path, reason})
			damaged[p.Path] = n + all[p.Path] // told once
		}
	}
	return out
}
