package hosts_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"m6lab/m6/hosts"
	"m6lab/m6/hosts/hoststest"
)

// onRanks runs f on each of n ranks in this process.
func onRanks(n int, f func(g hosts.Group)) {
	var wait sync.WaitGroup
	for _, g := range hoststest.Local(n) {
		wait.Go(func() { f(g) })
	}
	wait.Wait()
}

func TestGroup(t *testing.T) {
	for _, n := range []int{1, 2, 3} {
		onRanks(n, func(g hosts.Group) { checkGroup(t, g) })
	}
	checkGroup(t, hosts.Alone())
}

// checkGroup is what every group must do, on any number of ranks. It calls no t.Fatal: the other ranks would wait.
func checkGroup(t *testing.T, g hosts.Group) {
	for _, n := range []int{0, 1, 7, 10007} {
		checkSum(t, g, n, hosts.F32)
		checkSum(t, g, n, hosts.BF16)
	}
	for _, n := range []int{0, 1, 100003} {
		want := bytes.Repeat([]byte("m6"), n)
		mine := want
		if g.Rank() != g.Size()-1 {
			mine = []byte("another")
		}
		if got, err := g.Broadcast(mine, g.Size()-1); err != nil || !bytes.Equal(got, want) {
			t.Errorf("rank %d: broadcast gave %d bytes, %v, want %d", g.Rank(), len(got), err, len(want))
		}
	}
	if err := g.Barrier(); err != nil {
		t.Error(err)
	}
	checkAgree(t, g)
	checkMany(t, g)
}

// checkSum sums numbers whose sum is known to the bit: small integers.
func checkSum(t *testing.T, g hosts.Group, n int, wire hosts.Wire) {
	x := make([]float32, n)
	want := make([]float32, n)
	for i := range x {
		for rank := range g.Size() {
			v := float32(i%37*(rank+1) - 11)
			want[i] += v
			if rank == g.Rank() {
				x[i] = v
			}
		}
	}
	if err := g.AllReduce(x, wire); err != nil {
		t.Error(err)
	}
	for i := range want {
		if x[i] != want[i] {
			t.Errorf("rank %d: sum %d of %d on wire %d is %g, want %g", g.Rank(), i, n, wire, x[i], want[i])
			return
		}
	}
}

// checkAgree has each rank in turn fail.
func checkAgree(t *testing.T, g hosts.Group) {
	cause := errors.New("the disk is full")
	for fails := range g.Size() {
		var mine error
		if g.Rank() >= fails {
			mine = fmt.Errorf("saving on %d: %w", g.Rank(), cause)
		}
		err := hosts.Agree(g, mine)
		want := fmt.Sprintf("rank %d of %d: saving on %d: the disk is full", fails, g.Size(), fails)
		if g.Size() == 1 {
			want = "saving on 0: the disk is full"
		}
		if err == nil || err.Error() != want || errors.Is(err, cause) != (g.Rank() == fails) {
			t.Errorf("rank %d: agreed on %v, want %q", g.Rank(), err, want)
		}
		if again := hosts.Agree(g, err); again != err { // nobody else is asked: this would hang
			t.Errorf("rank %d: agreed again on %v", g.Rank(), again)
		}
		stop, err := hosts.AgreeToStop(g, nil, g.Rank() == fails)
		if err != nil || !stop {
			t.Errorf("rank %d: stop %v, %v, though rank %d wants to", g.Rank(), stop, err, fails)
		}
	}
	if stop, err := hosts.AgreeToStop(g, nil, false); stop || err != nil {
		t.Errorf("rank %d: stop %v, %v, though nobody wants to", g.Rank(), stop, err)
	}
	differ := func(first []byte) error { return fmt.Errorf("not %s", first) }
	if err := hosts.Same(g, []byte("one"), differ); err != nil {
		t.Error(err)
	}
	err := hosts.Same(g, fmt.Append(nil, "rank", g.Rank()), differ)
	if want := fmt.Sprintf("rank 1 of %d: not rank0", g.Size()); g.Size() > 1 && (err == nil || err.Error() != want) {
		t.Errorf("rank %d: %v, want %q", g.Rank(), err, want)
	}
}

