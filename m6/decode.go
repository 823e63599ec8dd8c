package m6

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"m6lab/layers"
)

// Generator writes text with a trained model: prompts in, token ids out, with a cache on the device and the loop over tokens inside
// the compiled program. It is for one goroutine.
type Generator struct {
	model    *Model
	device   *Device
	state    *State
	run      Run
	eos      int32
	prefills map[decodeShape]*program
	loops    map[loopKey]*program
	steps    map[decodeShape]*program
}

type loopKey struct {
	decodeShape
	sample bool
}

// NewGenerator prepares generation; programs are compiled when their shape is first needed. eos ends a text, it is [SEP].
func NewGenerator(d *Device, m *Model, r Run, s *State, eos int32) (*Generator, error) {
	if d.mesh != nil {
		return nil, errors.New("generation runs on one device: open it with mesh data=1, model=1, expert=1")
	}
	return &Generator{model: m, device: d, state: s, run: r, eos: eos, prefills: map[decodeShape]*program{}, loops: map[loopKey]*program{}, steps: map[decodeShape]*program{}}, nil
}

// Prompt is what one row begins with. Text begins with [CLS] and has no [SEP].
type Prompt struct {
	Pixels []float32 // a picture as [Pixels] gives it; nil for none
	Masked []int32
	Text   []int32
	Seed   uint32 // of this row's draws
}

// Generate says how tokens are chosen.
type Generate struct {
	MaxTokens   int     // new tokens at most
	Temperature float64 // 0 takes the most probable token
	TopK        int     // 0 is all
	TopP        float64 // 0 and 1 are all
	Beams       int     // over 1: beam search; the draw's settings are not read
	LengthPower float64 // beam search divides a score by length^LengthPower
	NoRepeat    int     // beam search writes no n-gram of this length twice; 0 allows all
	// Stream is told the new tokens of each row as they come, some at a time; nil waits for the end.
	Stream func(tokens [][]int32)
}

// Validate says what of the settings cannot be, naming the flag.
func (o Generate) Validate() error {
	switch {
	case o.MaxTokens < 1:
		return fmt.Errorf("max-tokens is %d: want at least 1", o.MaxTokens)
	case o.Temperature < 0 || math.IsNaN(o.Temperature):
		return fmt.Errorf("temperature is %g: want 0 or more", o.Temperature)
	case o.TopK < 0:
		return fmt.Errorf("top-k is %d: want 0 (all) or more", o.TopK)
	case o.TopP < 0 || o.TopP > 1:
		return fmt.Errorf("top-p is %g: want 0 to 1", o.TopP)
	case o.Beams < 0:
		return fmt.Errorf("beams is %d: want 0 or more", o.Beams)
	}
	return nil
}

// Written is what a row wrote.
type Written struct {
	Tokens []int32 // without [SEP]
	Score  float64 // log-probability of the tokens and, where Ended, of [SEP]
	Ended  bool    // the text came to its end; else it was cut at MaxTokens
}

// maxRows is how many rows a generation runs at once; more are taken in turns.
const maxRows = 64

// Run writes a text for each prompt. Prompts may differ in length, but either all have a picture or none, and the same of masked text.
func (g *Generator) Run(ctx context.Context, prompts []Prompt, o Generate) ([]Written, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	var out []Written
	rows := maxRows
	if o.Beams > 1 {
		rows = max(1, maxRows/o.Beams)
	}
	for len(prompts) > 0 {
		n := min(len(prompts), rows)
		written, err := g.some(ctx, prompts[:n], o)
		if err != nil {
			return nil, err
		}
		out, prompts = append(out, written...), prompts[n:]
	}
	return out, nil
}

func (g *Generator) some(ctx context.Context, prompts []Prompt, o Generate) ([]Written, error) {
	copies := max(1, o.Beams)
	batch, shape, err := g.batch(prompts, copies, o.MaxTokens)
	if err != nil {
		return nil, err
	}
	if o.Beams > 1 {
		return g.beams(ctx, batch, shape, len(prompts), o)
	}
	return g.loop(ctx, batch, shape, prompts, o)
}

