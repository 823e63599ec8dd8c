package m6

import (
	"hash/fnv"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"

	"m6lab/layers"
)

// embeddingScale is the deviation of a new embedding, as in BERT and GPT-2; kernels start by their fan-in (DECISIONS.md#2).
const embeddingScale = 0.02

// encoderPrefix begins the names of the picture encoder's tensors.
const encoderPrefix = "encoder."

func isEncoder(name string) bool { return strings.HasPrefix(name, encoderPrefix) }

// Params declares every tensor of the model in paper order: embeddings, blocks, output, and the picture encoder under "encoder.".
// Projections that write into the residual stream start smaller, by 1/sqrt(2·layers), as in GPT-2.
func (c Config) Params() []layers.Param {
	D := c.Width
	embedding := func(name string, entries int) layers.Param {
		return layers.Param{Name: name, Dims: []int{entries, D}, Init: layers.Init{Kind: layers.InitNormal, Scale: embeddingScale}}
	}
	zero := func(name string, dims ...int) layers.Param { return layers.Param{Name: name, Dims: dims} }
	params := []layers.Param{
		embedding("embed.text.weight", c.Vocabulary),
		embedding("embed.position.weight", c.Positions),
		embedding("embed.visual_position.weight", c.VisualPositions),
		embedding("embed.segment.weight", segments),
		layers.KernelParam("embed.visual.kernel", c.PatchFeatures, D),
		zero("embed.visual.bias", D),
	}
	params = append(params, layers.NormParams("embed.norm.", D)...)
	for i := range c.Layers {
		params = append(params, c.blockParams(i)...)
	}
	params = append(params, layers.NormParams("final_norm.", D)...)
	params = append(params, zero("output.bias", c.Vocabulary))
	if c.Codes > 0 {
		params = append(params, embedding("embed.code.weight", c.Codes), layers.KernelParam("output.code.kernel", D, c.Codes), zero("output.code.bias", c.Codes))
	}
	if net, ok := c.Encoder.network(); ok {
		params = append(params, net.Params(encoderPrefix)...)
	}
	return params
}

func (c Config) blockParams(i int) []layers.Param {
	gain := 1 / math.Sqrt(2*float64(c.Layers))
	prefix := blockName(i) + "."
	params := layers.NormParams(prefix+"attn.norm.", c.Width)
	params = append(params, layers.AttentionParams(prefix+"attn.", c.Width, c.Heads, gain)...)
	params = append(params, layers.NormParams(prefix+"ffn.norm.", c.Width)...)
	if c.IsMoE(i) {
		return append(params, layers.MoEParams(prefix+"moe.", c.Width, c.FFN, c.Experts, gain)...)
	}
	return append(params, layers.FFNParams(prefix+"ffn.", c.Width, c.FFN, gain)...)
}

// network is the encoder's residual network; none where pictures come as features.
func (e Encoder) network() (layers.ResNet, bool) {
	switch e.Kind {
	case "resnet50":
		return layers.ResNet50(), true
	case "resnet-small":
		return layers.ResNetSmall(), true
	}
	return layers.ResNet{}, false
}

// InitValue fills values, elements [from, from+len) of the flat tensor, with the parameter's starting values for a seed. Each element
// depends on (seed, name, index) alone, so any shard of a tensor can be made by itself, on any mesh.
func InitValue(p layers.Param, seed uint64, from int, values []float32) {
	switch p.Init.Kind {
	case layers.InitZero:
		clear(values)
	case layers.InitOne:
		for i := range values {
			values[i] = 1
		}
	case layers.InitNormal:
		h := fnv.New64a()
		h.Write([]byte(p.Name))
		fillNormal(values, p.Init.Scale, seed^h.Sum64(), from)
	}
}

// fillNormal draws normal values in pages of a fixed size, each from a generator of its own, on all processors.
func fillNormal(values []float32, scale float64, seed uint64, from int) {
	const page, share = 1024, 1024 * 1024 // elements of a page, and of what is worth a goroutine
	pages := func(values []float32, from int) {
		for i := 0; i < len(values); {
			at := from + i
			r := rand.New(rand.NewPCG(seed, uint64(at/page)))
			for range at % page {
				r.NormFloat64()
			}
			for end := min(len(values), i+page-at%page); i < end; i++ {
				values[i] = float32(r.NormFloat64() * scale)
			}
		}
	}
	var work sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for len(values) > share {
		n := share - from%page // the next begins with a page
		part, at := values[:n], from
		slots <- struct{}{}
		work.Go(func() {
			pages(part, at)
			<-slots
		})
		values, from = values[n:], from+n
	}
	pages(values, from)
	work.Wait()
}
