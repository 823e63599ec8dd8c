package m6

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// eventFile writes scalars as TensorBoard reads them: a TFRecord file of Event messages (tensorflow/core/util/event.proto).
type eventFile struct{ f *os.File }

func createEventFile(dir string) (*eventFile, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("events.out.tfevents.%d.m6.%d", time.Now().UnixNano(), os.Getpid())
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	e := &eventFile{f}
	version := protowire.AppendTag(nil, 3, protowire.BytesType) // Event.file_version
	version = protowire.AppendString(version, "brain.Event:2")
	return e, e.record(append(eventHead(0), version...))
}

// eventHead is Event.wall_time and Event.step.
func eventHead(step int64) []byte {
	b := protowire.AppendTag(nil, 1, protowire.Fixed64Type)
	b = protowire.AppendFixed64(b, math.Float64bits(float64(time.Now().UnixNano())/1e9))
	b = protowire.AppendTag(b, 2, protowire.VarintType)
	return protowire.AppendVarint(b, uint64(step))
}

// scalars writes the values of one step.
func (e *eventFile) scalars(step int64, values map[string]float64) error {
	var summary []byte
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := protowire.AppendTag(nil, 1, protowire.BytesType) // Value.tag
		value = protowire.AppendString(value, name)
		value = protowire.AppendTag(value, 2, protowire.Fixed32Type) // Value.simple_value
		value = protowire.AppendFixed32(value, math.Float32bits(float32(values[name])))
		summary = protowire.AppendTag(summary, 1, protowire.BytesType) // Summary.value
		summary = protowire.AppendBytes(summary, value)
	}
	event := protowire.AppendTag(eventHead(step), 5, protowire.BytesType) // Event.summary
	return e.record(protowire.AppendBytes(event, summary))
}

// record writes one TFRecord: length, its checksum, data, its checksum.
func (e *eventFile) record(data []byte) error {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	out := binary.LittleEndian.AppendUint32(length, maskedCRC(length))
	out = append(out, data...)
	out = binary.LittleEndian.AppendUint32(out, maskedCRC(data))
	_, err := e.f.Write(out)
	return err
}

func (e *eventFile) close() error { return e.f.Close() }

func maskedCRC(data []byte) uint32 {
	crc := crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	return (crc>>15 | crc<<17) + 0xa282ead8
}
