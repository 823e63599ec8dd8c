package main

import (
	"bytes"
	"errors"
	"fmt"
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

// loads is the figure of a run's experts over its steps; it has no layers where the model has none.
func loads(dir m6.Folder, title string) (viz.LoadsOptions, error) {
	o := viz.LoadsOptions{Title: title}
	history, err := dir.ExpertLoads()
	if errors.Is(err, fs.ErrNotExist) {
		return o, nil
	}
	for _, h := range history {
		o.Layers = append(o.Layers, viz.LayerLoad{Name: fmt.Sprintf("block %d", h.Block), Steps: h.Steps, Values: h.Shares})
	}
	return o, err
}

// drawCurves draws a run's curves.svg anew, and experts.svg where it has experts.
func drawCurves(dir m6.Folder) error {
	o, err := curves(dir, "")
	if err != nil || len(o.Series) == 0 {
		return err
	}
	if err := drawFile(dir.Path("curves.svg"), o); err != nil {
		return err
	}
	experts, err := loads(dir, "Load of the experts")
	if err != nil || len(experts.Layers) == 0 {
		return err
	}
	return drawFile(dir.Path("experts.svg"), experts)
}

// drawFile draws a figure into a file, whole or not at all.
func drawFile(path string, figure viz.Figure) error {
	var svg bytes.Buffer
	if err := viz.Draw(&svg, viz.SVG, figure); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", svg.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
