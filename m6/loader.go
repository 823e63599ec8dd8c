package m6

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"

	"m6lab/datasets"
	"m6lab/datasets/image"
	"m6lab/datasets/record"
	"m6lab/m6/hosts"
)

// Position is where a run stands in its data: how many examples were drawn, how far each stream is, and which drawn examples wait
// for their batch to fill. It is part of the checkpoint: a run that goes on from it sees the very batches it would have seen.
type Position struct {
	Drawn   int64            `json:"drawn"`
	Cursors map[string]int64 `json:"cursors"` // examples drawn of each stream, "task/source"
	Pending []Draw           `json:"pending"`
}

// Draw is one drawn example: the K-th of its stream, drawn as number N of the run.
type Draw struct {
	N      int64  `json:"n"`
	Stream string `json:"stream"`
	K      int64  `json:"k"`
}

// Loader draws examples by the mixture of the config and forms batches. Which examples, in which order and with which noise, follows
// from the seed and the data alone, not from the number of workers.
type Loader struct {
	set       *record.Set
	objective Objective
	run       Run
	rows      int         // of a batch, over all ranks
	hosts     hosts.Group // of which rank's rows are read whole
	streams   []stream
	total     float64 // weight of all streams

	position Position
	queues   map[Shape][]loaded
	ahead    []loaded // drawn and read, not yet part of the position
	next     Position // where drawing ahead stands; its Pending is not used

	Skipped Skips
}

// stream is the examples of one source under one task.
type stream struct {
	name   string
	task   Task
	rows   []int // of the set
	weight float64
	seed   uint64
}

// loaded is a drawn example, ready for a batch.
type loaded struct {
	draw   Draw
	seq    Sequence
	pixels []float32
	cut    bool
	err    error
}

// Skips counts what a loader left out, by reason.
type Skips struct {
	Seen, Failed int64 // examples read, and of these the ones that could not be used
	Pictures     int64 // of several ranks: this one's rows that lost their targets, since their picture could not be used
	Cut          int64 // texts that were longer than the longest bucket
	Last         string
}

// NewLoader opens the streams of a data set's split from a position; the zero Position is the beginning.
func NewLoader(set *record.Set, o Objective, r Run, from Position) (*Loader, error) {
	return newRankLoader(set, o, r, from, hosts.Alone())
}

// newRankLoader is [NewLoader] for one of several ranks. All draw the same examples and fill the same batches; each has its own rows of
// them, and opens no picture of the others'.
func newRankLoader(set *record.Set, o Objective, r Run, from Position, g hosts.Group) (*Loader, error) {
	l := &Loader{set: set, objective: o, run: r, rows: r.Train.Batch / r.Train.Accumulate, hosts: g, queues: map[Shape][]loaded{}}
	l.open()
	if l.total == 0 {
		return nil, fmt.Errorf("no example of %s fits a task of the mixture %v; `m6 data stats` shows what is there", set.Dir(), r.Data.Tasks)
	}
	l.position = Position{Drawn: from.Drawn, Cursors: map[string]int64{}}
	maps.Copy(l.position.Cursors, from.Cursors)
	l.next = Position{Drawn: from.Drawn, Cursors: maps.Clone(l.position.Cursors)}
	pending := make([]loaded, len(from.Pending))
	for i, d := range from.Pending {
		pending[i].draw = d
	}
	l.read(pending)
	for _, x := range pending {
		if x.err != nil {
			return nil, fmt.Errorf("going on at the saved position: %w", x.err)
		}
		shape := l.shape(x.seq)
		l.queues[shape] = append(l.queues[shape], x)
	}
	return l, nil
}

// open finds the streams: for each task of the mixture, the rows of each source that have what it needs.
func (l *Loader) open() {
	for i, name := range taskNames {
		weight := l.run.Data.Tasks[name]
		if weight == 0 || Task(i).Pictured() && l.run.Model.Encoder.Patches() == 0 {
			continue
		}
		bySource := map[string][]int{}
		for row, entry := range l.set.Index() {
			if entry.HasImage == Task(i).Pictured() && (entry.HasText || entry.HasQA) {
				bySource[entry.Source] = append(bySource[entry.Source], row)
			}
		}
		l.share(Task(i), weight, bySource)
	}
}

