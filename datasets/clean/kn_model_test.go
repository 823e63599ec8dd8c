package clean

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/zeebo/xxh3"
)

// Unpruned, the packed model says what [KN] says.
func TestLMAgainstKN(t *testing.T) {
	lines := linesOf(t, "testdata/lm_train.txt")
	queries := linesOf(t, "testdata/lm_query.txt")
	for order := MinLMOrder; order <= MaxLMOrder; order++ {
		kn, err := TrainKN(order, func(yield func([]int32) bool) {
			for _, line := range lines {
				if !yield(lmSymbols(nil, line)) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		m := trainLM(t, order)
		for _, q := range queries {
			want := kn.Score(slices.Values([][]int32{lmSymbols(nil, q)}))
			got := m.Score(q)
			if math.Abs(got.Log10*math.Ln10-want.LogProb) > 1e-4 || got.Symbols != want.Symbols || got.Unknown != want.Unknown {
				t.Errorf("order %d: Score(%q) = %+v, KN says %+v", order, q, got, want)
			}
		}
	}
}

// After any context the probabilities of all characters, the end and the unknown one sum to 1, pruned or not.
func TestLMSumsToOne(t *testing.T) {
	queries := linesOf(t, "testdata/lm_query.txt")
	for _, prune := range [][]int{nil, {0, 1}, {0, 0, 1, 2}, {0, 3, 3, 5}} {
		m := trainLM(t, 4, prune...)
		for i, q := range queries {
			var a, b lmState
			m.begin(&a)
			symbols := lmSymbols(nil, q)
			for _, r := range symbols[:min(len(symbols), i%9)] {
				m.step(&a, &b, m.numberOf(r))
				a = b
			}
			sum := 0.0
			for symbol := range m.unigrams {
				if uint32(symbol) != beginSymbol {
					sum += math.Pow(10, float64(m.step(&a, &b, uint32(symbol))))
				}
			}
			if math.Abs(sum-1) > 1e-4 {
				t.Errorf("prune %v: after %d characters of %q they sum to %v", prune, min(len(symbols), i%9), q, sum)
			}
		}
	}
}

func TestLMWhiteSpace(t *testing.T) {
	m := trainLM(t, 3) // knows U+2581
	for _, group := range [][]string{
		{"在 Debian 中", "  在\u3000Debian\t\n中 ", "在\u0000Debian \u0007中", "在▁Debian▁中"},
		{"", " ", "\n\t"},
		{"坏\xff了", "坏\ufffd了"},
	} {
		for _, s := range group[1:] {
			if m.Score(s) != m.Score(group[0]) {
				t.Errorf("%q scores %+v, %q %+v", s, m.Score(s), group[0], m.Score(group[0]))
			}
		}
	}
	if s := m.Score("在 Debian 中"); s.Symbols != 11 {
		t.Errorf("%d symbols, want 11", s.Symbols)
	}
	if s := m.Score("龘靐"); s.Unknown != 2 || s.Symbols != 3 {
		t.Errorf("unknown characters: %+v", s)
	}
	plain, err := ReadARPA(strings.NewReader(smallARPA))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := plain.Score("一 二"), plain.Score("一二"); a != b || a.Symbols != 3 {
		t.Errorf("a model without U+2581 scores white space: %+v and %+v", a, b)
	}
}

// The model does not depend on the order of the sentences, nor does a sample of them; held-out sentences are measured.
func TestTrainLMSample(t *testing.T) {
	lines := slices.Concat(linesOf(t, "testdata/lm_train.txt"), linesOf(t, "testdata/lm_query.txt"))
	o := DefaultLMOptions()
	o.Order, o.HeldOut = 3, 5
	var whole int
	for _, most := range []int{1 << 20, 5000, 700} {
		o.MaxCharacters = most
		a, err := TrainLM(slices.Values(lines), o)
		if err != nil {
			t.Fatal(err)
		}
		other := slices.Clone(lines)
		rand.New(rand.NewPCG(1, 1)).Shuffle(len(other), func(i, j int) { other[i], other[j] = other[j], other[i] })
		b, err := TrainLM(slices.Values(other), o)
		if err != nil {
			t.Fatal(err)
		}
		var one, two bytes.Buffer
		a.WriteTo(&one)
		b.WriteTo(&two)
		if !bytes.Equal(one.Bytes(), two.Bytes()) {
			t.Errorf("at most %d characters: the order of the sentences matters", most)
		}
		if most == 1<<20 {
			whole = a.NGrams()[1]
		} else if n := a.NGrams()[1]; n >= whole || n < 50 {
			t.Errorf("at most %d characters: %d 2-grams, %d of all", most, n, whole)
		}
		held := 0
		for _, line := range lines {
			if strings.TrimSpace(line) != "" && xxh3.HashString(line)%5 == 0 {
				held++
			}
		}
		if a.HeldOut() != int64(held) || held < 20 {
			t.Errorf("%d sentences held out, want %d", a.HeldOut(), held)
		}
	}
}

func TestPercentile(t *testing.T) {
	m := trainLM(t, 3)
	if _, err := m.Percentile(95); err == nil || !math.IsNaN(m.Quantile(0.5)) {
		t.Error("a model without held-out sentences knows percentiles")
	}
	queries := linesOf(t, "testdata/lm_query.txt")
	m = m.Calibrate(slices.Values(queries))
	var all []float64
	for _, q := range queries {
		all = append(all, m.Sentence(q))
	}
	slices.Sort(all)
	for _, p := range []float64{0, 0.1, 5, 33.3, 50, 95, 99.9, 100} {
		at := p / 100 * float64(len(all)-1)
		low, high := all[int(at)], all[min(int(at)+1, len(all)-1)]
		got, err := m.Percentile(p)
		if err != nil || got < low*(1-1e-6) || got > high*(1+1e-6) {
			t.Errorf("percentile %v is %v, %v: want %v to %v", p, got, err, low, high)
		}
		if q := m.Quantile(p / 100); q != got {
			t.Errorf("Quantile says %v, Percentile %v", q, got)
		}
	}
	for _, p := range []float64{-1, 101, math.NaN()} {
		if _, err := m.Percentile(p); err == nil {
			t.Errorf("percentile %v is taken", p)
		}
	}
	if m.HeldOut() != int64(len(queries)) {
		t.Errorf("%d held out", m.HeldOut())
	}
}

// tinyLM is a model of a few n-grams with percentiles.
func tinyLM(t testing.TB) *LM {
	o := DefaultLMOptions()
	o.Order, o.Prune, o.HeldOut = 3, nil, 0
	m, err := TrainLM(slices.Values([]string{"一二三", "一二四。", "二三 a"}), o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestLMFile(t *testing.T) {
	m := trainLM(t, 4, 0, 0, 1).Calibrate(slices.Values(linesOf(t, "testdata/lm_query.txt")))
	var b bytes.Buffer
	if n, err := m.WriteTo(&b); err != nil || n != int64(b.Len()) {
		t.Fatal(n, err)
	}
	data := bytes.Clone(b.Bytes())
	folder := t.TempDir()
	file := filepath.Join(folder, "model.lm")
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	again, err := OpenLM(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range linesOf(t, "testdata/lm_query.txt") {
		if m.Score(q) != again.Score(q) {
			t.Errorf("%q: %+v before, %+v after", q, m.Score(q), again.Score(q))
		}
	}
	if m.Quantile(0.95) != again.Quantile(0.95) || m.HeldOut() != again.HeldOut() {
		t.Error("the percentiles are others")
	}
	b.Reset()
	again.WriteTo(&b)
	if !bytes.Equal(b.Bytes(), data) {
		t.Error("written, read and written again it is another")
	}
	if arpa, err := OpenLM("testdata/lm_ours.arpa.gz"); err != nil || fmt.Sprint(arpa.NGrams()) != fmt.Sprint(m.NGrams()) {
		t.Errorf("the ARPA file in gzip: %v", err)
	}
	if _, err := OpenLM(filepath.Join(folder, "none")); err == nil {
		t.Error("a file that is not there is read")
	}
}

// Every cut and every changed byte is refused, in one line.
func TestLMDamage(t *testing.T) {
	var b bytes.Buffer
	tinyLM(t).WriteTo(&b)
	data := b.Bytes()
	refused := func(what string, data []byte) {
		t.Helper()
		if _, err := ReadLM(bytes.NewReader(data)); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range data {
		refused(fmt.Sprintf("cut at %d", i), data[:i])
		for bit := range 8 {
			changed := bytes.Clone(data)
			changed[i] ^= 1 << bit
			refused(fmt.Sprintf("bit %d of byte %d changed", bit, i), changed)
		}
	}
	refused("longer", append(bytes.Clone(data), 0))
	changed := bytes.Clone(data)
	changed[8] = 9
	if _, err := ReadLM(bytes.NewReader(changed)); err == nil || !strings.Contains(err.Error(), "version is 9") {
		t.Errorf("version 9: %v", err)
	}
}

// Bytes with a right checksum are a model or refused, without a panic and without memory for what they claim.
func FuzzReadLM(f *testing.F) {
	var b bytes.Buffer
	tinyLM(f).WriteTo(&b)
	body := b.Bytes()[:b.Len()-8]
	f.Add(body)
	f.Add(body[:60])
	large := bytes.Clone(body)
	binary.LittleEndian.PutUint32(large[20:], 0x10ffff)
	f.Add(large)
	f.Add(append(bytes.Clone(body[:len(body)-12]), bytes.Repeat([]byte{0xff}, 12)...))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := ReadLM(bytes.NewReader(binary.LittleEndian.AppendUint64(bytes.Clone(body), xxh3.Hash(body))))
		if err != nil {
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("%q", err)
			}
			return
		}
		m.Sentence("一二三四 a。龘")
		var again bytes.Buffer
		m.WriteTo(&again)
		if _, err := ReadLM(&again); err != nil {
			t.Error(err)
		}
		m.WriteARPA(&again)
	})
}

func TestReadLMClaims(t *testing.T) {
	var b bytes.Buffer
	tinyLM(t).WriteTo(&b)
	data := b.Bytes()[:24+4*4]
	binary.LittleEndian.PutUint32(data[20:], 0x10ffff) // characters that do not follow
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := ReadLM(bytes.NewReader(data)); err == nil || !strings.Contains(err.Error(), "too early") {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes were taken for a file of %d", used, len(data))
	}
}

const smallARPA = `\data\
ngram 1=5
ngram 2=3

\1-grams:
-1.5	<unk>
-99	<s>	-0.3
-0.9	</s>
-0.7	一	-0.2
-0.8	二	-0.1

\2-grams:
-0.4	<s> 一
-0.5	一 二
-0.2	二 </s>

\end\
`

func TestReadARPAErrors(t *testing.T) {
	m, err := ReadARPA(strings.NewReader(smallARPA))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		text string
		want float64
	}{
		{"一二", -0.4 - 0.5 - 0.2},
		{"二", -0.3 - 0.8 - 0.2},
		{"", -0.3 - 0.9},
		{"一x", -0.4 - 0.2 - 1.5 - 0.9},
	} {
		if got := m.Score(test.text).Log10; math.Abs(got-test.want) > 1e-6 {
			t.Errorf("Score(%q) = %v, want %v", test.text, got, test.want)
		}
	}
	noUnknown := strings.Replace(strings.Replace(smallARPA, "-1.5\t<unk>\n", "", 1), "1=5", "1=4", 1)
	if m, err = ReadARPA(strings.NewReader(noUnknown)); err != nil || math.Abs(m.Score("x").Log10-(-0.3-100-0.9)) > 1e-4 {
		t.Errorf("without <unk>: %v", err)
	}
	if _, err := ReadARPA(strings.NewReader(strings.ReplaceAll(smallARPA, "\n", "\r\n"))); err != nil {
		t.Errorf("with carriage returns: %v", err)
	}
	for _, test := range []struct{ old, with, want string }{
		{`\data\`, `\daten\`, "line 1:"},
		{"ngram 2=3", "ngram 3=3", "line 3:"},
		{"ngram 1=5", "ngram 1=-5", "line 2:"},
		{"ngram 1=5", "ngram 1=99999999999999999999", "line 2:"},
		{"ngram 2=3", "ngram 2=4", `line 17: 3 2-grams end here, the head said 4`},
		{"-0.8\t二\t-0.1", "-0.8\t二二\t-0.1", `line 10: the word "二二" has 2 characters`},
		{"-0.8\t二\t-0.1", "-0.8\t一\t-0.1", "line 10: '一' stands here a second time, first on line 9"},
		{"-0.8\t二\t-0.1", "0.8\t二\t-0.1", `line 10: "0.8" is no log10 of a probability`},
		{"-0.8\t二\t-0.1", "NaN\t二\t-0.1", "line 10:"},
		{"-0.8\t二\t-0.1", "-0.8\t二\t-0.1 7", "line 10:"},
		{"-0.8\t二\t-0.1", "-0.8\t二\tInf", "line 10:"},
		{"-0.8\t二\t-0.1", "-0.8\t\xff\t-0.1", "line 10:"},
		{"-0.8\t二\t-0.1", "-0.8\t\u3000\t-0.1", "line 10:"},
		{"-0.8\t二\t-0.1", "-0.8", "line 10: 0 words: want 1"},
		{"-99\t<s>\t-0.3\n", "-99\t<S>\t-0.3\n", "line 7:"},
		{"-0.9\t</s>\n", "", "</s> is missing"},
		{"-1.5\t<unk>\n", "-1.5\t</s>\n", "line 8: </s> stands here a second time"},
		{"-0.5\t一 二", "-0.5\t一 三", `line 14: "三" is not among the 1-grams`},
		{"-0.5\t一 二", "-0.5\t<s> 一", "stands above twice"},
		{"-0.5\t一 二", "-0.5\t一 二\t-0.1", "line 14: a back-off weight -0.1 in the longest n-grams"},
		{"-0.5\t一 二", "-0.5\t一", "line 14: 1 words: want 2"},
		{`\2-grams:`, `\3-grams:`, `line 12:`},
		{`\end\`, ``, `the file ends before \end\`},
		{`\end\`, `\3-grams:`, `want \end\`},
		{`\data\`, strings.Repeat("x", maxARPALine+9), "line 1: longer than"},
	} {
		if !strings.Contains(smallARPA, test.old) {
			t.Fatalf("%q is not there", test.old)
		}
		_, err := ReadARPA(strings.NewReader(strings.Replace(smallARPA, test.old, test.with, 1)))
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q for %q: %v, want %q", test.with[:min(len(test.with), 20)], test.old, err, test.want)
		}
	}
	three := strings.Replace(strings.Replace(smallARPA, "ngram 2=3\n", "ngram 2=3\nngram 3=1\n", 1), `\end\`, "\\3-grams:\n-0.1\t二 一 二\n\n\\end\\", 1)
	if _, err := ReadARPA(strings.NewReader(three)); err == nil || !strings.Contains(err.Error(), "line 19") || !strings.Contains(err.Error(), "context") {
		t.Errorf("an n-gram without its context: %v", err)
	}
}

// A model whose n-grams have ends that are none is read and scored as the format says.
func TestARPAWithHoles(t *testing.T) {
	holes := strings.Replace(strings.Replace(smallARPA, "ngram 2=3\n", "ngram 2=3\nngram 3=1\n", 1), `\end\`, "\\3-grams:\n-0.1\t<s> 一 一\n\n\\end\\", 1)
	m, err := ReadARPA(strings.NewReader(holes))
	if err != nil {
		t.Fatal(err)
	}
	if m.closed {
		t.Error("the 3-gram's end is no 2-gram, but the model says that it is")
	}
	if got, want := m.Score("一一").Log10, -0.4-0.1-0.2-0.9; math.Abs(got-want) > 1e-6 {
		t.Errorf("%v, want %v", got, want)
	}
}

func FuzzReadARPA(f *testing.F) {
	f.Add(smallARPA)
	f.Add("\\data\\\nngram 1=3\n\n\\1-grams:\n-1\t<s>\n-1\t</s>\n-1 a\n\\end\\\n")
	f.Add("\\data\\\nngram 1=1\n")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ReadARPA(strings.NewReader(s))
		if err != nil {
			return
		}
		if p := m.Sentence("一二 a龘"); math.IsNaN(p) {
			t.Error("a perplexity is no number")
		}
		var b bytes.Buffer
		if err := m.WriteARPA(&b); err != nil {
			t.Fatal(err)
		}
		again, err := ReadARPA(&b)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := m.Score("一二 a龘"), again.Score("一二 a龘"); a != b {
			t.Errorf("%+v before, %+v after", a, b)
		}
	})
}

func TestLMOptions(t *testing.T) {
	for _, test := range []struct {
		key  string
		edit func(*LMOptions)
	}{
		{"", func(o *LMOptions) {}},
		{"order", func(o *LMOptions) { o.Order = 2 }},
		{"order", func(o *LMOptions) { o.Order = 6 }},
		{"prune", func(o *LMOptions) { o.Prune = []int{1} }},
		{"prune", func(o *LMOptions) { o.Prune = []int{0, 2, 1} }},
		{"prune", func(o *LMOptions) { o.Prune = []int{0, -1} }},
		{"prune", func(o *LMOptions) { o.Prune = make([]int, 6) }},
		{"held_out", func(o *LMOptions) { o.HeldOut = 1 }},
		{"max_characters", func(o *LMOptions) { o.MaxCharacters = 0 }},
	} {
		o := DefaultLMOptions()
		test.edit(&o)
		if err := o.Validate(); (err == nil) != (test.key == "") || err != nil && !strings.HasPrefix(err.Error(), test.key+":") {
			t.Errorf("want an error of %q, have %v", test.key, err)
		}
	}
	for _, none := range [][]string{nil, {"", " \n"}} {
		if _, err := TrainLM(slices.Values(none), DefaultLMOptions()); err == nil {
			t.Errorf("a model of %q", none)
		}
	}
}

// babble is text of so many characters in sentences, each character one of a few that its two predecessors like.
func babble(seed uint64, characters int) (sentences []string) {
	rng := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	a, c := uint64(0), uint64(0)
	for n := 0; n < characters; {
		size := 5 + rng.IntN(40)
		b.Reset()
		for range size {
			choice := uint64(math.Abs(rng.NormFloat64()) * 8)
			if rng.IntN(4) == 0 {
				a = 0
			}
			next := (a*7919+c*104729+choice*choice*31)%977 + choice*13
			b.WriteRune(0x4e00 + rune(next%4000))
			a, c = c, next
		}
		b.WriteRune('。')
		sentences = append(sentences, b.String())
		n += size + 1
	}
	return sentences
}

func processorTime(b *testing.B) float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6
}

// BenchmarkLM trains on 3 million characters and scores others; MB/cpu-s is by processor time, which a busy machine does not lengthen.
func BenchmarkLM(b *testing.B) {
	train, test := babble(1, 3_000_000), babble(2, 300_000)
	size := 0
	for _, s := range test {
		size += len(s)
	}
	for _, prune := range [][]int{nil, {0, 0, 1}} {
		o := DefaultLMOptions()
		o.Prune = prune
		before := processorTime(b)
		m, err := TrainLM(slices.Values(train), o)
		if err != nil {
			b.Fatal(err)
		}
		trained := processorTime(b) - before
		n := 0
		for _, grams := range m.NGrams() {
			n += grams
		}
		b.Run(fmt.Sprintf("order 5, prune %v", prune), func(b *testing.B) {
			b.SetBytes(int64(size))
			before := processorTime(b)
			for b.Loop() {
				for _, s := range test {
					m.Score(s)
				}
			}
			b.ReportMetric(float64(b.N)*float64(size)/1e6/(processorTime(b)-before), "MB/cpu-s")
			b.ReportMetric(float64(m.Bytes())/float64(n), "bytes/n-gram")
			b.ReportMetric(float64(n)/1e6, "M-n-grams")
			b.ReportMetric(trained, "training-cpu-s")
		})
	}
}

// A table without a free place would be searched for ever: it is refused though its checksum is right.
func TestReadLMFullTable(t *testing.T) {
	m := tinyLM(t)
	full := lmTable{probs: []float32{-1, -1}, keys: make([]uint64, 2), count: 2}
	context := slices.IndexFunc(m.tables[0].keys, func(key uint64) bool { return key != lmEmpty })
	for symbol := uint32(0); symbol < 4; symbol++ {
		key := lmKey(uint64(context), symbol)
		full.keys[full.home(key)] = key
	}
	if full.keys[0] == 0 || full.keys[1] == 0 {
		t.Fatal("the table is not full")
	}
	m.tables[1] = full
	var b bytes.Buffer
	m.WriteTo(&b)
	if _, err := ReadLM(&b); err == nil || !strings.Contains(err.Error(), "2 3-grams in 2 places") {
		t.Errorf("a full table: %v", err)
	}
}
