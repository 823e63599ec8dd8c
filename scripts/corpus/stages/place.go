package stages

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Place is where a run of packed bytes lies in a file of the build. Runners move places, never what lies there.
type Place struct {
	Group  int    // bucket of keys, or number of the unit that a list of drops is for
	File   string // name in the build's folder
	Offset int64
	Length int64
}

// String writes the place as one word for each field; [ParsePlace] reads it.
func (p Place) String() string {
	return fmt.Sprintf("%d %s %d %d", p.Group, p.File, p.Offset, p.Length)
}

// ParsePlace reads what String wrote.
func ParsePlace(s string) (Place, error) {
	var p Place
	if n, err := fmt.Sscanf(s, "%d %s %d %d", &p.Group, &p.File, &p.Offset, &p.Length); n != 4 || err != nil {
		return p, fmt.Errorf("%q is no place in a file: %w", s, err)
	}
	return p, nil
}

// sections collects packed bytes by group and writes them as one file.
type sections struct {
	groups map[int][]byte
}

func (s *sections) add(group int, b []byte) {
	if s.groups == nil {
		s.groups = map[int][]byte{}
	}
	s.groups[group] = append(s.groups[group], b...)
}

// write puts the groups into the file dir/name, aside and renamed, and returns where each lies, by group. Without any group there is no file.
func (s *sections) write(dir, name string) ([]Place, error) {
	if len(s.groups) == 0 {
		return nil, nil
	}
	var places []Place
	err := aside(filepath.Join(dir, name), func(f *os.File) error {
		at := int64(0)
		for _, group := range sorted(s.groups) {
			b := s.groups[group]
			if _, err := f.Write(b); err != nil {
				return err
			}
			places = append(places, Place{group, name, at, int64(len(b))})
			at += int64(len(b))
		}
		return nil
	})
	return places, err
}

// readPlace reads the bytes of a place in dir.
func readPlace(dir string, p Place) ([]byte, error) {
	f, err := os.Open(filepath.Join(dir, p.File))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if p.Offset < 0 || p.Length < 0 || p.Offset > info.Size() || p.Length > info.Size()-p.Offset {
		return nil, fmt.Errorf("%s ends before byte %d: %w", f.Name(), p.Offset+p.Length, errDamaged)
	}
	b := make([]byte, p.Length)
	_, err = io.ReadFull(io.NewSectionReader(f, p.Offset, p.Length), b)
	return b, err
}

// temporary begins the names of files that are being written; a build removes those that a killed one left.
const temporary = ".tmp-"

// aside makes the file at path by write: it appears whole, or it does not appear. It is not forced to the disk: what a loss of power takes is
// found missing by its size, and made again.
func aside(path string, write func(f *os.File) error) error {
	return appear(path, write, false)
}

// durable is aside for files that stay: they are on the disk before they have their name.
func durable(path string, write func(f *os.File) error) error {
	return appear(path, write, true)
}

func appear(path string, write func(f *os.File) error, sync bool) error {
	f, err := os.CreateTemp(filepath.Dir(path), temporary+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	err = write(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil && sync {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// sweep removes what a killed build left half-written in dir.
func sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), temporary) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}
