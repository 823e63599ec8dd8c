package m6

import "m6lab/layers"

// seats are the places at experts that a device fills while training, of all its groups and experts together.
func (c cost) seats() float64 {
	m := c.Model
	groups := layers.Grouping(c.Batch, c.Length(), m.Group)
	each := layers.Capacity(m.CapacityFactor, groups.Tokens(), m.Experts)
	return float64(groups.Count()*m.Experts*each) / float64(c.Mesh.Data*c.Mesh.Expert)
}

// expertLayers is the number of layers that hold experts.
func (c cost) expertLayers() (n int64) {
	for i := range c.Model.Layers {
		if c.Model.IsMoE(i) {
			n++
		}
	}
	return n
}

// expertFLOPs are the products of a layer of experts: the router's, which is not split over model, and the experts' on their seats; again
// is 1 where they are made again, but for the second if what it gave came from other devices.
func (c cost) expertFLOPs(again float64) float64 {
	m := c.Model
	D, F, E := float64(m.Width), float64(m.FFN), float64(m.Experts)
	router := (3 + again) * 2 * c.positions() * D * E
	second := 3 + again
	if c.keepsReceived("model+expert") {
		second = 3
	}
	return router + 2*c.seats()/float64(c.Mesh.Model)*(3+again+second)*D*F
}