// batch lays out prompts, each copies times, in the smallest bucket: rows and lengths rounded up to powers of two.
func (g *Generator) batch(prompts []Prompt, copies, maxTokens int) (*Batch, decodeShape, error) {
	var seqs []Sequence
	longest, masked := 1, 0
	for i, p := range prompts {
		if len(p.Text) == 0 {
			return nil, decodeShape{}, fmt.Errorf("prompt %d is empty: it begins with [CLS] at least", i)
		}
		if (p.Pixels == nil) != (prompts[0].Pixels == nil) || (len(p.Masked) == 0) != (len(prompts[0].Masked) == 0) {
			return nil, decodeShape{}, errors.New("of prompts that are written together, all or none have a picture, and all or none masked text")
		}
		longest, masked = max(longest, len(p.Text)), max(masked, len(p.Masked))
		s := Sequence{Masked: p.Masked, Text: p.Text}
		if p.Pixels != nil {
			s.Picture = []byte{}
		}
		for range copies {
			seqs = append(seqs, s)
		}
	}
	room := g.model.Positions - longest
	if room < 1 {
		return nil, decodeShape{}, fmt.Errorf("a prompt of %d tokens leaves no room to write: the model has %d positions", longest, g.model.Positions)
	}
	shape := decodeShape{Shape: Shape{Batch: powerOfTwo(len(seqs)), Text: min(powerOfTwo(longest), g.model.Positions), Masked: min(powerOfTwo(masked), g.model.Positions)},
		Room: min(powerOfTwo(max(16, min(maxTokens, room))), g.model.Positions)}
	if masked == 0 {
		shape.Masked = 0
	}
	if prompts[0].Pixels != nil {
		shape.Patches, shape.Pixels = g.model.Encoder.Patches(), g.model.Encoder.Size
	}
	b := NewBatch(shape.Shape, seqs)
	for i := len(seqs); i < shape.Batch; i++ { // rows that only fill up see one token, so that all is finite
		b.TextLengths[i] = 1
	}
	if shape.Pixels > 0 {
		each := shape.Pixels * shape.Pixels * 3
		b.Pixels = make([]float32, shape.Batch*each)
		for i, p := range prompts {
			for c := range copies {
				copy(b.Pixels[(i*copies+c)*each:], p.Pixels)
			}
		}
	}
	return b, shape, nil
}

func powerOfTwo(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}

// limit is how many tokens may be written behind the longest prompt of a batch.
func (g *Generator) limit(b *Batch, shape decodeShape, maxTokens int) int {
	longest := int32(0)
	for _, n := range b.TextLengths {
		longest = max(longest, n)
	}
	return min(maxTokens, shape.Room, g.model.Positions-int(longest))
}

// streamChunk is how many tokens are written between two calls of Generate.Stream.
const streamChunk = 8

