package clean

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/lm_ours.arpa.gz anew; then run scripts/reference/arpa_scores.py")

// kenlmReference is testdata/kenlm.json.gz, which scripts/reference/arpa_scores.py made. A score is log10 of the probability, the number
// of words and that of unknown ones.
type kenlmReference struct {
	Models []struct {
		Name, ARPA string
		Order      int
		Prune      []int
		Scores     [][3]float64
	}
}

func readKenLM(t testing.TB) (r kenlmReference) {
	t.Helper()
	if err := json.Unmarshal(gunzip(t, "testdata/kenlm.json.gz"), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Models) != 4 {
		t.Fatalf("%d models, want 4", len(r.Models))
	}
	return r
}

func gunzip(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if data, err = io.ReadAll(z); err != nil {
		t.Fatal(err)
	}
	return data
}

func linesOf(t testing.TB, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func trainLM(t testing.TB, order int, prune ...int) *LM {
	t.Helper()
	o := DefaultLMOptions()
	o.Order, o.Prune, o.HeldOut = order, prune, 0
	m, err := TrainLM(slices.Values(linesOf(t, "testdata/lm_train.txt")), o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// compareScores holds a model against KenLM's scores of the queries.
func compareScores(t *testing.T, m *LM, want [][3]float64) {
	t.Helper()
	queries := linesOf(t, "testdata/lm_query.txt")
	if len(queries) != len(want) || len(want) < 30 {
		t.Fatalf("%d queries, %d scores", len(queries), len(want))
	}
	for i, q := range queries {
		got := m.Score(q)
		if math.Abs(got.Log10-want[i][0]) > 1e-4 || got.Symbols != int(want[i][1]) || got.Unknown != int(want[i][2]) {
			t.Errorf("Score(%q) = %+v, KenLM has %v", q, got, want[i])
		}
		if p := math.Pow(10, -want[i][0]/want[i][1]); math.Abs(m.Sentence(q)/p-1) > 1e-4 {
			t.Errorf("Sentence(%q) = %v, KenLM has %v", q, m.Sentence(q), p)
		}
	}
}

func TestReadsKenLM(t *testing.T) {
	for _, want := range readKenLM(t).Models[:3] {
		t.Run(want.Name, func(t *testing.T) {
			m, err := ReadARPA(strings.NewReader(want.ARPA))
			if err != nil {
				t.Fatal(err)
			}
			if !m.closed {
				t.Error("an n-gram of lmplz has an end that is none")
			}
			compareScores(t, m, want.Scores)
			m.closed = false // the careful way must say the same
			compareScores(t, m, want.Scores)
		})
	}
}

// What we train has the n-grams and numbers of what lmplz trains, pruned or not.
func TestTrainsLikeKenLM(t *testing.T) {
	for _, want := range readKenLM(t).Models[:3] {
		t.Run(want.Name, func(t *testing.T) {
			theirs, err := ReadARPA(strings.NewReader(want.ARPA))
			if err != nil {
				t.Fatal(err)
			}
			ours := trainLM(t, want.Order, want.Prune...)
			a, b := grams(ours), grams(theirs)
			if fmt.Sprint(ours.NGrams()) != fmt.Sprint(theirs.NGrams()) {
				t.Errorf("%v n-grams, lmplz has %v", ours.NGrams(), theirs.NGrams())
			}
			for gram, v := range b {
				w, ok := a[gram]
				if gram == "<s>" {
					w.prob = v.prob
				}
				if !ok || math.Abs(float64(w.prob-v.prob)) > 1e-4 || math.Abs(float64(w.backoff-v.backoff)) > 1e-4 {
					t.Fatalf("%q has %v (%v), lmplz has %v", gram, w, ok, v)
				}
			}
			compareScores(t, ours, want.Scores)
		})
	}
}

func grams(m *LM) map[string]lmValue {
	out := map[string]lmValue{}
	for symbol, v := range m.unigrams {
		out[string(m.appendWords(nil, []uint32{uint32(symbol)}))] = v
	}
	for i := range m.tables {
		t := &m.tables[i]
		for place, key := range t.keys {
			if key != lmEmpty {
				symbols := m.spell(i+2, key)
				out[string(m.appendWords(nil, symbols[:i+2]))] = t.value(uint64(place))
			}
		}
	}
	return out
}

// The ARPA file that we write is the one that KenLM has read and scored.
func TestARPAGolden(t *testing.T) {
	m := trainLM(t, 4, 0, 0, 1)
	var b bytes.Buffer
	if err := m.WriteARPA(&b); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "lm_ours.arpa.gz")
	if *update {
		var z bytes.Buffer
		w, _ := gzip.NewWriterLevel(&z, 9)
		w.Write(b.Bytes())
		w.Close()
		if err := os.WriteFile(file, z.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(b.Bytes(), gunzip(t, file)) {
		t.Error("the ARPA file is not the one that KenLM has scored")
	}
	compareScores(t, m, readKenLM(t).Models[3].Scores)

	again, err := ReadARPA(&b)
	if err != nil {
		t.Fatal(err)
	}
	var one, two bytes.Buffer
	m.WriteTo(&one)
	again.WriteTo(&two)
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("an ARPA file written and read gives another model")
	}
}
