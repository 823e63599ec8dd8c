package checkpoints

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// State is what a checkpoint holds.
type State struct {
	Step    int64
	Tensors []Tensor
	Values  map[string]json.RawMessage // free: random state, data position, hash of the config; read back compacted
}

// Part is what is stored of one tensor: all of it, or the box [Start, Start+Size) where those are set.
type Part struct {
	Spec              // of the whole tensor
	Start, Size []int // nil for the whole tensor
}

// Source is a [State] that is never in memory as a whole, such as the shards of a device mesh: Data is called once for each
// part, in an order that the file's layout decides, and its result (row-major, little-endian) is used until the next call only.
// The parts of a tensor must cover it without overlap.
type Source struct {
	Step   int64
	Parts  []Part
	Values map[string]json.RawMessage
	Data   func(i int) ([]byte, error)
}

func (s State) source() Source {
	parts := make([]Part, len(s.Tensors))
	for i, t := range s.Tensors {
		parts[i].Spec = t.Spec()
	}
	return Source{s.Step, parts, s.Values, func(i int) ([]byte, error) { return s.Tensors[i].Data, nil }}
}

// plan is a checkpoint whose bytes all have their place, before any of them is written.
type plan struct {
	source   Source
	file     string
	manifest *manifest
	header   []byte
	order    []int    // of the parts in the file
	pieces   []*piece // by part
	bytes    int64
}

const firstData = "data-00000.safetensors"

// dataOf is the name of a rank's data file.
func dataOf(rank int) string { return fmt.Sprintf("data-%05d.safetensors", rank) }

// newPlan lays out the only data file of a checkpoint, and refuses a source that cannot become one.
func newPlan(s Source, block int64) (*plan, error) {
	p, err := planFile(s, block, firstData, nil)
	if err != nil {
		return nil, err
	}
	return p, p.manifest.check()
}

// planFile lays out one data file, with a checksum for every block of so many bytes.
func planFile(s Source, block int64, file string, metadata map[string]string) (*plan, error) {
	if s.Step < 0 {
		return nil, fmt.Errorf("step %d is negative", s.Step)
	}
	for key, value := range s.Values {
		if !json.Valid(value) {
			return nil, fmt.Errorf("value %q is not JSON", key)
		}
	}
	parts := make([]Part, len(s.Parts))
	stored := make([]Spec, len(s.Parts)) // the parts as arrays of their own
	for i, part := range s.Parts {
		var err error
		if parts[i], err = part.normal(); err != nil {
			return nil, err
		}
		stored[i] = parts[i].stored()
	}
	s.Parts = parts
	header, order, err := encodeHeader(stored, metadata)
	if err != nil {
		return nil, err
	}
	p := &plan{source: s, file: file, header: header, order: order, pieces: make([]*piece, len(parts))}
	if err := p.layOut(stored, block); err != nil {
		return nil, err
	}
	return p, p.group()
}

// layOut gives every part its place in the data file.
func (p *plan) layOut(stored []Spec, block int64) error {
	at := int64(len(p.header))
	for _, i := range p.order {
		n, err := stored[i].Bytes()
		if err != nil {
			return err
		}
		part := p.source.Parts[i]
		p.pieces[i] = &piece{File: p.file, Offset: at, Length: n, Start: part.Start, Size: part.Size,
			Checksums: make([]string, (n+block-1)/block)}
		at += n
	}
	p.bytes = at
	p.manifest = &manifest{Format: manifestFormat, Version: manifestVersion, Step: p.source.Step, Block: block, Values: p.source.Values,
		Files: []dataFile{{Name: p.file, Size: at, Header: int64(len(p.header)), Checksum: checksum(p.header)}}}
	return nil
}

// normal checks the part's box and drops one that is the whole tensor.
func (p Part) normal() (Part, error) {
	if _, err := p.Bytes(); err != nil || p.Start == nil && p.Size == nil {
		return p, err
	}
	if err := (box{p.Start, p.Size}).check(p.Dims); err != nil {
		return p, fmt.Errorf("tensor %q: %w", p.Name, err)
	}
	if slices.Equal(p.Size, p.Dims) {
		p.Start, p.Size = nil, nil
	}
	return p, nil
}

// stored returns the part as an array of its own, with the name that it has in the data file: w, or w[0:3,2:5].
func (p Part) stored() Spec {
	if p.Size == nil {
		return Spec{p.Name, p.DType, append([]int{}, p.Dims...)}
	}
	ranges := make([]string, len(p.Size))
	for i, n := range p.Size {
		ranges[i] = fmt.Sprintf("%d:%d", p.Start[i], p.Start[i]+n)
	}
	return Spec{p.Name + "[" + strings.Join(ranges, ",") + "]", p.DType, p.Size}
}

// group collects the parts under their tensors, which keep the order of their first part.
func (p *plan) group() error {
	index := map[string]int{}
	for i, part := range p.source.Parts {
		at, ok := index[part.Name]
		if !ok {
			at = len(p.manifest.Tensors)
			index[part.Name] = at
			spec := Spec{part.Name, part.DType, append([]int{}, part.Dims...)}
			p.manifest.Tensors = append(p.manifest.Tensors, storedTensor{Spec: spec})
		}
		t := &p.manifest.Tensors[at]
		if t.DType != part.DType || !slices.Equal(t.Dims, part.Dims) {
			return fmt.Errorf("tensor %q: its parts differ: %s %v and %s %v", t.Name, t.DType, t.Dims, part.DType, part.Dims)
		}
		t.Pieces = append(t.Pieces, *p.pieces[i])
	}
	return nil
}

// write makes the checkpoint durable in a new folder.
func (p *plan) write(s storage, dir string) error {
	if err := s.Mkdir(dir); err != nil {
		return err
	}
	if err := writeFile(s, filepath.Join(dir, p.file), p.writeData); err != nil {
		return err
	}
	if err := p.manifest.write(s, dir); err != nil {
		return err
	}
	return s.SyncDir(dir)
}

// write puts the manifest, with the time, into a checkpoint's folder.
func (m *manifest) write(s storage, dir string) error {
	m.Written = time.Now().UTC().Truncate(time.Second)
	text, err := m.encode()
	if err != nil {
		return err
	}
	return writeFile(s, filepath.Join(dir, manifestName), func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// writeData writes the data file. The checksums of a piece, which the manifest shares, are taken while it is written.
func (p *plan) writeData(w io.Writer) error {
	if _, err := w.Write(p.header); err != nil {
		return err
	}
	for _, i := range p.order {
		data, err := p.source.Data(i)
		name := p.source.Parts[i].Name
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		if int64(len(data)) != p.pieces[i].Length {
			return fmt.Errorf("tensor %q: %d bytes of data where %d are needed", name, len(data), p.pieces[i].Length)
		}
		hashed := make(chan struct{})
		go func() {
			defer close(hashed)
			checksumBlocks(data, p.manifest.Block, p.pieces[i].Checksums)
		}()
		_, err = w.Write(data)
		<-hashed
		if err != nil {
			return err
		}
	}
	return nil
}

// checksumBlocks fills the checksums of the blocks of a piece.
func checksumBlocks(data []byte, block int64, into []string) {
	for i := range into {
		at := int64(i) * block
		into[i] = checksum(data[at:min(at+block, int64(len(data)))])
	}
}
