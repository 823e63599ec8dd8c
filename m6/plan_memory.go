package m6

import (
	"fmt"
	"strings"
)

// What a block keeps for the backward pass, in arrays: of [B,S,D] whole ones and ones that are split over model, of [B,S,F] and of [B,H,S,S]
// split ones, and of the seats at experts, [E,G,C,D]. XLA's buffers of compiled steps were counted, see LOG.md; TestPlan holds the sums beside
// XLA's.
type keeps struct{ whole, split, hidden, scores, seats float64 }

var (
	keepsAll = keeps{
		whole:  6, // residuals, norms, dropped-out branches
		split:  6, // queries, keys, values, each in two orders of axes
		hidden: 3, // before and behind GELU, and its inner function
		scores: 1, // exponentials
		seats:  4, // tokens at their experts and what they gave, in two orders of axes
	}
	// On accelerators XLA makes again what is cheap, and keeps bf16 as bf16: measured on an H200, see LOG.md.
	keepsOnGPU = keeps{
		whole:  4, // what each half of the block reads, before and behind its norm
		split:  4, // queries, keys, values, and their mix
		hidden: 2, // before and behind GELU
		scores: 1, // none where attention is one operation
		seats:  2,
	}
	keepsProducts = keeps{
		whole:  3, // what each half of the block reads, and what the second gives
		split:  4, // queries, keys, values, and their mix
		hidden: 1,
		seats:  1,
	}
)

const (
	keptCheckpoint = 2    // [B,S,D] of a block that is made again
	keptLogits     = 2    // [targets,V]: exponentials and the logits' gradient
	wideLogits     = 4096 // from so many on in a row, XLA keeps the logits besides
)

// memory is what a device holds when it holds most, as XLA's CPU compiler lays it out. Weights are read by three products and by the
// optimizer, which writes them; moments are read and written; what is made is written once and read once.
func (c cost) memory() []Part {
	var weights, moments int64
	for _, spec := range c.stateSpecs() {
		n := c.Mesh.share(spec.dims, spec.axes)
		if onlyTraining(spec.name) {
			moments += n
		} else {
			weights += n
		}
	}
	activations, gradients, workspace := c.working()
	return []Part{
		{"weights", f32Bytes * weights, true, 5}, {"optimizer state", f32Bytes * moments, true, 2}, {"batch", c.batchBytes(), true, 1},
		{"gradients", gradients, false, 2}, {"activations", activations, false, 2}, {"workspace", workspace, false, 2},
	}
}

// batchBytes is what the step reads beside its state: the batch, a seed and a rate.
func (c cost) batchBytes() int64 {
	total := int64(2 * f32Bytes)
	for _, in := range c.inputs(c.Model.PatchFeatures) {
		total += f32Bytes * c.Mesh.share(in.shape.Dimensions, in.axes())
	}
	return total
}

// working are the bytes that the step needs while it runs. Without activation checkpointing most is held either when the loss is made, with
// what all blocks keep, or when all gradients are there; with it, when the last block is made again.
func (c cost) working() (activations, gradients, workspace int64) {
	element := c.kept()
	var kept, block, products float64 // of all blocks, of the largest, of all by selective checkpointing
	for i := range c.Model.Layers {
		bytes := c.blockBytes(i, c.keeps(), element)
		kept, block = kept+bytes, max(block, bytes)
		products += c.blockBytes(i, keepsProducts, c.made())
	}
	head, table, all := c.headBytes(), c.tableBytes(), c.gradientBytes()
	switch c.Train.Remat {
	case "none":
		if c.Train.Precision == "bf16" {
			kept += c.weightElements() * element // weights as they were rounded, until the backward pass
		}
	case "selective":
		if kept, head = products, max(head, block+c.gatheredBytes()); c.Train.Precision == "bf16" {
			kept += 2 * c.weightElements()
		}
	case "block":
		x := element * c.positions() * float64(c.Model.Width)
		workspace := max(block, head)
		if c.Train.Precision == "bf16" {
			workspace += c.weightElements() // about half of the weights as they were rounded
		}
		return int64(c.checkpointBytes(x)), int64(all), int64(workspace)
	}
	if kept+head+table >= block+all {
		return int64(kept), int64(table), int64(head)
	}
	return int64(block), int64(all), 0
}

// checkpointBytes are what blocks that are made again keep: their inputs, of x bytes each, and what came from other devices.
func (c cost) checkpointBytes(x float64) float64 {
	each := float64(keptCheckpoint) // XLA's CPU compiler has a second one of each block in any case
	if c.half && !c.keepsReceived("model") {
		each = 1
	}
	bytes := each * x * float64(c.Model.Layers)
	seats := c.kept() * c.seats() * float64(c.Model.Width) * float64(c.expertLayers())
	for _, axis := range []string{"expert", "model+expert"} { // at the experts, and back
		if c.keepsReceived(axis) {
			bytes += seats
		}
	}
	return bytes
}

