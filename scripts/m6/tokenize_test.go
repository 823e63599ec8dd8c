package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"m6lab/datasets/text"
)

func tokenize(t *testing.T, in io.Reader, args ...string) (string, error) {
	t.Helper()
	cmd := tokenizeCommand()
	cmd.Flags().Bool("json", false, "")
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	var out strings.Builder
	cmd.SetIn(in)
	cmd.SetOut(&out)
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}

func TestTokenize(t *testing.T) {
	vocab := filepath.Join(t.TempDir(), "vocab.txt")
	if err := os.WriteFile(vocab, text.BertChinese().Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, in string
		args     []string
		want     string
	}{
		{"ids", "今天 iPhone\n好\n", []string{"--lower"}, "791 1921 8210\n1962\n"},
		{"cased", "今天 iPhone\n", nil, "791 1921 100\n"},
		{"tokens", "今天，Tokenizers\n", []string{"--lower", "--tokens"}, "今 天 ， to ##ken ##ize ##rs\n"},
		{"only \\n ends a line", "好\u2028好\r好\v好\u0085好\r\n好", nil, "1962 1962 1962 1962 1962\n1962\n"},
		{"empty lines", "\n\n好\n\n", nil, "\n\n1962\n\n"},
		{"nothing", "", nil, ""},
		{"json ids", "今天\n\n", []string{"--json"}, "[791,1921]\n[]\n"},
		{"json tokens", "\"今\n", []string{"--json", "--tokens"}, "[\"\\\"\",\"今\"]\n"},
		{"a line of two megabytes", strings.Repeat("好 ", 1<<19) + "\n好\n", nil, strings.Repeat("1962 ", 1<<19-1) + "1962\n1962\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, in := range []io.Reader{strings.NewReader(test.in), iotest.HalfReader(strings.NewReader(test.in))} {
				got, err := tokenize(t, in, append(test.args, "--vocab", vocab)...)
				if err != nil {
					t.Fatal(err)
				}
				if got != test.want {
					t.Errorf("got %.200q, want %.200q", got, test.want)
				}
			}
		})
	}
	t.Run("broken input", func(t *testing.T) {
		got, err := tokenize(t, io.MultiReader(strings.NewReader("好\n天"), iotest.ErrReader(errors.New("gone"))), "--vocab", vocab)
		if err == nil || !strings.Contains(err.Error(), "line 2: gone") || got != "1962\n" {
			t.Errorf("got %q and error %v, want line 1 and an error that names line 2", got, err)
		}
	})
}

func TestTokenizeErrors(t *testing.T) {
	dir := t.TempDir()
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"no vocabulary", nil, "add --vocab FILE"},
		{"missing file", []string{"--vocab", filepath.Join(dir, "none.txt")}, "none.txt: no such file"},
		{"folder", []string{"--vocab", dir}, dir},
		{"argument", []string{"--vocab", dir, "text"}, "text"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := tokenize(t, strings.NewReader(""), test.args...)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, test.want)
			}
		})
	}
}
