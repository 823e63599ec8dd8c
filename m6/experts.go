package m6

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"m6lab/layers"
	"m6lab/m6/strict"
)

// experts is the mixture of experts of block i, h [B,S,D] to [B,S,D]. Without training no token is dropped.
func (m *Model) experts(w layers.Weights, i int, h *Node, in blockInput) *Node {
	o := layers.MoEOptions{
		Experts: m.Experts, Hidden: m.FFN, Router: layers.Router(m.Router), TopK: m.TopK, CapacityFactor: m.CapacityFactor, Group: m.Group,
		Normalize: m.NormalizeGates, Training: in.pass.Training, Position: in.position, Layer: i, Constrain: in.pass.Constrain,
	}
	if p := in.pass; p.Constrain != nil && !p.Training { // no token is dropped, so a group may be all that a device has
		o.Group = h.Shape().Dim(0) / p.Devices * h.Shape().Dim(1)
	}
	if in.pass.Seed != nil {
		o.Noise = &layers.MoENoise{Seed: in.pass.Seed, Jitter: m.Jitter, Second: m.RandomSecond}
	}
	o.Received = func(x *Node, home bool) *Node {
		if home {
			return in.pass.received(x, "model+expert") // hidden units were summed over model
		}
		return in.pass.received(x, "expert")
	}
	y, routing := layers.MoE(w, h, in.valid, o)
	in.aux.Routing = append(in.aux.Routing, routing)
	in.aux.Balance = addOrFirst(in.aux.Balance, routing.Balance)
	in.aux.Z = addOrFirst(in.aux.Z, routing.Z)
	return y
}

func addOrFirst(sum, x *Node) *Node {
	if sum == nil {
		return x
	}
	return Add(sum, x)
}

// routePositions tells each token's segment and place in it, int32 [B,S], whatever the padding; nil where no router asks.
func (m *Model) routePositions(in Inputs) *Node {
	if m.Experts == 0 || layers.Router(m.Router) != layers.RouterRandom {
		return nil
	}
	g := in.TextLengths.Graph()
	var parts []*Node
	for _, part := range []struct{ segment, length int }{
		{segmentVisual, in.Patches}, {segmentMasked, in.Masked}, {segmentText, in.Text}, {segmentCode, in.Codes},
	} {
		if part.length > 0 {
			place := Iota(g, shapes.Make(dtypes.Int32, in.Batch, part.length), 1)
			parts = append(parts, routePosition(place, part.segment))
		}
	}
	return concatenate(parts, 1)
}

// routePosition is a number for a place within a segment.
func routePosition(place *Node, segment int) *Node {
	return AddScalar(MulScalar(place, segments), segment)
}

// Experts' keys of a config.
func (c Config) validateExperts() error {
	switch {
	case c.Experts < 0:
		return fmt.Errorf("model.experts is %d: want 0 or more", c.Experts)
	case c.Experts == 0:
		return nil
	case c.ExpertEvery < 1 || c.ExpertEvery > c.Layers:
		return fmt.Errorf("model.expert_every is %d: want 1 to %d, the layers", c.ExpertEvery, c.Layers)
	case !(c.CapacityFactor >= 0) || math.IsInf(c.CapacityFactor, 0):
		return fmt.Errorf("model.capacity_factor is %g: want 0 (no limit) or more", c.CapacityFactor)
	case c.Group < 0:
		return fmt.Errorf("model.group is %d: want 0 (a row of the batch) or a number of tokens", c.Group)
	case !(c.Jitter >= 0 && c.Jitter < 1):
		return fmt.Errorf("model.jitter is %g: want 0 <= jitter < 1", c.Jitter)
	}
	return c.validateRouter()
}

// validateRouter refuses a router that is unknown, or settings that it cannot have.
func (c Config) validateRouter() error {
	var names []string
	for _, r := range layers.Routers() {
		names = append(names, string(r))
	}
	fixed := map[layers.Router]int{layers.RouterTop1: 1, layers.RouterTop2: 2}[layers.Router(c.Router)]
	switch {
	case !slices.Contains(names, c.Router):
		return fmt.Errorf("unknown model.router %q: did you mean %q? (%s)", c.Router, strict.Nearest(c.Router, names), strings.Join(names, ", "))
	case fixed > 0 && c.TopK != fixed:
		return fmt.Errorf("model.top_k is %d, but model.router=%s takes %d", c.TopK, c.Router, fixed)
	case c.TopK < 1 || c.TopK > c.Experts:
		return fmt.Errorf("model.top_k is %d: want 1 to %d, the experts", c.TopK, c.Experts)
	case c.Router == string(layers.RouterPrototypes) && c.Experts%c.TopK != 0:
		return fmt.Errorf("model.top_k is %d prototypes, which do not divide model.experts %d: the nearest number that does is %d",
			c.TopK, c.Experts, nearestDivisor(c.TopK, c.Experts))
	case c.RandomSecond && c.Router != string(layers.RouterTop2):
		return fmt.Errorf("model.random_second is for model.router=top2, not %s: set it to false", c.Router)
	case c.Jitter > 0 && c.Router == string(layers.RouterRandom):
		return fmt.Errorf("model.jitter is %g, but model.router=random reads no token: set it to 0", c.Jitter)
	}
	return nil
}

// nearestDivisor is the divisor of whole that is nearest to n.
func nearestDivisor(n, whole int) int {
	for off := 0; ; off++ {
		for _, d := range []int{n - off, n + off} {
			if d > 0 && whole%d == 0 {
				return d
			}
		}
	}
}
