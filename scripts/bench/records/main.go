// Records measures the way from records to a batch on one core: random access, decoding to 64 pixels, normalising, tokenizing, padding.
// It prints examples a second and percentiles of the time of an example.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/janpfeifer/go-benchmarks"

	"m6lab/datasets/record"
	"m6lab/datasets/text"
	"m6lab/m6"
)

func main() {
	data := flag.String("data", "runs/sample", "data set, with vocab.txt beside it; `m6 data sample --out runs/sample` makes one")
	flag.Parse()
	if err := run(*data); err != nil {
		fmt.Fprintln(os.Stderr, "records:", err)
		os.Exit(1)
	}
}

func run(data string) error {
	runtime.GOMAXPROCS(1)
	set, err := record.Open(data, "train")
	if err != nil {
		return err
	}
	defer set.Close()
	vocab, err := text.ReadVocab(m6.Folder(data).Path("vocab.txt"))
	if err != nil {
		return err
	}
	for _, task := range []string{"caption", "lm"} {
		r, err := m6.NewRun("debug")
		if err != nil {
			return err
		}
		r.Data.Tasks, r.Data.Workers = map[string]float64{task: 1}, 1
		loader, err := m6.NewLoader(set, m6.NewObjective(r, vocab), r, m6.Position{})
		if err != nil {
			return err
		}
		batch := func() {
			if _, err := loader.Next(context.Background()); err != nil {
				panic(err) // the library's function has no error; the next line would be wrong
			}
		}
		start := time.Now()
		benchmarks.New(benchmarks.NamedFunction{Name: task + ", an example", Func: batch}).
			WithInnerRepeats(r.Train.Batch).WithDuration(5*time.Second).WithQuantiles(50, 95, 99).Done()
		fmt.Printf("%s: %.0f examples/s on one core\n", task, float64(loader.Skipped.Seen)/time.Since(start).Seconds())
	}
	return nil
}
