package plugin

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Module is a compiled program in XLA's own terms: the part of one device.
type Module struct {
	entry        int64
	computations map[int64]*computation
}

type computation struct {
	instructions []*instruction
	byID         map[int64]*instruction
}

type instruction struct {
	id         int64
	opcode     string
	shape      shape
	operands   []int64
	called     []int64
	contracted []int64 // of a dot: dimensions of its left side that are summed over
	groups     int64   // of a collective: devices of a group; 0 where it says nothing
	loops      int64   // of a while: how often its body runs
}

type shape struct {
	element int64 // xla.PrimitiveType
	dims    []int64
	tuple   []shape
}

// field is one field of a message of protocol buffers: number for varints, bytes for the rest.
type field struct {
	tag    protowire.Number
	number int64
	bytes  []byte
}

// fields calls f for each field of a message.
func fields(message []byte, f func(field) error) error {
	for len(message) > 0 {
		tag, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return fmt.Errorf("optimized program: %w", protowire.ParseError(n))
		}
		message = message[n:]
		out := field{tag: tag}
		switch kind {
		case protowire.VarintType:
			var v uint64
			v, n = protowire.ConsumeVarint(message)
			out.number = int64(v)
		case protowire.BytesType:
			out.bytes, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(tag, kind, message)
		}
		if n < 0 {
			return fmt.Errorf("optimized program: %w", protowire.ParseError(n))
		}
		message = message[n:]
		if err := f(out); err != nil {
			return err
		}
	}
	return nil
}

// numbers appends a field of repeated integers, packed or not.
func numbers(to []int64, f field) []int64 {
	if f.bytes == nil {
		return append(to, f.number)
	}
	for rest := f.bytes; len(rest) > 0; {
		v, n := protowire.ConsumeVarint(rest)
		if n < 0 {
			break
		}
		to, rest = append(to, int64(v)), rest[n:]
	}
	return to
}

// The fields' numbers are those of xla/service/hlo.proto and xla/xla_data.proto.

// parseModule reads an xla.HloModuleProtoWithConfig.
func parseModule(message []byte) (*Module, error) {
	m := &Module{computations: map[int64]*computation{}}
	err := fields(message, func(f field) error {
		if f.tag != 1 {
			return nil
		}
		return fields(f.bytes, func(f field) error {
			switch f.tag {
			case 3:
				return m.addComputation(f.bytes)
			case 6:
				m.entry = f.number
			}
			return nil
		})
	})
	if err == nil && m.computations[m.entry] == nil {
		err = fmt.Errorf("optimized program: no entry among %d computations", len(m.computations))
	}
	return m, err
}

func (m *Module) addComputation(message []byte) error {
	c := &computation{byID: map[int64]*instruction{}}
	var id int64
	err := fields(message, func(f field) error {
		switch f.tag {
		case 2:
			i, err := parseInstruction(f.bytes)
			if err != nil {
				return err
			}
			c.instructions = append(c.instructions, i)
			c.byID[i.id] = i
		case 5:
			id = f.number
		}
		return nil
	})
	m.computations[id] = c
	return err
}

func parseInstruction(message []byte) (*instruction, error) {
	i := &instruction{loops: 1}
	err := fields(message, func(f field) (err error) {
		switch f.tag {
		case 2:
			i.opcode = string(f.bytes)
		case 3:
			i.shape, err = parseShape(f.bytes)
		case 30:
			err = fields(f.bytes, func(f field) error {
				if f.tag == 1 {
					i.contracted = numbers(i.contracted, f)
				}
				return nil
			})
		case 35:
			i.id = f.number
		case 36:
			i.operands = numbers(i.operands, f)
		case 38:
			i.called = numbers(i.called, f)
		case 43:
			i.loops = tripCount(string(f.bytes))
		case 49, 87:
			err = i.parseGroup(f)
		case 92:
			err = fields(f.bytes, func(f field) error {
				if f.tag == 2 {
					i.groups = f.number
				}
				return nil
			})
		}
		return err
	})
	return i, err
}

