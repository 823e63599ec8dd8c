package checkpoints_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"m6lab/checkpoints"
)

// folder is a fresh one for an example.
func folder() (string, func()) {
	dir, err := os.MkdirTemp("", "checkpoints")
	if err != nil {
		panic(err)
	}
	return dir, func() { _ = os.RemoveAll(dir) }
}

func ExampleWriteSafetensors() {
	dir, remove := folder()
	defer remove()
	path := filepath.Join(dir, "m.safetensors")
	w := checkpoints.FromFloat32s("final_norm.scale", []int{3}, []float32{1, 0.5, -2})
	if err := checkpoints.WriteSafetensors(path, []checkpoints.Tensor{w}, map[string]string{"config": "{}"}); err != nil {
		fmt.Println(err)
	}
	f, err := checkpoints.ReadSafetensors(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	t, _ := f.Tensor("final_norm.scale")
	values, _ := t.Float32s()
	fmt.Println(f.Names(), t.Dims, values, f.Metadata())
	// Output: [final_norm.scale] [3] [1 0.5 -2] map[config:{}]
}

func ExampleMatch() {
	have := []checkpoints.Spec{{Name: "output.bias", Dims: []int{100}}, {Name: "old.bias", Dims: []int{7}}}
	want := []checkpoints.Spec{{Name: "output.bias", Dims: []int{21128}}, {Name: "final_norm.bias", Dims: []int{64}}}
	fmt.Println(checkpoints.Match(have, want))
	// Output: tensors do not match: 1 missing: final_norm.bias [64]; 1 extra: old.bias [7]; 1 misshapen: output.bias is [100], want [21128]
}

func ExampleManager() {
	dir, remove := folder()
	defer remove()
	m, err := checkpoints.Open(dir, checkpoints.Options{Keep: 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	state, _, err := m.Restore()
	fmt.Println("new run:", errors.Is(err, checkpoints.ErrNone))

	for state.Step < 40 {
		state.Step += 10
		state.Tensors = []checkpoints.Tensor{checkpoints.FromInt32s("w", []int{1}, []int32{int32(state.Step)})}
		state.Values = map[string]json.RawMessage{"random": json.RawMessage(`{"seed":7}`)}
		if err := m.Save(state); err != nil {
			fmt.Println(err)
		}
		if state.Step == 10 {
			_ = m.MarkBest(10, 0.25)
		}
	}
	infos, _ := m.List()
	for _, i := range infos {
		fmt.Println(filepath.Base(i.Path), i.Tensors, "tensor")
	}
	// Output:
	// new run: true
	// step-00000040 1 tensor
	// step-00000030 1 tensor
	// step-00000010 1 tensor
}

// A checkpoint whose newest file was cut short is skipped, and the report says why.
func ExampleLoad() {
	dir, remove := folder()
	defer remove()
	m, _ := checkpoints.Open(dir, checkpoints.Options{})
	for step := int64(1); step <= 2; step++ {
		_ = m.Save(checkpoints.State{Step: step, Tensors: []checkpoints.Tensor{checkpoints.FromInt32s("w", []int{3}, []int32{1, 2, 3})}})
	}
	_ = m.Close()
	_ = os.Truncate(filepath.Join(dir, "step-00000002", "data-00000.safetensors"), 50)

	state, report, err := checkpoints.Load(dir)
	fmt.Println(state.Step, err)
	for _, p := range report.Problems {
		fmt.Println(filepath.Base(p.Path), p.Reason)
	}
	// Output:
	// 1 <nil>
	// step-00000002 data-00000.safetensors: truncated: 50 bytes where the manifest has 76
}

// A tensor saved in two halves of its columns is read by rows.
func ExampleCheckpoint_ReadSlice() {
	dir, remove := folder()
	defer remove()
	m, _ := checkpoints.Open(dir, checkpoints.Options{})
	defer m.Close()
	w := checkpoints.Spec{Name: "w", DType: checkpoints.U8, Dims: []int{3, 4}}
	halves := [][]byte{{0, 1, 10, 11, 20, 21}, {2, 3, 12, 13, 22, 23}}
	err := m.SaveFrom(checkpoints.Source{
		Step: 5,
		Parts: []checkpoints.Part{
			{Spec: w, Start: []int{0, 0}, Size: []int{3, 2}},
			{Spec: w, Start: []int{0, 2}, Size: []int{3, 2}},
		},
		Data: func(i int) ([]byte, error) { return halves[i], nil },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := checkpoints.OpenCheckpoint(filepath.Join(dir, "step-00000005"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	fmt.Println(c.ReadSlice("w", []int{1, 0}, []int{2, 4}))
	// Output: [10 11 12 13 20 21 22 23] <nil>
}

func ExampleCheck() {
	dir, remove := folder()
	defer remove()
	m, _ := checkpoints.Open(filepath.Join(dir, "checkpoints"), checkpoints.Options{})
	_ = m.Save(checkpoints.State{Step: 1, Tensors: []checkpoints.Tensor{checkpoints.FromInt32s("w", []int{3}, []int32{1, 2, 3})}})
	_ = m.Close()
	r, err := checkpoints.Check(dir)
	fmt.Println(r.Kind, len(r.Checkpoints), r.Tensors, r.Bytes, len(r.Problems), err)
	// Output: checkpoints 1 1 76 0 <nil>
}
