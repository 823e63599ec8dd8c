package m6

// flops are the operations of a device's matrix products: two for each multiply-add. A product costs once forward and twice backward, once
// for each side; with activation checkpointing a block's products are made again, but for the last, whose result nobody asks for. Selective
// checkpointing makes attention's scores again alone. What came from other devices is kept, so what gave it is not made again.
func (c cost) flops() float64 {
	m := c.Model
	D, F, S, model := float64(m.Width), float64(m.FFN), float64(c.Length()), float64(c.Mesh.Model)
	again, scores := 0.0, 0.0
	switch c.Train.Remat {
	case "block":
		again = 1
	case "selective":
		scores = 1
	}
	kept := 0.0
	if c.keepsReceived("model") {
		kept = 1
	}
	var total float64
	for i := range m.Layers {
		total += 2 * c.positions() / model * ((3+again)*(4*D*D+2*S*D) - kept*D*D + scores*S*D) // projections, scores and mix
		if m.IsMoE(i) {
			total += c.expertFLOPs(again)
			continue
		}
		total += 2 * c.positions() / model * ((3+again)*D*F + 3*F*D)
	}
	V := float64(m.Vocabulary) / model
	total += 3 * 2 * c.targets() * D * V
	total += 3 * 2 * c.targets() * V // sums over rows and columns of the logits, as products with ones
	if c.Patches > 0 {
		total += 2 * 2 * c.rows() * float64(c.Patches) * D * float64(m.PatchFeatures) // features have no gradient
	}
	return total
}