// keeps is what a block keeps without activation checkpointing.
func (c cost) keeps() keeps {
	if !c.half {
		return keepsAll
	}
	k := keepsOnGPU
	if c.fusesAttention() {
		k.scores = 0
	}
	return k
}

// blockBytes is what block i keeps for its backward pass, in elements of a size.
func (c cost) blockBytes(i int, k keeps, element float64) float64 {
	m, model := c.Model, float64(c.Mesh.Model)
	x := c.positions() * float64(m.Width)
	hidden, seats := c.positions()*float64(m.FFN), 0.0
	if m.IsMoE(i) {
		hidden, seats = c.seats()*float64(m.FFN), c.seats()*float64(m.Width)
	}
	scores := c.positions() * float64(m.Heads*c.Length())
	return element*(k.whole*x+k.seats*seats+(k.split*x+k.hidden*hidden)/model) + f32Bytes*k.scores*scores/model
}

// kept is the size of an element of an activation.
func (c cost) kept() float64 {
	if c.half {
		return f32Bytes / 2
	}
	return f32Bytes
}

// made is the size of an element that a product gave.
func (c cost) made() float64 {
	if c.Train.Precision == "bf16" {
		return f32Bytes / 2
	}
	return f32Bytes
}

// headBytes are the logits, in as many copies as the loss needs. On one device they are made in pieces.
func (c cost) headBytes() float64 {
	rows := c.targets()
	if c.Mesh.Devices() == 1 {
		rows = min(rows, float64(c.headRows()))
	}
	V, kept := c.Model.Vocabulary/c.Mesh.Model, keptLogits
	if V >= wideLogits {
		kept++
	}
	return f32Bytes * float64(kept) * rows * float64(V)
}

// tableBytes are the gradients of the table of words, which come with the loss: one, and on one device, where a loop adds it up, its copies.
func (c cost) tableBytes() float64 {
	table := f32Bytes * float64(c.Model.Vocabulary*c.Model.Width) / float64(c.Mesh.Model)
	if c.Mesh.Devices() == 1 {
		return 2.5 * table
	}
	return table
}

// headRows is how many positions' logits a single device makes at a time.
func (c cost) headRows() int {
	if c.half {
		return headRowsOnGPU(c.Model.Vocabulary)
	}
	return headRows(c.Model.Vocabulary)
}

// gradientBytes are the gradients of all weights: f32, but as its products gave them on a single GPU.
func (c cost) gradientBytes() float64 {
	if c.half && c.Mesh.Devices() == 1 {
		return f32Bytes / 2 * c.weightElements()
	}
	return f32Bytes * c.weightElements()
}

// weightElements are the elements of all weights that have a gradient.
func (c cost) weightElements() (total float64) {
	for _, p := range c.Model.trained() {
		if c.isRead(p) {
			total += float64(c.Mesh.share(p.Dims, c.weightLayout(p)))
		}
	}
	return total
}

// gatheredBytes are the weights of the largest block that lie in parts elsewhere, whole while its layers read them.
func (c cost) gatheredBytes() (most float64) {
	blocks := map[string]float64{}
	for _, p := range c.Model.trained() {
		if whole := layout(p.Name, len(p.Dims)); c.Mesh.split(c.weightLayout(p)) > c.Mesh.split(whole) {
			block := strings.SplitN(p.Name, ".", 3)[1]
			blocks[block] += f32Bytes * float64(c.Mesh.share(p.Dims, whole))
			most = max(most, blocks[block])
		}
	}
	return most
}

// validatePlan says what of a run and a batch cannot be planned.
func (r Run) validatePlan(s Shape) error {
	if s.Text < 1 || s.Patches < 0 || s.Masked < 0 || s.Codes < 0 {
		return fmt.Errorf("a batch of %d patches, %d masked tokens and %d tokens of text: want at least one token of text", s.Patches, s.Masked, s.Text)
	}
	if s.Text > r.Model.Positions || s.Masked > r.Model.Positions {
		return fmt.Errorf("text of %d and masked part of %d tokens: model.positions is %d", s.Text, s.Masked, r.Model.Positions)
	}
	if s.Patches > r.Model.VisualPositions {
		return fmt.Errorf("%d patches: model.visual_positions is %d", s.Patches, r.Model.VisualPositions)
	}
	if s.Batch != r.Train.Batch/r.Train.Accumulate {
		return fmt.Errorf("a batch of %d rows, but train.batch / train.accumulate is %d", s.Batch, r.Train.Batch/r.Train.Accumulate)
	}
	return r.Validate()
}
