package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	_ "github.com/gomlx/gomlx/backends/default" // the backends that doctor examines

	"m6lab/layers"
	"m6lab/scripts/command"
)

// device is the health of one device.
type device struct {
	Number      int     `json:"number"`
	Description string  `json:"description"`
	Correct     bool    `json:"correct"`
	GFLOPS      float64 `json:"gflops"`
	Error       string  `json:"error,omitempty"`
}

// examineDevices multiplies matrices on every device of the backend. The error is for a backend
// that cannot be opened.
func examineDevices() (devices []device, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	backend, err := compute.New()
	if err != nil {
		return nil, err
	}
	defer backend.Finalize()
	for number := range backend.NumDevices() {
		d := device{Number: number, Description: backend.DeviceDescription(compute.DeviceNum(number))}
		if err := examineDevice(backend, &d); err != nil {
			d.Error = command.OneLine(err.Error())
		}
		devices = append(devices, d)
	}
	return devices, nil
}

// examineDevice checks a product of whole numbers, which is exact in f32 and TF32 alike, then times
// a chain of large ones.
func examineDevice(backend compute.Backend, d *device) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	if err := checkProduct(backend, compute.DeviceNum(d.Number)); err != nil {
		return err
	}
	d.Correct = true
	d.GFLOPS, err = timeProducts(backend, compute.DeviceNum(d.Number))
	return err
}

// checkProduct compares [N,N]x[N,N] element by element with Go's own integers, N a prime.
func checkProduct(backend compute.Backend, number compute.DeviceNum) error {
	const n = 257
	a, b := make([]float32, n*n), make([]float32, n*n)
	for i := range n * n {
		a[i], b[i] = float32(i*7%11-5), float32(i*5%13-6)
	}
	g := graph.NewGraph(backend, fmt.Sprintf("doctor_check_%d", number))
	defer g.Finalize()
	shape := shapes.Make(dtypes.Float32, n, n)
	product := graph.MatMul(graph.Parameter(g, "a", shape), graph.Parameter(g, "b", shape))
	if err := g.Compile(product); err != nil {
		return err
	}
	out := g.RunOnDevice(number, tensors.FromFlatDataAndDimensions(a, n, n), tensors.FromFlatDataAndDimensions(b, n, n))[0]
	got, err := tensors.CopyFlatData[float32](out)
	if err != nil {
		return err
	}
	return compareProduct(got, a, b, n)
}

// compareProduct finds the first element of got [n,n] that is not that of a [n,n] x b [n,n].
func compareProduct(got, a, b []float32, n int) error {
	for row := range n {
		for column := range n {
			want := 0
			for k := range n {
				want += int(a[row*n+k]) * int(b[k*n+column])
			}
			if got := got[row*n+column]; got != float32(want) {
				return fmt.Errorf("matrix product at [%d,%d]: got %v, want %d", row, column, got, want)
			}
		}
	}
	return nil
}

// timeProducts returns GFLOP/s of the best of several chains of f32 products.
func timeProducts(backend compute.Backend, number compute.DeviceNum) (float64, error) {
	const chain, rounds = 8, 3
	n := 512
	switch {
	case layers.IsGPU(backend):
		n = 4096
	case backend.Name() == "go":
		n = 256
	}
	g := graph.NewGraph(backend, fmt.Sprintf("doctor_time_%d", number))
	defer g.Finalize()
	shape := shapes.Make(dtypes.Float32, n, n)
	x, w := graph.Parameter(g, "x", shape), graph.Parameter(g, "w", shape)
	for range chain {
		x = graph.MatMul(x, w)
	}
	// The barrier keeps XLA from fusing the last product into what reads it, one row.
	if err := g.Compile(graph.Slice(graph.OptimizationBarrier(x), graph.AxisElem(0))); err != nil {
		return 0, err
	}
	data := make([]float32, n*n)
	for i := range data {
		data[i] = float32(i%17-8) / float32(8*n)
	}
	left, right := tensors.FromFlatDataAndDimensions(data, n, n), tensors.FromFlatDataAndDimensions(data, n, n)
	best := time.Duration(1<<63 - 1)
	for range rounds {
		start := time.Now()
		out := g.RunOnDevice(number, left, right)[0]
		if _, err := tensors.CopyFlatData[float32](out); err != nil {
			return 0, err
		}
		best = min(best, time.Since(start))
	}
	return chain * 2 * float64(n) * float64(n) * float64(n) / best.Seconds() / 1e9, nil
}

// memory is the machine's, in bytes; 0 where it cannot be told.
type memory struct {
	Total     int64    `json:"total"`
	Available int64    `json:"available"`
	Cores     int      `json:"cores"`
	GPUs      []string `json:"gpus,omitempty"`
}

// String is one line for people.
func (m memory) String() string {
	text := fmt.Sprintf("%d cores", m.Cores)
	if m.Total > 0 {
		text = fmt.Sprintf("%.1f GB, %.1f GB free, %s", float64(m.Total)/1e9, float64(m.Available)/1e9, text)
	}
	for _, gpu := range m.GPUs {
		text += "; GPU " + gpu
	}
	return text
}

func readMemory() memory {
	m := memory{Cores: runtime.NumCPU(), GPUs: readGPUs()}
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return m
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		kilobytes, _ := strconv.ParseInt(fields[1], 10, 64) // 0 for what is no number
		switch fields[0] {
		case "MemTotal:":
			m.Total = kilobytes << 10
		case "MemAvailable:":
			m.Available = kilobytes << 10
		}
	}
	return m
}

// readGPUs asks the driver for name, memory and version of each GPU.
func readGPUs() []string {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "nvidia-smi", "--query-gpu=name,memory.total,memory.free,driver_version", "--format=csv,noheader").Output()
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
