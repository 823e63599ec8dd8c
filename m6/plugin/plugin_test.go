package plugin

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
)

func TestX(t *testing.T) {
	home, _ := os.UserHomeDir()
	path := filepath.Join(home, ".local/lib/go-xla/pjrt_c_api_cpu_v0.104.0_plugin.so")
	b, err := Open(path, 8, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Log(b.NumDevices(), b.Name(), b.Description())
	Cache("/tmp/xcache", func(l string) { t.Log(l) })
	mesh, err := distributed.NewDeviceMesh([]int{8}, []string{"data"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		start := time.Now()
		g := graph.NewGraph(b, "test")
		g.SetAutoSharding(mesh)
		sp, _ := distributed.BuildSpec(mesh).S("data").R().Done()
		rep, _ := distributed.BuildSpec(mesh).R().R().Done()
		x := graph.ShardedParameter(g, "x", shapes.Make(dtypes.Float32, 64, 128), sp)
		w := graph.ShardedParameter(g, "w", shapes.Make(dtypes.Float32, 64, 32), sp)
		y := graph.Einsum("bd,bf->df", x, w)
		c, err := Compile(Order{Look: true}, func() error { return g.CompileWithSharding([]*graph.Node{y}, []*distributed.ShardingSpec{rep}) })
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%+v %v %v %v", c, c.Module.FLOPs(), c.Module.Collectives(), time.Since(start))
	}
}
