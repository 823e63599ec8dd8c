package main

import (
	"fmt"

	"m6lab/m6"
	"m6lab/scripts/command"
	"m6lab/tasks"
	"m6lab/viz"
)

// folder is the run's folder.
func (r *reporter) folder() m6.Folder { return m6.Folder(r.dir) }

// training are the loss curves.
func (r *reporter) training() ([]viz.Block, error) {
	o, err := curves(r.folder(), "Loss of each task")
	if err != nil || len(o.Series) == 0 {
		return nil, err
	}
	blocks := []viz.Block{viz.Captioned{Block: o, Text: "Thin lines are single log lines, thick ones a running mean; markers are losses on the validation split."}}
	o, err = sourceCurves(r.folder(), "Held-out loss of each source")
	if err == nil && len(o.Series) > 0 {
		blocks = append(blocks, viz.Captioned{Block: o, Text: "On the validation split, which is never trained on: captions and questions of pictures, texts by where they come from."})
	}
	if err != nil {
		return nil, err
	}
	experts, err := loads(r.folder(), "Load of the experts")
	if err == nil && len(experts.Layers) > 0 {
		blocks = append(blocks, viz.Captioned{Block: experts, Text: "How often each expert is chosen, over an even share: 1 is even."})
	}
	return blocks, err
}

// anatomy is the mask of a real example and the parameters by part.
func (r *reporter) anatomy() ([]viz.Block, error) {
	var blocks []viz.Block
	mask, err := r.mask()
	if err != nil {
		return nil, err
	}
	if mask != nil {
		blocks = append(blocks, mask)
	}
	ledger := r.model.Run.Model.Ledger()
	bars := viz.BarsOptions{Title: fmt.Sprintf("Parameters by part: %s, and a picture encoder of %s", command.Grouped(ledger.Total), command.Grouped(ledger.Encoder)), Share: true}
	for _, part := range ledger.Parts {
		bars.Bars = append(bars.Bars, viz.Bar{Name: part.Part, Value: float64(part.Parameters)})
	}
	return append(blocks, bars), nil
}

// maskText is the longest complete text of the example whose mask is drawn.
const maskText = 24

// mask is the three-part mask of a held-out example, as the model computes it.
func (r *reporter) mask() (viz.Block, error) {
	for _, task := range []struct {
		task m6.Task
		kind tasks.Kind
	}{{m6.ImageDenoise, tasks.Pictured}, {m6.TextDenoise, tasks.Text}} {
		if task.task.Pictured() && r.model.Sees() != nil {
			continue
		}
		for _, source := range r.data.Held.Sources() {
			rows, err := tasks.Pick(r.data.Held, source, task.kind, 16, r.seed)
			if err != nil {
				return nil, err
			}
			for _, ex := range rows {
				s, err := r.model.Objective.Encode(ex, task.task, r.seed)
				if err == nil && len(s.Text) <= maskText {
					return r.drawMask(s)
				}
			}
		}
	}
	return nil, nil
}

// drawMask draws the mask of a sequence.
func (r *reporter) drawMask(s m6.Sequence) (viz.Block, error) {
	var pixels [][]float32
	if s.Picture != nil {
		picture, err := m6.Pixels(s.Picture, r.model.Run.Model.Encoder.Size)
		if err != nil {
			return nil, fmt.Errorf("picture of %s: %w", s.ID, err)
		}
		pixels = [][]float32{picture}
	}
	attention, err := r.model.Attend([]m6.Sequence{s}, pixels)
	if err != nil {
		return nil, err
	}
	a := attention[0]
	labels := make([]string, 0, len(a.Mask))
	for i := range a.Patches {
		labels = append(labels, fmt.Sprintf("%d", i+1))
	}
	for _, id := range append(append([]int32{}, s.Masked...), s.Text...) {
		labels = append(labels, r.model.Vocab.Token(id))
	}
	return viz.Captioned{
		Block: viz.MaskOptions{
			Title:   fmt.Sprintf("Who may look at whom: %s of %s", s.Task, s.ID),
			Parts:   []viz.Part{{Name: "visual", Length: a.Patches}, {Name: "masked", Length: a.Masked}, {Name: "complete", Length: a.Text}},
			Allowed: a.Mask, Labels: labels,
		},
		Text: "A row is a position that looks, a column one that is looked at. Picture and masked text see each other and never the complete text; the complete text sees both, and its own past.",
	}, nil
}
