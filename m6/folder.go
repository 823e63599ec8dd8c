package m6

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"m6lab/datasets/text"
	"m6lab/m6/strict"
)

// Folder is a run's folder: run.json, vocab.txt, metrics.jsonl, checkpoints/ and tensorboard/; where there was a reason also
// hang-<step>.txt (stacks) and rollback-<n>.jsonl (lines of metrics.jsonl that a rollback took back).
type Folder string

// Path is a file of the folder.
func (f Folder) Path(name string) string { return filepath.Join(string(f), name) }

// Checkpoints is where the run's checkpoints lie.
func (f Folder) Checkpoints() string { return f.Path("checkpoints") }

// Run reads run.json.
func (f Folder) Run() (Run, error) {
	r := Run{Train: Train{Rollback: defaultRollback}, Watch: defaultWatch} // of a file that was written before there were such keys
	data, err := os.ReadFile(f.Path("run.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%s is no run folder: it has no run.json; `m6 pretrain --dir %s` makes one", string(f), string(f))
	}
	if err != nil {
		return r, fmt.Errorf("run folder: %w", err)
	}
	if err := strict.Decode(&r, data, f.Path("run.json")); err != nil {
		return r, err
	}
	return r, r.Validate()
}

// Vocab reads vocab.txt, which must be as large as the model's.
func (f Folder) Vocab(c Config) (*text.Vocab, error) {
	v, err := text.ReadVocab(f.Path("vocab.txt"))
	if err != nil {
		return nil, err
	}
	return v, checkVocab(v, c)
}

func checkVocab(v *text.Vocab, c Config) error {
	if v.Len() != c.Vocabulary {
		return fmt.Errorf("the vocabulary has %d entries, the model wants %d: give another vocab.txt or --set model.vocabulary=%d", v.Len(), c.Vocabulary, v.Len())
	}
	return nil
}

// Create writes what a new run depends on: run.json and vocab.txt.
func (f Folder) Create(r Run, v *text.Vocab) error {
	if err := os.MkdirAll(string(f), 0o755); err != nil {
		return fmt.Errorf("run folder: %w", err)
	}
	if err := writeWhole(f.Path("vocab.txt"), v.Bytes()); err != nil {
		return err
	}
	return writeWhole(f.Path("run.json"), r.JSON())
}

// writeWhole writes a file aside and renames it, so that nobody ever reads half of it. A file that says the same stays as it is.
func writeWhole(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	temporary := path + ".new"
	if err := os.WriteFile(temporary, data, 0o644); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}

// free are the keys that may change when a run is resumed: they change neither the weights' path nor the data.
var free = []string{"train.log_every", "train.eval_every", "train.eval_batches", "checkpoint", "data.workers", "watch"}

// Resumable says in one line which key of a config differs from that of the run to be resumed, if any does.
func Resumable(saved, given Run) error {
	if key, a, b := firstDifference(reflect.ValueOf(saved), reflect.ValueOf(given), "", free); key != "" {
		return fmt.Errorf("this run was begun with %s=%v, not %v: drop the setting to go on with it, or give another --dir", key, a, b)
	}
	a, b, times := saved.Checkpoint, given.Checkpoint, saved.Train.Rollback.Times
	if times > 0 && (a.Every != b.Every || a.Keep != b.Keep) {
		return fmt.Errorf("this run goes back to its checkpoints (train.rollback.times=%d), so checkpoint.every and checkpoint.keep stay %d and %d, not %d and %d: "+
			"drop the setting, or give another --dir", times, a.Every, a.Keep, b.Every, b.Keep)
	}
	return nil
}

// firstDifference is the first key that differs, and both values; keys under ignored may.
func firstDifference(a, b reflect.Value, key string, ignored []string) (string, any, any) {
	if slices.Contains(ignored, key) {
		return "", nil, nil
	}
	if a.Kind() != reflect.Struct {
		if reflect.DeepEqual(a.Interface(), b.Interface()) {
			return "", nil, nil
		}
		return key, a.Interface(), b.Interface()
	}
	for i := range a.NumField() {
		name, _, _ := strings.Cut(a.Type().Field(i).Tag.Get("json"), ",")
		if key != "" {
			name = key + "." + name
		}
		if k, x, y := firstDifference(a.Field(i), b.Field(i), name, ignored); k != "" {
			return k, x, y
		}
	}
	return "", nil, nil
}

// metricsFile is metrics.jsonl: a JSON object a line for each logged step.
type metricsFile struct{ f *os.File }

// openMetrics opens the file to go on behind a step; lines of later steps, which a killed run had written, are taken out.
func (f Folder) openMetrics(step int64) (*metricsFile, error) {
	path := f.Path("metrics.jsonl")
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var kept bytes.Buffer
	for line := range bytes.Lines(old) {
		var at struct{ Step int64 }
		if json.Unmarshal(line, &at) == nil && at.Step <= step && bytes.HasSuffix(line, []byte("\n")) {
			kept.Write(line)
		}
	}
	if kept.Len() != len(old) {
		if err := writeWhole(path, kept.Bytes()); err != nil {
			return nil, err
		}
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	return &metricsFile{file}, err
}

func (m *metricsFile) write(record any) error {
	line, err := json.Marshal(record)
	if err != nil {
		return err
	}
	_, err = m.f.Write(append(line, '\n'))
	return err
}

// Metrics reads metrics.jsonl: the numbers of each line by name.
func (f Folder) Metrics() ([]map[string]float64, error) {
	var out []map[string]float64
	err := eachRecord(f, func(record map[string]any) error {
		numbers := map[string]float64{}
		for name, value := range record {
			if x, ok := value.(float64); ok {
				numbers[name] = x
			}
		}
		out = append(out, numbers)
		return nil
	})
	return out, err
}

// eachRecord calls read with each line of metrics.jsonl, decoded to a T, but for one that is just being written.
func eachRecord[T any](f Folder, read func(T) error) error {
	file, err := os.Open(f.Path("metrics.jsonl"))
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var record T
		if json.Unmarshal(lines.Bytes(), &record) != nil {
			continue
		}
		if err := read(record); err != nil {
			return err
		}
	}
	return lines.Err()
}