// parseGroup reads the size of the first group of devices, an xla.ReplicaGroup or a list of them.
func (i *instruction) parseGroup(f field) error {
	if f.tag == 87 {
		return fields(f.bytes, func(f field) error {
			if f.tag == 1 {
				return i.parseGroup(f)
			}
			return nil
		})
	}
	if i.groups > 0 {
		return nil
	}
	return fields(f.bytes, func(f field) error {
		if f.tag == 1 {
			i.groups += int64(len(numbers(nil, f)))
		}
		return nil
	})
}

// tripCount reads how often a loop runs from the compiler's note on it, such as {"known_trip_count":{"n":"7"}}; 1 where it has none.
func tripCount(config string) int64 {
	_, rest, ok := strings.Cut(config, `"known_trip_count":{"n":"`)
	var n int64 = 1
	if ok {
		if _, err := fmt.Sscanf(rest, "%d", &n); err != nil {
			return 1
		}
	}
	return n
}

func parseShape(message []byte) (s shape, err error) {
	err = fields(message, func(f field) error {
		switch f.tag {
		case 2:
			s.element = f.number
		case 3:
			s.dims = numbers(s.dims, f)
		case 4:
			part, err := parseShape(f.bytes)
			if err != nil {
				return err
			}
			s.tuple = append(s.tuple, part)
		}
		return nil
	})
	return s, err
}

func (s shape) elements() int64 {
	n := int64(1)
	for _, d := range s.dims {
		n *= d
	}
	return n
}

// elementBytes are the sizes of xla.PrimitiveType's members that programs here use.
var elementBytes = map[int64]int64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 2, 8: 4, 9: 8, 10: 2, 11: 4, 12: 8, 15: 8, 16: 2, 18: 16}

func (s shape) bytes() (total int64) {
	for _, part := range s.tuple {
		total += part.bytes()
	}
	if s.tuple == nil {
		total = s.elements() * elementBytes[s.element]
	}
	return total
}

// each calls f for every instruction that is run, with how often it is, from the entry down.
func (m *Module) each(f func(c *computation, i *instruction, times int64)) {
	var walk func(id, times int64)
	walk = func(id, times int64) {
		c := m.computations[id]
		if c == nil {
			return
		}
		for _, i := range c.instructions {
			f(c, i, times)
			for _, called := range i.called {
				walk(called, times*i.loops)
			}
		}
	}
	walk(m.entry, 1)
}

// FLOPs are the operations of the program's matrix products on one device: 2 for each pair that is multiplied and added.
func (m *Module) FLOPs() (total float64) {
	m.each(func(c *computation, i *instruction, times int64) {
		if i.opcode != "dot" {
			return
		}
		work := 2 * float64(times) * float64(i.shape.elements())
		left := c.byID[i.operands[0]].shape.dims
		for _, d := range i.contracted {
			work *= float64(left[d])
		}
		total += work
	})
	return total
}

// Collective is all operations of one kind over groups of one size.
type Collective struct {
	Kind    string `json:"kind"`    // all-reduce, all-gather, reduce-scatter, all-to-all, collective-permute
	Devices int64  `json:"devices"` // of a group; 0 where the program does not say
	Count   int64  `json:"count"`
	Bytes   int64  `json:"bytes"` // that one device has when all are done
}

var collectiveKinds = []string{"all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute", "collective-broadcast", "ragged-all-to-all"}

// Collectives counts what the devices say to each other, sorted by kind and size of the group.
func (m *Module) Collectives() []Collective {
	type key struct {
		kind    string
		devices int64
	}
	found := map[key]*Collective{}
	m.each(func(_ *computation, i *instruction, times int64) {
		kind := strings.TrimSuffix(i.opcode, "-start")
		if !slices.Contains(collectiveKinds, kind) {
			return
		}
		k := key{kind, i.groups}
		if found[k] == nil {
			found[k] = &Collective{Kind: kind, Devices: i.groups}
		}
		found[k].Count += times
		found[k].Bytes += times * i.shape.bytes()
	})
	var out []Collective
	for _, c := range found {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Collective) int {
		return 2*strings.Compare(a.Kind, b.Kind) + int(max(-1, min(1, a.Devices-b.Devices)))
	})
	return out
}
