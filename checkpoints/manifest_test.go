package checkpoints

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// manifestOf is a manifest with a tensor in two pieces.
func manifestOf(t testing.TB) *manifest {
	t.Helper()
	x := Spec{"x", F32, []int{3, 5}}
	s := Source{Step: 7, Parts: []Part{{x, []int{0, 0}, []int{3, 2}}, {Spec: Spec{"s", U8, []int{}}}, {x, []int{0, 2}, []int{3, 3}}},
		Values: map[string]json.RawMessage{"k": json.RawMessage("[1]")}}
	p, err := newPlan(s, 16)
	if err != nil {
		t.Fatal(err)
	}
	p.manifest.Serial = 3
	for _, p := range p.pieces {
		for i := range p.Checksums {
			p.Checksums[i] = checksum([]byte{byte(i)})
		}
	}
	return p.manifest
}

// The file format is pinned to the byte.
func TestManifestFile(t *testing.T) {
	m := manifestOf(t)
	text, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	compareGolden(t, "manifest.json", string(text))
	got, err := decodeManifest(text)
	if diff := cmp.Diff(m, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	none, err := newPlan(Source{}, 16)
	if err != nil {
		t.Fatal(err)
	}
	text, err = none.manifest.encode()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := decodeManifest(text); err != nil {
		t.Error(err)
	}
}

func TestManifestRefused(t *testing.T) {
	for _, c := range []struct {
		want   string
		change func(*manifest)
	}{
		{`format "other" where "m6lab checkpoint" is needed`, func(m *manifest) { m.Format = "other" }},
		{"version 2 of the format; this program reads version 1", func(m *manifest) { m.Version = 2 }},
		{"out of range", func(m *manifest) { m.Step = -1 }},
		{"out of range", func(m *manifest) { m.Block = 0 }},
		{"out of range", func(m *manifest) { m.Block = 1 << 40 }},
		{`file "../data-00000.safetensors"`, func(m *manifest) { m.Files[0].Name = "../data-00000.safetensors" }},
		{"named twice", func(m *manifest) { m.Files = append(m.Files, m.Files[0]) }},
		{"with a header of", func(m *manifest) { m.Files[0].Header = m.Files[0].Size + 1 }},
		{"with a header of", func(m *manifest) { m.Files[0].Header = -1 }},
		{`tensor "x": given twice`, func(m *manifest) { m.Tensors[1].Name = "x" }},
		{`tensor "s": unknown dtype "F31"`, func(m *manifest) { m.Tensors[1].DType = "F31" }},
		{`tensor "s": negative dimension`, func(m *manifest) { m.Tensors[1].Dims = []int{-1} }},
		{`tensor "x": a piece in the unknown file "data-00001.safetensors"`, func(m *manifest) { m.Tensors[0].Pieces[0].File = "data-00001.safetensors" }},
		{"does not lie within", func(m *manifest) { m.Tensors[0].Pieces[0].Start = []int{1, 0} }},
		{"has not the rank", func(m *manifest) { m.Tensors[0].Pieces[0].Start = []int{0} }},
		{"has not the rank", func(m *manifest) { m.Tensors[0].Pieces[0].Size = nil }},
		{"overlap", func(m *manifest) { m.Tensors[0].Pieces[0].Start = []int{0, 1} }},
		{"cover 6 of 15 elements", func(m *manifest) { m.Tensors[0].Pieces = m.Tensors[0].Pieces[:1] }},
		{"a piece of 25 bytes where [3 2] takes 24", func(m *manifest) { m.Tensors[0].Pieces[0].Length++ }},
		{"1 checksums where 2 are needed", func(m *manifest) { m.Tensors[0].Pieces[0].Checksums = []string{""} }},
		{"where the one before ends at", func(m *manifest) { m.Tensors[0].Pieces[0].Offset += 4 }},
		{"where the one before ends at", func(m *manifest) { m.Tensors[1].Pieces[0].Offset = 0 }},
		{"its pieces end at byte", func(m *manifest) { m.Files[0].Size++ }},
	} {
		m := manifestOf(t)
		c.change(m)
		text, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		_, err = decodeManifest(text)
		wantError(t, err, c.want)
	}
	for _, text := range []string{"", "{", `{"checksum":"`, `{"checksum":"0000000000000000",` + "\n}"} {
		if _, err := decodeManifest([]byte(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

// Any text is read or refused, also with the right checksum; what is read can be written and read again.
func FuzzManifest(f *testing.F) {
	text, err := manifestOf(f).encode()
	if err != nil {
		f.Fatal(err)
	}
	_, body, _ := strings.Cut(string(text), "\n")
	f.Add([]byte(body))
	f.Add([]byte("}"))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := parseManifest(body)
		if err != nil {
			return
		}
		text, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeManifest(text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(m.Files, again.Files); diff != "" {
			t.Error(diff)
		}
	})
}
