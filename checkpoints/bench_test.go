package checkpoints

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// trainingState is 512 MB: weights and two moments of 43 blocks, large and small tensors in turn.
func trainingState() (State, int64) {
	s := State{Step: 1}
	total := int64(0)
	for i := range 43 {
		for _, kind := range []string{"w", "m", "v"} {
			for name, dims := range map[string][]int{"kernel": {1009, 1031}, "bias": {1031}, "scale": {1009}} {
				values := make([]float32, whole(dims).elements())
				for j := range values {
					values[j] = float32(i*j%1021) + 0.5
				}
				s.Tensors = append(s.Tensors, FromFloat32s(fmt.Sprintf("blocks.%d.%s.%s", i, name, kind), dims, values))
				total += int64(4 * len(values))
			}
		}
	}
	return s, total
}

// BenchmarkSave writes the same bytes by turns as a checkpoint and with dd and fsync, and reports both rates, and for how
// long SaveAsync held up its caller, as a share of the time to write.
func BenchmarkSave(b *testing.B) {
	s, total := trainingState()
	dir := b.TempDir()
	m, err := Open(filepath.Join(dir, "checkpoints"), Options{Keep: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	var saved, stood, dd time.Duration
	rounds := 0.0
	for b.Loop() {
		begin := time.Now()
		if err := m.SaveAsync(s); err != nil {
			b.Fatal(err)
		}
		stood += time.Since(begin)
		if err := m.Wait(); err != nil {
			b.Fatal(err)
		}
		saved += time.Since(begin)
		s.Step++
		rounds++

		b.StopTimer()
		path := filepath.Join(dir, "dd")
		begin = time.Now()
		out, err := exec.Command("dd", "if=/dev/zero", "of="+path, "bs=4M", fmt.Sprint("count=", total>>22), "conv=fsync").CombinedOutput()
		if err != nil {
			b.Fatalf("%s", out)
		}
		dd += time.Since(begin)
		if err := os.Remove(path); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	mb := rounds * float64(total) / 1e6
	b.ReportMetric(mb/saved.Seconds(), "MB/s")
	b.ReportMetric(mb/dd.Seconds(), "dd-MB/s")
	b.ReportMetric(100*dd.Seconds()/saved.Seconds(), "%-of-dd")
	b.ReportMetric(100*stood.Seconds()/saved.Seconds(), "%-stood-still")
}

// BenchmarkRestore reads and verifies the same state.
func BenchmarkRestore(b *testing.B) {
	s, total := trainingState()
	m, err := Open(filepath.Join(b.TempDir(), "checkpoints"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	if err := m.Save(s); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(total)
	for b.Loop() {
		if _, _, err := m.Restore(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkChecksum is the checksum alone.
func BenchmarkChecksum(b *testing.B) {
	data := make([]byte, blockSize)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		checksum(data)
	}
}

// BenchmarkBF16 rounds a million floats.
func BenchmarkBF16(b *testing.B) {
	x := FromFloat32s("x", []int{1 << 20}, make([]float32, 1<<20))
	b.SetBytes(4 << 20)
	for b.Loop() {
		if _, err := x.Convert(BF16); err != nil {
			b.Fatal(err)
		}
	}
}
