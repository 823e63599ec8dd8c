package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"m6lab/m6"
	"m6lab/scripts/command"
	"m6lab/viz"
)

// planFlags are the flags of `m6 plan`.
type planFlags struct {
	pretrainFlags
	mesh, device, figure                  string
	devices, batch, text, patches, masked int
	lower                                 bool
}

func planCommand() *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan --preset P --mesh data=2,model=4",
		Short: "Memory, communication and time of a training step on a mesh, without allocating a weight",
		Long: `Memory, communication and time of a training step on a mesh, without allocating a weight.

Predicted are bytes per device, the operations of the matrix products and what the devices say to each other, by formula, as XLA's CPU compiler has them; the estimate for --device is a roofline.
With --lower the real step is compiled for that very mesh, on virtual devices, and XLA's own figures stand beside the formulas.
With --devices in place of --mesh all meshes of so many devices are listed: those that fit first, the quickest before others.`,
		Example: `  m6 plan --preset 10b --mesh data=16,model=8 --batch 64
  m6 plan --preset 100b --devices 128 --batch 128 --device A100
  m6 plan --preset debug --mesh data=2,model=2 --lower --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return plan(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.preset, "preset", "", "the model: "+strings.Join(m6.Presets(), ", "))
	flags.StringVar(&f.config, "config", "", "JSON file of settings over the preset's")
	flags.StringArrayVar(&f.set, "set", nil, "one setting, such as train.remat=none (repeatable)")
	flags.StringVar(&f.mesh, "mesh", "", "axes of the mesh, such as data=16,model=8 or expert=128")
	flags.IntVar(&f.devices, "devices", 0, "in place of --mesh: all meshes of so many devices")
	flags.StringVar(&f.device, "device", "H100", "kind of device: "+strings.Join(m6.HardwareNames(), ", ")+", or a .json file of your own")
	flags.IntVar(&f.batch, "batch", 0, "rows of a step over all devices, in place of train.batch")
	flags.IntVar(&f.text, "text", 0, "tokens of the complete part; the longest of data.text_buckets by default")
	flags.IntVar(&f.patches, "patches", 0, "patches of a picture, as features")
	flags.IntVar(&f.masked, "masked", 0, "tokens of the masked part")
	flags.BoolVar(&f.lower, "lower", false, "compile the step for the mesh and report XLA's own figures")
	flags.StringVar(&f.figure, "figure", "", "draw memory and time into this .svg or .png file")
	command.Require(cmd, "preset")
	cmd.MarkFlagsMutuallyExclusive("mesh", "devices")
	cmd.MarkFlagsMutuallyExclusive("lower", "devices")
	cmd.MarkFlagsMutuallyExclusive("figure", "devices")
	return cmd
}

// planned is what `m6 plan` tells.
type planned struct {
	Preset         string        `json:"preset"`
	Mesh           m6.Mesh       `json:"mesh"`
	Shape          m6.Shape      `json:"shape"`
	Predicted      *m6.Plan      `json:"predicted,omitempty"`
	Compiled       *m6.Lowered   `json:"compiled,omitempty"`
	CompileSeconds float64       `json:"compile_seconds,omitempty"`
	Estimate       *m6.Estimate  `json:"estimate,omitempty"`
	Meshes         []m6.Estimate `json:"meshes,omitempty"`
}

func plan(cmd *cobra.Command, f planFlags) error {
	run, shape, err := f.step()
	if err != nil {
		return err
	}
	hardware, err := m6.FindHardware(f.device)
	if err != nil {
		return err
	}
	p := planned{Preset: f.preset, Mesh: run.Mesh, Shape: shape}
	if f.devices > 0 {
		if p.Meshes = m6.Meshes(run, shape, hardware, f.devices); len(p.Meshes) == 0 {
			return fmt.Errorf("no mesh of %d devices divides the heads, feed-forward network, vocabulary, experts and %d rows of this run", f.devices, shape.Batch)
		}
		return command.PrintResult(cmd, p, func(w io.Writer) error { return printMeshes(w, p.Meshes, hardware) })
	}
	predicted, err := m6.NewPlan(run, shape)
	if err != nil {
		return err
	}
	estimate, err := m6.On(run, shape, hardware)
	if err != nil {
		return err
	}
	p.Predicted, p.Estimate = &predicted, &estimate
	if f.figure != "" {
		if err := drawPlan(f.figure, p); err != nil {
			return err
		}
	}
	if f.lower {
		compiled, err := m6.Lower(run, shape)
		if err != nil {
			return err
		}
		p.Compiled, p.CompileSeconds = &compiled, compiled.CompileSeconds
	}
	return command.PrintResult(cmd, p, func(w io.Writer) error { return printPlan(w, p, hardware) })
}

// step is the run and the batch that the flags ask for.
func (f planFlags) step() (m6.Run, m6.Shape, error) {
	mesh, err := meshSettings(f.mesh)
	if err != nil {
		return m6.Run{}, m6.Shape{}, err
	}
	f.set = append(f.set, mesh...)
	if f.batch > 0 {
		f.set = append(f.set, fmt.Sprintf("train.batch=%d", f.batch))
	}
	r, err := f.pretrainFlags.run()
	if err != nil {
		return r, m6.Shape{}, err
	}
	shape := m6.Shape{Batch: r.Train.Batch / r.Train.Accumulate, Patches: f.patches, Masked: f.masked, Text: f.text}
	if shape.Text == 0 {
		shape.Text = r.Data.TextBuckets[len(r.Data.TextBuckets)-1]
	}
	return r, shape, nil
}

// meshSettings turns data=2,model=4 into settings.
func meshSettings(mesh string) (out []string, err error) {
	for part := range strings.SplitSeq(mesh, ",") {
		if part == "" {
			continue
		}
		axis, size, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, err := strconv.Atoi(size); !ok || err != nil {
			return nil, command.Usagef("--mesh %s: %q is no axis=number; want such as data=2,model=4", mesh, part)
		}
		out = append(out, "mesh."+axis+"="+size)
	}
	return out, nil
}

func printPlan(w io.Writer, p planned, h m6.Hardware) error {
	fmt.Fprintf(w, "%s on data=%d, model=%d, expert=%d: %d rows of %d patches, %d masked tokens and %d tokens a step\n\n",
		p.Preset, p.Mesh.Data, p.Mesh.Model, p.Mesh.Expert, p.Shape.Batch, p.Shape.Patches, p.Shape.Masked, p.Shape.Text)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { fmt.Fprintln(t, strings.Join(cells, "\t")) }
	compiled := func(value func(c m6.Lowered) string) string {
		if p.Compiled == nil {
			return ""
		}
		return value(*p.Compiled)
	}
	head := []string{"a virtual device", "predicted"}
	if p.Compiled != nil {
		head = append(head, "compiled")
	}
	row(head...)
	row("given: weights, optimizer state, batch", bytesText(p.Predicted.Arguments), compiled(func(c m6.Lowered) string { return bytesText(c.Arguments) }))
	row("needed while it runs", bytesText(p.Predicted.Temporaries), compiled(func(c m6.Lowered) string { return bytesText(c.Temporaries) }))
	row("peak", bytesText(p.Predicted.Peak), compiled(func(c m6.Lowered) string { return bytesText(c.Peak) }))
	row("products", flopsText(p.Predicted.FLOPs), compiled(func(c m6.Lowered) string { return flopsText(c.FLOPs) }))
	for _, kind := range kindsOf(p) {
		say := func(c m6.Collective) string { return fmt.Sprintf("%d, %s", c.Count, bytesText(c.Bytes)) }
		row(kind, say(p.Predicted.Collectives[kind]), compiled(func(c m6.Lowered) string { return say(c.Collectives[kind]) }))
	}
	if p.Compiled != nil {
		row("compiling", "", fmt.Sprintf("%.1f s", p.CompileSeconds))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	return printEstimate(w, p, h)
}

// kindsOf are the kinds of collectives that were predicted or compiled, in a fixed order.
func kindsOf(p planned) (kinds []string) {
	for _, kind := range []string{"all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute"} {
		found := p.Predicted.Collectives[kind].Count > 0
		if p.Compiled != nil {
			found = found || p.Compiled.Collectives[kind].Count > 0
		}
		if found {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

func printEstimate(w io.Writer, p planned, h m6.Hardware) error {
	e := p.Estimate
	fmt.Fprintf(w, "\nEstimate for %d x %s (products at 60 %% of the data sheet; what is said over data goes on beside the backward pass)\n\n", p.Mesh.Devices(), h.Name)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, part := range e.Parts {
		fmt.Fprintf(t, "%s\t%s\n", part.Name, bytesText(part.Bytes))
	}
	fits := "fits"
	if !e.Fits {
		fits = "does NOT fit"
	}
	fmt.Fprintf(t, "peak\t%s, %s into %s\n", bytesText(e.Peak), fits, bytesText(int64(h.Memory)))
	fmt.Fprintf(t, "a step\t%s: products %s, memory %s, network %s (exposed %s)\n", secondsText(e.Step), secondsText(e.Compute), secondsText(e.Memory), secondsText(e.Network), secondsText(e.Exposed))
	fmt.Fprintf(t, "tokens\t%.4g a second, MFU %.0f %%\n", e.Tokens, 100*e.MFU)
	fmt.Fprintf(t, "an epoch of 111.8B tokens\t%s, %.4g device hours%s\n", secondsText(m6.PaperTokens/e.Tokens), e.Hours, priceText(e.Cost))
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what devices say in a step\tkind\taxis\tdevices\toperations\tbytes")
	for _, said := range p.Predicted.Traffic {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%d\t%s\n", said.What, said.Kind, said.Axis, said.Devices, said.Count, bytesText(said.Bytes))
	}
	return t.Flush()
}

func printMeshes(w io.Writer, all []m6.Estimate, h m6.Hardware) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "data\tmodel\texpert\tpeak\tfits\ta step\tMFU\ttokens/s\tepoch, device hours\t\n")
	for _, e := range all {
		fmt.Fprintf(t, "%d\t%d\t%d\t%s\t%t\t%s\t%.0f %%\t%.4g\t%.4g\t\n", e.Mesh.Data, e.Mesh.Model, e.Mesh.Expert, bytesText(e.Peak), e.Fits, secondsText(e.Step), 100*e.MFU, e.Tokens, e.Hours)
	}
	return t.Flush()
}

// drawPlan draws memory by part and time by cause.
func drawPlan(file string, p planned) error {
	format := viz.SVG
	if strings.HasSuffix(file, ".png") {
		format = viz.PNG
	} else if !strings.HasSuffix(file, ".svg") {
		return command.Usagef("--figure %s: want a name that ends with .svg or .png", file)
	}
	o := viz.BarsOptions{
		Title: fmt.Sprintf("%s on %d x %s: memory of a device", p.Preset, p.Mesh.Devices(), p.Estimate.Device), Unit: "GB", Share: true, Width: 720,
	}
	for _, part := range p.Estimate.Parts {
		o.Bars = append(o.Bars, viz.Bar{Name: part.Name, Value: float64(part.Bytes) / 1e9})
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := viz.Bars(out, format, o); err != nil {
		_ = out.Close() // the first error is the one to tell
		return err
	}
	return out.Close()
}

func bytesText(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	value, i := float64(n), 0
	for ; value >= 1000 && i < len(units)-1; i++ {
		value /= 1000
	}
	return fmt.Sprintf("%.4g %s", value, units[i])
}

func flopsText(n float64) string { return fmt.Sprintf("%.4g TFLOP", n/1e12) }

func secondsText(s float64) string {
	switch {
	case s >= 2*86400:
		return fmt.Sprintf("%.1f days", s/86400)
	case s >= 2*3600:
		return fmt.Sprintf("%.1f h", s/3600)
	case s >= 1:
		return fmt.Sprintf("%.2f s", s)
	}
	return fmt.Sprintf("%.3g ms", 1000*s)
}

func priceText(cost float64) string {
	if cost == 0 {
		return ""
	}
	return fmt.Sprintf(", cost %.4g", cost)
}
