package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"time"

	"m6lab/datasets"
	"m6lab/m6"
	"m6lab/notebooks/lab/look"
	"m6lab/viz"
)

// Run is a training run of the notebook. Its model lives in the workbench and, saved, in runs/lab/NAME.
type Run struct {
	name     string
	settings []string
	client   *client
	launch   launch
	step, of int64
}

// names are what a run may be called: it becomes a folder.
var names = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// Open opens the run of a name with the workbench: a new one, by settings over those of the debug preset such as "model.layers=2", or
// the one that is there, as far as it was trained. It starts the workbench where there is none and starts it anew where a function that
// the notebook defines has changed, and says so. It is the first line of a cell.
func Open(name string, settings ...string) *Run {
	if spec := os.Getenv(workbenchVariable); spec != "" {
		err := become(spec, newBench)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	r, err := open(name, settings)
	if err != nil {
		look.Fail(err)
	}
	return r
}

func open(name string, settings []string) (*Run, error) {
	if !names.MatchString(name) {
		return nil, fmt.Errorf("a run cannot be called %q: want small letters, digits, - and _", name)
	}
	if len(conflicts) > 0 {
		return nil, errors.New(conflicts[0])
	}
	l, err := here()
	if err != nil {
		return nil, err
	}
	c, err := connect(l, func(line string) { fmt.Println(line + ".") })
	if err != nil {
		return nil, err
	}
	r := &Run{name: name, settings: settings, client: c, launch: l}
	return r, r.ask(context.Background(), "open", request{}, func(event) {})
}

// ask sends a request for this run and keeps where the run stands.
func (r *Run) ask(ctx context.Context, what string, q request, each func(event)) error {
	q.Run, q.Settings = r.name, r.settings
	err := r.client.ask(ctx, what, q, func(e event) {
		if e.Step > 0 {
			r.step = e.Step
		}
		if e.Of > 0 {
			r.of = e.Of
		}
		each(e)
	})
	if errors.Is(err, errEnded) {
		return fmt.Errorf("the workbench ended in the middle of its work (%s); the next cell starts it again from the run's last checkpoint", lastLines(r.launch.Socket+".log"))
	}
	return err
}

// Step is how many steps the run has taken.
func (r *Run) Step() int64 { return r.step }

// redraw is how often the curves are drawn while a run trains.
const redraw = 800 * time.Millisecond

// Train takes n steps and shows the loss while it falls. Interrupting the cell stops it at a step; the next cell goes on from there.
func (r *Run) Train(n int64) {
	interrupted, err := r.train(n)
	if err != nil {
		look.Fail(err)
	}
	if interrupted {
		look.Fail(fmt.Errorf("interrupted at step %d; the next Train goes on from there", r.step))
	}
}

func (r *Run) train(n int64) (interrupted bool, err error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	history, err := r.history()
	if err != nil {
		return false, err
	}
	from, begun, place := r.step, time.Now(), look.NewPlace()
	device, drawn := "", time.Time{}
	err = r.ask(ctx, "train", request{Steps: n}, func(e event) {
		switch {
		case e.Say != "":
			fmt.Println(e.Say)
		case e.Device != "":
			device = e.Device
		case e.Values != nil:
			e.Values["step"] = float64(e.Step)
			history = append(history, e.Values)
			if time.Since(drawn) > redraw {
				drawn = time.Now()
				_ = place.Figure(r.curves(history)) // the last drawing reports its error
			}
		}
	})
	interrupted = ctx.Err() != nil
	if interrupted {
		fmt.Println("The workbench stops at the next step.")
		if h, err := r.stopped(); err == nil {
			r.step = h.Step
		}
	} else if err != nil {
		return false, err
	}
	if len(history) == 0 {
		return interrupted, nil
	}
	if err := place.Figure(r.curves(history)); err != nil {
		return interrupted, err
	}
	if r.step > from {
		fmt.Printf("Steps %d to %d of %d in %.0f s on %s: loss %.3f nats per token over the last ones.\n", from+1, r.step, r.of, time.Since(begun).Seconds(), device, lately(history))
	}
	return interrupted, nil
}

// lately is the mean loss of the last ten lines: one step sees one task alone.
func lately(lines []map[string]float64) float64 {
	lines = lines[max(0, len(lines)-10):]
	sum := 0.0
	for _, line := range lines {
		sum += line["loss"]
	}
	return sum / float64(len(lines))
}

// stopped waits until the workbench has come to rest after an interrupt.
func (r *Run) stopped() (hello, error) {
	if err := r.client.ask(context.Background(), "open", request{Run: r.name}, func(event) {}); err != nil {
		return hello{}, err
	}
	return r.client.hello()
}

// history are the lines that the run has logged, up to its step.
func (r *Run) history() ([]map[string]float64, error) {
	lines, err := runFolder(r.launch.Root, r.name).Metrics()
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return slices.DeleteFunc(lines, func(line map[string]float64) bool { return int64(line["step"]) > r.step }), err
}

// tasks are the curves: loss over all, and of each pretraining task by what it is called.
var tasks = []struct{ key, name string }{
	{"loss", "all tasks"}, {"loss_caption", "caption"}, {"loss_lm", "language model"},
	{"loss_text_denoise", "masked text"}, {"loss_image_denoise", "masked text with picture"},
}

// curves is the figure of logged lines.
func (r *Run) curves(lines []map[string]float64) viz.CurvesOptions {
	o := viz.CurvesOptions{Title: "Run " + r.name, YLabel: "loss, nats per token", Smooth: 0.8, Height: 320}
	for _, task := range tasks {
		s := viz.Series{Name: task.name}
		for _, line := range lines {
			if v, ok := line[task.key]; ok {
				s.X, s.Y = append(s.X, line["step"]), append(s.Y, v)
			}
		}
		if len(s.X) > 0 {
			o.Series = append(o.Series, s)
		}
	}
	return o
}

// Curves shows the loss of the whole run so far.
func (r *Run) Curves() {
	lines, err := r.history()
	if err == nil && len(lines) == 0 {
		err = fmt.Errorf("run %s has not been trained yet: call Train first", r.name)
	}
	if err != nil {
		look.Fail(err)
	}
	look.Figure(r.curves(lines))
}

// Captions shows the pictures of rows with the captions that the model writes, beside the true ones.
func (r *Run) Captions(rows []datasets.Example) {
	o := viz.GalleryOptions{Title: fmt.Sprintf("Run %s at step %d", r.name, r.step)}
	for _, row := range rows {
		words, err := r.words(row, "")
		if err != nil {
			look.Fail(err)
		}
		shot, err := shot(row, words)
		if err != nil {
			look.Fail(err)
		}
		o.Shots = append(o.Shots, shot)
	}
	look.Figure(o)
}

func shot(row datasets.Example, words []word) (viz.Shot, error) {
	picture, err := look.Picture(row)
	if err != nil {
		return viz.Shot{}, err
	}
	var caption strings.Builder
	for _, w := range words {
		caption.WriteString(w.Text)
	}
	if len(words) == 0 {
		caption.WriteString("(nothing)")
	}
	truth := row.References
	if len(truth) == 0 {
		truth = []string{row.Text}
	}
	s := viz.Shot{Picture: picture, Caption: caption.String(), Truth: truth, Verdict: viz.Wrong}
	if slices.Contains(truth, s.Caption) {
		s.Verdict = viz.Right
	}
	return s, nil
}

// words are the tokens of the caption that the model writes, or of the text, and where it looks for them.
func (r *Run) words(row datasets.Example, text string) (words []word, err error) {
	if row.Image == nil {
		return nil, fmt.Errorf("row %s has no picture", row.ID)
	}
	err = r.ask(context.Background(), "caption", request{Row: row, Text: text}, func(e event) {
		if e.Words != nil {
			words = e.Words
		}
	})
	return words, err
}

// Attention shows the caption that the model writes of a row's picture, and where on the picture the last block looked for each word.
func (r *Run) Attention(row datasets.Example) {
	if err := r.attention(row); err != nil {
		look.Fail(err)
	}
}

func (r *Run) attention(row datasets.Example) error {
	words, err := r.words(row, "")
	if err == nil && len(words) == 0 {
		fmt.Println("The model ends its caption at once. This is where it looks while it reads the true one: " + row.Text)
		words, err = r.words(row, row.Text)
	}
	if err != nil {
		return err
	}
	picture, err := look.Picture(row)
	if err != nil {
		return err
	}
	o := viz.AttentionOptions{Title: fmt.Sprintf("Run %s at step %d", r.name, r.step), Picture: picture}
	for _, w := range words {
		o.Words = append(o.Words, viz.Word(w))
	}
	look.Figure(o)
	return nil
}

// Settings are the settings of a run as dotted keys show them: "model.layers" is Settings().Model.Layers.
func (r *Run) Settings() m6.Run {
	saved, err := runFolder(r.launch.Root, r.name).Run()
	if err != nil {
		if saved, err = settings(r.settings); err != nil {
			look.Fail(err)
		}
	}
	return saved
}
