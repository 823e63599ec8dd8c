package checkpoints

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Info is one checkpoint of a run.
type Info struct {
	Path    string    `json:"path"` // of its folder
	Step    int64     `json:"step"`
	Serial  int64     `json:"serial"` // counts the saves of a run; the newest checkpoint has the highest
	Written time.Time `json:"written"`
	Tensors int       `json:"tensors"`
	Bytes   int64     `json:"bytes"` // of its data files
}

// Checkpoint is an open checkpoint. Its manifest is in memory, its tensors are read when asked for, and everything that is
// read is compared with its checksum. It may be used by several goroutines at once.
type Checkpoint struct {
	dir      string
	manifest *manifest
	files    map[string]*os.File
	index    map[string]int
	spare    sync.Pool // of *[]byte: blocks that were read in part
}

// OpenCheckpoint opens a folder that holds one checkpoint, and checks its manifest, the size of every data file, and their
// headers. The caller closes it.
func OpenCheckpoint(dir string) (*Checkpoint, error) {
	m, err := readManifest(dir)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", dir, err)
	}
	c := newCheckpoint(dir, m)
	for _, f := range m.Files {
		if err := c.open(f); err != nil {
			_ = c.Close() // files that are read only
			return nil, fmt.Errorf("checkpoint %s: %w", dir, err)
		}
	}
	return c, nil
}

// newCheckpoint has no file open yet.
func newCheckpoint(dir string, m *manifest) *Checkpoint {
	c := &Checkpoint{dir: dir, manifest: m, files: map[string]*os.File{}, index: map[string]int{}}
	for i, t := range m.Tensors {
		c.index[t.Name] = i
	}
	return c
}

// open opens a data file, compares its size and its header with the manifest, and keeps it if they agree.
func (c *Checkpoint) open(d dataFile) error {
	f, err := os.Open(filepath.Join(c.dir, d.Name))
	if n := len(c.manifest.Files); n > 1 && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is missing, one of %d data files, with %s", d.Name, n, c.manifest.share(d.Name))
	}
	if err != nil {
		return err
	}
	if err := d.compare(f); err != nil {
		if stranger := c.manifest.identify(d, f); stranger != nil {
			err = stranger
		}
		_ = f.Close() // a file that is read only
		return fmt.Errorf("%s: %w", d.Name, err)
	}
	c.files[d.Name] = f
	return nil
}

// compare compares an open file with what the manifest says of it.
func (d dataFile) compare(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != d.Size {
		kind := "truncated"
		if info.Size() > d.Size {
			kind = "too long"
		}
		return fmt.Errorf("%s: %d bytes where the manifest has %d", kind, info.Size(), d.Size)
	}
	header := make([]byte, d.Header)
	if err := readFull(f, header, 0); err != nil {
		return err
	}
	if checksum(header) != d.Checksum {
		return errors.New("damaged: the header does not have its checksum")
	}
	return nil
}

// Info returns what the manifest says of the checkpoint.
func (c *Checkpoint) Info() Info { return c.manifest.info(c.dir) }

func (m *manifest) info(dir string) Info {
	i := Info{Path: dir, Step: m.Step, Serial: m.Serial, Written: m.Written, Tensors: len(m.Tensors)}
	for _, f := range m.Files {
		i.Bytes += f.Size
	}
	return i
}

// Specs returns the tensors without their data, in the order in which they were saved.
func (c *Checkpoint) Specs() []Spec {
	specs := make([]Spec, len(c.manifest.Tensors))
	for i, t := range c.manifest.Tensors {
		specs[i] = Spec{t.Name, t.DType, slices.Clone(t.Dims)}
	}
	return specs
}

// Values returns the free values of the state.
func (c *Checkpoint) Values() map[string]json.RawMessage { return c.manifest.Values }

// Tensor reads one tensor, from all of its pieces.
func (c *Checkpoint) Tensor(name string) (Tensor, error) {
	t, err := c.stored(name)
	if err != nil {
		return Tensor{}, err
	}
	data := make([]byte, whole(t.Dims).elements()*t.DType.Size())
	if err := c.readSlice(t, whole(t.Dims), data); err != nil {
		return Tensor{}, err
	}
	return Tensor{name, t.DType, slices.Clone(t.Dims), data}, nil
}

