package checkpoints

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The holder is named while the folder is open, and nobody is before and after; asking leaves it free.
func TestHolder(t *testing.T) {
	dir := t.TempDir() + "/checkpoints"
	ask := func() string {
		t.Helper()
		who, err := Holder(dir)
		if err != nil {
			t.Fatal(err)
		}
		return who
	}
	if who := ask(); who != "" {
		t.Errorf("%q holds a folder that does not exist", who)
	}
	for range 2 {
		m, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if who := ask(); !strings.Contains(who, fmt.Sprint(os.Getpid())) {
			t.Errorf("%q holds the folder, want this process", who)
		}
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
		if who := ask(); who != "" {
			t.Errorf("%q holds a folder that was closed", who)
		}
	}
}

// Every save that became durable is told with its size and time, and one that failed is not.
func TestSaved(t *testing.T) {
	var told []Info
	m, err := Open(t.TempDir(), Options{Saved: func(i Info, seconds float64) {
		if seconds <= 0 {
			t.Errorf("step %d took %g s", i.Step, seconds)
		}
		told = append(told, i)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	state := State{Step: 3, Tensors: []Tensor{FromFloat32s("a", []int{2}, []float32{1, 2})}}
	if err := m.Save(state); err != nil {
		t.Fatal(err)
	}
	if err := m.Save(State{Step: 2}); err == nil {
		t.Error("an earlier step was saved")
	}
	state.Step = 5
	if err := m.SaveAsync(state); err != nil {
		t.Fatal(err)
	}
	if err := m.Wait(); err != nil {
		t.Fatal(err)
	}
	if len(told) != 2 || told[0].Step != 3 || told[1].Step != 5 || told[1].Bytes < 8 {
		t.Errorf("told of %+v, want steps 3 and 5", told)
	}
}
