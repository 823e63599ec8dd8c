package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Override applies settings of the form "a.b=value" to the struct that dst points to, in order.
// Keys are the dotted json names of its fields. A value is a number, true or false, a string
// without quotes, or JSON for lists and groups. An unknown key or a value of another type is an
// error that names it, and dst is then left as it was.
func Override(dst any, settings []string) error {
	target, err := structOf(dst)
	if err != nil {
		return err
	}
	d := decoder{root: target.Type(), name: "--set"}
	draft := reflect.New(target.Type()).Elem()
	draft.Set(target)
	for _, setting := range settings {
		if !utf8.ValidString(setting) {
			return fmt.Errorf("--set %q: not valid UTF-8", setting)
		}
		key, value, found := strings.Cut(setting, "=")
		if !found || key == "" {
			return fmt.Errorf("--set %q: want key=value, as in model.layers=6", setting)
		}
		tree, err := d.setting(key, value)
		if err != nil {
			return err
		}
		if err := d.assign(draft, tree, ""); err != nil {
			return err
		}
	}
	target.Set(draft)
	return nil
}

// Decode reads one JSON object onto the struct that dst points to; fields that data does not
// mention keep their value. An unknown or repeated key, a wrong type, null but for a list, or anything after the
// object is an error that names the key and name, the source of data for the reader; dst is then
// left as it was.
func Decode(dst any, data []byte, name string) error {
	target, err := structOf(dst)
	if err != nil {
		return err
	}
	d := decoder{root: target.Type(), name: name}
	tree, err := parseTree(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	draft := reflect.New(target.Type()).Elem()
	draft.Set(target)
	if err := d.assign(draft, tree, ""); err != nil {
		return err
	}
	target.Set(draft)
	return nil
}

// structOf returns the struct that dst points to.
func structOf(dst any) (reflect.Value, error) {
	v := reflect.ValueOf(dst)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return reflect.Value{}, fmt.Errorf("configuration of type %T: want a pointer to a struct", dst)
	}
	return v.Elem(), nil
}

// decoder knows what errors must name: the whole set of keys, and where the values came from.
type decoder struct {
	root reflect.Type
	name string
}

// unknown is the error for a key that does not exist.
func (d decoder) unknown(key string) error {
	if nearest := NearestKey(key, dottedKeys(d.root, "", 0)); nearest != "" {
		return fmt.Errorf("unknown key %q in %s: did you mean %q?", key, d.name, nearest)
	}
	return fmt.Errorf("unknown key %q in %s", key, d.name)
}

// wrong is the error for a value that its key cannot take.
func (d decoder) wrong(key, want string, got any) error {
	if key == "" {
		key = "the whole"
	}
	return fmt.Errorf("%s in %s: want %s, got %s", key, d.name, want, show(got))
}

// setting turns key=value into the tree {"a":{"b":value}}, reading value as the key's type asks.
func (d decoder) setting(key, value string) (any, error) {
	parts := strings.Split(key, ".")
	t := d.root
	for _, part := range parts {
		if t = child(t, part); t == nil {
			return nil, d.unknown(key)
		}
	}
	tree, err := d.literal(key, value, t)
	if err != nil {
		return nil, err
	}
	for _, part := range slices.Backward(parts) {
		tree = map[string]any{part: tree}
	}
	return tree, nil
}

// child returns the type of the named member of a struct or map type, nil where there is none.
func child(t reflect.Type, name string) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case name == "" || decodesItself(t) != leafNone:
		return nil
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String:
		return t.Elem()
	case t.Kind() == reflect.Struct:
		for _, f := range fieldsOf(t) {
			if f.name == name {
				return f.typ
			}
		}
	}
	return nil
}

// literal reads the text after "=" as a value of type t.
func (d decoder) literal(key, text string, t reflect.Type) (any, error) {
	for t.Kind() == reflect.Pointer {
		if text == "null" {
			return nil, nil
		}
		t = t.Elem()
	}
	switch {
	case isNumber(t):
		return json.Number(text), nil
	case (t.Kind() == reflect.String || decodesItself(t) == leafText) && !strings.HasPrefix(text, `"`):
		return text, nil
	}
	tree, err := parseTree([]byte(text))
	if err != nil {
		return nil, d.wrong(key, describe(t), text)
	}
	return tree, nil
}

// assign stores a parsed tree in v, whose dotted key is given. Maps and pointees are replaced by
// changed copies, never changed in place: they may be shared with the caller's value.
func (d decoder) assign(v reflect.Value, tree any, key string) error {
	switch decodesItself(v.Type()) {
	case leafJSON:
		if tree == nil {
			return d.wrong(key, describe(v.Type()), tree)
		}
		return d.assignItself(v, tree, key)
	case leafText:
		if _, ok := tree.(string); !ok {
			return d.wrong(key, "a string", tree)
		}
		return d.assignItself(v, tree, key)
	}
	switch v.Kind() {
	case reflect.Pointer:
		return d.assignPointer(v, tree, key)
	case reflect.Struct:
		return d.assignStruct(v, tree, key)
	case reflect.Map:
		return d.assignMap(v, tree, key)
	case reflect.Slice, reflect.Array:
		return d.assignList(v, tree, key)
	case reflect.Interface:
		if v.NumMethod() == 0 {
			return d.assignItself(v, tree, key)
		}
	case reflect.String:
		if text, ok := tree.(string); ok {
			v.SetString(text)
			return nil
		}
	case reflect.Bool:
		if flag, ok := tree.(bool); ok {
			v.SetBool(flag)
			return nil
		}
	}
	if number, ok := tree.(json.Number); ok && isNumber(v.Type()) {
		return d.assignNumber(v, number, key)
	}
	return d.wrong(key, describe(v.Type()), tree)
}

