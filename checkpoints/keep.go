package checkpoints

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
)

const bestName = "best.json"

// bestAside is what a killed MarkBest leaves.
var bestAside = regexp.MustCompile(`^\.best\.json\.writing-[A-Z2-7]{8}$`)

// best is the content of best.json.
type best struct {
	Step   int64   `json:"step"`
	Metric float64 `json:"metric"`
}

// MarkBest makes the checkpoint of a step the one that is kept however old it grows, in place of the one marked before.
// What is better is the caller's to say; of several ranks, rank 0 does it and the others' calls do nothing.
// It waits for the save of that step; its error, if any, still comes with the next save or wait.
func (m *Manager) MarkBest(step int64, metric float64) error {
	if m.options.Rank > 0 {
		return nil
	}
	folder := filepath.Join(m.dir, folderName(step))
	if _, err := os.Stat(folder); err != nil {
		m.settle()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := readManifest(folder); err != nil {
		return fmt.Errorf("best checkpoint: step %d: %w", step, err)
	}
	if math.IsNaN(metric) || math.IsInf(metric, 0) {
		return fmt.Errorf("best checkpoint: the metric of step %d is %g", step, metric)
	}
	b := &best{step, metric}
	text, err := json.Marshal(b)
	if err == nil {
		err = replaceFile(m.disk, filepath.Join(m.dir, bestName), func(w io.Writer) error {
			_, err := w.Write(append(text, '\n'))
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("best checkpoint: %w", mend(err))
	}
	m.best = b
	return nil
}

// Best returns the step that was marked, also by an earlier process, and its metric.
func (m *Manager) Best() (step int64, metric float64, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.best == nil {
		return 0, 0, false
	}
	return m.best.Step, m.best.Metric, true
}

// readBest reads best.json; nil where there is none.
func readBest(dir string) (*best, error) {
	data, err := os.ReadFile(filepath.Join(dir, bestName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b := &best{Step: -1}
	if err := json.Unmarshal(data, b); err != nil || b.Step < 0 {
		return nil, fmt.Errorf("%s does not say which checkpoint is best: write {\"step\": N, \"metric\": X} into it, or remove it", bestName)
	}
	return b, nil
}

// prune removes what is not kept after the checkpoint of a step was committed. Later steps are those of a history that the run has
// gone back from, or damaged. Nothing here can undo the save, so errors go to the log.
func (m *Manager) prune(step int64) {
	all, err := scan(m.dir)
	if err != nil {
		m.options.Log("checkpoints: " + err.Error())
		return
	}
	kept := 0
	for _, f := range all {
		reason := m.known[f.path]
		if f.err != nil {
			reason = reasonOf(f.path, f.err)
		}
		isBest := m.best != nil && m.best.Step == f.step
		if f.step <= step && reason == "" && kept < m.options.Keep {
			kept++
			continue
		}
		if isBest || m.mirror.holds(f.step) {
			continue
		}
		m.remove(f, step, reason)
	}
}

// remove takes a checkpoint away under another name first, so that none is ever seen half removed.
func (m *Manager) remove(f found, step int64, reason string) {
	aside := m.aside(removing, f.step)
	err := m.disk.Rename(f.path, aside)
	if err == nil {
		err = m.disk.RemoveAll(aside)
	}
	switch {
	case err != nil:
		m.options.Log("checkpoints: " + err.Error())
	case reason != "":
		m.options.Log("checkpoints: removed " + f.path + ", damaged: " + reason)
	case f.step > step:
		m.options.Log(fmt.Sprintf("checkpoints: removed %s, from before the run went back to step %d or earlier", f.path, step))
	}
	delete(m.known, f.path)
}
