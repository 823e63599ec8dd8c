package main

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"m6lab/m6"
	"m6lab/viz"
)

// curves is the figure of a run's losses: a line for each task, its held-out losses as markers.
func curves(dir m6.Folder, title string) (viz.CurvesOptions, error) {
	o := viz.CurvesOptions{Title: title, XLabel: "step", YLabel: "loss, nats per token", Smooth: 0.8, LogY: true}
	records, err := metrics(dir)
	if err != nil {
		return o, err
	}
	train, valid := map[string]*viz.Series{}, map[string]*viz.Series{}
	for _, r := range records {
		for name, value := range r {
			if task, ok := strings.CutPrefix(name, "loss_"); ok && isTask(task) {
				extend(train, task, r["step"], value)
			}
			if task, ok := strings.CutPrefix(name, "valid_"); ok && isTask(task) {
				extend(valid, task, r["step"], value)
			}
		}
	}
	o.Series, o.HeldOut = inOrder(train), inOrder(valid)
	return o, nil
}

// sourceCurves is the figure of a run's held-out losses by source, of captioning and language modelling.
func sourceCurves(dir m6.Folder, title string) (viz.CurvesOptions, error) {
	o := viz.CurvesOptions{Title: title, XLabel: "step", YLabel: "held-out loss, nats per token", LogY: true}
	records, err := metrics(dir)
	if err != nil {
		return o, err
	}
	valid := map[string]*viz.Series{}
	for _, r := range records {
		for name, value := range r {
			for _, task := range []m6.Task{m6.Caption, m6.LM} {
				if source, ok := strings.CutPrefix(name, "valid_"+task.String()+"_"); ok {
					extend(valid, task.String()+" "+source, r["step"], value)
				}
			}
		}
	}
	o.Series = inOrder(valid)
	return o, nil
}

// metrics are the lines of a run's metrics.jsonl; none where it has none yet.
func metrics(dir m6.Folder) ([]map[string]float64, error) {
	records, err := dir.Metrics()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return records, err
}

func isTask(name string) bool {
	_, err := m6.ParseTask(name)
	return err == nil
}

func extend(series map[string]*viz.Series, name string, x, y float64) {
	s, ok := series[name]
	if !ok {
		s = &viz.Series{Name: name}
		series[name] = s
	}
	s.X, s.Y = append(s.X, x), append(s.Y, y)
}

func inOrder(series map[string]*viz.Series) []viz.Series {
	var out []viz.Series
	for _, name := range slices.Sorted(maps.Keys(series)) {
		out = append(out, *series[name])
	}
	return out
}

// drawCurves draws a run's curves.svg anew, whole or not at all.
func drawCurves(dir m6.Folder) error {
	o, err := curves(dir, "")
	if err != nil || len(o.Series) == 0 {
		return err
	}
	var svg bytes.Buffer
	if err := viz.Curves(&svg, viz.SVG, o); err != nil {
		return err
	}
	if err := os.WriteFile(dir.Path("curves.svg.new"), svg.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(dir.Path("curves.svg.new"), dir.Path("curves.svg"))
}
