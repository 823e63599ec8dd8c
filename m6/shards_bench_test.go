package m6

import (
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gomlx/compute"

	"m6lab/checkpoints"
)

// BenchmarkCheckpoint saves a state of 410 MB in the background and, in turn, writes as many bytes with dd and fdatasync. It reports the
// medians: for how long training stands still, as a share of the time to write; and the rate beside dd's. A device with memory of its
// own is read before training goes on; one that shares the host's is not.
func BenchmarkCheckpoint(b *testing.B) {
	for _, c := range []struct {
		backend string
		mesh    Mesh
	}{
		{"xla:cpu", Mesh{1, 1, 1}}, {"xla:cpu", Mesh{2, 2, 1}}, {"xla:cpu,shared_buffers=false", Mesh{2, 2, 1}},
	} {
		b.Run(fmt.Sprintf("%s/devices=%d", c.backend, c.mesh.Devices()), func(b *testing.B) {
			run, err := NewRun("debug")
			if err != nil {
				b.Fatal(err)
			}
			run.Mesh = c.mesh
			run.Model.Layers, run.Model.Width, run.Model.FFN, run.Model.Heads = 10, 512, 2048, 8
			backend, err := compute.NewWithConfig(c.backend)
			if err != nil {
				b.Skip(err)
			}
			device, err := NewDevice(backend, c.mesh)
			if err != nil {
				b.Fatal(err)
			}
			state, err := NewState(device, run)
			if err != nil {
				b.Fatal(err)
			}
			benchmarkSaves(b, state)
		})
	}
}

func benchmarkSaves(b *testing.B, state *State) {
	dir := b.TempDir()
	m, err := checkpoints.Open(filepath.Join(dir, "checkpoints"), checkpoints.Options{Keep: math.MaxInt})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	var copied Snapshot
	var stood, wrote, dd []time.Duration
	bytes := int64(0)
	round := func() {
		state.Step++
		begin := time.Now()
		source, err := copied.Take(state, 0, 1)
		if err == nil {
			err = m.SaveAsyncFrom(source)
		}
		stood = append(stood, time.Since(begin))
		begin = time.Now()
		if err == nil {
			err = m.Wait()
		}
		wrote = append(wrote, time.Since(begin))
		if err != nil {
			b.Fatal(err)
		}
		info, err := m.Latest()
		if err != nil {
			b.Fatal(err)
		}
		bytes = info.Bytes
		if err := os.RemoveAll(info.Path); err != nil { // as dd's file is, outside of what is measured
			b.Fatal(err)
		}
		path := filepath.Join(dir, "dd")
		begin = time.Now()
		out, err := exec.Command("dd", "if=/dev/zero", "of="+path, "bs=4M", fmt.Sprint("count=", bytes>>22), "conv=fdatasync").CombinedOutput()
		if err != nil {
			b.Fatalf("%s", out)
		}
		dd = append(dd, time.Since(begin))
		if err := os.Remove(path); err != nil {
			b.Fatal(err)
		}
	}
	round() // takes the host's memory
	stood, wrote, dd = nil, nil, nil
	for b.Loop() {
		round()
	}
	median := func(d []time.Duration) float64 { slices.Sort(d); return d[len(d)/2].Seconds() }
	b.ReportMetric(float64(bytes)/1e6, "MB")
	b.ReportMetric(1e3*median(stood), "ms-stood-still")
	b.ReportMetric(100*median(stood)/median(wrote), "%-of-write-time")
	b.ReportMetric(float64(bytes)/1e6/median(wrote), "MB/s")
	b.ReportMetric(100*median(dd)/median(wrote), "%-of-dd")
}
