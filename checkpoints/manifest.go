package checkpoints

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"time"

	"github.com/zeebo/xxh3"
)

const (
	manifestName    = "manifest.json"
	manifestFormat  = "m6lab checkpoint"
	manifestVersion = 1
	maxManifest     = 1 << 30
	blockSize       = 4 << 20 // bytes under one checksum: a slice is verified without reading all of its piece
	maxBlock        = 1 << 28
)

// manifest describes a checkpoint's folder: every byte of every file is under a checksum in it. The file begins with
// its own checksum, taken over what follows.
type manifest struct {
	Format  string                     `json:"format"`
	Version int                        `json:"version"`
	Step    int64                      `json:"step"`
	Serial  int64                      `json:"serial"` // counts the saves of a run; the newest has the highest
	Written time.Time                  `json:"written"`
	Save    string                     `json:"save,omitempty"` // of several ranks: which save of which session
	Block   int64                      `json:"block"`
	Files   []dataFile                 `json:"files"`
	Values  map[string]json.RawMessage `json:"values"`
	Tensors []storedTensor             `json:"tensors"`
}

// dataFile is a safetensors file, one for each process that writes.
type dataFile struct {
	Name     string `json:"name"`
	Size     int64  `json:"size"`
	Header   int64  `json:"header"`   // bytes before the data
	Checksum string `json:"checksum"` // of the header
}

type storedTensor struct {
	Spec
	Pieces []piece `json:"pieces"`
}

// piece is a box of a tensor, row-major, at a place in a file.
type piece struct {
	File      string   `json:"file"`
	Offset    int64    `json:"offset"`
	Length    int64    `json:"length"`
	Start     []int    `json:"start,omitempty"` // without start and size, the piece is the whole tensor
	Size      []int    `json:"size,omitempty"`
	Checksums []string `json:"checksums"` // of each block of the piece
}

// box returns the piece's place in a tensor of the given dimensions.
func (p piece) box(dims []int) box {
	if p.Start == nil && p.Size == nil {
		return whole(dims)
	}
	return box{p.Start, p.Size}
}

var dataName = regexp.MustCompile(`^data-[0-9]{5}\.safetensors$`)

func checksum(data []byte) string { return fmt.Sprintf("%016x", xxh3.Hash(data)) }

// opening is how a manifest's file begins, up to and without the text under the checksum.
func opening(text []byte) string { return `{"checksum":"` + checksum(text) + "\",\n" }

// encode returns the manifest's file, one tensor a line.
func (m *manifest) encode() ([]byte, error) {
	head := *m
	head.Tensors = nil
	text, err := marshal(head)
	if err != nil {
		return nil, err
	}
	out := bytes.NewBuffer(bytes.TrimSuffix(text[1:], []byte("null}"))) // ends in "tensors":
	for i, t := range m.Tensors {
		line, err := marshal(t)
		if err != nil {
			return nil, err
		}
		out.WriteString([]string{"[\n", ",\n"}[min(i, 1)])
		out.Write(line)
	}
	if len(m.Tensors) == 0 {
		out.WriteByte('[')
	}
	out.WriteString("\n]}\n")
	return append([]byte(opening(out.Bytes())), out.Bytes()...), nil
}

func marshal(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}

// missing is the error of a folder without a manifest.
type missing struct{ error }

func (missing) Error() string   { return manifestName + " is missing" }
func (m missing) Unwrap() error { return m.error }

// readManifest reads and checks the manifest of a checkpoint's folder.
func readManifest(dir string) (*manifest, error) {
	path := filepath.Join(dir, manifestName)
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, missing{err}
	}
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxManifest {
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", manifestName, maxManifest)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	m, err := decodeManifest(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", manifestName, err)
	}
	return m, nil
}

// errForeign is the fault of a manifest that something else wrote.
var errForeign = errors.New("not a checkpoint's manifest, or its beginning is damaged")

func decodeManifest(data []byte) (*manifest, error) {
	text, err := unseal(data)
	if err != nil {
		return nil, err
	}
	return parseManifest(text)
}

// decodePart reads a manifest that need not cover its tensors: that of one rank.
func decodePart(data []byte) (*manifest, error) {
	text, err := unseal(data)
	if err != nil {
		return nil, err
	}
	return parsePart(text)
}

// unseal returns what follows a manifest's opening, if it has the checksum that stands there.
func unseal(data []byte) ([]byte, error) {
	const prefix, digits = `{"checksum":"`, 16
	n := len(prefix) + digits + len("\",\n")
	if len(data) < n || string(data[:len(prefix)]) != prefix {
		return nil, errForeign
	}
	text := data[n:]
	if string(data[:n]) != opening(text) {
		return nil, errors.New("damaged: its content does not have its checksum")
	}
	return text, nil
}