// loop writes by the loop inside the program: greedy or sampled.
func (g *Generator) loop(ctx context.Context, b *Batch, shape decodeShape, prompts []Prompt, o Generate) ([]Written, error) {
	values, err := g.start(b, shape)
	if err != nil {
		return nil, err
	}
	sample := o.Temperature > 0
	p, err := g.loopProgram(shape, sample)
	if err != nil {
		return nil, err
	}
	limit, rows := g.limit(b, shape, o.MaxTokens), len(prompts)
	if err := g.choices(values, shape, prompts, o); err != nil {
		return nil, err
	}
	chunk := limit
	if o.Stream != nil {
		chunk = streamChunk
	}
	told := 0
	for until := min(chunk, limit); ; until = min(until+chunk, limit) {
		values["until"] = scalar(g.device, int32(until))
		if err := g.advanceLoop(p, values); err != nil {
			return nil, err
		}
		done, err := tensors.CopyFlatData[bool](values["done"].shards[0])
		if err != nil {
			return nil, err
		}
		if o.Stream != nil {
			if err := g.stream(values, shape, rows, told, until, o); err != nil {
				return nil, err
			}
			told = until
		}
		if until == limit || all(done[:rows]) {
			return g.written(values, shape, rows, until)
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
}

func all(flags []bool) bool {
	for _, f := range flags {
		if !f {
			return false
		}
	}
	return true
}

// advanceLoop runs the loop program and takes over what it carries.
func (g *Generator) advanceLoop(p *program, values map[string]*Value) error {
	g.state.give(values, g.model.Config)
	carried := map[string]bool{}
	for _, o := range p.outputs {
		carried[o.name] = true
	}
	out, err := p.run(values, carried)
	if err != nil {
		return err
	}
	for name, v := range out {
		values[name] = v
	}
	return nil
}

// stream tells the tokens [from,to) of each row, up to its end.
func (g *Generator) stream(values map[string]*Value, shape decodeShape, rows, from, to int, o Generate) error {
	written, err := g.written(values, shape, rows, to)
	if err != nil {
		return err
	}
	fresh := make([][]int32, rows)
	for i, w := range written {
		fresh[i] = w.Tokens[min(from, len(w.Tokens)):]
	}
	o.Stream(fresh)
	return nil
}

// written reads the first n tokens of each row.
func (g *Generator) written(values map[string]*Value, shape decodeShape, rows, n int) ([]Written, error) {
	tokens, err := tensors.CopyFlatData[int32](values["out"].shards[0])
	if err != nil {
		return nil, err
	}
	scores, err := tensors.CopyFlatData[float32](values["scores"].shards[0])
	if err != nil {
		return nil, err
	}
	out := make([]Written, rows)
	for i := range out {
		for k := range n {
			token := tokens[k*shape.Batch+i]
			out[i].Score += float64(scores[k*shape.Batch+i])
			if token == g.eos {
				out[i].Ended = true
				break
			}
			out[i].Tokens = append(out[i].Tokens, token)
		}
	}
	return out, nil
}

// choices are the draw's numbers as inputs of the loop.
func (g *Generator) choices(values map[string]*Value, shape decodeShape, prompts []Prompt, o Generate) error {
	topK, topP := o.TopK, o.TopP
	if topK == 0 || topK > g.model.Vocabulary {
		topK = g.model.Vocabulary
	}
	if topP == 0 {
		topP = 1
	}
	seeds := make([]uint32, shape.Batch)
	for i, p := range prompts {
		seeds[i] = p.Seed
	}
	placed, err := g.device.place(tensors.FromFlatDataAndDimensions(seeds, shape.Batch), axes{""})
	values["temperature"], values["top_k"] = scalar(g.device, float32(o.Temperature)), scalar(g.device, int32(topK))
	values["top_p"], values["seeds"] = scalar(g.device, float32(topP)), placed
	return err
}

// start runs the prompt and returns what the steps after it need: caches, the prompt's mask and lengths, and the first logits.
func (g *Generator) start(b *Batch, shape decodeShape) (map[string]*Value, error) {
	p, ok := g.prefills[shape]
	if !ok {
		var err error
		p, err = newProgram(g.device, "prefill", func(bu *builder) {
			in := bu.declare(b.Shape, g.model.PatchFeatures)
			w, _ := bu.weights(g.model.weightSpecs(), g.run.Train.Precision)
			logits, caches := g.model.prefill(w, in, shape.Room)
			gr := logits.Graph()
			bu.output("logits", logits, nil)
			bu.output("valid", in.Valid(), nil)
			bu.output("lengths", AddScalar(in.TextLengths, 0), nil)
			fresh := decodeState{
				token: Zeros(gr, shapes.Make(dtypes.Int32, shape.Batch)), index: Const(gr, int32(0)),
				done: LessThan(in.TextLengths, ZerosLike(in.TextLengths)),
				out:  Zeros(gr, shapes.Make(dtypes.Int32, shape.Room, shape.Batch)), scores: Zeros(gr, shapes.Make(dtypes.Float32, shape.Room, shape.Batch)),
				caches: caches,
			}
			for i, n := range fresh.nodes() {
				bu.output(stateName(i), n, nil)
			}
		})
		if err != nil {
			return nil, err
		}
		g.prefills[shape] = p
	}
	values := map[string]*Value{}
	if err := g.device.placeBatch(b, g.model.PatchFeatures, values); err != nil {
		return nil, err
	}
	g.state.give(values, g.model.Config)
	return p.run(values, nil)
}

// stateName names the i-th of decodeState.nodes.
func stateName(i int) string {
	names := []string{"token", "index", "done", "out", "scores"}
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("cache.%d", i-len(names))
}

// stateInputs declares the tensors that generation carries.
func (g *Generator) stateInputs(bu *builder, shape decodeShape) []*Node {
	dtype := dtypes.Float32
	if g.run.Train.Precision == "bf16" {
		dtype = dtypes.BFloat16
	}
	kinds := []shapes.Shape{
		shapes.Make(dtypes.Int32, shape.Batch), shapes.Make(dtypes.Int32), shapes.Make(dtypes.Bool, shape.Batch),
		shapes.Make(dtypes.Int32, shape.Room, shape.Batch), shapes.Make(dtypes.Float32, shape.Room, shape.Batch),
	}
	for range 2 * g.model.Layers {
		kinds = append(kinds, layers.CacheShape(dtype, shape.Batch, g.model.Heads, shape.slots(), g.model.HeadSize()))
	}
	var nodes []*Node
	for i, kind := range kinds {
		nodes = append(nodes, bu.input(stateName(i), kind, nil))
	}
	return nodes
}

// loopProgram writes tokens until `until` are written or every row has ended.
func (g *Generator) loopProgram(shape decodeShape, sample bool) (*program, error) {
	key := loopKey{shape, sample}
	if p, ok := g.loops[key]; ok {
		return p, nil
	}
	p, err := newProgram(g.device, "generate", func(bu *builder) { g.buildLoop(bu, shape, sample) })
	if err == nil {
		g.loops[key] = p
	}
	return p, err
}

// buildLoop is the loop. All inputs are carried, see [layers.Carried]: first what changes, then what does not.
func (g *Generator) buildLoop(bu *builder, shape decodeShape, sample bool) {
	carried := g.stateInputs(bu, shape)
	logits := bu.input("logits", shapes.Make(dtypes.Float32, shape.Batch, g.model.Vocabulary), nil)
	carried = append(carried, logits)
	changing := len(carried)
	carried = append(carried, bu.input("until", shapes.Make(dtypes.Int32), nil),
		bu.input("valid", shapes.Make(dtypes.Bool, shape.Batch, shape.Length()), nil), bu.input("lengths", shapes.Make(dtypes.Int32, shape.Batch), nil),
		bu.input("temperature", shapes.Make(dtypes.Float32), nil), bu.input("top_k", shapes.Make(dtypes.Int32), nil),
		bu.input("top_p", shapes.Make(dtypes.Float32), nil), bu.input("seeds", shapes.Make(dtypes.Uint32, shape.Batch), nil))
	fixed := len(carried)
	w, nodes := bu.weights(g.model.weightSpecs(), g.run.Train.Precision)
	var names []string
	for _, spec := range g.model.weightSpecs() {
		if !isEncoder(spec.name) {
			names = append(names, spec.name)
			carried = append(carried, nodes[spec.name])
		}
	}
	more := NewClosure(bu.g, func(gr *Graph) []*Node {
		c := layers.Carried(gr, carried)
		s := fromNodes(c[:changing-1])
		return []*Node{And(LessThan(s.index, c[changing]), Not(LogicalAll(s.done)))}
	})
	body := NewClosure(bu.g, func(gr *Graph) []*Node {
		c := layers.Carried(gr, carried)
		lw := map[string]*Node{}
		for i, name := range names {
			lw[name] = c[fixed+i]
		}
		k := choice{sample: sample, temperature: c[changing+3], topK: c[changing+4], topP: c[changing+5], seeds: c[changing+6]}
		next := g.one(layers.NewWeights(lw, w.Compute()), shape, prompt{valid: c[changing+1], lengths: c[changing+2]}, c[:changing], k)
		return append(next, c[changing:]...)
	})
	results := While(more, body, carried...)
	for i := range changing - 1 {
		bu.output(stateName(i), results[i], nil)
	}
	bu.output("logits", results[changing-1], nil)
}

// one writes one token: state and logits in, state and logits out.
func (g *Generator) one(w layers.Weights, shape decodeShape, p prompt, in []*Node, k choice) []*Node {
	s, logits := fromNodes(in[:len(in)-1]), in[len(in)-1]
	gr := logits.Graph()
	token, score := k.choose(logits, s.index)
	token = Where(s.done, layers.FillLike(token, float64(g.eos)), token)
	score = Where(s.done, ZerosLike(score), score)
	at := []*Node{s.index, Const(gr, int32(0))}
	s.out = DynamicUpdateSlice(s.out, ExpandAxes(token, 0), at)
	s.scores = DynamicUpdateSlice(s.scores, ExpandAxes(score, 0), at)
	s.done = Or(s.done, Equal(token, layers.FillLike(token, float64(g.eos))))
	s.token = token
	logits, s.caches = g.model.advance(w, shape, p, token, s.index, s.caches)
	s.index = AddScalar(s.index, 1)
	return append(s.nodes(), logits)
}
