package main

import (
	"bytes"
	"strings"
	"testing"

	"m6lab/datasets"
	"m6lab/datasets/record"
	"m6lab/scripts/command"
)

// oneText is a data set of one text in each of the named splits.
func oneText(t *testing.T, splits ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, split := range splits {
		w, err := record.Create(dir, split, record.WriterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(datasets.Example{ID: split, Source: "poems", Text: "白日依山尽，"}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// What cannot be evaluated is said in one line, before a model is loaded.
func TestEvalErrors(t *testing.T) {
	data, noTest := oneText(t, "train", "test"), oneText(t, "train")
	for _, c := range []struct {
		name string
		args []string
		code int
		want string
	}{
		{"unknown task", []string{"eval", "captoin", "--dir", "none", "--data", data}, 2, `did you mean "caption"?`},
		{"no task", []string{"eval", "--dir", "none", "--data", data}, 2, "accepts 1 arg"},
		{"the training split", []string{"eval", "lm", "--dir", "none", "--data", data, "--split", "train"}, 1, "give valid or test"},
		{"no such split", []string{"eval", "lm", "--dir", "none", "--data", noTest}, 1, "test"},
		{"unknown source", []string{"eval", "lm", "--dir", "none", "--data", data, "--source", "poem"}, 2, `did you mean "poems"?`},
		{"no run", []string{"eval", "lm", "--dir", "none", "--data", data}, 1, "none is no run folder"},
		{"negative limit", []string{"eval", "lm", "--dir", "none", "--data", data, "--limit", "-1"}, 2, "want 0 (all) or more"},
		{"report without a run", []string{"report", "--dir", "none", "--data", data}, 1, "none is no run folder"},
	} {
		var out, errs bytes.Buffer
		code := command.Execute(t.Context(), rootCommand(), c.args, command.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
		message := strings.TrimSuffix(errs.String(), "\n")
		if code != c.code || !strings.Contains(message, c.want) || out.Len() > 0 {
			t.Errorf("%s: exit code %d, %q, output %q; want %d and %q", c.name, code, message, out.String(), c.code, c.want)
		}
		if strings.Count(message, "\n") > 0 && !strings.Contains(message, "WARNING") {
			t.Errorf("%s: more than one line: %q", c.name, message)
		}
	}
}

func TestPoemForm(t *testing.T) {
	for poem, want := range map[string]bool{
		"白日依山尽，黄河入海流。": true, "白日依山尽，黄河入海。": false, "白日依山尽，": false, "": false, "朝辞白帝彩云间，千里江陵一日还。": true,
	} {
		if form, got := poemForm(poem); got != want {
			t.Errorf("%q: %v (%s), want %v", poem, got, form, want)
		}
	}
}
