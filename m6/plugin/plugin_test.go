package plugin

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/go-xla/compute/xla"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/core/tensors/dtensor"
)

// open opens virtual devices.
func open(t *testing.T, devices int) compute.Backend {
	t.Helper()
	found, ok := Find("xla:cpu")
	if !ok {
		t.Fatal("no XLA plugin for CPUs: run `m6 setup`")
	}
	backend, err := found.Open(devices)
	if err != nil {
		t.Fatal(err)
	}
	return backend
}

// product is x·w for x [N,I] whose sum over I is split over n devices, w [I,O]: a program with one all-reduce.
type product struct {
	g       *graph.Graph
	mesh    *distributed.DeviceMesh
	x, w, y *graph.Node
}

const rows, inner, columns = 3, 96, 7

func newProduct(t *testing.T, backend compute.Backend, devices int, o Order) (product, Compiled) {
	t.Helper()
	mesh, err := distributed.NewDeviceMesh([]int{devices}, []string{"model"})
	if err != nil {
		t.Fatal(err)
	}
	g := graph.NewGraph(backend, "product")
	if err := g.SetAutoSharding(mesh); err != nil {
		t.Fatal(err)
	}
	p := product{g: g, mesh: mesh}
	p.x = graph.ShardedParameter(g, "x", shapes.Make(dtypes.Float32, rows, inner), p.spec(t, "", "model"))
	p.w = graph.ShardedParameter(g, "w", shapes.Make(dtypes.Float32, inner, columns), p.spec(t, "model", ""))
	p.y = graph.Einsum("ni,io->no", p.x, p.w)
	compiled, err := Compile(o, func() error {
		return g.CompileWithSharding([]*graph.Node{p.y}, []*distributed.ShardingSpec{p.spec(t, "", "")})
	})
	if err != nil {
		t.Fatal(err)
	}
	return p, compiled
}

