package checkpoints

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"
)

// Spec is a tensor without its data.
type Spec struct {
	Name  string `json:"name"`
	DType DType  `json:"dtype"`
	Dims  []int  `json:"dims"` // empty for a scalar
}

// Bytes returns the size of the data in bytes, or what is wrong: an unknown type, a negative dimension, or a size beyond int64.
func (s Spec) Bytes() (int64, error) {
	if s.DType.Size() == 0 {
		return 0, fmt.Errorf("tensor %q: unknown dtype %q", s.Name, s.DType)
	}
	n := int64(1)
	for _, d := range s.Dims {
		if d < 0 {
			return 0, fmt.Errorf("tensor %q: negative dimension in %v", s.Name, s.Dims)
		}
		if d > 0 && n > math.MaxInt64/int64(d) {
			return 0, fmt.Errorf("tensor %q: the size of %v overflows", s.Name, s.Dims)
		}
		n *= int64(d)
	}
	size := int64(s.DType.Size())
	if n > math.MaxInt64/size {
		return 0, fmt.Errorf("tensor %q: the size of %s %v overflows", s.Name, s.DType, s.Dims)
	}
	return n * size, nil
}

// checkName refuses the names that a safetensors header cannot hold.
func checkName(name string) error {
	if name == metadataKey {
		return fmt.Errorf("tensor %q: the name is reserved by safetensors", name)
	}
	if !utf8.ValidString(name) {
		return fmt.Errorf("tensor %q: the name is not valid UTF-8", name)
	}
	return nil
}

// checkSpecs refuses a bad name, a duplicate or an impossible tensor.
func checkSpecs(specs []Spec) error {
	seen := make(map[string]bool, len(specs))
	for _, s := range specs {
		if err := checkName(s.Name); err != nil {
			return err
		}
		if seen[s.Name] {
			return fmt.Errorf("tensor %q: given twice", s.Name)
		}
		seen[s.Name] = true
		if _, err := s.Bytes(); err != nil {
			return err
		}
	}
	return nil
}

// named is how many names an error line shows of each kind; all are counted.
const named = 4

// Match compares what is there with what is needed, by name, and returns one line that counts and names the tensors that
// are missing, extra, of other dimensions, or of another type (a wanted Spec with an empty DType takes any). Nil means
// that every wanted tensor is there and no other is.
func Match(have, want []Spec) error {
	found := make(map[string]Spec, len(have))
	for _, s := range have {
		found[s.Name] = s
	}
	var missing, shapes, types, extra []string
	wanted := make(map[string]bool, len(want))
	for _, w := range want {
		wanted[w.Name] = true
		h, ok := found[w.Name]
		switch {
		case !ok:
			missing = append(missing, fmt.Sprintf("%s %v", w.Name, w.Dims))
		case !slices.Equal(h.Dims, w.Dims):
			shapes = append(shapes, fmt.Sprintf("%s is %v, want %v", w.Name, h.Dims, w.Dims))
		case w.DType != "" && h.DType != w.DType:
			types = append(types, fmt.Sprintf("%s is %s, want %s", w.Name, h.DType, w.DType))
		}
	}
	for _, h := range have {
		if !wanted[h.Name] {
			extra = append(extra, fmt.Sprintf("%s %v", h.Name, h.Dims))
		}
	}
	var parts []string
	for _, p := range []struct {
		kind  string
		names []string
	}{{"missing", missing}, {"extra", extra}, {"misshapen", shapes}, {"of another type", types}} {
		if len(p.names) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s: %s", len(p.names), p.kind, some(p.names)))
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return errors.New("tensors do not match: " + strings.Join(parts, "; "))
}

// some joins the first names and counts the rest.
func some(names []string) string {
	if len(names) <= named {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:named], ", "), len(names)-named)
}
