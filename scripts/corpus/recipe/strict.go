package recipe

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// decodeStrict reads one JSON object onto the struct that dst points to; fields that data does not mention keep their value. An unknown or
// repeated key, a wrong type, or anything behind the object is an error that names the key and name, where data came from; dst is then left
// as it was.
func decodeStrict(dst any, data []byte, name string) error {
	target := reflect.ValueOf(dst).Elem()
	if !utf8.Valid(data) {
		return fmt.Errorf("%s: not valid UTF-8", name)
	}
	if err := syntax(data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	k := keyCheck{root: target.Type(), name: name, d: json.NewDecoder(bytes.NewReader(data))}
	if err := k.value(target.Type(), ""); err != nil {
		return err
	}
	fresh, err := copyOf(target)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if err := json.Unmarshal(data, fresh.Interface()); err != nil {
		return wrongType(err, name)
	}
	target.Set(fresh.Elem())
	return nil
}

// copyOf returns a pointer to a copy that shares nothing with v: decoding writes into slices and maps that are there.
func copyOf(v reflect.Value) (reflect.Value, error) {
	fresh := reflect.New(v.Type())
	data, err := json.Marshal(v.Interface())
	if err == nil {
		err = json.Unmarshal(data, fresh.Interface())
	}
	return fresh, err
}

// syntax returns an error with line and column where data is not one JSON value.
func syntax(data []byte) error {
	var whole json.RawMessage
	err := json.Unmarshal(data, &whole)
	var wrong *json.SyntaxError
	if errors.As(err, &wrong) {
		before := data[:min(int(wrong.Offset), len(data))]
		line := 1 + bytes.Count(before, []byte("\n"))
		column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
		return fmt.Errorf("not valid JSON at line %d, column %d: %w", line, column, err)
	}
	return err
}

// wrongType says which key has a value of another type.
func wrongType(err error, name string) error {
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return fmt.Errorf("%s: %w", name, err)
	}
	field := wrong.Field
	if field == "" {
		field = "the whole"
	}
	return fmt.Errorf("%s in %s: want %s, got %s", field, name, describe(wrong.Type), wrong.Value)
}

// describe names a type as a reader of JSON knows it.
func describe(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number from 0"
	}
	return "a whole number"
}

// keyCheck goes through JSON beside the type that it is for.
type keyCheck struct {
	root reflect.Type
	name string
	d    *json.Decoder
}

// value checks the keys of the next value, which is for a field of type t at the dotted key.
func (k *keyCheck) value(t reflect.Type, key string) error {
	token, err := k.d.Token()
	if err != nil {
		return fmt.Errorf("%s: %w", k.name, err)
	}
	switch token {
	case nil:
		if k := bare(t); k == nil || k.Kind() == reflect.Slice || k.Kind() == reflect.Map {
			return nil // an empty list
		}
		return fmt.Errorf("%s in %s: want %s, got null", orWhole(key), k.name, describe(bare(t)))
	case json.Delim('{'):
		return k.object(bare(t), key)
	case json.Delim('['):
		for i := 0; k.d.More(); i++ {
			if err := k.value(element(bare(t)), fmt.Sprintf("%s[%d]", key, i)); err != nil {
				return err
			}
		}
		_, err = k.d.Token()
	}
	return err
}

// object checks the keys of the object that has just begun.
func (k *keyCheck) object(t reflect.Type, key string) error {
	seen := map[string]bool{}
	for k.d.More() {
		token, err := k.d.Token()
		if err != nil {
			return fmt.Errorf("%s: %w", k.name, err)
		}
		name := token.(string) // the syntax was checked: keys are strings
		at := join(key, name)
		if seen[name] {
			return fmt.Errorf("key %q stands twice in %s", at, k.name)
		}
		seen[name] = true
		member, known := child(t, name)
		if !known {
			return k.unknown(at)
		}
		if err := k.value(member, at); err != nil {
			return err
		}
	}
	_, err := k.d.Token()
	return err
}

func (k *keyCheck) unknown(key string) error {
	return fmt.Errorf("unknown key %q in %s: did you mean %q?", key, k.name, nearestKey(key, keys(k.root, "")))
}