// parseManifest reads what follows the opening and checks that it makes sense.
func parseManifest(text []byte) (*manifest, error) {
	m, err := parsePart(text)
	if err != nil {
		return nil, err
	}
	return m, m.check()
}

func parsePart(text []byte) (*manifest, error) {
	var m manifest
	if err := json.Unmarshal(append([]byte("{"), text...), &m); err != nil {
		return nil, err
	}
	if m.Format != manifestFormat {
		return nil, fmt.Errorf("format %q where %q is needed", m.Format, manifestFormat)
	}
	if m.Version != manifestVersion {
		return nil, fmt.Errorf("version %d of the format; this program reads version %d", m.Version, manifestVersion)
	}
	return &m, nil
}

// check proves that pieces tile tensors and files without gap or overlap, and that no name leads out of the folder.
func (m *manifest) check() error {
	if m.Step < 0 || m.Serial < 0 || m.Block <= 0 || m.Block > maxBlock {
		return fmt.Errorf("step %d, serial %d or block %d is out of range", m.Step, m.Serial, m.Block)
	}
	files := make(map[string][]piece, len(m.Files))
	for _, f := range m.Files {
		if _, twice := files[f.Name]; twice || !dataName.MatchString(f.Name) {
			return fmt.Errorf("file %q: named twice, or not like data-00000.safetensors", f.Name)
		}
		if f.Header < 8 || f.Size < f.Header {
			return fmt.Errorf("file %s: %d bytes with a header of %d", f.Name, f.Size, f.Header)
		}
		files[f.Name] = []piece{}
	}
	specs := make([]Spec, len(m.Tensors))
	for i, t := range m.Tensors {
		specs[i] = t.Spec
	}
	if err := checkSpecs(specs); err != nil {
		return err
	}
	for _, t := range m.Tensors {
		if err := t.check(m.Block, files); err != nil {
			return fmt.Errorf("tensor %q: %w", t.Name, err)
		}
	}
	for _, f := range m.Files {
		if err := f.check(files[f.Name]); err != nil {
			return fmt.Errorf("file %s: %w", f.Name, err)
		}
	}
	return nil
}

// check proves that the tensor's pieces are whole and tile it, and collects them by file.
func (t storedTensor) check(block int64, files map[string][]piece) error {
	boxes := make([]box, len(t.Pieces))
	for i, p := range t.Pieces {
		if _, ok := files[p.File]; !ok {
			return fmt.Errorf("a piece in the unknown file %q", p.File)
		}
		files[p.File] = append(files[p.File], p)
		boxes[i] = p.box(t.Dims)
		if err := boxes[i].check(t.Dims); err != nil {
			return err
		}
		if want := int64(boxes[i].elements()) * int64(t.DType.Size()); p.Length != want {
			return fmt.Errorf("a piece of %d bytes where %v takes %d", p.Length, boxes[i].size, want)
		}
		if blocks := (p.Length + block - 1) / block; int64(len(p.Checksums)) != blocks {
			return fmt.Errorf("%d checksums where %d are needed", len(p.Checksums), blocks)
		}
	}
	return tile(t.Dims, boxes)
}

// tile proves that boxes cover dims without overlap.
func tile(dims []int, boxes []box) error {
	boxes = slices.DeleteFunc(slices.Clone(boxes), func(b box) bool { return b.elements() == 0 })
	slices.SortFunc(boxes, func(a, b box) int { return slices.Compare(a.start, b.start) })
	covered := 0
	for i, b := range boxes {
		covered += b.elements()
		for _, o := range boxes[i+1:] {
			if len(dims) > 0 && o.start[0] >= b.start[0]+b.size[0] {
				break
			}
			if _, ok := b.intersect(o); ok {
				return fmt.Errorf("the pieces at %v and %v overlap", b.start, o.start)
			}
		}
	}
	if want := whole(dims).elements(); covered != want {
		return fmt.Errorf("its pieces cover %d of %d elements", covered, want)
	}
	return nil
}

// check proves that the pieces fill the file behind its header.
func (f dataFile) check(pieces []piece) error {
	slices.SortFunc(pieces, func(a, b piece) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Length, b.Length))
	})
	at := f.Header
	for _, p := range pieces {
		if p.Offset != at {
			return fmt.Errorf("a piece at byte %d where the one before ends at %d", p.Offset, at)
		}
		at += p.Length
	}
	if at != f.Size {
		return fmt.Errorf("its pieces end at byte %d of %d", at, f.Size)
	}
	return nil
}
