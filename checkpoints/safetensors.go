package checkpoints

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

const (
	metadataKey = "__metadata__"
	maxHeader   = 100_000_000 // as in the reference implementation
)

// File is an open safetensors file. Its header is in memory, its tensors are read when asked for; it may be used by
// several goroutines at once.
type File struct {
	path     string
	f        *os.File
	start    int64 // of the data
	entries  []entry
	index    map[string]int
	metadata map[string]string
}

// entry is one tensor of a header: its bytes are data[begin:end].
type entry struct {
	Spec
	begin, end int64
}

// ReadSafetensors opens a safetensors file and checks its header in full: names, types, dimensions, and that the tensors
// fill the file without gap or overlap. The caller closes it.
func ReadSafetensors(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	file := &File{path: path, f: f}
	if err := file.readHeader(); err != nil {
		_ = f.Close() // opened for reading only
		return nil, fmt.Errorf("safetensors %s: %w", path, err)
	}
	return file, nil
}

func (f *File) readHeader() error {
	info, err := f.f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	h, err := parseFile(f.f, info.Size())
	if err != nil {
		return err
	}
	f.start, f.entries, f.metadata = h.start, h.entries, h.metadata
	f.index = make(map[string]int, len(f.entries))
	for i, e := range f.entries {
		f.index[e.Name] = i
	}
	return nil
}

// header is what stands before the data.
type header struct {
	start    int64 // bytes before the data: 8 and the JSON
	entries  []entry
	metadata map[string]string
}

// parseFile reads and checks the header of a file of size bytes.
func parseFile(r io.ReaderAt, size int64) (header, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return header{}, fmt.Errorf("truncated: %d bytes, the length of the header alone takes 8", size)
	}
	if _, err := r.ReadAt(prefix[:], 0); err != nil {
		return header{}, err
	}
	n := binary.LittleEndian.Uint64(prefix[:])
	if n > maxHeader {
		return header{}, fmt.Errorf("a header of %d bytes where at most %d are allowed (not a safetensors file?)", n, maxHeader)
	}
	if int64(n) > size-8 {
		return header{}, fmt.Errorf("truncated: a header of %d bytes in a file of %d", n, size)
	}
	text := make([]byte, n)
	if _, err := r.ReadAt(text, 8); err != nil {
		return header{}, err
	}
	h, err := parseHeader(text)
	if err != nil {
		return header{}, err
	}
	h.start = 8 + int64(n)
	return h, checkLayout(h.entries, size-h.start)
}

// checkLayout sorts the entries by place and proves that they fill size bytes exactly.
func checkLayout(entries []entry, size int64) error {
	slices.SortStableFunc(entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	at := int64(0)
	for _, e := range entries {
		want, err := e.Bytes()
		switch {
		case err != nil:
			return err
		case e.begin < 0 || e.end < e.begin:
			return fmt.Errorf("tensor %q: offsets [%d, %d] run backwards", e.Name, e.begin, e.end)
		case e.end-e.begin != want:
			return fmt.Errorf("tensor %q: %d bytes, %s %v takes %d", e.Name, e.end-e.begin, e.DType, e.Dims, want)
		case e.begin < at:
			return fmt.Errorf("tensor %q: its bytes from %d on overlap those of the tensor before, which ends at %d", e.Name, e.begin, at)
		case e.begin > at:
			return fmt.Errorf("tensor %q: begins at %d, which leaves a gap from %d on", e.Name, e.begin, at)
		case e.end > size:
			return fmt.Errorf("tensor %q: ends at %d of %d bytes: truncated", e.Name, e.end, size)
		}
		at = e.end
	}
	if at != size {
		return fmt.Errorf("%d bytes after the last tensor", size-at)
	}
	return nil
}

// Names returns the tensors' names in the order of their bytes.
func (f *File) Names() []string {
	names := make([]string, len(f.entries))
	for i, e := range f.entries {
		names[i] = e.Name
	}
	return names
}

// Specs returns the tensors without their data, in the order of Names.
func (f *File) Specs() []Spec {
	specs := make([]Spec, len(f.entries))
	for i, e := range f.entries {
		specs[i] = e.Spec
		specs[i].Dims = slices.Clone(e.Dims)
	}
	return specs
}

// Metadata returns the file's free strings; it is empty, never nil, where there are none.
func (f *File) Metadata() map[string]string { return f.metadata }

// Tensor reads one tensor.
func (f *File) Tensor(name string) (Tensor, error) {
	i, ok := f.index[name]
	if !ok {
		return Tensor{}, fmt.Errorf("safetensors %s: no tensor %q among its %d", f.path, name, len(f.entries))
	}
	e := f.entries[i]
	data := make([]byte, e.end-e.begin)
	if err := readFull(f.f, data, f.start+e.begin); err != nil {
		return Tensor{}, fmt.Errorf("safetensors %s: tensor %q: %w", f.path, name, err)
	}
	return Tensor{Name: name, DType: e.DType, Dims: slices.Clone(e.Dims), Data: data}, nil
}

// Tensors reads all tensors, in the order of Names.
func (f *File) Tensors() ([]Tensor, error) {
	out := make([]Tensor, 0, len(f.entries))
	for _, e := range f.entries {
		t, err := f.Tensor(e.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, nil
}

// Close closes the file. Tensors that were read stay valid.
func (f *File) Close() error { return f.f.Close() }

// readFull fills data from the file at an offset; a file that ends earlier was truncated after it was opened.
func readFull(r io.ReaderAt, data []byte, offset int64) error {
	n, err := r.ReadAt(data, offset)
	if n == len(data) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("truncated: the file ends at byte %d, %d are needed", offset+int64(n), offset+int64(len(data)))
	}
	return err
}
