package m6

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"m6lab/layers"
)

// TestGolden holds logits, losses and gradients of whole tensors against an independent implementation, with the logits of the loss made
// at once and three positions at a time.
func TestGolden(t *testing.T) {
	for _, name := range []string{
		"m6_dense", "m6_rows", "m6_no_visual", "m6_no_masked", "m6_text_only", "m6_moe_top1", "m6_moe_top1_drops", "m6_moe_top2", "m6_codes", "m6_codes_padded",
	} {
		t.Run(name, func(t *testing.T) { testGolden(t, name, 0) })
		t.Run(name+"/rows", func(t *testing.T) { testGolden(t, name, 3) })
	}
}

func testGolden(t *testing.T, name string, headRows int) {
	g := readGolden(t, name)
	var params []layers.Param
	got := g.evaluate(t, func(m *Model, b *builder, in Inputs, nodes map[string]*Node) {
		w := layers.NewWeights(nodes, nodes["embed.text.weight"].DType())
		params = m.Params()
		loss := m.Loss(w, in, Pass{Training: true, HeadRows: headRows})
		x, _ := m.Hidden(w, in, Pass{Training: true})
		b.output("logits", m.Logits(w, in.TextHidden(x)), nil)
		if in.Codes > 0 {
			b.output("code_logits", m.CodeLogits(w, in, x), nil)
		}
		b.output("loss", loss.Mean, nil)
		nll := Gradient(loss.Mean, nodesOf(nodes, params)...)
		total := Gradient(loss.Total, nodesOf(nodes, params)...)
		for i, p := range params {
			b.output("grad."+p.Name, nll[i], nil)
			b.output("grad_total."+p.Name, total[i], nil)
		}
		if m.Experts > 0 {
			b.output("balance", loss.Aux.Balance, nil)
			b.output("z", loss.Aux.Z, nil)
			b.output("total", loss.Total, nil)
			plain, _ := m.Hidden(w, in, Pass{})
			b.output("logits_inference", m.Logits(w, in.TextHidden(plain)), nil)
		}
	})
	batch := g.batch(t)
	for _, logits := range []string{"logits", "logits_inference"} {
		if flat, ok := got[logits]; ok {
			compare(t, logits, onlyValid(flat, batch.TextLengths, batch.Text, g.config.Vocabulary), g.floats(t, "out."+logits))
		}
	}
	if batch.Codes > 0 {
		compare(t, "code_logits", onlyValid(got["code_logits"], batch.CodeLengths, batch.Codes, g.config.Codes), g.floats(t, "out.code_logits"))
	}
	for _, scalar := range []string{"loss", "balance", "z", "total"} {
		if flat, ok := got[scalar]; ok {
			compare(t, scalar, flat, g.floats(t, "out."+scalar))
		}
	}
	for _, p := range params {
		compare(t, "grad."+p.Name, got["grad."+p.Name], g.floats(t, "grad."+p.Name))
		if _, ok := g.tensors["grad_total."+p.Name]; ok {
			compare(t, "grad_total."+p.Name, got["grad_total."+p.Name], g.floats(t, "grad_total."+p.Name))
		}
	}
}