// ReadSlice reads the box [start, start+size) of a tensor, row-major, whatever pieces it was saved in. It needs the memory
// of the result and of one block.
func (c *Checkpoint) ReadSlice(name string, start, size []int) ([]byte, error) {
	t, err := c.stored(name)
	if err != nil {
		return nil, err
	}
	b := box{start, size}
	if err := b.check(t.Dims); err != nil {
		return nil, fmt.Errorf("checkpoint %s: tensor %q: %w", c.dir, name, err)
	}
	out := make([]byte, b.elements()*t.DType.Size())
	return out, c.readSlice(t, b, out)
}

// ReadSliceInto is [Checkpoint.ReadSlice] into memory of the caller, which must have the length of the box's data.
func (c *Checkpoint) ReadSliceInto(out []byte, name string, start, size []int) error {
	t, err := c.stored(name)
	if err != nil {
		return err
	}
	b := box{start, size}
	err = b.check(t.Dims)
	if want := b.elements() * t.DType.Size(); err == nil && len(out) != want {
		err = fmt.Errorf("memory of %d bytes for a slice of %d", len(out), want)
	}
	if err != nil {
		return fmt.Errorf("checkpoint %s: tensor %q: %w", c.dir, name, err)
	}
	return c.readSlice(t, b, out)
}

// State reads everything.
func (c *Checkpoint) State() (State, error) {
	s := State{Step: c.manifest.Step, Values: c.manifest.Values, Tensors: make([]Tensor, len(c.manifest.Tensors))}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, t := range c.manifest.Tensors {
		g.Go(func() (err error) {
			s.Tensors[i], err = c.Tensor(t.Name)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return State{}, err
	}
	return s, nil
}

// Close closes the data files. What was read stays valid.
func (c *Checkpoint) Close() error {
	var errs []error
	for _, f := range c.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

func (c *Checkpoint) stored(name string) (storedTensor, error) {
	i, ok := c.index[name]
	if !ok {
		return storedTensor{}, fmt.Errorf("checkpoint %s: no tensor %q among its %d", c.dir, name, len(c.index))
	}
	return c.manifest.Tensors[i], nil
}

// readSlice puts together a box from the pieces that it touches.
func (c *Checkpoint) readSlice(t storedTensor, want box, out []byte) error {
	unit := t.DType.Size()
	for _, p := range t.Pieces {
		have := p.box(t.Dims)
		both, ok := want.intersect(have)
		if !ok {
			continue
		}
		r := c.blocks(p)
		if buf, ok := c.spare.Get().(*[]byte); ok {
			r.buf = *buf
		}
		err := runs(have.size, both.within(have), want.size, both.within(want), func(from, to, n int) error {
			return r.read(out[to*unit:(to+n)*unit], int64(from*unit))
		})
		c.spare.Put(&r.buf)
		if err != nil {
			return damage{fmt.Errorf("checkpoint %s: tensor %q: %s: %w", c.dir, t.Name, p.File, err)}
		}
	}
	return nil
}

func (c *Checkpoint) blocks(p piece) *blockReader {
	return &blockReader{f: c.files[p.File], piece: p, block: c.manifest.Block, held: -1}
}

// blockReader reads ranges of a piece, block by block, and verifies every block that it touches.
type blockReader struct {
	f     io.ReaderAt
	piece piece
	block int64
	held  int64 // the block in buf, or -1
	buf   []byte
}

// read fills dst with the bytes of the piece from an offset on.
func (r *blockReader) read(dst []byte, at int64) error {
	for len(dst) > 0 {
		i := at / r.block
		begin := i * r.block
		size := min(r.block, r.piece.Length-begin)
		if begin == at && int64(len(dst)) >= size { // a whole block goes where it belongs without a copy
			if err := r.load(i, dst[:size]); err != nil {
				return err
			}
			dst, at = dst[size:], at+size
			continue
		}
		if r.held != i {
			r.buf = slices.Grow(r.buf[:0], int(size))[:size]
			r.held = -1
			if err := r.load(i, r.buf); err != nil {
				return err
			}
			r.held = i
		}
		n := copy(dst, r.buf[at-begin:])
		dst, at = dst[n:], at+int64(n)
	}
	return nil
}

// load reads one block and compares it with its checksum.
func (r *blockReader) load(i int64, into []byte) error {
	at := r.piece.Offset + i*r.block
	if err := readFull(r.f, into, at); err != nil {
		return err
	}
	if checksum(into) != r.piece.Checksums[i] {
		return fmt.Errorf("damaged: bytes %d to %d do not have their checksum", at, at+int64(len(into)))
	}
	return nil
}