// share divides a task's weight over its sources, by their number of rows and the config's factors.
func (l *Loader) share(task Task, weight float64, bySource map[string][]int) {
	factor := func(source string) float64 {
		if f, ok := l.run.Data.Sources[source]; ok {
			return f
		}
		return 1
	}
	all := 0.0
	for source, rows := range bySource {
		all += factor(source) * float64(len(rows))
	}
	for _, source := range slices.Sorted(maps.Keys(bySource)) {
		rows := bySource[source]
		w := weight * factor(source) * float64(len(rows)) / max(all, 1e-300)
		if w == 0 {
			continue
		}
		name := task.String() + "/" + source
		l.streams = append(l.streams, stream{name: name, task: task, rows: rows, weight: w, seed: mix(l.run.Train.Seed ^ hashString(name))})
		l.total += w
	}
}

// Streams are the names of what is drawn from, "task/source", with the share of each.
func (l *Loader) Streams() map[string]float64 {
	out := map[string]float64{}
	for _, s := range l.streams {
		out[s.name] = s.weight / l.total
	}
	return out
}

// draw decides what example number n of the run is.
func (l *Loader) draw() Draw {
	n := l.next.Drawn
	at := float64(mix(l.run.Train.Seed^mix(uint64(n)))>>11) / (1 << 53) * l.total
	chosen := l.streams[len(l.streams)-1]
	for _, s := range l.streams {
		if at < s.weight {
			chosen = s
			break
		}
		at -= s.weight
	}
	d := Draw{N: n, Stream: chosen.name, K: l.next.Cursors[chosen.name]}
	l.next.Drawn++
	l.next.Cursors[chosen.name]++
	return d
}

// Next forms the next batch. The position behind it is [Loader.Position].
func (l *Loader) Next(ctx context.Context) (*Batch, error) {
	for {
		if len(l.ahead) == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			l.ahead = make([]loaded, max(32, l.rows))
			for i := range l.ahead {
				l.ahead[i].draw = l.draw()
			}
			l.read(l.ahead)
		}
		x := l.ahead[0]
		l.ahead = l.ahead[1:]
		l.position.Drawn, l.position.Cursors[x.draw.Stream] = x.draw.N+1, x.draw.K+1
		if err := l.count(x); err != nil {
			return nil, err
		}
		if x.err != nil {
			continue
		}
		shape := l.shape(x.seq)
		queue := append(l.queues[shape], x)
		if len(queue) < l.rows {
			l.queues[shape] = queue
			continue
		}
		delete(l.queues, shape)
		return l.batch(shape, queue)
	}
}

// Position is where the loader stands behind the last batch.
func (l *Loader) Position() Position {
	p := Position{Drawn: l.position.Drawn, Cursors: maps.Clone(l.position.Cursors), Pending: []Draw{}}
	for _, queue := range l.queues {
		for _, x := range queue {
			p.Pending = append(p.Pending, x.draw)
		}
	}
	slices.SortFunc(p.Pending, func(a, b Draw) int { return int(a.N - b.N) })
	return p
}

// count notes what was read, and gives up where more than 1 % of at least 100 examples failed.
func (l *Loader) count(x loaded) error {
	l.Skipped.Seen++
	if x.cut {
		l.Skipped.Cut++
	}
	if x.err == nil {
		return nil
	}
	if noise := noiseError(""); errors.As(x.err, &noise) {
		return x.err
	}
	l.Skipped.Failed++
	l.Skipped.Last = x.err.Error()
	if l.Skipped.Seen >= 100 && l.Skipped.Failed*100 > l.Skipped.Seen || l.Skipped.Failed > 100 && l.Skipped.Seen == l.Skipped.Failed {
		return fmt.Errorf("%d of %d examples could not be used, more than 1 %%: the last one: %w; `m6 check %s` names all", l.Skipped.Failed, l.Skipped.Seen, x.err, l.set.Dir())
	}
	return nil
}

// read reads and encodes drawn examples in parallel.
func (l *Loader) read(xs []loaded) { l.each(xs, l.encode) }

// each calls f for all examples, in parallel.
func (l *Loader) each(xs []loaded, f func(x *loaded)) {
	workers := l.run.Data.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var wait sync.WaitGroup
	for w := range min(workers, len(xs)) {
		wait.Go(func() {
			for i := w; i < len(xs); i += workers {
				f(&xs[i])
			}
		})
	}
	wait.Wait()
}

