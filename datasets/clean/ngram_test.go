package clean

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// reference is testdata/kneser_ney.json.gz, which scripts/reference/kneser_ney.py made. A query is the context, the next
// symbol (-1 for the end, 999,999,999 for an unknown one) and the natural logarithm of its probability.
type reference struct {
	Corpora map[string][][]int32
	Models  []struct {
		Name, Corpus string
		Order        int
		Queries      [][3]json.RawMessage
		Discounts    [][3]float64
	}
}

func readReference(t *testing.T) reference {
	t.Helper()
	f, err := os.Open("testdata/kneser_ney.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.NewDecoder(z).Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

func train(t testing.TB, order int, seqs [][]int32) *KN {
	t.Helper()
	m, err := TrainKN(order, slices.Values(seqs))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestReference(t *testing.T) {
	r := readReference(t)
	if len(r.Models) != 12 {
		t.Fatalf("%d models, want 12", len(r.Models))
	}
	for _, want := range r.Models {
		t.Run(want.Name, func(t *testing.T) {
			m := train(t, want.Order, r.Corpora[want.Corpus])
			for k, d := range want.Discounts {
				if got := m.discounts[k]; math.Abs(got[1]-d[0])+math.Abs(got[2]-d[1])+math.Abs(got[3]-d[2]) > 1e-12 {
					t.Errorf("discounts of %d-grams are %v, want %v", k+1, got[1:], d)
				}
			}
			for _, query := range want.Queries {
				var context []int32
				var next int32
				var logProb float64
				for i, into := range []any{&context, &next, &logProb} {
					if err := json.Unmarshal(query[i], into); err != nil {
						t.Fatal(err)
					}
				}
				if got := m.LogProb(context, next); math.Abs(got-logProb) > 1e-11 {
					t.Errorf("LogProb(%v, %d) = %v, want %v", context, next, got, logProb)
				}
			}
		})
	}
}

// Over the vocabulary, the end and one unknown symbol, probabilities sum to 1 after any context.
func TestSumsToOne(t *testing.T) {
	r := readReference(t)
	const unknown = 999_999_999
	for name, seqs := range r.Corpora {
		for order := 1; order <= 5; order++ {
			m := train(t, order, seqs)
			rng := rand.New(rand.NewPCG(3, uint64(order)))
			contexts := [][]int32{nil, {unknown}, {unknown, seqs[0][0]}, {seqs[0][0], unknown}}
			for range 29 {
				seq := seqs[rng.IntN(len(seqs))]
				seen := seq[:rng.IntN(len(seq)+1)]
				mixed := append(slices.Clone(seen), m.symbols[rng.IntN(len(m.symbols))], m.symbols[rng.IntN(len(m.symbols))])
				contexts = append(contexts, seen, mixed)
			}
			for _, context := range contexts {
				sum := math.Exp(m.LogProb(context, End)) + math.Exp(m.LogProb(context, unknown))
				for _, symbol := range m.Symbols() {
					p := math.Exp(m.LogProb(context, symbol))
					if p <= 0 || p > 1 {
						t.Errorf("%s %d: P(%d | %v) = %v", name, order, symbol, context, p)
					}
					sum += p
				}
				if math.Abs(sum-1) > 1e-9 {
					t.Errorf("%s %d: probabilities after %v sum to %v", name, order, context, sum)
				}
			}
		}
	}
}

func TestScore(t *testing.T) {
	m := train(t, 3, [][]int32{{1, 2, 3, 1, 2}, {2, 3}})
	seqs := [][]int32{{1, 2, 9}, {}}
	want := Score{Symbols: 5, Unknown: 1}
	for _, step := range []struct {
		context []int32
		next    int32
	}{{nil, 1}, {[]int32{1}, 2}, {[]int32{1, 2}, 9}, {[]int32{1, 2, 9}, End}, {nil, End}} {
		want.LogProb += m.LogProb(step.context, step.next)
	}
	got := m.Score(slices.Values(seqs))
	if math.Abs(got.LogProb-want.LogProb) > 1e-12 || got.Symbols != want.Symbols || got.Unknown != want.Unknown {
		t.Errorf("Score = %+v, want %+v", got, want)
	}
	if got, want := m.Perplexity(slices.Values(seqs)), math.Exp(-want.LogProb/5); math.Abs(got-want) > 1e-9 {
		t.Errorf("Perplexity = %v, want %v", got, want)
	}
	if got := (Score{}).Perplexity(); got != 1 {
		t.Errorf("perplexity of nothing is %v, want 1", got)
	}
	if m.Len() != 5 || m.Order() != 3 {
		t.Errorf("Len %d, Order %d, want 5, 3", m.Len(), m.Order())
	}
}

func TestTrainErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		order int
		seqs  [][]int32
		want  string
	}{
		{"order 0", 0, [][]int32{{1}}, "1 to 16"},
		{"order 17", 17, [][]int32{{1}}, "1 to 16"},
		{"no sequences", 3, nil, "no symbols in 0 sequences"},
		{"empty sequences", 3, [][]int32{{}, {}}, "no symbols in 2 sequences"},
		{"negative symbol", 3, [][]int32{{1}, {4, -1}}, "sequence 2: symbol -1 at 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := TrainKN(test.order, slices.Values(test.seqs)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// bestOfAll tries every filling of 1 to maxLen symbols.
func bestOfAll(m *KN, left, right []int32, lengths []int) (best []int32) {
	highest := math.Inf(-1)
	var try func(filled []int32, length int)
	try = func(filled []int32, length int) {
		if len(filled) < length {
			for _, symbol := range m.symbols {
				try(append(slices.Clone(filled), symbol), length)
			}
			return
		}
		if p := probability(m, left, filled, right); p > highest+1e-12 {
			highest, best = p, filled
		}
	}
	for _, length := range lengths {
		try(nil, length)
	}
	return best
}

func probability(m *KN, left, filled, right []int32) float64 {
	text := slices.Clone(left)
	sum := 0.0
	for i, symbol := range append(slices.Clone(filled), right...) {
		if i < len(filled)+m.order-1 {
			sum += m.LogProb(text, symbol)
		}
		text = append(text, symbol)
	}
	return sum
}

// On a small vocabulary the beam finds what trying all fillings finds.
func TestBestFill(t *testing.T) {
	seqs := readReference(t).Corpora["chain"]
	rng := rand.New(rand.NewPCG(5, 7))
	for _, order := range []int{1, 2, 3, 4} {
		m := train(t, order, seqs)
		for range 23 {
			seq := slices.Clone(seqs[rng.IntN(len(seqs))])
			from := rng.IntN(len(seq))
			to := min(from+1+rng.IntN(3), len(seq))
			left, right := seq[:from], append(slices.Clone(seq[to:]), End)
			got, want := m.BestFill(left, right, 3), bestOfAll(m, left, right, []int{1, 2, 3})
			if gp, wp := probability(m, left, got, right), probability(m, left, want, right); gp < wp-1e-9 {
				t.Errorf("order %d: BestFill(%v, %v) = %v (%v), want %v (%v)", order, left, right, got, gp, want, wp)
			}
			got, want = m.BestFillLen(left, right, 3), bestOfAll(m, left, right, []int{3})
			if gp, wp := probability(m, left, got, right), probability(m, left, want, right); len(got) != 3 || gp < wp-1e-9 {
				t.Errorf("order %d: BestFillLen(%v, %v) = %v (%v), want %v (%v)", order, left, right, got, gp, want, wp)
			}
		}
	}
	m := train(t, 3, [][]int32{{1, 2, 3}})
	if got := m.BestFill([]int32{1}, []int32{3}, 0); got != nil {
		t.Errorf("no room: got %v, want nil", got)
	}
	if got, want := m.BestFill([]int32{77}, nil, 1), 1; len(got) != want {
		t.Errorf("an unknown context and nothing after: got %v, want %d symbol", got, want)
	}
}

func ExampleKN() {
	poems := []string{"春眠不觉晓，处处闻啼鸟。", "夜来风雨声，花落知多少。", "春风吹又生，春风又绿江南岸。"}
	var seqs [][]int32
	for _, poem := range poems {
		seqs = append(seqs, []rune(poem))
	}
	m, err := TrainKN(3, slices.Values(seqs))
	if err != nil {
		fmt.Println(err)
		return
	}
	likely := m.LogProb([]rune("春"), '风') > m.LogProb([]rune("春"), '鸟')
	fmt.Println(likely, string(m.BestFill([]rune("春"), []rune("吹又生"), 2)))
	// Output: true 风
}

// The order of the sequences does not matter, nor does training twice.
func TestDeterministic(t *testing.T) {
	seqs := readReference(t).Corpora["runes"]
	m := train(t, 3, seqs)
	slices.Reverse(seqs)
	again := train(t, 3, seqs)
	if diff := cmp.Diff(m, again, cmp.AllowUnexported(KN{}, level{}, context{})); diff != "" {
		t.Error(diff)
	}
}

func FuzzKN(f *testing.F) {
	f.Add([]byte("abracadabra\x00abc"), 3)
	f.Fuzz(func(t *testing.T, data []byte, order int) {
		if len(data) > 1<<10 {
			return
		}
		var seqs [][]int32
		for part := range strings.SplitSeq(string(data), "\x00") {
			seqs = append(seqs, []rune(part))
		}
		m, err := TrainKN(1+(order&3), slices.Values(seqs))
		if err != nil {
			return
		}
		for _, seq := range seqs {
			sum := math.Exp(m.LogProb(seq, End)) + math.Exp(m.LogProb(seq, 1<<30))
			for _, symbol := range m.symbols {
				sum += math.Exp(m.LogProb(seq, symbol))
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Fatalf("probabilities sum to %v", sum)
			}
		}
		if got := m.BestFill(seqs[0], seqs[len(seqs)-1], 2); len(got) < 1 || len(got) > 2 {
			t.Fatalf("BestFill returned %v", got)
		}
	})
}

func BenchmarkTrainKN(b *testing.B) {
	seqs := zipf(100_000, 30)
	for b.Loop() {
		train(b, 3, seqs)
	}
	b.ReportMetric(float64(3e6*b.N)/b.Elapsed().Seconds(), "symbols/s")
}

func BenchmarkLogProb(b *testing.B) {
	seqs := zipf(10_000, 30)
	m := train(b, 3, seqs)
	i := 0
	for b.Loop() {
		seq := seqs[i%len(seqs)]
		m.LogProb(seq[:i%30], seq[i%30])
		i++
	}
}

func BenchmarkBestFill(b *testing.B) {
	seqs := zipf(100_000, 30)
	m := train(b, 3, seqs)
	i := 0
	for b.Loop() {
		seq := seqs[i%len(seqs)]
		m.BestFill(seq[:10], seq[13:], 6)
		i++
	}
}

// zipf makes sequences of symbols that are as unequally frequent as Chinese characters.
func zipf(count, length int) [][]int32 {
	rng := rand.New(rand.NewPCG(1, 2))
	z := rand.NewZipf(rng, 1.2, 20, 5000)
	seqs := make([][]int32, count)
	for i := range seqs {
		seqs[i] = make([]int32, length)
		for j := range seqs[i] {
			seqs[i][j] = int32(z.Uint64())
		}
	}
	return seqs
}