func (p product) spec(t *testing.T, axes ...string) *distributed.ShardingSpec {
	t.Helper()
	b := distributed.BuildSpec(p.mesh)
	for _, axis := range axes {
		if axis == "" {
			b = b.R()
		} else {
			b = b.S(axis)
		}
	}
	spec, err := b.Done()
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// run multiplies and compares with sums in f64.
func (p product) run(t *testing.T, backend compute.Backend) {
	t.Helper()
	x, w := make([]float32, rows*inner), make([]float32, inner*columns)
	for i := range x {
		x[i] = float32(i*7%13) - 6
	}
	for i := range w {
		w[i] = float32(i*5%11) - 5
	}
	devices := p.mesh.NumDevices()
	buffers, given := make([]compute.Buffer, 2*devices), make([]bool, 2*devices)
	for i, part := range []struct {
		whole *tensors.Tensor
		spec  *distributed.ShardingSpec
	}{{tensors.FromFlatDataAndDimensions(x, rows, inner), p.spec(t, "", "model")}, {tensors.FromFlatDataAndDimensions(w, inner, columns), p.spec(t, "model", "")}} {
		split, err := dtensor.ShardTensor(part.spec, part.whole)
		if err != nil {
			t.Fatal(err)
		}
		for device, shard := range split.Shards() {
			if buffers[2*device+i], err = shard.Buffer(backend, compute.DeviceNum(device)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for device, y := range p.g.RunWithBuffers(buffers, given, 0) {
		got, err := tensors.CopyFlatData[float32](y)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			want := 0.0
			for k := range inner {
				want += float64(x[i/columns*inner+k]) * float64(w[k*columns+i%columns])
			}
			if math.Abs(float64(got[i])-want) > 1e-4 {
				t.Fatalf("device %d of %d: y[%d] = %g, want %g", device, devices, i, got[i], want)
			}
		}
	}
}

// Any number of devices compiles and runs, and the compiler's figures are those of the program.
func TestDevices(t *testing.T) {
	for _, devices := range []int{2, 8, 16} {
		backend := open(t, devices)
		if got := int(backend.NumDevices()); got != devices {
			t.Fatalf("%d devices, want %d", got, devices)
		}
		p, c := newProduct(t, backend, devices, Order{Look: true})
		p.run(t, backend)
		plain, same := newProduct(t, backend, devices, Order{Look: true, Unrun: true})
		plain.run(t, backend) // unoptimized code counts right, too
		if same.Module = c.Module; same != c {
			t.Errorf("%d devices: without optimization the compiler says %+v, want %+v", devices, same, c)
		}
		if want := int64(4 * (rows*inner + inner*columns) / devices); c.Arguments != want {
			t.Errorf("%d devices: arguments of %d bytes, want %d", devices, c.Arguments, want)
		}
		if want := float64(2 * rows * inner * columns / devices); c.Module.FLOPs() != want {
			t.Errorf("%d devices: %g FLOP, want %g", devices, c.Module.FLOPs(), want)
		}
		if got, want := c.Module.Collectives(), []Collective{{Kind: "all-reduce", Count: 1, Bytes: 4 * rows * columns}}; len(got) != 1 || got[0].Kind != want[0].Kind || got[0].Count != 1 || got[0].Bytes != want[0].Bytes {
			t.Errorf("%d devices: collectives %+v, want %+v", devices, got, want)
		}
	}
}

// A second compilation takes the program from the cache, and it gives the same numbers; a damaged file is removed and written anew.
func TestCache(t *testing.T) {
	backend, dir := open(t, 4), t.TempDir()
	var said []string
	if err := Cache(dir, func(line string) { said = append(said, line) }); err != nil {
		t.Fatal(err)
	}
	defer Cache("", nil)
	for i, cached := range []bool{false, true} {
		p, c := newProduct(t, backend, 4, Order{Look: true})
		if c.Cached != cached {
			t.Errorf("compilation %d: from the cache %t, want %t", i, c.Cached, cached)
		}
		p.run(t, backend)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the cache holds %v, %v, want one file", files, err)
	}
	if err := os.WriteFile(files[0], []byte("no program"), 0o644); err != nil {
		t.Fatal(err)
	}
	if p, c := newProduct(t, backend, 4, Order{Look: true}); c.Cached {
		t.Error("a damaged file was taken for a program")
	} else {
		p.run(t, backend)
	}
	if len(said) != 1 || !strings.Contains(said[0], files[0]) {
		t.Errorf("a damaged file was told as %q, want one line with its name", said)
	}
	if _, c := newProduct(t, backend, 4, Order{Look: true}); !c.Cached {
		t.Error("the damaged file was not written anew")
	}
}

// What was written first goes when there is too much.
func TestPrune(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"b", "c", "a"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, make([]byte, 100), 0o644); err != nil {
			t.Fatal(err)
		}
		if at := time.Unix(int64(1000+i), 0); os.Chtimes(path, at, at) != nil {
			t.Fatal("no time can be set")
		}
	}
	if err := prune(dir, 250); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 || filepath.Base(left[0]) != "a" || filepath.Base(left[1]) != "c" {
		t.Errorf("left are %v, %v, want a and c", left, err)
	}
}

// An output takes the memory of an argument.
func TestAliases(t *testing.T) {
	backend := open(t, 1)
	g := graph.NewGraph(backend, "add")
	x := graph.Parameter(g, "x", shapes.Make(dtypes.Float32, 1000))
	y := graph.Parameter(g, "y", shapes.Make(dtypes.Float32, 1000))
	sum := graph.Add(x, y)
	c, err := Compile(Order{Look: true, Aliases: map[int]int{1: 0}}, func() error { return g.Compile(sum) })
	if err != nil {
		t.Fatal(err)
	}
	if c.Aliased != 4000 || c.Peak() != 8000+c.Temporaries {
		t.Errorf("aliased %d bytes, peak %d, want 4000 and 8000", c.Aliased, c.Peak())
	}
	other := graph.NewGraph(backend, "other")
	z := graph.Neg(graph.Parameter(other, "z", shapes.Make(dtypes.Float32, 2)))
	if _, err := Compile(Order{Aliases: map[int]int{5: 0}}, func() error { return other.Compile(z) }); err == nil {
		t.Error("an alias of an argument that is not there is no error")
	}
}

func TestWithAliases(t *testing.T) {
	const program = `module {
  func.func @other(%x: tensor<2xf32>) -> tensor<2xf32> {
  func.func @main(%a: tensor<2x3xf32> { sdy.sharding = #sdy.sharding<@mesh, [{"data"}, {}]> }, %b: tensor<f32>, %c: tensor<4xf32>) -> (tensor<f32>) {
`
	got, err := withAliases(program, map[int]int{0: 7, 2: 3})
	if err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		`[{"data"}, {}]> }`, `[{"data"}, {}]>, tf.aliasing_output = 7 : i32 }`, `%c: tensor<4xf32>`, `%c: tensor<4xf32> { tf.aliasing_output = 3 : i32 }`,
	).Replace(program)
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, bad := range []string{"module {", program} {
		if _, err := withAliases(bad, map[int]int{9: 0}); err == nil {
			t.Errorf("no error for an argument that is not in\n%s", bad)
		}
	}
}

