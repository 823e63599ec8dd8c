package lab

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"m6lab/datasets"
	"m6lab/datasets/record"
	"m6lab/m6"
)

// tinySettings make a model that compiles in a moment: text only.
var tinySettings = []string{
	"model.layers=1", "model.width=12", "model.heads=2", "model.ffn=20", "model.encoder.kind=none", "train.batch=4", "train.steps=50",
	"data.text_buckets=[24]", "data.tasks.caption=0", "data.tasks.image_denoise=0", "data.tasks.lm=0", "train.warmup=0",
}

// fewRows writes a data set of a few texts.
func fewRows(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	for _, split := range []string{"train", "valid"} {
		w, err := record.Create(dir, split, record.WriterOptions{})
		if err != nil {
			return err
		}
		for i := range 13 {
			if err := w.Write(datasets.Example{ID: split + fmt.Sprint(i), Source: "scenes", Text: fmt.Sprintf("白色背景上有%d个气球。", i)}); err != nil {
				return err
			}
		}
		if err := w.Close(); err != nil {
			return err
		}
	}
	return nil
}

// TestBench trains a real run with functions of the reader: good ones, a mask of the wrong shape, and a schedule that panics.
func TestBench(t *testing.T) {
	forget := func() { parts, schedule, definitions, conflicts = m6.Parts{}, nil, map[string]definition{}, nil }
	defer forget()
	t.Setenv("GOMLX_BACKEND", "go") // which compiles nothing
	newBench := func(l launch) worker { return &bench{root: l.Root, data: fewRows} }
	root := t.TempDir()
	var rates []float64
	train := func(b worker, steps int64) (events []event, err error) {
		t.Helper()
		err = guarded(func() error {
			return b.train(context.Background(), request{Run: "a", Settings: tinySettings, Steps: steps}, func(e event) { events = append(events, e) })
		})
		for _, e := range events {
			if e.Values != nil {
				rates = append(rates, e.Values["loss"])
			}
		}
		return events, err
	}
	at := func(b worker, want int64) {
		t.Helper()
		if _, got := b.place(); got != want {
			t.Errorf("the run stands at step %d, want %d", got, want)
		}
	}

	b := newBench(launch{Root: root})
	DefineSchedule(func(update int64) float64 {
		if update == 6 {
			panic("no rate for six")
		}
		return 0.01
	})
	if _, err := train(b, 3); err != nil {
		t.Fatal(err)
	}
	at(b, 3)
	_, err := train(b, 10)
	if err == nil || !strings.Contains(err.Error(), "no rate for six") || !strings.Contains(err.Error(), "your schedule") {
		t.Errorf("a schedule that panics gives %v", err)
	}
	at(b, 5)

	forget() // each notebook cell is a program of its own
	DefineMask(func(valid *Node, shape m6.Shape) *Node { return valid })
	b = newBench(launch{Root: root}) // as a new program, started for the changed definitions
	if _, err := train(b, 2); err == nil || !strings.Contains(err.Error(), "your mask") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a mask of the wrong shape gives %v", err)
	}
	at(b, 5)

	forget()
	DefineMask(PaperMask)
	b = newBench(launch{Root: root})
	events, err := train(b, 2)
	if err != nil {
		t.Fatal(err)
	}
	at(b, 7)
	if first := events[1]; first.Step != 5 || first.Of != 50 {
		t.Errorf("training goes on from %+v, want step 5 of 50", first)
	}
	if err := b.close(); err != nil {
		t.Error(err)
	}
	if len(rates) != 7 {
		t.Errorf("%d steps were reported, want 7: %v", len(rates), rates)
	}

	forget()
	DefineNoise(func(ids []int32, _ int32, _ *rand.Rand) []int32 { return append(ids, ids...) })
	b = newBench(launch{Root: root})
	if _, err := train(b, 2); err == nil || !strings.Contains(err.Error(), "your noise") || !strings.Contains(err.Error(), "want at most as many") {
		t.Errorf("a noise that makes text longer gives %v", err)
	}
	at(b, 7)

	err = b.open(request{Run: "a", Settings: []string{"model.layers=3"}}, func(event) {})
	if err == nil || !strings.Contains(err.Error(), "model.layers") {
		t.Errorf("opening with other settings gives %v", err)
	}
}
