package layers

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	_ "github.com/gomlx/gomlx/backends/default"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/support/exceptions"
)

var device = sync.OnceValue(compute.MustNew)

// value is a flat f32 tensor.
type value struct {
	dims []int
	data []float32
}

// golden reads a file of scripts/reference/resnet_torch.py.
func golden(t *testing.T, name string) map[string]value {
	t.Helper()
	file, err := os.ReadFile(filepath.Join("testdata", "golden", name+".safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	header, body := file[8:8+binary.LittleEndian.Uint64(file)], file[8+binary.LittleEndian.Uint64(file):]
	var index map[string]struct {
		Shape   []int
		Offsets [2]int `json:"data_offsets"`
	}
	if err := json.Unmarshal(header, &index); err != nil {
		t.Fatal(err)
	}
	all := map[string]value{}
	for name, at := range index {
		bytes := body[at.Offsets[0]:at.Offsets[1]]
		v := value{at.Shape, make([]float32, len(bytes)/4)}
		for i := range v.data {
			v.data[i] = math.Float32frombits(binary.LittleEndian.Uint32(bytes[4*i:]))
		}
		all[name] = v
	}
	return all
}

// hashed is the tensor that the reference script makes under the same name.
func hashed(name string, scale, shift float64, dims ...int) value {
	h := fnv.New64a()
	h.Write([]byte(name))
	seed := h.Sum64()
	v := value{dims, make([]float32, Param{Dims: dims}.Size())}
	for i := range v.data {
		z := seed + uint64(i+1)*0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		z ^= z >> 31
		v.data[i] = float32((float64(z>>40)/(1<<24)*2-1)*scale + shift)
	}
	return v
}

func hashedParam(p Param) value {
	switch {
	case len(p.Dims) == 4:
		return hashed(p.Name, math.Sqrt(6/float64(p.Size()/p.Dims[0])), 0, p.Dims...)
	case strings.HasSuffix(p.Name, "weight"):
		return hashed(p.Name, 0.25, 1, p.Dims...)
	case strings.HasSuffix(p.Name, "running_var"):
		return hashed(p.Name, 0.5, 1, p.Dims...)
	}
	return hashed(p.Name, 0.1, 0, p.Dims...)
}

// evaluate compiles and runs a graph of named inputs.
func evaluate(t *testing.T, inputs map[string]value, build func(nodes map[string]*Node) map[string]*Node) map[string]value {
	t.Helper()
	g := NewGraph(device(), t.Name())
	defer g.Finalize()
	nodes, values := map[string]*Node{}, []any{}
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		in := inputs[name]
		nodes[name] = Parameter(g, name, shapes.Make(dtypes.Float32, in.dims...))
		values = append(values, tensors.FromFlatDataAndDimensions(in.data, in.dims...))
	}
	results := build(nodes)
	names := slices.Sorted(maps.Keys(results))
	outputs := make([]*Node, len(names))
	for i, name := range names {
		outputs[i] = ConvertDType(results[name], dtypes.Float32)
	}
	if err := g.Compile(outputs...); err != nil {
		t.Fatal(err)
	}
	all := map[string]value{}
	for i, out := range g.Run(values...) {
		all[names[i]] = value{out.Shape().Dimensions, tensors.MustCopyFlatData[float32](out)}
		out.FinalizeAll()
	}
	return all
}

// near holds got against want within tolerance of want's largest magnitude.
func near(t *testing.T, name string, got, want value, tolerance float64) {
	t.Helper()
	if !slices.Equal(got.dims, want.dims) {
		t.Errorf("%s has shape %v, want %v", name, got.dims, want.dims)
		return
	}
	scale, far, at := 0.0, 0.0, 0
	for i, w := range want.data {
		scale = max(scale, math.Abs(float64(w)))
		if d := math.Abs(float64(got.data[i]) - float64(w)); d > far || math.IsNaN(d) {
			far, at = d, i
		}
	}
	t.Logf("%s: %.2g of its scale %.3g apart", name, far/scale, scale)
	if !(far <= tolerance*scale) {
		t.Errorf("%s: element %d is %v, want %v: %.2g of the scale %.3g, want at most %.2g", name, at, got.data[at], want.data[at], far/scale, scale, tolerance)
	}
}

// columns are every nth of the last axis, rows every nth of the first.
func columns(v value, n int) value {
	last := v.dims[len(v.dims)-1]
	out := value{dims: slices.Clone(v.dims)}
	out.dims[len(v.dims)-1] = (last + n - 1) / n
	for i, x := range v.data {
		if i%last%n == 0 {
			out.data = append(out.data, x)
		}
	}
	return out
}

func rows(v value, n int) value {
	size := len(v.data) / v.dims[0]
	out := value{dims: slices.Clone(v.dims)}
	out.dims[0] = (v.dims[0] + n - 1) / n
	for i := 0; i < v.dims[0]; i += n {
		out.data = append(out.data, v.data[i*size:(i+1)*size]...)
	}
	return out
}

const tolerance = 1e-4 // of a tensor's largest magnitude

// inputs are the hashed weights of a network, and pixels.
func inputs(r ResNet, pixels ...int) map[string]value {
	all := map[string]value{"pixels": hashed("pixels", 2, 0, append(pixels, 3)...)}
	for _, p := range r.Params("") {
		all[p.Name] = hashedParam(p)
	}
	return all
}

func features(r ResNet, nodes map[string]*Node, o ResNetOptions) (*Node, map[string]*Node) {
	return r.Features(NewWeights(nodes, dtypes.Float32), nodes["pixels"], o)
}

func TestResNet50Features(t *testing.T) {
	type part struct {
		file, name string
		options    ResNetOptions
		every      int // channels of which one is kept
	}
	for _, c := range []struct {
		height, width int
		parts         []part
	}{
		{29, 31, []part{
			{"resnet50_stage1", "features", ResNetOptions{Stage: 1}, 1}, {"resnet50_stage2", "features", ResNetOptions{Stage: 2}, 1},
			{"resnet50_stage3", "features", ResNetOptions{Stage: 3}, 1}, {"resnet50_stage4", "features", ResNetOptions{}, 1},
		}},
		{61, 67, []part{{"resnet50_pooled", "grid4", ResNetOptions{Stage: 4, Grid: 4}, 4}, {"resnet50_pooled", "grid7", ResNetOptions{Stage: 3, Grid: 7}, 4}}},
		{224, 224, []part{
			{"resnet50_224", "grid4", ResNetOptions{Grid: 4}, 64}, {"resnet50_224", "grid7", ResNetOptions{Grid: 7}, 64},
			{"resnet50_224", "grid14", ResNetOptions{Grid: 14}, 64},
		}},
	} {
		t.Run(fmt.Sprintf("%dx%d", c.height, c.width), func(t *testing.T) {
			got := evaluate(t, inputs(ResNet50(), 1, c.height, c.width), func(nodes map[string]*Node) map[string]*Node {
				out := map[string]*Node{}
				for _, p := range c.parts {
					out[p.file+"/"+p.name], _ = features(ResNet50(), nodes, p.options)
				}
				return out
			})
			for _, p := range c.parts {
				near(t, p.file+"/"+p.name, columns(got[p.file+"/"+p.name], p.every), golden(t, p.file)[p.name], tolerance)
			}
		})
	}
}

// step is one forward and backward pass: features, gradients of all weights, new running statistics.
func step(t *testing.T, r ResNet, in map[string]value, o ResNetOptions) map[string]value {
	t.Helper()
	return evaluate(t, in, func(nodes map[string]*Node) map[string]*Node {
		y, updated := features(r, nodes, o)
		out := map[string]*Node{"features": y}
		for name, x := range updated {
			out["updated."+name] = x
		}
		cotangent := hashed("cotangent", 1, 0, y.Shape().Dimensions...)
		loss := ReduceAllSum(Mul(y, Const(y.Graph(), tensors.FromFlatDataAndDimensions(cotangent.data, cotangent.dims...))))
		var names []string
		var trained []*Node
		for _, p := range r.Params("") {
			if !p.Buffer {
				names, trained = append(names, p.Name), append(trained, nodes[p.Name])
			}
		}
		for i, d := range Gradient(loss, trained...) {
			out["gradient."+names[i]] = d
		}
		return out
	})
}

// narrow is a resnet-small of odd widths, small enough to keep every gradient whole.
func narrow() ResNet {
	r := ResNetSmall()
	r.Stem.Width, r.Widths = 5, []int{7, 11, 11}
	return r
}

func TestGradients(t *testing.T) {
	for _, c := range []struct {
		file        string
		net         ResNet
		in          []int
		options     ResNetOptions
		every, rows int
	}{
		{"narrow_frozen", narrow(), []int{2, 23, 19}, ResNetOptions{}, 1, 1},
		{"narrow_training", narrow(), []int{2, 23, 19}, ResNetOptions{Training: true}, 1, 1},
		{"resnet_small_frozen", ResNetSmall(), []int{2, 63, 61}, ResNetOptions{}, 2, 24},
		{"resnet_small_training", ResNetSmall(), []int{2, 63, 61}, ResNetOptions{Training: true}, 2, 24},
		{"resnet50_training", ResNet50(), []int{2, 19, 23}, ResNetOptions{Stage: 1, Training: true}, 4, 1},
	} {
		t.Run(c.file, func(t *testing.T) {
			want := golden(t, c.file)
			got := step(t, c.net, inputs(c.net, c.in...), c.options)
			for name, w := range want {
				g, ok := got[name]
				switch {
				case !ok:
					t.Errorf("no %s, want one", name)
					continue
				case name == "features":
					g = columns(g, c.every)
				case len(g.dims) == 4:
					g = rows(g, c.rows)
				}
				near(t, name, g, w, tolerance)
			}
			for name := range got {
				if _, ok := want[name]; !ok && strings.HasPrefix(name, "updated.") {
					t.Errorf("%s was updated, torch has none", name)
				}
			}
		})
	}
}

// Winograd's and XLA's convolution are one function, and so are their gradients, at any size.
func TestConvolutions(t *testing.T) {
	const batch, in, out = 2, 7, 5
	for _, size := range [][2]int{{1, 1}, {3, 2}, {4, 4}, {5, 9}, {13, 8}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			values := map[string]value{
				"x": hashed("x", 1, 0, batch, size[0], size[1], in), "w": hashed("w", 1, 0, out, in, 3, 3),
				"dy": hashed("dy", 1, 0, batch, size[0], size[1], out),
			}
			run := func(convolve func(x, w *Node) *Node) map[string]value {
				return evaluate(t, values, func(n map[string]*Node) map[string]*Node {
					y := convolve(n["x"], n["w"])
					d := Gradient(ReduceAllSum(Mul(y, n["dy"])), n["x"], n["w"])
					return map[string]*Node{"y": y, "dx": d[0], "dw": d[1]}
				})
			}
			want := run(func(x, w *Node) *Node { return direct(x, w, 1) })
			for name, got := range run(winograd) {
				near(t, name, got, want[name], 1e-5)
			}
		})
	}
}

