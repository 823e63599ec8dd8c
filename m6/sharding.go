package m6

import (
	"slices"
	"strings"

	"m6lab/layers"
)

// axes says over which mesh axis each dimension of a tensor is split; "" is not at all, "a+b" over both. Nil is replicated.
type axes []string

// batchAxes splits the rows of a batch.
const batchAxes = "data+expert"

// The layout of every tensor: heads, feed-forward network and vocabulary over `model` (Megatron's split, columns then rows,
// arXiv 1909.08053), experts over `expert`. What is not here is replicated: norms, the router, positions, the picture encoder, and
// the biases that are added after a sum over devices.
var (
	tensorAxes = map[string]axes{
		"embed.text.weight": {"model", ""},
		"output.bias":       {"model"},
	}
	blockAxes = map[string]axes{
		"attn.query.kernel": {"", "model", ""}, "attn.query.bias": {"model", ""},
		"attn.key.kernel": {"", "model", ""}, "attn.key.bias": {"model", ""},
		"attn.value.kernel": {"", "model", ""}, "attn.value.bias": {"model", ""},
		"attn.output.kernel": {"model", "", ""},
		"ffn.in.kernel":      {"", "model"}, "ffn.in.bias": {"model"},
		"ffn.out.kernel":        {"model", ""},
		"moe.experts.in.kernel": {"expert", "", "model"}, "moe.experts.in.bias": {"expert", "model"},
		"moe.experts.out.kernel": {"expert", "model", ""}, "moe.experts.out.bias": {"expert", ""},
	}
)

// layout is how the named parameter lies over the mesh.
func layout(name string, rank int) axes {
	if a, ok := tensorAxes[name]; ok {
		return a
	}
	if block, ok := strings.CutPrefix(name, "blocks."); ok {
		_, inBlock, _ := strings.Cut(block, ".")
		if a, ok := blockAxes[inBlock]; ok {
			return a
		}
	}
	return make(axes, rank)
}

// weightLayout is how a parameter lies over the mesh between the layers that read it. With train.zero=3 the kernels of the blocks are split over
// `data` besides, as their moments are (ZeRO stage 3).
func (r Run) weightLayout(p layers.Param) axes {
	a := layout(p.Name, len(p.Dims))
	if r.Train.Zero == 3 && strings.HasPrefix(p.Name, "blocks.") && strings.HasSuffix(p.Name, ".kernel") && !strings.HasSuffix(p.Name, "router.kernel") {
		return momentLayout(a, p.Dims, r.Mesh.Data)
	}
	return a
}

// momentLayout is a moment's layout: its weight's, and over `data` besides, on the last dimension that divides and is not split yet
// (ZeRO stage 1, arXiv 1910.02054).
func momentLayout(weight axes, dims []int, data int) axes {
	out := slices.Clone(weight)
	if slices.Contains(out, "data") {
		return out
	}
	for i := len(dims) - 1; i >= 0; i-- {
		if data > 1 && out[i] == "" && dims[i]%data == 0 {
			out[i] = "data"
			break
		}
	}
	return out
}

// spreadsColumns tells whether devices exchange the columns of an embedding's gradient, of this width: not where rows lie over experts too, so
// that a device does not have the rows of its columns, nor where there is no equal share of columns for each.
func (m Mesh) spreadsColumns(width int) bool { return m.Expert == 1 && width%m.Data == 0 }
