package lab

import (
	"fmt"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	_ "github.com/gomlx/gomlx/backends/default" // a device for a small mask
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"m6lab/layers"
	"m6lab/m6"
	"m6lab/notebooks/lab/look"
	"m6lab/viz"
)

// PaperMask is the mask of the paper: picture and masked text see each other, the complete text sees both and its own past.
func PaperMask(valid *Node, shape m6.Shape) *Node {
	return layers.PrefixMask(valid, shape.Patches+shape.Masked)
}

// ShowMask draws a mask for a picture of so many patches and two sentences, cut into tokens: the masked text, where
// [MASK] stands for a hidden piece, and the complete one. Either may be empty.
func ShowMask(mask func(valid *Node, shape m6.Shape) *Node, patches int, masked, complete string) {
	o, err := maskFigure(mask, patches, masked, complete)
	if err != nil {
		look.Fail(fmt.Errorf("the mask cannot be drawn: %w", err))
	}
	look.Figure(o)
}

func maskFigure(mask func(valid *Node, shape m6.Shape) *Node, patches int, masked, complete string) (o viz.MaskOptions, err error) {
	shape := m6.Shape{Batch: 1, Patches: patches}
	for i := range patches {
		o.Labels = append(o.Labels, fmt.Sprintf("patch %d", i))
	}
	tokens := func(s string) []string {
		t := look.Tokenizer()
		var out []string
		for i, piece := range strings.Split(s, "[MASK]") {
			if i > 0 {
				out = append(out, "[MASK]")
			}
			for _, id := range t.Encode(piece) {
				out = append(out, t.Vocab().Token(id))
			}
		}
		return out
	}
	if masked != "" {
		part := tokens(masked)
		shape.Masked, o.Labels = len(part), append(o.Labels, part...)
	}
	part := append(append([]string{"[CLS]"}, tokens(complete)...), "[SEP]")
	shape.Text, o.Labels = len(part), append(o.Labels, part...)
	o.Parts = []viz.Part{{Name: "picture", Length: shape.Patches}, {Name: "masked text", Length: shape.Masked}, {Name: "complete text", Length: shape.Text}}
	o.Allowed, err = allowed(mask, shape)
	return o, err
}

// allowed computes a mask on the pure-Go device: it is small, and nothing need be compiled for it.
func allowed(mask func(valid *Node, shape m6.Shape) *Node, shape m6.Shape) (out [][]bool, err error) {
	backend, err := compute.NewWithConfig(m6.GoBackend)
	if err != nil {
		return nil, err
	}
	defer backend.Finalize()
	S := shape.Length()
	err = guarded(func() error {
		g := NewGraph(backend, "mask")
		valid := Parameter(g, "valid", shapes.Make(dtypes.Bool, 1, S))
		node := mask(valid, shape)
		if !node.Shape().Equal(shapes.Make(dtypes.Bool, 1, S, S)) {
			return fmt.Errorf("it gives %s: want %s, which key each query may look at", node.Shape(), shapes.Make(dtypes.Bool, 1, S, S))
		}
		if err := g.Compile(node); err != nil {
			return err
		}
		all := make([]bool, S)
		for i := range all {
			all[i] = true
		}
		flat, err := tensors.CopyFlatData[bool](g.Run(tensors.FromFlatDataAndDimensions(all, 1, S))[0])
		for i := range S {
			out = append(out, flat[i*S:(i+1)*S])
		}
		return err
	})
	return out, err
}

// ShowLedger draws where the parameters of a preset are (debug, base, 10b, 100b, ...). Nothing of the model is made for it.
func ShowLedger(preset string) {
	config, err := m6.Preset(preset)
	if err != nil {
		look.Fail(err)
	}
	ledger := config.Ledger()
	o := viz.BarsOptions{Title: fmt.Sprintf("Preset %s: %.4g million parameters, and %.4g million of the picture encoder", preset, float64(ledger.Total)/1e6, float64(ledger.Encoder)/1e6),
		Unit: "million", Share: true}
	for _, part := range ledger.Parts {
		o.Bars = append(o.Bars, viz.Bar{Name: part.Part, Value: float64(part.Parameters) / 1e6})
	}
	look.Figure(o)
}