// The written weight gradients are what GoMLX derives.
func TestWeightGradients(t *testing.T) {
	const batch, out = 2, 5
	for _, c := range []struct{ channels, kernel, stride, height, width int }{
		{3, 5, 2, 13, 16}, {3, 7, 2, 17, 11}, {7, 3, 2, 8, 11}, {7, 3, 1, 5, 6}, {11, 3, 3, 7, 7},
	} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			values := map[string]value{
				"x": hashed("x", 1, 0, batch, c.height, c.width, c.channels), "w": hashed("w", 1, 0, out, c.channels, c.kernel, c.kernel),
			}
			got := evaluate(t, values, func(n map[string]*Node) map[string]*Node {
				y := direct(n["x"], n["w"], c.stride)
				dy := Sin(IotaFull(y.Graph(), y.Shape()))
				return map[string]*Node{
					"written": weightGradient(n["x"], n["w"], dy, c.stride),
					"derived": Gradient(ReduceAllSum(Mul(y, dy)), n["w"])[0],
				}
			})
			near(t, "gradient", got["written"], got["derived"], 1e-5)
		})
	}
}

// Adaptive pooling covers every position, overlaps where it must, and may be finer than what it pools.
func TestGridMean(t *testing.T) {
	in := map[string]value{"x": {[]int{1, 7, 5, 1}, make([]float32, 35)}}
	for i := range in["x"].data {
		in["x"].data[i] = float32(i)
	}
	got := evaluate(t, in, func(n map[string]*Node) map[string]*Node {
		return map[string]*Node{"2": gridMean(n["x"], 2), "5": gridMean(n["x"], 5), "0": gridMean(n["x"], 0)}
	})
	// Rows 0-3 and 3-6 of seven, columns 0-2 and 2-4 of five.
	near(t, "grid 2", got["2"], value{[]int{1, 4, 1}, []float32{8.5, 10.5, 23.5, 25.5}}, 1e-6)
	if got := got["5"].data[:3]; !slices.Equal(got, []float32{2.5, 3.5, 4.5}) { // rows 0-1 of seven
		t.Errorf("grid 5 begins with %v, want [2.5 3.5 4.5]", got)
	}
	near(t, "grid 0", got["0"], value{[]int{1, 35, 1}, in["x"].data}, 0)
}

