package m6

import (
	"fmt"
	"strings"
	"time"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"m6lab/layers"
	"m6lab/m6/plugin"
	"m6lab/m6/watch"
)

// program is a compiled graph with named inputs and outputs over a device.
type program struct {
	device  *Device
	graph   *Graph
	inputs  map[string]int // name to parameter handle
	outputs []output

	compile  time.Duration
	compiled plugin.Compiled // empty unless the device looks
}

type output struct {
	name string
	node *Node
	axes axes
}

// builder collects the inputs and outputs of a program while its graph is built.
type builder struct {
	device  *Device
	g       *Graph
	inputs  map[string]*Node
	outputs []output

	constraints int  // functions that fix a layout
	pictures    bool // the picture encoder is in the program
}

// input declares a named input.
func (b *builder) input(name string, shape shapes.Shape, a axes) *Node {
	node := b.device.parameter(b.g, strings.NewReplacer(".", "_", ":", "_").Replace(name), shape, a)
	b.inputs[name] = node
	return node
}

// output declares a named output.
func (b *builder) output(name string, node *Node, a axes) {
	b.outputs = append(b.outputs, output{name: name, node: node, axes: a})
}

// newProgram builds a graph and compiles it. A panic of graph building becomes an error.
func newProgram(d *Device, name string, build func(b *builder)) (p *program, err error) {
	defer catch(name, &err)
	defer d.clock.In(watch.Compile)()
	start := time.Now()
	b := &builder{device: d, g: d.newGraph(name), inputs: map[string]*Node{}}
	build(b)
	nodes := make([]*Node, len(b.outputs))
	specs := make([]*distributed.ShardingSpec, len(b.outputs))
	for i, o := range b.outputs {
		nodes[i], specs[i] = o.node, d.spec(o.axes)
	}
	p = &program{device: d, graph: b.g, inputs: map[string]int{}, outputs: b.outputs}
	for name, node := range b.inputs {
		p.inputs[name] = int(node.GetParameterHandle())
	}
	p.compiled, err = plugin.Compile(plugin.Order{Aliases: p.aliases(), Look: d.looks, Fresh: d.looks, Unrun: d.looks, Pictures: b.pictures && layers.IsGPU(d.backend)}, func() error {
		if d.mesh == nil {
			return b.g.Compile(nodes...)
		}
		return b.g.CompileWithSharding(nodes, specs)
	})
	if err != nil {
		return nil, fmt.Errorf("compiling %s: %w", name, err)
	}
	p.compile = time.Since(start)
	return p, nil
}

// aliases are the outputs that take the memory of the input of their name: state that a step renews.
func (p *program) aliases() map[int]int {
	out := map[int]int{}
	for i, o := range p.outputs {
		if handle, ok := p.inputs[o.name]; ok {
			out[handle] = i
		}
	}
	return out
}

// catch turns a panic into an error of one line.
func catch(doing string, err *error) {
	if r := recover(); r != nil {
		*err = mended(fmt.Errorf("%s: %s", doing, firstLine(fmt.Sprint(r))))
	}
}

// mended adds what its reader can do to an error of a device that has no memory left, PJRT's code 8.
func mended(err error) error {
	if !strings.Contains(err.Error(), "code=8)") {
		return err
	}
	return fmt.Errorf("%w The device has no memory left: give a smaller train.batch or a larger train.accumulate, train.remat=block, or more devices; `m6 plan` adds up what a step holds", err)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// run executes the program. The values named in donate are given up: their memory may become an output's.
func (p *program) run(values map[string]*Value, donate map[string]bool) (out map[string]*Value, err error) {
	defer catch("running "+p.graph.Name(), &err)
	params, devices := p.graph.NumParameters(), p.device.count()
	buffers := make([]compute.Buffer, params*devices)
	given := make([]bool, params*devices)
	for name, handle := range p.inputs {
		value, ok := values[name]
		if !ok {
			return nil, fmt.Errorf("running %s: no value for input %q", p.graph.Name(), name)
		}
		for dev := range devices {
			at := dev*params + handle
			if donate[name] && !value.kept[dev] {
				buffers[at], err = value.shards[dev].DonateBuffer(p.device.backend, compute.DeviceNum(dev))
				given[at] = true
			} else {
				buffers[at], err = value.shards[dev].Buffer(p.device.backend, compute.DeviceNum(dev))
			}
			if err != nil {
				return nil, fmt.Errorf("input %q of %s: %w", name, p.graph.Name(), err)
			}
		}
	}
	results := p.graph.RunWithBuffers(buffers, given, 0)
	out = make(map[string]*Value, len(p.outputs))
	for i, o := range p.outputs {
		v := &Value{shape: o.node.Shape(), axes: o.axes}
		for dev := range devices {
			v.shards = append(v.shards, results[dev*len(p.outputs)+i])
		}
		out[o.name] = v
	}
	return out, nil
}
