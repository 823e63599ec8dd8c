package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"m6lab/checkpoints"
)

// runCommand runs one command with its arguments and returns its standard output.
func runCommand(t *testing.T, cmd *cobra.Command, args ...string) (string, error) {
	t.Helper()
	cmd.PersistentFlags().Bool("json", false, "")
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	var out, log strings.Builder
	cmd.SetOut(&out)
	cmd.SetErr(&log)
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// ownData makes a data set of a small folder and returns the folder's place.
func ownData(t *testing.T) (source, out string) {
	t.Helper()
	source, out = t.TempDir(), filepath.Join(t.TempDir(), "out")
	files := map[string]string{"a.txt": "第一段\n\n第二段\n\n第三段", "b.jsonl": `{"question":"问","answer":"答"}` + "\n{bad\n", "c.doc": "x"}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(source, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return source, out
}

func TestDataFolderAndStats(t *testing.T) {
	source, out := ownData(t)
	got, err := runCommand(t, dataCommand(), "folder", source, "--out", out, "--valid", "0.25", "--test", "0.25", "--source", "mine")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"train 2, valid 1, test 1 rows\n", "left out, unreadable JSON line: 1\n  b.jsonl:2: ", "left out, neither a picture nor .txt nor .jsonl: 1\n  c.doc\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("folder prints %q, want %q in it", got, want)
		}
	}
	got, err = runCommand(t, dataCommand(), "stats", out, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var stats struct {
		Total  struct{ Rows, Characters, Questions int }
		Splits map[string]struct{ Sources map[string]struct{ Rows int } }
	}
	if err := json.Unmarshal([]byte(got), &stats); err != nil {
		t.Fatal(err)
	}
	if stats.Total.Rows != 4 || stats.Total.Characters != 9 || stats.Total.Questions != 1 || stats.Splits["train"].Sources["mine"].Rows != 2 {
		t.Errorf("stats = %+v, want 4 rows, 9 characters, 1 question, 2 rows of mine in train", stats)
	}
	got, err = runCommand(t, dataCommand(), "stats", out)
	if err != nil || !strings.Contains(got, "characters") || len(strings.Split(got, "\n")) != 10 {
		t.Errorf("stats prints %q, %v, want a table of 8 lines and a line below", got, err)
	}
	_, err = runCommand(t, dataCommand(), "folder", source, "--out", out)
	if err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("error = %v, want one about the folder that is not empty", err)
	}
	_, err = runCommand(t, dataCommand(), "folder", source, "--out", out+"2", "--valid", "1")
	if err == nil || !strings.Contains(err.Error(), "--valid 1 and --test 0.1") {
		t.Errorf("error = %v, want one about the shares", err)
	}
}

func TestCheckDataSet(t *testing.T) {
	source, dir := ownData(t)
	if _, err := runCommand(t, dataCommand(), "folder", source, "--out", dir, "--valid", "0.25"); err != nil {
		t.Fatal(err)
	}
	got, err := runCommand(t, checkCommand(), dir)
	if err != nil || !strings.HasSuffix(got, dir+": sound\n") {
		t.Errorf("check of a sound data set prints %q, %v, want it sound", got, err)
	}
	shard := filepath.Join(dir, "valid", "00000.parquet")
	data, err := os.ReadFile(shard)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(shard, data, 0o666); err != nil {
		t.Fatal(err)
	}
	got, err = runCommand(t, checkCommand(), dir, "--json")
	if err == nil || !strings.Contains(err.Error(), " faults") {
		t.Errorf("error = %v, want one that counts the faults", err)
	}
	var report struct {
		Kind string
		OK   bool
		Data struct{ Faults []struct{ File, What string } }
	}
	if err := json.Unmarshal([]byte(got), &report); err != nil {
		t.Fatal(err)
	}
	if report.Kind != "data set" || report.OK || len(report.Data.Faults) == 0 || report.Data.Faults[0].File != shard {
		t.Errorf("report = %+v, want a fault of %s", report, shard)
	}
}

func TestCheckOther(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "x.safetensors")
	if err := os.WriteFile(file, []byte("\x08\x00\x00\x00\x00\x00\x00\x00{}      "), 0o666); err != nil {
		t.Fatal(err)
	}
	got, err := runCommand(t, checkCommand(), file)
	if err != nil || !strings.Contains(got, "safetensors, ") {
		t.Errorf("check of a safetensors file prints %q, %v", got, err)
	}
	if err := os.WriteFile(file, []byte("\x08\x00\x00"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := runCommand(t, checkCommand(), file); err == nil || !strings.Contains(got, "fault: ") {
		t.Errorf("check of a cut file prints %q, %v, want a fault and an error", got, err)
	}
	for path, want := range map[string]string{dir: "neither a data set, a run, a checkpoint nor", filepath.Join(dir, "none"): "no such file"} {
		if _, err := runCommand(t, checkCommand(), path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("check %s: %v, want %q", path, err, want)
		}
	}
}

// The files of two ranks that are swapped are a fault that says which two.
func TestCheckRanks(t *testing.T) {
	dir := t.TempDir()
	errs := make(chan error, 2)
	for rank := range 2 {
		go func() {
			m, err := checkpoints.Open(dir, checkpoints.Options{Rank: rank, Ranks: 2, Session: "s"})
			if err != nil {
				errs <- err
				return
			}
			w := checkpoints.Spec{Name: "w", DType: checkpoints.U8, Dims: []int{2, 5}}
			parts := []checkpoints.Part{{Spec: w, Start: []int{rank, 0}, Size: []int{1, 5}}}
			err = m.SaveFrom(checkpoints.Source{Step: 7, Parts: parts, Data: func(int) ([]byte, error) { return []byte("abcde"), nil }})
			errs <- errors.Join(err, m.Close())
		}()
	}
	if err := errors.Join(<-errs, <-errs); err != nil {
		t.Fatal(err)
	}
	got, err := runCommand(t, checkCommand(), dir)
	if err != nil || !strings.Contains(got, "1 sound checkpoints, 1 tensors, ") {
		t.Errorf("check prints %q, %v", got, err)
	}
	name := func(rank int) string {
		return filepath.Join(dir, "step-00000007", fmt.Sprintf("data-%05d.safetensors", rank))
	}
	for _, move := range [][2]string{{name(0), name(2)}, {name(1), name(0)}, {name(2), name(1)}} {
		if err := os.Rename(move[0], move[1]); err != nil {
			t.Fatal(err)
		}
	}
	got, err = runCommand(t, checkCommand(), dir)
	want := "data-00000.safetensors: it is what the manifest has as data-00001.safetensors, by a header of "
	if err == nil || !strings.Contains(got, want) || !strings.Contains(got, ": the files are swapped or copied\n") {
		t.Errorf("check of swapped files prints %q, %v", got, err)
	}
}
