//go:build mpi

package hosts_test

import (
	"testing"

	"m6lab/m6/hosts"
)

// TestMPI runs what every group must do over real MPI, where srun or mpirun has started it; m6/hosts's other tests do so in one process.
func TestMPI(t *testing.T) {
	g, err := hosts.Join()
	if err != nil {
		t.Fatal(err)
	}
	if g.Size() == 1 {
		t.Skip("no launcher has started this with several ranks")
	}
	defer g.Close()
	checkGroup(t, g)
	if g.Size() == 2 {
		checkBF16(t, g, []uint32{0x3f810000, 0x3b800000}, 0x3f820000) // 1 + 1/128 + 1/256, a tie
		checkBF16(t, g, []uint32{0x3f808001, 0}, 0x3f810000)
	}
}
