package m6

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m6lab/checkpoints"
	"m6lab/datasets/text"
)

// exported writes the weights of a golden file as another tool would, changed as the test wants, and the vocabulary that goes with them.
func (g golden) exported(t *testing.T, change func([]checkpoints.Tensor) []checkpoints.Tensor) (path string, vocab *text.Vocab) {
	t.Helper()
	var weights []checkpoints.Tensor
	for _, spec := range g.config.weightSpecs() {
		x := g.tensors["w."+spec.name]
		x.Name = spec.name
		weights = append(weights, x)
	}
	if change != nil {
		weights = change(weights)
	}
	config, err := json.Marshal(g.config)
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "m.safetensors")
	if err := checkpoints.WriteSafetensors(path, weights, map[string]string{"config": string(config)}); err != nil {
		t.Fatal(err)
	}
	tokens := "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"
	for i := 5; i < g.config.Vocabulary; i++ {
		tokens += fmt.Sprintf("%c\n", '一'+i)
	}
	if vocab, err = text.ParseVocab([]byte(tokens)); err != nil {
		t.Fatal(err)
	}
	return path, vocab
}

// TestImportedLogits takes weights and a case of the independent implementation through a run folder, and holds the logits against its own.
func TestImportedLogits(t *testing.T) {
	for _, name := range []string{"m6_dense", "m6_text_only", "m6_moe_top2"} {
		t.Run(name, func(t *testing.T) {
			g := readGolden(t, name)
			path, vocab := g.exported(t, nil)
			dir := Folder(filepath.Join(t.TempDir(), "run"))
			if err := Import(path, dir, vocab); err != nil {
				t.Fatal(err)
			}
			saved, err := OpenSaved(dir)
			if err != nil {
				t.Fatal(err)
			}
			var given []checkpoints.Tensor
			for name, x := range g.tensors {
				if part, ok := strings.CutPrefix(name, "in."); ok {
					x.Name = part
					given = append(given, x)
				}
			}
			logits, err := saved.CaseLogits(given)
			if err != nil {
				t.Fatal(err)
			}
			flat, err := logits.Float32s()
			if err != nil {
				t.Fatal(err)
			}
			want := "out.logits"
			if _, ok := g.tensors["out.logits_inference"]; ok {
				want = "out.logits_inference"
			}
			b := g.batch(t)
			compare(t, "logits", onlyValid(flat, b.TextLengths, b.Text, g.config.Vocabulary), g.floats(t, want))
		})
	}
}

// TestRoundTrip: what is exported, imported and exported again is the same, bit for bit; a second export as bf16 is each number's nearest.
func TestRoundTrip(t *testing.T) {
	g := readGolden(t, "m6_codes")
	first, vocab := g.exported(t, nil)
	dir := Folder(filepath.Join(t.TempDir(), "run"))
	if err := Import(first, dir, vocab); err != nil {
		t.Fatal(err)
	}
	read := func(path string) []checkpoints.Tensor {
		all, _ := readTensors(t, path)
		slices.SortFunc(all, func(a, b checkpoints.Tensor) int { return strings.Compare(a.Name, b.Name) })
		return all
	}
	want := read(first)
	for _, half := range []bool{false, true} {
		path := filepath.Join(t.TempDir(), "again.safetensors")
		if err := Export(dir, path, half); err != nil {
			t.Fatal(err)
		}
		got := read(path)
		if len(got) != len(want) {
			t.Fatalf("%d tensors, want %d", len(got), len(want))
		}
		for i, w := range want {
			if half {
				var err error
				if w, err = w.Convert(checkpoints.BF16); err != nil {
					t.Fatal(err)
				}
			}
			if got[i].Name != w.Name || got[i].DType != w.DType || !slices.Equal(got[i].Dims, w.Dims) || !slices.Equal(got[i].Data, w.Data) {
				t.Errorf("bf16 %v: %s differs", half, w.Name)
			}
		}
		again := Folder(filepath.Join(t.TempDir(), "again"))
		if err := Import(path, again, vocab); err != nil {
			t.Errorf("importing what was exported, bf16 %v: %v", half, err)
		}
	}
}

// TestImportRefuses: a file that does not fit is refused by the tensor's name, and leaves no run behind.
func TestImportRefuses(t *testing.T) {
	g := readGolden(t, "m6_text_only")
	type weights = []checkpoints.Tensor
	for name, c := range map[string]struct {
		change func(w weights) weights
		want   string
	}{
		"missing": {func(w weights) weights { return w[1:] }, "embed.text.weight"},
		"extra": {func(w weights) weights {
			return append(w, checkpoints.FromFloat32s("blocks.7.ffn.in.bias", []int{1}, []float32{1}))
		}, "blocks.7.ffn.in.bias"},
		"misshapen": {func(w weights) weights {
			w[0].Dims = []int{w[0].Dims[1], w[0].Dims[0]}
			return w
		}, "embed.text.weight"},
	} {
		path, vocab := g.exported(t, c.change)
		dir := Folder(filepath.Join(t.TempDir(), "run"))
		err := Import(path, dir, vocab)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want one line that names %s", name, err, c.want)
		}
		if _, err := dir.Run(); err == nil {
			t.Errorf("%s: the refused file left a run behind", name)
		}
	}
}
