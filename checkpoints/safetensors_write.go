package checkpoints

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// WriteSafetensors writes tensors to a file: beside it first, then fsync and rename, so that path never holds half of
// them. Equal input gives equal bytes; tensors lie in the order that the reference implementation chooses, wide types
// first, then by name.
func WriteSafetensors(path string, tensors []Tensor, metadata map[string]string) error {
	specs := make([]Spec, len(tensors))
	for i, t := range tensors {
		specs[i] = t.Spec()
	}
	return StreamSafetensors(path, specs, metadata, func(i int) ([]byte, error) { return tensors[i].Data, nil })
}

// StreamSafetensors is [WriteSafetensors] for tensors that do not fit into memory together: data is called once for each
// index of specs, in the order of the file, and its result is used only until the next call.
func StreamSafetensors(path string, specs []Spec, metadata map[string]string, data func(i int) ([]byte, error)) error {
	text, order, err := encodeHeader(specs, metadata)
	if err != nil {
		return fmt.Errorf("safetensors %s: %w", path, err)
	}
	err = replaceFile(disk{}, path, func(w io.Writer) error {
		if _, err := w.Write(text); err != nil {
			return err
		}
		for _, i := range order {
			d, err := data(i)
			if err == nil {
				err = Tensor{specs[i].Name, specs[i].DType, specs[i].Dims, d}.Check()
			}
			if err == nil {
				_, err = w.Write(d)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("safetensors %s: %w", path, mend(err))
	}
	return nil
}

// encodeHeader returns all bytes before the data, and the order in which the data of specs follows.
func encodeHeader(specs []Spec, metadata map[string]string) ([]byte, []int, error) {
	if err := checkSpecs(specs); err != nil {
		return nil, nil, err
	}
	for key, value := range metadata {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return nil, nil, fmt.Errorf("metadata %q is not valid UTF-8", key)
		}
	}
	order := make([]int, len(specs))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(specs[b].DType.rank()-specs[a].DType.rank(), cmp.Compare(specs[a].Name, specs[b].Name))
	})
	out := bytes.NewBuffer(make([]byte, 8, 8+128*len(specs)))
	out.WriteByte('{')
	if len(metadata) > 0 {
		out.WriteString(quote(metadataKey) + ":" + quote(metadata))
	}
	at := int64(0)
	for _, i := range order {
		s := specs[i]
		n, err := s.Bytes()
		if err != nil {
			return nil, nil, err
		}
		if out.Len() > 9 {
			out.WriteByte(',')
		}
		fmt.Fprintf(out, `%s:{"dtype":%s,"shape":%s,"data_offsets":[%d,%d]}`,
			quote(s.Name), quote(s.DType), quote(append([]int{}, s.Dims...)), at, at+n)
		at += n
	}
	out.WriteByte('}')
	for out.Len()%8 != 0 {
		out.WriteByte(' ')
	}
	text := out.Bytes()
	if len(text)-8 > maxHeader {
		return nil, nil, fmt.Errorf("%d tensors need a header of %d bytes, %d are allowed", len(specs), len(text)-8, maxHeader)
	}
	binary.LittleEndian.PutUint64(text, uint64(len(text)-8))
	return text, order, nil
}

// quote returns the JSON of a string, a list of numbers or a map of strings, on one line and without escapes for HTML.
func quote(v any) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // cannot fail for these kinds of values
	return string(bytes.TrimSuffix(out.Bytes(), []byte("\n")))
}
