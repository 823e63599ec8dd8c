package picture

import (
	"archive/zip"
	"cmp"
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

var update = flag.Bool("update", false, "write the golden files anew")

// labelled is one picture of testdata/labelled.zip, made by scripts/reference/picture_rules.py.
type labelled struct {
	Name    string          `json:"name"`
	Part    string          `json:"part"` // "tune": thresholds were chosen on it; "held": only measured
	Made    string          `json:"made"`
	Labels  map[string]bool `json:"labels"` // by rule: whether it should be dropped; for white whether it should be kept
	Objects *int            `json:"objects"`
	Width   int             `json:"width"`
	Height  int             `json:"height"`
	Box     []float64       `json:"box"`     // of the lettering
	Detail  *float64        `json:"detail"`  // by OpenCV
	Entropy float64         `json:"entropy"` // scikit-image's
	data    []byte
}

func labelledSet(t testing.TB) []labelled {
	t.Helper()
	return readLabelled(t, filepath.Join("testdata", "labelled.zip"))
}

func readLabelled(t testing.TB, path string) (all []labelled) {
	t.Helper()
	archive, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer archive.Close()
	files := map[string][]byte{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if files[f.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
		r.Close()
	}
	if err := json.Unmarshal(files["labels.json"], &all); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if all[i].data = files[all[i].Name]; all[i].data == nil {
			t.Fatalf("%s is not in the archive", all[i].Name)
		}
	}
	return all
}

// everything is a recipe in which every rule is on and measured.
func everything() Options {
	o := Imagine()
	o.Aspect.On, o.Border.On = true, true
	return o
}

// tally counts right and wrong verdicts of one rule on one part.
type tally struct{ hit, miss, wrong, right int } // dropped rightly, kept wrongly, dropped wrongly, kept rightly

func (n tally) precision() float64 { return float64(n.hit) / float64(max(1, n.hit+n.wrong)) }
func (n tally) recall() float64    { return float64(n.hit) / float64(max(1, n.hit+n.miss)) }

// TestTable prints precision and recall of every heuristic on the labelled pictures and holds them against testdata/table.txt.
func TestTable(t *testing.T) {
	f, err := New(everything())
	if err != nil {
		t.Fatal(err)
	}
	all := labelledSet(t)
	tallies := map[[2]string]*tally{}
	var wrong []string
	for _, l := range all {
		scores := map[string]Score{}
		f.Explain(l.data, func(s Score) { scores[s.Rule] = s })
		for name, label := range l.Labels {
			s := scores[name]
			verdict := s.Drops
			if name == "white" {
				verdict = !verdict // the rule finds white grounds
			}
			n := tallies[[2]string{l.Part, name}]
			if n == nil {
				n = &tally{}
				tallies[[2]string{l.Part, name}] = n
			}
			switch {
			case label && verdict:
				n.hit++
			case label:
				n.miss++
			case verdict:
				n.wrong++
			default:
				n.right++
			}
			if label != verdict {
				wrong = append(wrong, fmt.Sprintf("%-8s %-28s want %-5t got %.4f against %.4f %s", name, l.Name, label, s.Value, s.Threshold, s.Detail))
			}
		}
	}
	slices.Sort(wrong)
	t.Logf("wrong verdicts:\n%s", strings.Join(wrong, "\n"))
	got := table(tallies)
	t.Logf("\n%s", got)
	golden(t, "table.txt", got)
}

func table(tallies map[[2]string]*tally) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-8s %-5s %5s %5s %9s %7s\n", "rule", "part", "yes", "no", "precision", "recall")
	keys := make([][2]string, 0, len(tallies))
	for k := range tallies {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[1], b[1]), -cmp.Compare(a[0], b[0])) })
	for _, k := range keys {
		n := tallies[k]
		fmt.Fprintf(&b, "%-8s %-5s %5d %5d %9.3f %7.3f\n", k[1], k[0], n.hit+n.miss, n.wrong+n.right, n.precision(), n.recall())
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs from\n%s\ngot\n%s\nlook at what changed, then run go test ./datasets/picture -run %s -update", path, want, got, t.Name())
	}
}

// TestFigures compares blur and entropy of every labelled picture with the figures of OpenCV and scikit-image.
func TestFigures(t *testing.T) {
	f, err := New(everything())
	if err != nil {
		t.Fatal(err)
	}
	exact, lossy := 0, 0
	for _, l := range labelledSet(t) {
		scores := map[string]Score{}
		p, _ := f.Explain(l.data, func(s Score) { scores[s.Rule] = s })
		if p.Width != l.Width || p.Height != l.Height {
			t.Errorf("%s: %d x %d, want %d x %d", l.Name, p.Width, p.Height, l.Width, l.Height)
		}
		// JPEG's decoders may differ by 3 levels, so their figures are near and not equal.
		tolerance := func(want float64) float64 { return 1e-9 * max(1, want) }
		if strings.HasSuffix(l.Name, ".jpg") {
			tolerance = func(want float64) float64 { return 0.1 + 0.03*want }
			lossy++
		} else {
			exact++
		}
		if got := scores["entropy"].Value; math.Abs(got-l.Entropy) > tolerance(l.Entropy) {
			t.Errorf("%s: entropy is %.12g, want %.12g", l.Name, got, l.Entropy)
		}
		switch blur := scores["blur"]; {
		case blur.Judged != (l.Detail != nil):
			t.Errorf("%s: blur is judged: %t, want %t", l.Name, blur.Judged, l.Detail != nil)
		case blur.Judged && math.Abs(blur.Value-*l.Detail) > tolerance(*l.Detail):
			t.Errorf("%s: blur is %.12g, want %.12g", l.Name, blur.Value, *l.Detail)
		}
	}
	t.Logf("%d pictures equal, %d decoded from JPEG near", exact, lossy)
	if exact < 50 || lossy < 200 {
		t.Errorf("%d and %d pictures: want at least 50 and 200", exact, lossy)
	}
}
