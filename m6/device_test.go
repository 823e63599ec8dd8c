package m6

import (
	"strings"
	"testing"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// Many products at once end on the pure-Go backend; with its own configuration they soon wait for each other for ever.
func TestGoBackendEnds(t *testing.T) {
	t.Setenv("GOMLX_BACKEND", "go")
	backend, err := openBackend(1)
	if err != nil {
		t.Fatal(err)
	}
	program := MustNewExec(backend, func(g *Graph) []*Node {
		var out []*Node
		for i := range 16 {
			x := AddScalar(IotaFull(g, shapes.Make(dtypes.Float32, 8, 256, 48)), float64(i))
			out = append(out, ReduceAllSum(EinsumAxes(x, x, [][2]int{{1, 1}}, [][2]int{{0, 0}})))
		}
		return out
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 100 {
			program.MustCall()
		}
	}()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("100 runs of 16 products have not ended within half a minute")
	}
}

// A step that the device has no room for ends with one line that says what to change.
func TestDeviceIsFull(t *testing.T) {
	d, err := OpenDevice(Mesh{1, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	p, err := newProgram(d, "huge", func(b *builder) {
		b.output("x", IotaFull(b.g, shapes.Make(dtypes.Float32, 1<<44)), nil) // 70 TB
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.run(nil, nil)
	if err == nil || !strings.Contains(err.Error(), "train.batch") || strings.Contains(err.Error(), "\n") {
		t.Errorf("running a program of 70 TB: %v, want one line with what to change", err)
	}
}
