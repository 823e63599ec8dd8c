package m6

import (
	"fmt"
	"os"
	"time"

	"github.com/gomlx/compute"

	"m6lab/m6/plugin"
)

// Lowered is what XLA says of the training step of a run, compiled for the run's own mesh without allocating a weight.
type Lowered struct {
	Arguments      int64                 `json:"arguments"`   // bytes per device: weights, optimizer state, batch
	Temporaries    int64                 `json:"temporaries"` // bytes per device that the step needs while it runs
	Peak           int64                 `json:"peak"`        // bytes per device
	FLOPs          float64               `json:"flops"`       // of the matrix products of one device
	Collectives    map[string]Collective `json:"collectives"` // by kind
	CompileSeconds float64               `json:"compile_seconds"`
}

// Collective is what the devices say to each other in one kind of operation during a step.
type Collective struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"` // that one device has when all of them are done
}

// Lower compiles the training step of a run for a batch of a shape, with its optimizer, precision and checkpointing, on virtual devices.
func Lower(r Run, shape Shape) (Lowered, error) {
	if err := r.Validate(); err != nil {
		return Lowered{}, err
	}
	if found, ok := plugin.Find(os.Getenv(compute.ConfigEnvVar)); !ok || found.CUDA {
		return Lowered{}, fmt.Errorf("%s=%s has no virtual devices: compile with %s=xla:cpu", compute.ConfigEnvVar, os.Getenv(compute.ConfigEnvVar), compute.ConfigEnvVar)
	}
	d, err := OpenDevice(r.Mesh)
	if err != nil {
		return Lowered{}, err
	}
	d.looks = true
	step := NewStep(d, &Model{Config: r.Model}, r)
	start := time.Now()
	p, err := step.program(shape)
	if err != nil {
		return Lowered{}, err
	}
	compiled := p.compiled
	out := Lowered{
		Arguments: compiled.Arguments, Temporaries: compiled.Temporaries, Peak: compiled.Peak(), FLOPs: compiled.Module.FLOPs(),
		Collectives: map[string]Collective{}, CompileSeconds: time.Since(start).Seconds(),
	}
	for _, c := range compiled.Module.Collectives() {
		sum := out.Collectives[c.Kind]
		out.Collectives[c.Kind] = Collective{sum.Count + c.Count, sum.Bytes + c.Bytes}
	}
	return out, nil
}
