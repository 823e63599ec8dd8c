package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	_ "github.com/gomlx/gomlx/backends/default" // the XLA and Go backends
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/spf13/cobra"

	"m6lab/checkpoints"
	"m6lab/datasets/image"
	"m6lab/layers"
	"m6lab/scripts/command"
)

// featuresOptions are the flags of `m6 features`.
type featuresOptions struct {
	weights, out      string
	grid, size, batch int
	skip              bool
}

// featuresCommand is `m6 features`: patch features of pictures by a frozen residual network.
func featuresCommand() *cobra.Command {
	var o featuresOptions
	cmd := &cobra.Command{
		Use:   "features --weights W.safetensors --grid 7 --out F.safetensors IMAGE...",
		Short: "Patch features of pictures",
		Long: `Patch features of pictures, as a frozen picture encoder gives them: features [N,P,F] in f32, P = grid x grid, in the order of the pictures.

W holds a ResNet-50 with torchvision's tensor names, or the resnet-small of the lessons, with or without the prefix "encoder."; which of them it
is follows from conv1.weight. Grids of 7 and 4 are the last stage's (F = 2048), 14 is stage 3's (F = 1024). Pictures are scaled to a square.
The metadata of the file names the pictures, the model, the grid and the size. All features are held in memory until they are written.`,
		Example: "  m6 features --weights resnet50.safetensors --grid 7 --out features.safetensors photos/*.jpg",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			report, err := writeFeatures(cmd.ErrOrStderr(), o, args)
			if err != nil {
				return err
			}
			return command.PrintResult(cmd, report, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "%s: features %v of %d pictures by %s, %d skipped\n", o.out, report.Shape, len(report.Images), report.Model, len(report.Skipped))
				return err
			})
		},
	}
	cmd.Flags().StringVar(&o.weights, "weights", "", "safetensors file of the network")
	cmd.Flags().StringVar(&o.out, "out", "", "safetensors file to write")
	cmd.Flags().IntVar(&o.grid, "grid", 7, "side of the grid of features")
	cmd.Flags().IntVar(&o.size, "size", 0, "side in pixels that pictures are scaled to (default: 224, or 64 for resnet-small)")
	cmd.Flags().IntVar(&o.batch, "batch", 8, "pictures computed at once")
	cmd.Flags().BoolVar(&o.skip, "skip", false, "leave out pictures that cannot be decoded, instead of failing")
	command.Require(cmd, "weights", "out")
	return cmd
}

// featuresReport is what `m6 features` did.
type featuresReport struct {
	Model   string           `json:"model"`
	Shape   []int            `json:"shape"`
	Images  []string         `json:"images"`
	Skipped []skippedPicture `json:"skipped"`
}

// skippedPicture is a picture that was left out.
type skippedPicture struct {
	Path   string `json:"path"`
	Reason string `json:"reason"`
}

// writeFeatures looks at weights and pictures first, so that nothing is computed in vain.
func writeFeatures(log io.Writer, o featuresOptions, paths []string) (featuresReport, error) {
	if o.grid < 1 || o.size < 0 || o.batch < 1 {
		return featuresReport{}, command.Usagef("--grid %d, --size %d, --batch %d: want a grid and a batch of at least 1, and a size of 0 or more", o.grid, o.size, o.batch)
	}
	e, err := readEncoder(log, o)
	if err != nil {
		return featuresReport{}, err
	}
	report := featuresReport{Model: e.kind.name, Skipped: []skippedPicture{}}
	report.Images, report.Skipped = readable(paths)
	if err := e.judge(log, report, len(paths)); err != nil {
		return report, err
	}
	patches, size := o.grid*o.grid, e.kind.net.FeatureSize(e.stage)
	report.Shape = []int{len(report.Images), patches, size}
	values, err := e.features(report.Images)
	if err != nil {
		return report, err
	}
	names, err := json.Marshal(report.Images)
	if err != nil {
		return report, err
	}
	return report, checkpoints.WriteSafetensors(o.out, []checkpoints.Tensor{checkpoints.FromFloat32s("features", report.Shape, values)}, map[string]string{
		"images": string(names), "model": e.kind.name, "grid": strconv.Itoa(o.grid), "size": strconv.Itoa(e.size),
	})
}

// readable divides the pictures into those that decode and the others.
func readable(paths []string) (good []string, bad []skippedPicture) {
	good, bad = []string{}, []skippedPicture{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err == nil {
			_, err = image.Decode(data, image.Limits{})
		}
		if err != nil {
			bad = append(bad, skippedPicture{path, err.Error()})
		} else {
			good = append(good, path)
		}
	}
	return good, bad
}

// encoderKind is a network that the command knows by the shape of its first tensor.
type encoderKind struct {
	name string
	net  layers.ResNet
	size int // of the pictures it is made for
}

// encoder is a network with its weights.
type encoder struct {
	featuresOptions
	kind   encoderKind
	stage  int
	size   int
	params []layers.Param // named as in the file
	prefix string
	values []any // *tensors.Tensor, in the order of params
}

// readEncoder reads the weights of whichever network the file holds, and says what else is in it.
func readEncoder(log io.Writer, o featuresOptions) (*encoder, error) {
	f, err := checkpoints.ReadSafetensors(o.weights)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	e := &encoder{featuresOptions: o}
	if err := e.choose(f); err != nil {
		return nil, fmt.Errorf("%s: %w", o.weights, err)
	}
	if err := e.load(f); err != nil {
		return nil, fmt.Errorf("%s: %w", o.weights, err)
	}
	used := map[string]bool{}
	for _, p := range e.params {
		used[p.Name] = true
	}
	unused := slices.DeleteFunc(f.Names(), func(name string) bool { return used[name] })
	if len(unused) > 0 {
		fmt.Fprintf(log, "%s: %d tensors are not of the encoder and stay unused: %s\n", o.weights, len(unused), some(unused))
	}
	return e, nil
}

