package checkpoints

import (
	"encoding/binary"
	"flag"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden texts of this package")

// compareGolden compares a text with a committed file, which -update rewrites.
func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(golden(name), []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(strings.Split(string(readBytes(t, golden(name))), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// Rounding equals that of ml_dtypes and NumPy, ties, subnormals and overflow included; NaN stays NaN.
func TestRounding(t *testing.T) {
	tensors, _ := readAll(t, golden("rounding.safetensors"))
	by := map[string]Tensor{}
	for _, x := range tensors {
		by[x.Name] = x
	}
	values, err := by["f32"].Float32s()
	if err != nil {
		t.Fatal(err)
	}
	if len(values) < 4000 {
		t.Fatalf("%d values", len(values))
	}
	for _, c := range []struct {
		dtype  DType
		narrow func(float32) uint16
		isNaN  func(uint16) bool
	}{
		{BF16, BF16FromFloat32, func(h uint16) bool { return h&0x7fff > 0x7f80 }},
		{F16, F16FromFloat32, func(h uint16) bool { return h&0x7fff > 0x7c00 }},
	} {
		want := by[strings.ToLower(string(c.dtype))].Data
		for i, v := range values {
			w, got := binary.LittleEndian.Uint16(want[2*i:]), c.narrow(v)
			if c.isNaN(w) != c.isNaN(got) || !c.isNaN(w) && w != got {
				t.Errorf("%s of %g (%#08x): got %#04x, want %#04x", c.dtype, v, math.Float32bits(v), got, w)
			}
		}
	}
}

// Every 16-bit number widens to the value that its definition gives, and narrows back to itself.
func TestWidening(t *testing.T) {
	for i := range 1 << 16 {
		h := uint16(i)
		for _, c := range []struct {
			name                string
			fraction, exponents int // bits
			widen               func(uint16) float32
			narrow              func(float32) uint16
		}{
			{"bf16", 7, 8, BF16ToFloat32, BF16FromFloat32}, {"f16", 10, 5, F16ToFloat32, F16FromFloat32},
		} {
			got, want := float64(c.widen(h)), definition(h, c.fraction, c.exponents)
			if math.IsNaN(want) {
				if !math.IsNaN(got) || !math.IsNaN(float64(c.widen(c.narrow(c.widen(h))))) {
					t.Fatalf("%s %#04x: got %g, want NaN", c.name, h, got)
				}
				continue
			}
			if got != want || math.Signbit(got) != math.Signbit(want) || c.narrow(c.widen(h)) != h {
				t.Fatalf("%s %#04x: got %g, want %g; back %#04x", c.name, h, got, want, c.narrow(c.widen(h)))
			}
		}
	}
}

// definition is IEEE's: sign, biased exponent, fraction.
func definition(h uint16, fraction, exponents int) float64 {
	sign := math.Copysign(1, 1-2*float64(h>>15))
	bias, top := 1<<(exponents-1)-1, 1<<exponents-1
	e, f := int(h>>fraction)&top, float64(int(h)&(1<<fraction-1))
	switch {
	case e == top && f != 0:
		return math.NaN()
	case e == top:
		return sign * math.Inf(1)
	case e == 0:
		return sign * math.Ldexp(f, 1-bias-fraction)
	}
	return sign * math.Ldexp(f+float64(int(1)<<fraction), e-bias-fraction)
}

func TestTensorViews(t *testing.T) {
	values := []float32{1, -2.5, float32(math.Inf(1)), 0, 3}
	x := FromFloat32s("x", []int{5}, values)
	got, err := x.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(values, got); diff != "" {
		t.Error(diff)
	}
	values[0] = 7
	if littleEndian && got[0] != 7 {
		t.Error("F32 data was copied")
	}
	raw := append([]byte{0}, x.Data...)
	unaligned := Tensor{"u", F32, []int{5}, raw[1:]}
	got, err = unaligned.Float32s()
	if diff := cmp.Diff(values, got); diff != "" || err != nil {
		t.Errorf("unaligned: %v %s", err, diff)
	}
	if diff := cmp.Diff(swap4(swap4(x.Data)), x.Data); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct {
		name string
		err  error
		want string
	}{
		{"short", err2(Tensor{"x", F32, []int{3}, make([]byte, 11)}.Float32s()), `tensor "x": 11 bytes of data, F32 [3] takes 12`},
		{"kind", err2(FromInt32s("i", []int{1}, []int32{3}).Float32s()), `tensor "i": I32 cannot be read as 32-bit floats`},
		{"ints", err2(x.Int32s()), `tensor "x": F32 where I32 is needed`},
		{"convert", err2(x.Convert(I32)), `no conversion from F32 to I32`},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, c.err, c.want)
		}
	}
}

func err2[T any](_ T, err error) error { return err }

func TestConvert(t *testing.T) {
	x := FromFloat32s("x", []int{3}, []float32{1, 1 + 0x1p-8, -3.5})
	for _, c := range []struct {
		to   DType
		want []float32
	}{{F32, []float32{1, 1 + 0x1p-8, -3.5}}, {BF16, []float32{1, 1, -3.5}}, {F16, []float32{1, 1 + 0x1p-8, -3.5}}} {
		y, err := x.Convert(c.to)
		if err != nil {
			t.Fatal(err)
		}
		got, err := y.Float32s()
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil || y.DType != c.to {
			t.Errorf("%s: %v %s", c.to, err, diff)
		}
	}
}

func TestMatch(t *testing.T) {
	want := []Spec{{"a", F32, []int{3}}, {"b", F32, []int{5, 7}}, {"c", "", nil}}
	for _, c := range []struct {
		name string
		have []Spec
		want string
	}{
		{"equal, in any order", []Spec{{"c", U8, []int{}}, {"b", F32, []int{5, 7}}, {"a", F32, []int{3}}}, ""},
		{"missing", []Spec{{"a", F32, []int{3}}}, "tensors do not match: 2 missing: b [5 7], c []"},
		{"extra", append([]Spec{{"d", F32, nil}, {"e", F32, []int{1}}}, want...), "tensors do not match: 2 extra: d [], e [1]"},
		{"all kinds", []Spec{{"a", F32, []int{3, 1}}, {"b", BF16, []int{5, 7}}, {"x", F32, nil}},
			"tensors do not match: 1 missing: c []; 1 extra: x []; 1 misshapen: a is [3 1], want [3]; 1 of another type: b is BF16, want F32"},
		{"many", []Spec{{"1", U8, nil}, {"2", U8, nil}, {"3", U8, nil}, {"4", U8, nil}, {"5", U8, nil}, {"6", U8, nil}},
			"tensors do not match: 3 missing: a [3], b [5 7], c []; 6 extra: 1 [], 2 [], 3 [], 4 [] and 2 more"},
	} {
		err := Match(c.have, want)
		if got := errorText(err); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got, c.want)
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