func TestResNetParams(t *testing.T) {
	for _, c := range []struct {
		name                      string
		net                       ResNet
		tensors, trained, buffers int
	}{
		{"resnet50", ResNet50(), 265, 23_508_032, 53_120}, // torchvision's resnet50 without fc
		{"resnet-small", ResNetSmall(), 45, 334_720, 1_312},
	} {
		params := c.net.Params("encoder.")
		trained, buffers := 0, 0
		seen := map[string]bool{}
		for _, p := range params {
			if !strings.HasPrefix(p.Name, "encoder.") || seen[p.Name] {
				t.Errorf("%s: tensor name %q", c.name, p.Name)
			}
			seen[p.Name] = true
			if p.Buffer {
				buffers += p.Size()
			} else {
				trained += p.Size()
			}
		}
		if len(params) != c.tensors || trained != c.trained || buffers != c.buffers {
			t.Errorf("%s: %d tensors, %d trained and %d buffered elements, want %d, %d, %d", c.name, len(params), trained, buffers, c.tensors, c.trained, c.buffers)
		}
	}
	for _, name := range []string{"conv1.weight", "layer3.5.conv2.weight", "layer4.0.downsample.0.weight", "layer4.2.bn3.running_var"} {
		if !slices.ContainsFunc(ResNet50().Params(""), func(p Param) bool { return p.Name == name }) {
			t.Errorf("resnet50 has no %s", name)
		}
	}
}

