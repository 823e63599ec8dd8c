package lab

import (
	"fmt"

	"m6lab/m6"
	"m6lab/m6/strict"
	"m6lab/notebooks/lab/look"
	"m6lab/viz"
)

// ShowPlan draws what each device of a mesh holds in a training step of a preset, and says how long a step would take: by formula, without
// making any of it. rows are those of a step over all devices, each with as many tokens as the preset's longest text.
func ShowPlan(preset, device string, mesh m6.Mesh, rows int, settings ...string) {
	e, err := planOf(preset, device, mesh, rows, settings)
	if err != nil {
		look.Fail(err)
	}
	fits := "fits"
	if !e.Fits {
		fits = "does not fit"
	}
	o := viz.BarsOptions{
		Title: fmt.Sprintf("%s on %d x %s: %.3g GB a device, which %s; a step %.3g s, MFU %.0f %%", preset, mesh.Devices(), device, float64(e.Peak)/1e9, fits, e.Step, 100*e.MFU),
		Unit:  "GB", Share: true,
	}
	for _, part := range e.Parts {
		o.Bars = append(o.Bars, viz.Bar{Name: part.Name, Value: float64(part.Bytes) / 1e9})
	}
	look.Figure(o)
}

func planOf(preset, device string, mesh m6.Mesh, rows int, settings []string) (m6.Estimate, error) {
	r, shape, err := planned(preset, rows, settings)
	if err != nil {
		return m6.Estimate{}, err
	}
	r.Mesh = mesh
	hardware, err := m6.FindHardware(device)
	if err != nil {
		return m6.Estimate{}, err
	}
	return m6.On(r, shape, hardware)
}

// planned is a run of a preset and a batch of rows of its longest text.
func planned(preset string, rows int, settings []string) (m6.Run, m6.Shape, error) {
	r, err := m6.NewRun(preset)
	if err != nil {
		return r, m6.Shape{}, err
	}
	r.Train.Batch = rows
	if err := strict.Override(&r, settings); err != nil {
		return r, m6.Shape{}, err
	}
	return r, m6.Shape{Batch: rows, Text: r.Data.TextBuckets[len(r.Data.TextBuckets)-1]}, nil
}

// ShowMeshes draws how long a step of a preset would take on each mesh of n devices: at most ten, the best first.
func ShowMeshes(preset, device string, n, rows int, settings ...string) {
	r, shape, err := planned(preset, rows, settings)
	if err != nil {
		look.Fail(err)
	}
	hardware, err := m6.FindHardware(device)
	if err != nil {
		look.Fail(err)
	}
	o := viz.BarsOptions{Title: fmt.Sprintf("%s on %d x %s, %d rows: seconds a step by mesh", preset, n, device, rows), Unit: "s"}
	all := m6.Meshes(r, shape, hardware, n)
	for _, e := range all[:min(10, len(all))] {
		name := fmt.Sprintf("data %d, model %d, expert %d", e.Mesh.Data, e.Mesh.Model, e.Mesh.Expert)
		if !e.Fits {
			name += fmt.Sprintf(" (%.3g GB: does not fit)", float64(e.Peak)/1e9)
		}
		o.Bars = append(o.Bars, viz.Bar{Name: name, Value: e.Step})
	}
	if len(all) == 0 {
		look.Fail(fmt.Errorf("no mesh of %d devices divides %s with %d rows", n, preset, rows))
	}
	look.Figure(o)
}

// ShowCompiled compiles the real step of a preset for a mesh of virtual devices, and shows what XLA says of it beside the formulas.
func ShowCompiled(preset string, mesh m6.Mesh, rows int, settings ...string) {
	r, shape, err := planned(preset, rows, settings)
	if err != nil {
		look.Fail(err)
	}
	r.Mesh = mesh
	plan, err := m6.NewPlan(r, shape)
	if err != nil {
		look.Fail(err)
	}
	compiled, err := m6.Lower(r, shape)
	if err != nil {
		look.Fail(err)
	}
	cells := [][]string{
		{"a device", "by formula", "compiled"},
		{"peak, MB", fmt.Sprintf("%.1f", float64(plan.Peak)/1e6), fmt.Sprintf("%.1f", float64(compiled.Peak)/1e6)},
		{"products, GFLOP", fmt.Sprintf("%.2f", plan.FLOPs/1e9), fmt.Sprintf("%.2f", compiled.FLOPs/1e9)},
	}
	for _, kind := range []string{"all-reduce", "all-gather", "all-to-all"} {
		say := func(c m6.Collective) string { return fmt.Sprintf("%d, %.2f MB", c.Count, float64(c.Bytes)/1e6) }
		cells = append(cells, []string{kind, say(plan.Collectives[kind]), say(compiled.Collectives[kind])})
	}
	look.Table(cells)
}