// encode fills in a drawn example.
func (l *Loader) encode(x *loaded) {
	i := slices.IndexFunc(l.streams, func(s stream) bool { return s.name == x.draw.Stream })
	if i < 0 {
		x.err = fmt.Errorf("no stream %q in this data and mixture", x.draw.Stream)
		return
	}
	s := l.streams[i]
	n := int64(len(s.rows))
	epoch, at := x.draw.K/n, x.draw.K%n
	row := s.rows[record.Permutation(len(s.rows), s.seed, int(epoch))(int(at))]
	var ex datasets.Example
	if ex, x.err = l.set.Read(row); x.err != nil {
		return
	}
	if x.seq, x.err = l.objective.Encode(ex, s.task, mix(l.run.Train.Seed^mix(uint64(x.draw.N)+1))); x.err != nil {
		return
	}
	x.cut = len(x.seq.Text) == l.objective.Longest
	if l.hosts.Size() == 1 {
		l.decode(x)
	}
}

// decode opens the picture of an example that has one.
func (l *Loader) decode(x *loaded) {
	if x.seq.Picture == nil {
		return
	}
	if x.pixels, x.err = Pixels(x.seq.Picture, l.run.Model.Encoder.Size); x.err != nil {
		x.err = fmt.Errorf("picture of example %s: %w", x.seq.ID, x.err)
	}
}

// batch forms the batch of a full queue: of several ranks, this one's rows. Since the ranks have agreed on the queue before one of them
// opens a picture, a picture that cannot be opened then costs its row its targets, where a single process takes the next example.
func (l *Loader) batch(shape Shape, queue []loaded) (*Batch, error) {
	ranks := l.hosts.Size()
	if ranks == 1 {
		return newLoadedBatch(shape, queue), nil
	}
	shape.Batch = l.rows / ranks
	mine := queue[l.hosts.Rank()*shape.Batch:][:shape.Batch]
	l.each(mine, l.decode)
	for i := range mine {
		x := &mine[i]
		if x.err == nil {
			continue
		}
		x.seq.Given = len(x.seq.Text)
		l.Skipped.Pictures++
		l.Skipped.Last = x.err.Error()
		if l.Skipped.Seen >= 100 && l.Skipped.Pictures*int64(ranks)*100 > l.Skipped.Seen {
			return nil, fmt.Errorf("%d pictures could not be used, more than 1 %% of the examples: the last one: %w; `m6 check %s` names all", l.Skipped.Pictures, x.err, l.set.Dir())
		}
	}
	b := newLoadedBatch(shape, mine)
	b.Rows = make([]Row, len(queue))
	for i, x := range queue {
		b.Rows[i] = Row{Task: x.seq.Task, Source: x.seq.Source, ID: x.seq.ID}
	}
	return b, nil
}

// Pixels decodes a picture to what the encoder reads: f32 [size,size,3], RGB normalised by ImageNet's mean and deviation.
func Pixels(picture []byte, size int) ([]float32, error) {
	pixels := make([]float32, size*size*3)
	if err := image.Pixels(picture, size, pixels); err != nil {
		return nil, err
	}
	image.Normalize(pixels)
	return pixels, nil
}

// shape is the batch that a sequence belongs into: text and masked part padded to the smallest bucket that holds the text.
func (l *Loader) shape(s Sequence) Shape {
	return BucketShape(l.run, l.rows, s)
}

// BucketShape is the smallest shape of rows rows that holds a sequence like s.
func BucketShape(r Run, rows int, s Sequence) Shape {
	buckets := r.Data.TextBuckets
	i, _ := slices.BinarySearch(buckets, len(s.Text))
	shape := Shape{Batch: rows, Text: buckets[min(i, len(buckets)-1)], Codes: len(s.Codes)}
	if s.Picture != nil {
		shape.Patches, shape.Pixels = r.Model.Encoder.Patches(), r.Model.Encoder.Size
	}
	if len(s.Masked) > 0 {
		shape.Masked = shape.Text
	}
	return shape
}

func newLoadedBatch(shape Shape, rows []loaded) *Batch {
	seqs := make([]Sequence, len(rows))
	for i, x := range rows {
		seqs[i] = x.seq
	}
	b := NewBatch(shape, seqs)
	if shape.Pixels > 0 {
		each := shape.Pixels * shape.Pixels * 3
		b.Pixels = make([]float32, shape.Batch*each)
		for i, x := range rows {
			copy(b.Pixels[i*each:], x.pixels) // nothing, where a rank could not open the picture
		}
	}
	return b
}

// hashString is FNV-1a.
func hashString(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