// The plugin takes the flags that an order brings.
func TestPictures(t *testing.T) {
	backend := open(t, 2)
	p, _ := newProduct(t, backend, 2, Order{Look: true, Fresh: true, Pictures: true, Unrun: true})
	p.run(t, backend)
}

func TestFind(t *testing.T) {
	const cpu, cuda, none = "cpu", "cuda", ""
	for config, want := range map[string]string{
		"xla:cpu": cpu, "xla:cpu,shared_buffers=false": cpu, "go": none, "xla:cuda": none, "xla:/x/pjrt_cpu.so": cpu, "xla:/cuda/plugin.so": cuda,
		"xla:/x/tpu.so": none,
	} {
		got := none
		if found, ok := Find(config); ok {
			got = map[bool]string{true: cuda, false: cpu}[found.CUDA]
		}
		if got != want && (config != "xla:cuda" || got != cuda) { // which may be installed
			t.Errorf("Find(%q) found %q, want %q", config, got, want)
		}
	}
	if found, _ := Find("xla:cpu,shared_buffers=false"); found.Options != "shared_buffers=false" {
		t.Errorf("options %q, want shared_buffers=false", found.Options)
	}
	for f, want := range map[Found]string{
		{}:                                  ",shared_buffers",
		{Options: "shared_buffers=false"}:   "shared_buffers=false",
		{CUDA: true}:                        ",memory_fraction=0.92",
		{CUDA: true, Options: "tf32=false"}: "tf32=false,memory_fraction=0.92",
		{CUDA: true, Options: "memory_fraction=0.5"}: "memory_fraction=0.5",
	} {
		if got := f.options(); got != want {
			t.Errorf("%+v is opened with %q, want %q", f, got, want)
		}
	}
	for _, absent := range []Found{{Path: "/nowhere/plugin.so"}, {Path: "/nowhere/cuda/plugin.so", CUDA: true}} {
		if _, err := absent.Open(2); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("a plugin that is not there: %v", err)
		}
	}
}

// CPUs do not tell what they hold, which is said in one line.
func TestMemory(t *testing.T) {
	open(t, 2)
	for _, device := range []int{0, 1, 2, -1} {
		if m, err := Memory(device); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("device %d: %+v, %v", device, m, err)
		}
	}
}

func TestTripCount(t *testing.T) {
	for config, want := range map[string]int64{`{"known_trip_count":{"n":"7"},"x":1}`: 7, `{}`: 1, "": 1, `{"known_trip_count":{"n":"x"}}`: 1} {
		if got := tripCount(config); got != want {
			t.Errorf("tripCount(%q) = %d, want %d", config, got, want)
		}
	}
}

// Virtual devices open also behind GoMLX's own.
func TestOpenBehindOthers(t *testing.T) {
	if _, err := xla.New("cpu"); err != nil {
		t.Fatal(err)
	}
	open(t, 2)
}
