package stages

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"m6lab/datasets/source"
)

// plan cuts the inputs into units.
func (j *Job) plan(ctx context.Context, o Options) error {
	target := o.Unit
	if target <= 0 {
		target = defaultUnit
	}
	specs := make([]source.Spec, len(o.In))
	for i, in := range o.In {
		spec, err := source.ParseSpec(in)
		if err != nil {
			return err
		}
		specs[i] = spec
	}
	var parts []source.Part
	var inputs []int // of the parts
	for i, spec := range specs {
		own, err := source.Plan(ctx, []source.Spec{spec}, target)
		if err != nil {
			return err
		}
		parts = append(parts, own...)
		inputs = append(inputs, slices.Repeat([]int{i}, len(own))...)
	}
	if len(parts) == 0 {
		return fmt.Errorf("the inputs %s hold no file: name files, folders or patterns", strings.Join(o.In, ", "))
	}
	stamps := map[string]string{}
	var size int64
	var unit []source.Part
	var of []int
	end := func() {
		if len(unit) == 0 {
			return
		}
		u := Unit{Number: len(j.Units), Parts: unit, Inputs: of}
		var seen []string
		for _, p := range unit {
			seen = append(seen, stamp(p.Address, stamps))
		}
		u.Key = hashOf(u.Number, unit, seen)
		j.Units = append(j.Units, u)
		unit, of, size = nil, nil, 0
	}
	for i, p := range parts {
		if size > 0 && size+p.Size > target {
			end()
		}
		unit, of = append(unit, p), append(of, inputs[i])
		size += p.Size
		j.Bytes += p.Size
	}
	end()
	j.Buckets = 4
	for int64(j.Buckets)*(64<<20) < j.Bytes && j.Buckets < groupSize {
		j.Buckets *= 2
	}
	return j.planIndex(ctx)
}

// stamp tells sizes and times of a local input, so that shards made of an older one are not taken for finished. Inputs in buckets, which are
// not overwritten in practice, are known by address and size alone.
func stamp(address string, known map[string]string) string {
	if s, ok := known[address]; ok {
		return s
	}
	path := strings.TrimPrefix(address, "file://")
	if strings.Contains(path, "://") {
		return ""
	}
	h := ""
	info, err := os.Stat(path)
	switch {
	case err != nil: // a pattern: its files are named by the part
	case !info.IsDir():
		h = fmt.Sprint(info.Size(), info.ModTime().UnixNano())
	default:
		var all []string
		_ = filepath.WalkDir(path, func(name string, e fs.DirEntry, err error) error { // reading names what cannot be read
			if err == nil && !e.IsDir() {
				if info, err := e.Info(); err == nil {
					all = append(all, fmt.Sprint(name, info.Size(), info.ModTime().UnixNano()))
				}
			}
			return nil
		})
		h = hashOf(all)
	}
	known[address] = h
	return h
}
