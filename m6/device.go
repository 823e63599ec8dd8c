package m6

import (
	"fmt"
	"log"
	"os"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	_ "github.com/gomlx/gomlx/backends/default" // the XLA and Go backends
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/dtensor"

	"m6lab/layers"
	_ "m6lab/m6/arena" // XLA keeps its working memory
	"m6lab/m6/plugin"
	"m6lab/m6/watch"
)

// Device is what programs run on: a single device, or a mesh of them in one process.
type Device struct {
	backend compute.Backend
	mesh    *distributed.DeviceMesh // nil for a single device
	shape   Mesh
	looks   bool         // asks the compiler about each program, which nobody runs
	clock   *watch.Clock // of the run that is trained; may be nil
}

// OpenDevice opens the devices of a mesh. The backend is GOMLX_BACKEND's, or the best that is installed. A CPU has as many virtual
// devices as the mesh asks for.
func OpenDevice(mesh Mesh) (*Device, error) {
	backend, err := openBackend(mesh.Devices())
	if err != nil {
		return nil, fmt.Errorf("no device: %w; `m6 doctor` says what is missing", err)
	}
	return NewDevice(backend, mesh)
}

// GoBackend is the configuration of the pure-Go backend with one operation after another, each on all cores. By default operations run at the
// same time, and those that share their work wait for ever for cores that only they hold (compute's workerspool, July 2026).
const GoBackend = "go:ops_sequential"

func openBackend(devices int) (compute.Backend, error) {
	config := os.Getenv(compute.ConfigEnvVar)
	if config == "go" {
		return compute.NewWithConfig(GoBackend)
	}
	found, ok := plugin.Find(config)
	if !ok {
		return compute.New()
	}
	backend, err := found.Open(devices)
	if err == nil {
		keepPrograms()
	}
	return backend, err
}

// keepPrograms lets this process keep the programs that it compiles for others.
var keepPrograms = sync.OnceFunc(func() {
	tell := func(line string) { log.Print("m6: " + line) }
	if err := plugin.Cache(plugin.CacheFolder(), tell); err != nil {
		tell(err.Error())
	}
})

// NewDevice lays a mesh over the devices of a backend.
func NewDevice(backend compute.Backend, shape Mesh) (*Device, error) {
	d := &Device{backend: backend, shape: shape}
	n := shape.Devices()
	if n == 1 {
		return d, nil
	}
	if have := backend.NumDevices(); n > have {
		return nil, fmt.Errorf("mesh data=%d, model=%d, expert=%d wants %d devices, but %s has %d", shape.Data, shape.Model, shape.Expert, n, backend.Name(), have)
	}
	mesh, err := distributed.NewDeviceMesh([]int{shape.Data, shape.Model, shape.Expert}, []string{"data", "model", "expert"})
	if err != nil {
		return nil, fmt.Errorf("mesh %v: %w", shape, err)
	}
	d.mesh = mesh
	return d, nil
}

// Name says what the device is, for logs.
func (d *Device) Name() string {
	return fmt.Sprintf("%s, %d of %d devices", d.backend.Name(), d.count(), d.backend.NumDevices())
}

func (d *Device) count() int {
	if d.mesh == nil {
		return 1
	}
	return d.mesh.NumDevices()
}

// headRows is how many positions' logits are made at a time: what the caches of a processor hold, or 256 MB of an accelerator's memory;
// on a mesh all of them (0), since the rows of a batch are split.
func (d *Device) headRows(vocabulary int) int {
	if d.mesh != nil {
		return 0
	}
	if layers.IsGPU(d.backend) {
		return headRowsOnGPU(vocabulary)
	}
	return headRows(vocabulary)
}

// Memory is what the device that holds most has held at most, in bytes; ok is false where devices do not tell, as CPUs.
func (d *Device) Memory() (peak int64, ok bool) {
	for i := range d.count() {
		m, err := plugin.Memory(i)
		if err != nil {
			return 0, false
		}
		peak = max(peak, m.Peak)
	}
	return peak, true
}

// headRowsOnGPU is that number on a GPU, in whole tiles of a product, headRows on a processor.
func headRowsOnGPU(vocabulary int) int { return max(64, 1<<26/vocabulary/256*256) }

func headRows(vocabulary int) int { return max(64, 1<<20/vocabulary) }

// spec is GoMLX's form of axes; nil on a single device. Every tensor has one: GoMLX takes an absent spec for "any".
func (d *Device) spec(a axes) *distributed.ShardingSpec {
	if d.mesh == nil {
		return nil
	}
	b := distributed.BuildSpec(d.mesh)
	for _, axis := range a {
		if axis == "" {
			b = b.R()
		} else {
			b = b.S(strings.Split(axis, "+")...)
		}
	}
	spec, err := b.Done()
	if err != nil {
		panic(fmt.Sprintf("m6: layout %v on mesh %v: %v", a, d.shape, err))
	}
	return spec
}

// newGraph starts a program for the device.
func (d *Device) newGraph(name string) *Graph {
	g := NewGraph(d.backend, name)
	if d.mesh != nil {
		if err := g.SetAutoSharding(d.mesh); err != nil {
			panic(err)
		}
	}
	return g
}

// parameter declares an input of a program.
func (d *Device) parameter(g *Graph, name string, shape shapes.Shape, a axes) *Node {
	if d.mesh == nil {
		return Parameter(g, name, shape)
	}
	return ShardedParameter(g, name, shape, d.spec(a))
}

// Value is a tensor on the device: one shard for each device.
type Value struct {
	shape  shapes.Shape
	axes   axes
	shards []*tensors.Tensor
	kept   map[int]bool // devices whose shard a save still reads: no program gets it to write over
}

// place puts a whole tensor onto the device.
func (d *Device) place(whole *tensors.Tensor, a axes) (*Value, error) {
	v := &Value{shape: whole.Shape(), axes: a, shards: []*tensors.Tensor{whole}}
	if d.mesh != nil {
		t, err := dtensor.ShardTensor(d.spec(a), whole)
		if err != nil {
			return nil, err
		}
		v.shards = t.Shards()
	}
	return v, nil
}

// fetch brings a value back as one flat slice of f32.
func (d *Device) fetch(v *Value) ([]float32, error) {
	whole := v.shards[0]
	if len(v.shards) > 1 {
		t, err := dtensor.NewTensor(d.spec(v.axes), v.shards)
		if err != nil {
			return nil, err
		}
		if whole, err = t.Merge(); err != nil {
			return nil, err
		}
	}
	return tensors.CopyFlatData[float32](whole)
}

// scalar is a number of a program's inputs, the same on every device.
func scalar[T float32 | uint32 | int32](d *Device, x T) *Value {
	v := &Value{shape: shapes.Make(dtypes.FromGenericsType[T]())}
	for range d.count() {
		v.shards = append(v.shards, tensors.FromScalar(x))
	}
	return v
}