// checkMany sums tensors of many sizes in buckets, one of which cannot be read on one rank.
func checkMany(t *testing.T, g hosts.Group) {
	sizes := []int{3, 0, 5, 1000, 2, 17, 1}
	for _, broken := range []int{-1, 3} {
		got := make([][]float32, len(sizes))
		sum := hosts.Sum{
			Sizes: sizes, Bytes: 4 * 19,
			Read: func(i int) ([]float32, error) {
				if i == broken && g.Rank() == 0 {
					return nil, errors.New("lost")
				}
				x := make([]float32, sizes[i])
				for j := range x {
					x[j] = float32(100*i + j%50)
				}
				return x, nil
			},
			Write: func(i int, x []float32) error { got[i] = x; return nil },
		}
		err := sum.Run(g)
		if lost := broken >= 0 && g.Rank() == 0; (err != nil) != lost || lost && !strings.Contains(err.Error(), "lost") {
			t.Errorf("rank %d: %v", g.Rank(), err)
		}
		for i, size := range sizes {
			from := g.Size()
			if i == broken {
				from-- // rank 0 sends zeros
			}
			if len(got[i]) != size {
				t.Errorf("rank %d: tensor %d has %d numbers, want %d", g.Rank(), i, len(got[i]), size)
				continue
			}
			for j := range size {
				if want := float32(from * (100*i + j%50)); got[i][j] != want {
					t.Errorf("rank %d: tensor %d[%d] is %g, want %g", g.Rank(), i, j, got[i][j], want)
					break
				}
			}
		}
	}
}

// On a bf16 wire numbers and sums are rounded to the nearest bfloat16, ties to even.
func TestBF16(t *testing.T) {
	for _, c := range []struct{ a, b, want uint32 }{
		{0x3f800000, 0, 0x3f800000},          // 1
		{0x3f808000, 0, 0x3f800000},          // a tie, to even
		{0x3f818000, 0, 0x3f820000},          // a tie, to even
		{0x3f808001, 0, 0x3f810000},          // over the tie
		{0x7f7fffff, 0, 0x7f800000},          // too large: infinity
		{0x3f800000, 0x3b800000, 0x3f800000}, // 1 + 1/256 is a tie of the sum
		{0x3f810000, 0x3b800000, 0x3f820000},
	} {
		onRanks(2, func(g hosts.Group) { checkBF16(t, g, []uint32{c.a, c.b}, c.want) })
	}
}

func checkBF16(t *testing.T, g hosts.Group, given []uint32, want uint32) {
	x := []float32{math.Float32frombits(given[g.Rank()])}
	if err := g.AllReduce(x, hosts.BF16); err != nil {
		t.Error(err)
	}
	if got := math.Float32bits(x[0]); got != want {
		t.Errorf("%08x + %08x is %08x on the wire, want %08x", given[0], given[1], got, want)
	}
}

// Among several tasks a program without MPI says how to build it; alone, none is needed.
func TestJoin(t *testing.T) {
	for _, name := range []string{"OMPI_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"} {
		t.Setenv(name, "")
	}
	if g, err := hosts.Join(); err != nil || g.Size() != 1 {
		t.Errorf("alone: %v, %v", g, err)
	}
	t.Setenv("SLURM_NTASKS", "2")
	t.Setenv("SLURM_STEP_NUM_TASKS", "1") // a step of one task in a job of two
	if g, err := hosts.Join(); err != nil || g.Size() != 1 {
		t.Errorf("a step of one task: %v, %v", g, err)
	}
	if hosts.KnowsMPI {
		t.Skip("this build knows MPI")
	}
	t.Setenv("SLURM_STEP_NUM_TASKS", "2")
	if _, err := hosts.Join(); err == nil || !strings.Contains(err.Error(), "-tags mpi") || !strings.Contains(err.Error(), "SLURM_STEP_NUM_TASKS=2") {
		t.Errorf("two tasks: %v, want an error that says how to build", err)
	}
}
