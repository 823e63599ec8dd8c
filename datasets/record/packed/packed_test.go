package packed_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"m6lab/datasets/record/packed"
)

func pack() []byte {
	b := binary.AppendUvarint(nil, 300)
	b = binary.AppendVarint(b, -5)
	b = append(b, 7)
	return append(binary.AppendUvarint(b, 3), "abc"...)
}

func Example() {
	r := packed.Reader{Rest: pack()}
	fmt.Println(r.Uvarint(), r.Varint(), r.Byte(), string(r.Bytes()), len(r.Rest), r.Failed)
	// Output: 300 -5 7 abc 0 false
}

// TestCut: bytes that end early fail, wherever they end, and give nothing behind the end.
func TestCut(t *testing.T) {
	whole := pack()
	for size := range whole {
		r := packed.Reader{Rest: whole[:size]}
		r.Uvarint()
		r.Varint()
		r.Byte()
		if got := r.Bytes(); got != nil || !r.Failed || r.Uvarint() != 0 || r.Byte() != 0 {
			t.Errorf("%d of %d bytes give %q, failed: %v", size, len(whole), got, r.Failed)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add(pack())
	f.Fuzz(func(t *testing.T, b []byte) {
		r := packed.Reader{Rest: b}
		for !r.Failed && len(r.Rest) > 0 {
			before := len(r.Rest)
			if r.Bytes(); !r.Failed && len(r.Rest) >= before {
				t.Fatalf("%x does not end", b)
			}
		}
	})
}