// some lists a few names of many.
func some(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// choose finds the network that the first tensor belongs to, and checks that it has the wanted grid.
func (e *encoder) choose(f *checkpoints.File) error {
	kinds := []encoderKind{{"resnet50", layers.ResNet50(), 224}, {"resnet-small", layers.ResNetSmall(), 64}}
	first := "conv1.weight"
	at := slices.IndexFunc(f.Specs(), func(s checkpoints.Spec) bool { return s.Name == first || s.Name == "encoder."+first })
	if at < 0 {
		return fmt.Errorf("no tensor %q: want a ResNet-50 with torchvision's names", first)
	}
	spec := f.Specs()[at]
	e.prefix = strings.TrimSuffix(spec.Name, first)
	at = slices.IndexFunc(kinds, func(k encoderKind) bool { return slices.Equal(k.net.Params("")[0].Dims, spec.Dims) })
	if at < 0 {
		return fmt.Errorf("tensor %q has shape %v: want [64 3 7 7] of a ResNet-50 or [32 3 5 5] of a resnet-small", spec.Name, spec.Dims)
	}
	e.kind, e.size = kinds[at], kinds[at].size
	if e.featuresOptions.size > 0 {
		e.size = e.featuresOptions.size
	}
	if finest := e.kind.net.StageGrid(1, e.size); e.grid > finest {
		return fmt.Errorf("%s has no grid of %d for pictures of %d pixels: its finest is %d; give --size more", e.kind.name, e.grid, e.size, finest)
	}
	e.stage = e.kind.net.StageFor(e.grid, e.size)
	return nil
}

// load reads every tensor of the network, the first that is missing or has another shape being the error.
func (e *encoder) load(f *checkpoints.File) error {
	specs := map[string]checkpoints.Spec{}
	for _, s := range f.Specs() {
		specs[s.Name] = s
	}
	e.params = e.kind.net.Params(e.prefix)
	var missing []string
	for _, p := range e.params {
		s, ok := specs[p.Name]
		if !ok {
			missing = append(missing, p.Name)
		} else if !slices.Equal(s.Dims, p.Dims) {
			return fmt.Errorf("tensor %q has shape %v, but %s wants %v", p.Name, s.Dims, e.kind.name, p.Dims)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%d of the %d tensors of %s are missing: %s", len(missing), len(e.params), e.kind.name, some(missing))
	}
	for _, p := range e.params {
		t, err := f.Tensor(p.Name)
		if err != nil {
			return err
		}
		values, err := t.Float32s()
		if err != nil {
			return err
		}
		e.values = append(e.values, tensors.FromFlatDataAndDimensions(values, p.Dims...))
	}
	return nil
}

// judge decides whether there is anything to do, given what could not be read of total pictures.
func (e *encoder) judge(log io.Writer, r featuresReport, total int) error {
	if len(r.Skipped) == 0 {
		return nil
	}
	bad := make([]string, len(r.Skipped))
	for i, s := range r.Skipped {
		bad[i] = fmt.Sprintf("%s (%s)", s.Path, s.Reason)
	}
	what := fmt.Sprintf("%d of %d pictures cannot be read: %s", len(bad), total, some(bad))
	if !e.skip || len(r.Images) == 0 {
		if len(r.Images) > 0 {
			what += "; mend them, or leave them out with --skip"
		}
		return fmt.Errorf("%s", what)
	}
	fmt.Fprintln(log, what)
	return nil
}

// features are those of all pictures, one after another. The last batch is filled up, so that one program does for all.
func (e *encoder) features(paths []string) ([]float32, error) {
	g, err := e.compile(min(e.batch, len(paths)))
	if err != nil {
		return nil, err
	}
	defer g.Finalize()
	var all []float32
	one := e.size * e.size * 3
	for batch := range slices.Chunk(paths, min(e.batch, len(paths))) {
		pixels := make([]float32, min(e.batch, len(paths))*one)
		for i, path := range batch {
			data, err := os.ReadFile(path)
			if err == nil {
				err = image.Pixels(data, e.size, pixels[i*one:][:one])
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		}
		image.Normalize(pixels)
		in := tensors.FromFlatDataAndDimensions(pixels, len(pixels)/one, e.size, e.size, 3)
		result := g.Run(append(slices.Clone(e.values), in)...)[0]
		values, err := tensors.CopyFlatData[float32](result)
		if err != nil {
			return nil, err
		}
		all = append(all, values[:len(batch)*e.grid*e.grid*e.kind.net.FeatureSize(e.stage)]...)
		result.FinalizeAll()
		in.FinalizeAll()
	}
	return all, nil
}

// compile builds the program for batches of n pictures: all weights, then pixels, to features.
func (e *encoder) compile(n int) (*graph.Graph, error) {
	backend, err := compute.New()
	if err != nil {
		return nil, fmt.Errorf("no device: %w; `m6 doctor` says what is missing", err)
	}
	g := graph.NewGraph(backend, "features")
	nodes := map[string]*graph.Node{}
	for _, p := range e.params {
		nodes[p.Name] = graph.Parameter(g, p.Name, shapes.Make(dtypes.Float32, p.Dims...))
	}
	w := layers.NewWeights(nodes, dtypes.Float32)
	if e.prefix != "" {
		w = w.In("%s", strings.TrimSuffix(e.prefix, "."))
	}
	pixels := graph.Parameter(g, "pixels", shapes.Make(dtypes.Float32, n, e.size, e.size, 3))
	features, _ := e.kind.net.Features(w, pixels, layers.ResNetOptions{Grid: e.grid, Stage: e.stage})
	return g, g.Compile(features)
}