// assignItself lets encoding/json, and so the type's own method, decode the tree.
func (d decoder) assignItself(v reflect.Value, tree any, key string) error {
	data, err := json.Marshal(tree)
	if err != nil {
		return d.wrong(key, describe(v.Type()), tree)
	}
	fresh := reflect.New(v.Type())
	if err := json.Unmarshal(data, fresh.Interface()); err != nil {
		return fmt.Errorf("%s in %s: %w", key, d.name, err)
	}
	v.Set(fresh.Elem())
	return nil
}

func (d decoder) assignPointer(v reflect.Value, tree any, key string) error {
	if tree == nil {
		v.SetZero()
		return nil
	}
	fresh := reflect.New(v.Type().Elem())
	if !v.IsNil() {
		fresh.Elem().Set(v.Elem())
	}
	if err := d.assign(fresh.Elem(), tree, key); err != nil {
		return err
	}
	v.Set(fresh)
	return nil
}

func (d decoder) assignStruct(v reflect.Value, tree any, key string) error {
	object, ok := tree.(map[string]any)
	if !ok {
		return d.wrong(key, describe(v.Type()), tree)
	}
	fields := fieldsOf(v.Type())
	for _, name := range slices.Sorted(maps.Keys(object)) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
		if i < 0 {
			return d.unknown(join(key, name))
		}
		if err := d.assign(v.FieldByIndex(fields[i].index), object[name], join(key, name)); err != nil {
			return err
		}
	}
	return nil
}

func (d decoder) assignMap(v reflect.Value, tree any, key string) error {
	object, ok := tree.(map[string]any)
	if !ok || v.Type().Key().Kind() != reflect.String {
		return d.wrong(key, describe(v.Type()), tree)
	}
	fresh := reflect.MakeMap(v.Type())
	for it := v.MapRange(); it.Next(); {
		fresh.SetMapIndex(it.Key(), it.Value())
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		mapKey := reflect.ValueOf(name).Convert(v.Type().Key())
		element := reflect.New(v.Type().Elem()).Elem()
		if old := fresh.MapIndex(mapKey); old.IsValid() {
			element.Set(old)
		}
		if err := d.assign(element, object[name], join(key, name)); err != nil {
			return err
		}
		fresh.SetMapIndex(mapKey, element)
	}
	v.Set(fresh)
	return nil
}

func (d decoder) assignList(v reflect.Value, tree any, key string) error {
	if tree == nil && v.Kind() == reflect.Slice { // how encoding/json writes a list without elements
		v.SetZero()
		return nil
	}
	list, ok := tree.([]any)
	if !ok || v.Kind() == reflect.Array && len(list) != v.Len() {
		return d.wrong(key, describe(v.Type()), tree)
	}
	fresh := reflect.New(v.Type()).Elem()
	if v.Kind() == reflect.Slice {
		fresh = reflect.MakeSlice(v.Type(), len(list), len(list))
	}
	for i, element := range list {
		if err := d.assign(fresh.Index(i), element, fmt.Sprintf("%s[%d]", key, i)); err != nil {
			return err
		}
	}
	v.Set(fresh)
	return nil
}

// assignNumber stores a JSON number, which must be exact for whole-number fields.
func (d decoder) assignNumber(v reflect.Value, number json.Number, key string) error {
	text := number.String()
	wrong := d.wrong(key, describe(v.Type()), number)
	if !json.Valid([]byte(text)) || strings.TrimSpace(text) != text || !strings.ContainsAny(text[:1], "-0123456789") {
		return wrong
	}
	bits := v.Type().Bits()
	switch {
	case v.CanInt():
		n, err := strconv.ParseInt(text, 10, bits)
		if err != nil {
			return wrong
		}
		v.SetInt(n)
	case v.CanUint():
		n, err := strconv.ParseUint(text, 10, bits)
		if err != nil {
			return wrong
		}
		v.SetUint(n)
	default:
		x, err := strconv.ParseFloat(text, bits)
		if err != nil {
			return wrong
		}
		v.SetFloat(x)
	}
	return nil
}

// parseTree reads one JSON value, refusing repeated keys; numbers stay json.Number. Syntax errors
// carry line and column.
func parseTree(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("not valid UTF-8")
	}
	var whole json.RawMessage
	if err := json.Unmarshal(data, &whole); err != nil { // also bounds the nesting and refuses a tail
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			before := data[:min(int(syntax.Offset), len(data))]
			line := 1 + bytes.Count(before, []byte("\n"))
			column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
			return nil, fmt.Errorf("not valid JSON at line %d, column %d: %w", line, column, err)
		}
		return nil, fmt.Errorf("not valid JSON: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	return parseValue(decoder)
}

func parseValue(decoder *json.Decoder) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		return parseObject(decoder)
	case json.Delim('['):
		list := []any{}
		for decoder.More() {
			element, err := parseValue(decoder)
			if err != nil {
				return nil, err
			}
			list = append(list, element)
		}
		_, err = decoder.Token()
		return list, err
	}
	return token, nil
}

func parseObject(decoder *json.Decoder) (any, error) {
	object := map[string]any{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, ok := token.(string)
		if !ok {
			return nil, fmt.Errorf("object key %v is no string", token)
		}
		if _, repeated := object[name]; repeated {
			return nil, fmt.Errorf("key %q stands twice in one object", name)
		}
		if object[name], err = parseValue(decoder); err != nil {
			return nil, err
		}
	}
	_, err := decoder.Token()
	return object, err
}
