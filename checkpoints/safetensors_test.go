package checkpoints

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func golden(name string) string { return filepath.Join("testdata", "golden", name) }

func readAll(t *testing.T, path string) ([]Tensor, map[string]string) {
	t.Helper()
	f, err := ReadSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tensors, err := f.Tensors()
	if err != nil {
		t.Fatal(err)
	}
	return tensors, f.Metadata()
}

func readBytes(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Files of the reference implementation are read, and what was read is written back to the same bytes.
func TestSafetensorsEqualsReference(t *testing.T) {
	for _, name := range []string{"kinds.safetensors", "rounding.safetensors", "none.safetensors"} {
		t.Run(name, func(t *testing.T) {
			tensors, metadata := readAll(t, golden(name))
			rand.Shuffle(len(tensors), func(i, j int) { tensors[i], tensors[j] = tensors[j], tensors[i] })
			path := filepath.Join(t.TempDir(), name)
			if err := WriteSafetensors(path, tensors, metadata); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(readBytes(t, golden(name)), readBytes(t, path)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSafetensorsContent(t *testing.T) {
	f, err := ReadSafetensors(golden("kinds.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if diff := cmp.Diff(map[string]string{"config": `{"layers": 2}`}, f.Metadata()); diff != "" {
		t.Error(diff)
	}
	scalar, err := f.Tensor("scalar")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Tensor{"scalar", I32, []int{}, []byte{0xef, 0xff, 0xff, 0xff}}, scalar); diff != "" {
		t.Error(diff)
	}
	named, err := f.Tensor("名字 \"quoted\" \\ \n <&> \x7f")
	if err != nil {
		t.Fatal(err)
	}
	got, err := named.Int32s()
	if diff := cmp.Diff([]int32{0, 1, 2, 3, 4}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := f.Tensor("absent"); err == nil || !strings.Contains(err.Error(), `no tensor "absent"`) {
		t.Errorf("absent: %v", err)
	}
	if len(f.Names()) != 19 || f.Names()[0] != "uint64" || f.Specs()[18].DType != Bool {
		t.Errorf("names %q", f.Names())
	}
}

// Malformed files are refused exactly where the reference refuses them, and in two more cases, each with its reason.
func TestSafetensorsVerdicts(t *testing.T) {
	var cases map[string]struct{ Hex, Reference string }
	if err := json.Unmarshal(readBytes(t, golden("verdicts.json")), &cases); err != nil {
		t.Fatal(err)
	}
	var reasons []string
	for name, c := range cases {
		data, err := hex.DecodeString(c.Hex)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "x.safetensors")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		f, err := ReadSafetensors(path)
		if err == nil {
			f.Close()
		} else {
			reasons = append(reasons, name+": "+strings.TrimPrefix(err.Error(), "safetensors "+path+": "))
		}
		want := c.Reference == "accepted" && !strings.HasPrefix(name, "stricter_")
		if got := err == nil; got != want {
			t.Errorf("%s: accepted %v, want %v (reference: %s; ours: %v)", name, got, want, c.Reference, err)
		}
	}
	slices.Sort(reasons)
	compareGolden(t, "reasons.txt", strings.Join(reasons, "\n")+"\n")
}

func TestSafetensorsRefusesToWrite(t *testing.T) {
	ok := FromInt32s("a", []int{3}, []int32{1, 2, 3})
	for _, c := range []struct {
		name     string
		tensors  []Tensor
		metadata map[string]string
		want     string
	}{
		{"duplicate", []Tensor{ok, ok}, nil, `tensor "a": given twice`},
		{"reserved", []Tensor{{"__metadata__", U8, nil, []byte{1}}}, nil, "reserved"},
		{"short", []Tensor{FromInt32s("a", []int{5}, []int32{1, 2, 3})}, nil, `tensor "a": 12 bytes of data, I32 [5] takes 20`},
		{"dtype", []Tensor{{"a", "F31", nil, nil}}, nil, `tensor "a": unknown dtype "F31"`},
		{"negative", []Tensor{{"a", U8, []int{-1}, nil}}, nil, "negative"},
		{"overflow", []Tensor{{"a", F64, []int{1 << 31, 1 << 31}, nil}}, nil, "overflows"},
		{"utf8", []Tensor{{"\xff", U8, nil, []byte{1}}}, nil, "UTF-8"},
		{"metadata utf8", []Tensor{ok}, map[string]string{"k": "\xff"}, `metadata "k" is not valid UTF-8`},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "x.safetensors")
			if err := os.WriteFile(path, []byte("before"), 0o666); err != nil {
				t.Fatal(err)
			}
			err := WriteSafetensors(path, c.tensors, c.metadata)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if got := string(readBytes(t, path)); got != "before" {
				t.Errorf("the file was touched: %q", got)
			}
			if entries, _ := os.ReadDir(dir); len(entries) != 1 {
				t.Errorf("left behind: %v", entries)
			}
		})
	}
}

// A file that shrinks after it was opened is an error, not a crash or zeros.
func TestSafetensorsTruncatedWhileOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	if err := WriteSafetensors(path, []Tensor{FromFloat32s("a", []int{7}, make([]float32, 7))}, nil); err != nil {
		t.Fatal(err)
	}
	f, err := ReadSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(path, 80); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Tensor("a"); err == nil || !strings.Contains(err.Error(), `tensor "a": truncated`) {
		t.Errorf("got %v", err)
	}
}

func TestStreamSafetensors(t *testing.T) {
	specs := []Spec{{"z", F32, []int{3}}, {"b", U8, []int{5}}, {"a", F32, nil}}
	data := [][]byte{bytes.Repeat([]byte{1}, 12), bytes.Repeat([]byte{2}, 5), bytes.Repeat([]byte{3}, 4)}
	dir := t.TempDir()
	var asked []int
	err := StreamSafetensors(filepath.Join(dir, "s"), specs, nil, func(i int) ([]byte, error) {
		asked = append(asked, i)
		return data[i], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{2, 0, 1}, asked); diff != "" {
		t.Error(diff)
	}
	tensors, _ := readAll(t, filepath.Join(dir, "s"))
	want := []Tensor{{"a", F32, []int{}, data[2]}, {"z", F32, []int{3}, data[0]}, {"b", U8, []int{5}, data[1]}}
	if diff := cmp.Diff(want, tensors); diff != "" {
		t.Error(diff)
	}
	broken := errors.New("device gone")
	err = StreamSafetensors(filepath.Join(dir, "t"), specs, nil, func(int) ([]byte, error) { return nil, broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

// Any bytes are read or refused; what is read is written to a header that reads the same.
func FuzzSafetensors(f *testing.F) {
	for _, name := range []string{"kinds.safetensors", "none.safetensors"} {
		data, err := os.ReadFile(golden(name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	var cases map[string]struct{ Hex string }
	data, err := os.ReadFile(golden("verdicts.json"))
	if err == nil {
		err = json.Unmarshal(data, &cases)
	}
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		data, _ := hex.DecodeString(c.Hex)
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := parseFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			return
		}
		specs := make([]Spec, len(h.entries))
		size := int64(0)
		for i, e := range h.entries {
			specs[i] = e.Spec
			size += e.end - e.begin
		}
		text, _, err := encodeHeader(specs, h.metadata)
		if err != nil {
			if !strings.Contains(err.Error(), "reserved") {
				t.Fatal(err)
			}
			return
		}
		again, err := parseFile(bytes.NewReader(append(text, make([]byte, size)...)), int64(len(text))+size)
		if err != nil {
			t.Fatal(err)
		}
		byName := func(a, b Spec) int { return strings.Compare(a.Name, b.Name) }
		specs2 := make([]Spec, len(again.entries))
		for i, e := range again.entries {
			specs2[i] = e.Spec
		}
		slices.SortFunc(specs, byName)
		slices.SortFunc(specs2, byName)
		if diff := cmp.Diff(specs, specs2); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(h.metadata, again.metadata); diff != "" {
			t.Error(diff)
		}
	})
}
