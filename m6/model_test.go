package m6

import (
	"encoding/binary"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"m6lab/checkpoints"
	"m6lab/m6/strict"
)

// golden is one file of testdata/golden: independent numbers of the model, see the README there.
type golden struct {
	config  Config
	tensors map[string]checkpoints.Tensor
}

func readGolden(t *testing.T, name string) golden {
	t.Helper()
	all, metadata := readTensors(t, filepath.Join("testdata/golden", name+".safetensors"))
	g := golden{tensors: map[string]checkpoints.Tensor{}}
	for _, x := range all {
		g.tensors[x.Name] = x
	}
	if config := metadata["config"]; strings.Contains(config, "layers") {
		if err := strict.Decode(&g.config, []byte(config), name); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// readTensors reads a whole safetensors file.
func readTensors(t *testing.T, path string) ([]checkpoints.Tensor, map[string]string) {
	t.Helper()
	f, err := checkpoints.ReadSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := f.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	return all, f.Metadata()
}

func (g golden) floats(t *testing.T, name string) []float32 {
	t.Helper()
	x, ok := g.tensors[name]
	if !ok {
		t.Fatalf("golden file has no %s", name)
	}
	out := make([]float32, len(x.Data)/4)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(x.Data[4*i:]))
	}
	return out
}

func (g golden) ints(name string) []int32 {
	x := g.tensors[name]
	out := make([]int32, len(x.Data)/4)
	for i := range out {
		out[i] = int32(binary.LittleEndian.Uint32(x.Data[4*i:]))
	}
	return out
}

// batch is the golden file's input.
func (g golden) batch(t *testing.T) *Batch {
	dims := func(name string) []int { return g.tensors[name].Dims }
	b := &Batch{
		Shape:    Shape{Batch: dims("in.text_ids")[0], Patches: dims("in.patch_features")[1], Masked: dims("in.masked_ids")[1], Text: dims("in.text_ids")[1]},
		Features: g.floats(t, "in.patch_features"), PatchLengths: g.ints("in.patch_lengths"),
		MaskedIDs: g.ints("in.masked_ids"), MaskedLengths: g.ints("in.masked_lengths"),
		TextIDs: g.ints("in.text_ids"), TextLengths: g.ints("in.text_lengths"), TextGiven: make([]int32, dims("in.text_ids")[0]),
		CodeIDs: g.ints("in.code_ids"), CodeLengths: g.ints("in.code_lengths"),
	}
	if codes := dims("in.code_ids"); codes != nil {
		b.Codes = codes[1]
	}
	return b
}

// evaluate builds outputs of a model on a golden's batch and weights, and returns their flat values.
func (g golden) evaluate(t *testing.T, build func(m *Model, b *builder, in Inputs, nodes map[string]*Node)) map[string][]float32 {
	t.Helper()
	d, err := OpenDevice(Mesh{1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	batch := g.batch(t)
	m := &Model{Config: g.config}
	values := map[string]*Value{}
	p, err := newProgram(d, "golden", func(b *builder) {
		in := b.declare(batch.Shape, m.PatchFeatures)
		nodes := map[string]*Node{}
		for _, spec := range m.weightSpecs() {
			nodes[spec.name] = b.input(spec.name, shapes.Make(dtypes.Float32, spec.dims...), nil)
			value, err := d.place(tensors.FromFlatDataAndDimensions(g.floats(t, "w."+spec.name), spec.dims...), nil)
			if err != nil {
				t.Fatal(err)
			}
			values[spec.name] = value
		}
		build(m, b, in, nodes)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.placeBatch(batch, m.PatchFeatures, values); err != nil {
		t.Fatal(err)
	}
	out, err := p.run(values, nil)
	if err != nil {
		t.Fatal(err)
	}
	flat := map[string][]float32{}
	for name, v := range out {
		if flat[name], err = d.fetch(v); err != nil {
			t.Fatal(err)
		}
	}
	return flat
}

const tolerance = 1e-4

// compare fails where got differs from want by more than the tolerance, naming the worst place.
func compare(t *testing.T, name string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s has %d elements, want %d", name, len(got), len(want))
		return
	}
	worst, at := 0.0, 0
	for i := range want {
		diff := math.Abs(float64(got[i]) - float64(want[i]))
		if diff > worst || math.IsNaN(diff) {
			worst, at = diff, i
		}
		if math.IsNaN(diff) {
			break
		}
	}
	if !(worst <= tolerance) {
		t.Errorf("%s[%d] = %g, want %g", name, at, got[at], want[at])
	}
}

// onlyValid zeroes the logits [B,L,V] of positions behind the lengths, as the golden files do.
func onlyValid(logits []float32, lengths []int32, L, V int) []float32 {
	for b, n := range lengths {
		for l := int(n); l < L; l++ {
			clear(logits[(b*L+l)*V : (b*L+l+1)*V])
		}
	}
	return logits
}
