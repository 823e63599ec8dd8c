package checkpoints

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// parseHeader reads the JSON of a safetensors header. It reads token by token, because encoding/json would take the last
// of two equal keys, any letter case, and bytes that are not UTF-8.
func parseHeader(text []byte) (header, error) {
	h := header{metadata: map[string]string{}}
	if !utf8.Valid(text) {
		return h, errors.New("the header is not valid UTF-8")
	}
	if len(text) == 0 || text[0] != '{' {
		return h, errors.New("the header does not begin with '{' (not a safetensors file?)")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err := object(d, func(key string) error {
		if key == metadataKey {
			return readMetadata(d, h.metadata)
		}
		e, err := readEntry(d)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", key, err)
		}
		e.Name = key
		h.entries = append(h.entries, e)
		return nil
	})
	if err != nil {
		return h, err
	}
	if _, err := d.Token(); err != io.EOF {
		return h, errors.New("the header goes on after its object")
	}
	return h, nil
}

func readMetadata(d *json.Decoder, into map[string]string) error {
	return object(d, func(key string) error {
		t, err := d.Token()
		if err != nil {
			return syntax(err)
		}
		s, ok := t.(string)
		if !ok {
			return fmt.Errorf("metadata %q is not a string", key)
		}
		into[key] = s
		return nil
	})
}

func readEntry(d *json.Decoder) (entry, error) {
	var e entry
	var offsets []int
	seen := 0
	err := object(d, func(key string) error {
		var err error
		switch key {
		case "dtype":
			e.DType, err = readDType(d)
		case "shape":
			e.Dims, err = readInts(d, key)
		case "data_offsets":
			offsets, err = readInts(d, key)
		default:
			var skip json.RawMessage
			return syntax(d.Decode(&skip))
		}
		seen++
		return err
	})
	switch {
	case err != nil:
		return e, err
	case seen != 3:
		return e, errors.New("dtype, shape and data_offsets are needed, not all are there")
	case len(offsets) != 2:
		return e, fmt.Errorf("data_offsets has %d numbers, 2 are needed", len(offsets))
	}
	e.begin, e.end = int64(offsets[0]), int64(offsets[1])
	return e, nil
}

func readDType(d *json.Decoder) (DType, error) {
	t, err := d.Token()
	if err != nil {
		return "", syntax(err)
	}
	s, ok := t.(string)
	if !ok {
		return "", errors.New("dtype is not a string")
	}
	if DType(s).Size() == 0 {
		return "", fmt.Errorf("unknown dtype %q", s)
	}
	return DType(s), nil
}

// readInts reads an array of numbers that are whole, without sign or exponent.
func readInts(d *json.Decoder, key string) ([]int, error) {
	if err := delimiter(d, '['); err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	out := []int{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return nil, syntax(err)
		}
		number, ok := t.(json.Number)
		n, err := strconv.Atoi(number.String())
		if !ok || err != nil || n < 0 || number[0] == '-' {
			return nil, fmt.Errorf("%s: %v is not a whole number within range", key, t)
		}
		out = append(out, n)
	}
	return out, delimiter(d, ']')
}

// object reads a JSON object; member is called after each key and reads the value. No key may come twice.
func object(d *json.Decoder, member func(key string) error) error {
	if err := delimiter(d, '{'); err != nil {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return syntax(err)
		}
		key, ok := t.(string)
		if !ok {
			return fmt.Errorf("%v where a name is needed", t)
		}
		if seen[key] {
			return fmt.Errorf("the name %q is there twice", key)
		}
		seen[key] = true
		if err := member(key); err != nil {
			return err
		}
	}
	return delimiter(d, '}')
}

func delimiter(d *json.Decoder, want json.Delim) error {
	t, err := d.Token()
	if err != nil {
		return syntax(err)
	}
	if t != want {
		return fmt.Errorf("%v where %v is needed", t, want)
	}
	return nil
}

// syntax says that the header's text is broken; the decoder alone would call a text that ends early "EOF".
func syntax(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the header's JSON ends too early")
	}
	return fmt.Errorf("the header is not JSON: %w", err)
}