func TestStages(t *testing.T) {
	for _, c := range []struct {
		net                         ResNet
		grid, size, stage, features int
	}{
		{ResNet50(), 0, 224, 4, 2048}, {ResNet50(), 4, 224, 4, 2048}, {ResNet50(), 7, 224, 4, 2048}, {ResNet50(), 14, 224, 3, 1024},
		{ResNet50(), 8, 224, 3, 1024}, {ResNet50(), 99, 224, 1, 256}, {ResNetSmall(), 8, 64, 3, 96}, {ResNetSmall(), 4, 64, 3, 96}, {ResNetSmall(), 9, 64, 1, 48},
	} {
		stage := c.net.StageFor(c.grid, c.size)
		if got := c.net.FeatureSize(stage); stage != c.stage || got != c.features {
			t.Errorf("grid %d of %d pixels: stage %d with %d features, want %d with %d", c.grid, c.size, stage, got, c.stage, c.features)
		}
	}
	if got := []int{ResNet50().StageGrid(0, 224), ResNet50().StageGrid(1, 224), ResNetSmall().StageGrid(3, 64)}; !slices.Equal(got, []int{7, 56, 8}) {
		t.Errorf("grids %v, want [7 56 8]", got)
	}
}

func TestWeightsErrors(t *testing.T) {
	r := ResNetSmall()
	in := inputs(r, 1, 8, 8)
	message := func(change func(map[string]value), o ResNetOptions) (text string) {
		bad := maps.Clone(in)
		change(bad)
		err := exceptions.TryCatch[error](func() {
			evaluate(t, bad, func(n map[string]*Node) map[string]*Node {
				y, _ := features(r, n, o)
				return map[string]*Node{"y": y}
			})
		})
		if err == nil {
			return "no error"
		}
		return err.Error()
	}
	for _, c := range []struct {
		name   string
		change func(map[string]value)
		o      ResNetOptions
		want   string
	}{
		{"missing", func(v map[string]value) { delete(v, "layer2.0.conv2.weight") }, ResNetOptions{}, `no tensor "layer2.0.conv2.weight", wanted with shape [96 96 3 3]`},
		{"misshapen", func(v map[string]value) { v["layer1.0.bn1.bias"] = hashed("", 1, 0, 47) }, ResNetOptions{}, `tensor "layer1.0.bn1.bias" has shape [47], wanted [48]`},
		{"stage", func(map[string]value) {}, ResNetOptions{Stage: 4}, "no stage 4: want 1 to 3"},
	} {
		if got := message(c.change, c.o); !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Half precision runs, and stays near single precision.
func TestHalfPrecision(t *testing.T) {
	got := evaluate(t, inputs(ResNetSmall(), 2, 32, 32), func(n map[string]*Node) map[string]*Node {
		single, _ := features(ResNetSmall(), n, ResNetOptions{Training: true})
		half, _ := ResNetSmall().Features(NewWeights(n, dtypes.BFloat16), ConvertDType(n["pixels"], dtypes.BFloat16), ResNetOptions{Training: true})
		if half.DType() != dtypes.BFloat16 {
			t.Errorf("features in %s, want bfloat16", half.DType())
		}
		return map[string]*Node{"single": single, "half": half}
	})
	near(t, "bfloat16", got["half"], got["single"], 0.05)
}