func orWhole(key string) string {
	if key == "" {
		return "the whole"
	}
	return key
}

func join(group, name string) string {
	if group == "" {
		return name
	}
	return group + "." + name
}

// bare is the type behind pointers.
func bare(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// element is the type of the elements of a list; nil where any is fine.
func element(t reflect.Type) reflect.Type {
	if t != nil && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		return t.Elem()
	}
	return nil
}

var (
	textItself = reflect.TypeFor[encoding.TextUnmarshaler]()
	jsonItself = reflect.TypeFor[json.Unmarshaler]()
)

// itself tells whether a type decodes itself, so that its keys are its own affair.
func itself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(textItself) || p.Implements(jsonItself)
}

// child returns the type of the named member, nil for one that may hold anything, and whether there is such a member.
func child(t reflect.Type, name string) (reflect.Type, bool) {
	switch {
	case t == nil || itself(t) || t.Kind() == reflect.Interface:
		return nil, true
	case t.Kind() == reflect.Map:
		return t.Elem(), true
	case t.Kind() != reflect.Struct:
		return nil, true // a wrong type, which the decoder names
	}
	for _, f := range fields(t) {
		if f.name == name {
			return f.t, true
		}
	}
	return nil, false
}

type field struct {
	name string
	t    reflect.Type
}

// fields lists the members of a struct by their names in JSON, those of embedded structs with them.
func fields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case f.Anonymous && name == "" && bare(f.Type).Kind() == reflect.Struct:
			out = append(out, fields(bare(f.Type))...)
		case name == "":
			out = append(out, field{f.Name, f.Type})
		default:
			out = append(out, field{name, f.Type})
		}
	}
	return out
}

// keys lists the dotted keys of all settings below t, groups with them.
func keys(t reflect.Type, prefix string) []string {
	if t = bare(t); t.Kind() != reflect.Struct || itself(t) {
		return nil
	}
	var out []string
	for _, f := range fields(t) {
		at := join(prefix, f.name)
		out = append(out, at)
		out = append(out, keys(f.t, at)...)
	}
	slices.Sort(out)
	return out
}

// set applies one setting key=value to the struct that dst points to. A string needs no quotes.
func set(dst any, setting string) error {
	key, value, found := strings.Cut(setting, "=")
	if !found || key == "" {
		return fmt.Errorf("--set %q: want key=value, as in text.length.contents=20", setting)
	}
	root := reflect.TypeOf(dst).Elem()
	t, parts := root, strings.Split(key, ".")
	for _, part := range parts {
		next, known := child(bare(t), part)
		if !known || part == "" || !holds(bare(t)) {
			return (&keyCheck{root: root, name: "--set"}).unknown(key)
		}
		t = next
	}
	tree := json.RawMessage(value)
	if isText(t) && !strings.HasPrefix(value, `"`) {
		quoted, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("--set %q: %w", setting, err)
		}
		tree = quoted
	} else if syntax(tree) != nil {
		return fmt.Errorf("%s in --set: want %s, got %q", key, describe(orString(bare(t))), value)
	}
	for _, part := range slices.Backward(parts) {
		var b bytes.Buffer
		name, _ := json.Marshal(part) // a string
		_, _ = io.WriteString(&b, "{"+string(name)+":"+string(tree)+"}")
		tree = b.Bytes()
	}
	return decodeStrict(dst, tree, "--set")
}

// holds tells whether values of a type have members.
func holds(t reflect.Type) bool {
	return t == nil || t.Kind() == reflect.Struct || t.Kind() == reflect.Map || t.Kind() == reflect.Interface
}

func orString(t reflect.Type) reflect.Type {
	if t == nil {
		return reflect.TypeFor[string]()
	}
	return t
}

// isText tells whether a value of the type is written as a string.
func isText(t reflect.Type) bool {
	t = bare(t)
	return t != nil && (t.Kind() == reflect.String || reflect.PointerTo(t).Implements(textItself) && !reflect.PointerTo(t).Implements(jsonItself))
}
