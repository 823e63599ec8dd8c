package strict

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// leaf says whether a type decodes itself, and from what.
type leaf int

const (
	leafNone leaf = iota // no: by its kind
	leafJSON             // json.Unmarshaler, from any JSON
	leafText             // encoding.TextUnmarshaler, from a string
)

func decodesItself(t reflect.Type) leaf {
	switch p := reflect.PointerTo(t); {
	case p.Implements(reflect.TypeFor[json.Unmarshaler]()):
		return leafJSON
	case p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return leafText
	}
	return leafNone
}

func isNumber(t reflect.Type) bool {
	return t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64 && t.Kind() != reflect.Uintptr &&
		decodesItself(t) == leafNone
}

// describe says in words what a key of type t takes.
func describe(t reflect.Type) string {
	if decodesItself(t) == leafText {
		return "a string"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return describe(t.Elem())
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a string"
	case reflect.Float32, reflect.Float64:
		return "a number such as 0.5 or 1e-4"
	case reflect.Struct:
		return "an object of keys (" + strings.Join(names(fieldsOf(t)), ", ") + ")"
	case reflect.Map:
		return "an object such as {\"name\": 1}"
	case reflect.Slice:
		return "a list in JSON such as [1, 2]"
	case reflect.Array:
		return fmt.Sprintf("a list of %d in JSON", t.Len())
	}
	if isNumber(t) {
		whole := "a whole number in plain digits, such as 1000"
		if t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64 {
			whole = "a whole number in plain digits and not negative, such as 1000"
		}
		if t.Bits() < strconv.IntSize {
			whole += fmt.Sprintf(" (%d bits)", t.Bits())
		}
		return whole
	}
	return "a value that this field can hold"
}

// show renders a value for a message, short enough for one line.
func show(value any) string {
	text, isText := value.(string)
	switch v := value.(type) {
	case json.Number:
		text = v.String()
	case string:
	default:
		data, err := json.Marshal(value)
		if err != nil {
			return fmt.Sprintf("%T", value)
		}
		text = string(data)
	}
	if r := []rune(text); len(r) > 60 {
		text = string(r[:57]) + "..."
	}
	if isText || text == "" || strings.ContainsAny(text, "\n\r") {
		return strconv.Quote(text)
	}
	return text
}

// field is one key of a struct: its json name, type, and way to it through embedded structs.
type field struct {
	name  string
	typ   reflect.Type
	index []int
}

// fieldsOf lists the keys of a struct type in order, those of untagged embedded structs in place.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || decodesItself(t) != leafNone {
		return nil
	}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append(slices.Clone(f.Index), inner.index...)
				out = append(out, inner)
			}
			continue
		case f.Tag.Get("json") == "-" || !f.IsExported():
			continue
		case name == "":
			name = f.Name
		}
		out = append(out, field{name: name, typ: f.Type, index: f.Index})
	}
	return out
}

func names(fields []field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.name
	}
	return out
}

// Keys lists the dotted keys of a struct type, groups and elements of lists included.
func Keys(t reflect.Type) []string { return dottedKeys(t, "", 0) }

// dottedKeys lists every key under a type, groups and elements of lists included; depth guards
// recursive types.
func dottedKeys(t reflect.Type, prefix string, depth int) []string {
	var out []string
	if prefix != "" {
		out = append(out, prefix)
	}
	if depth > 8 {
		return out
	}
	if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
		return append(out, dottedKeys(t.Elem(), prefix+"[]", depth+1)[1:]...)
	}
	for _, f := range fieldsOf(t) {
		out = append(out, dottedKeys(f.typ, join(prefix, f.name), depth+1)...)
	}
	return out
}

func join(group, name string) string {
	if group == "" {
		return name
	}
	return group + "." + name
}
