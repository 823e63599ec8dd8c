package stages

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m6lab/datasets/record"
	"m6lab/scripts/corpus/corpustest"
	"m6lab/scripts/corpus/recipe"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// noPage stands for the page for people.
func noPage(w io.Writer, r *Report) error {
	_, err := io.WriteString(w, r.Key)
	return err
}

// built runs a build in this process.
func built(t *testing.T, o Options) *Report {
	t.Helper()
	j, err := Prepare(t.Context(), o)
	check(t, err)
	defer j.Close()
	check(t, j.Plain(t.Context()))
	r, err := j.Assemble(t.Context(), Ran{Runner: "none", Workers: j.Workers}, noPage)
	check(t, err)
	return r
}

func TestBuild(t *testing.T) {
	_, in := corpustest.Inputs(t)
	out := filepath.Join(t.TempDir(), "set")
	r := built(t, Options{In: in, Dir: out, Recipe: recipe.Paper(), Workers: 2})
	type account struct {
		documents, in, out, quarantined int64
		dropped                         string
	}
	want := map[string]account{
		"forum":        {41, 41, 36, 1, "map[text: length: content:4]"},
		"community_qa": {7, 7, 7, 0, "map[]"},
		"common_crawl": {11, 11, 11, 0, "map[]"},
		"ecommerce":    {5, 5, 4, 0, "map[picture: decodable: truncated:1]"},
	}
	for _, s := range r.Sources {
		got := account{s.Documents.In, s.In, s.Out, s.Quarantined, fmt.Sprint(s.Dropped)}
		if s.Name == "web" {
			if s.Out != 5 || s.Dropped["picture: pixels"] != 5 || s.Dropped["picture not found: not in the input"] != 5 {
				t.Errorf("web: %+v: want 5 pairs, 5 pictures too small, 5 missing", got)
			}
			continue
		}
		if s.Name == "crawl" {
			missing, revisits := s.Dropped["picture not found: not in the input"], s.Dropped["picture not found: revisit of a picture that is not in the input"]
			if s.Out != 6+5 || missing != 6 || revisits != 1 {
				t.Errorf("crawl: %+v: want 6 texts and 5 pairs, 6 pictures missing, 1 that is only a revisit", got)
			}
			continue
		}
		if got != want[s.Name] {
			t.Errorf("%s: %+v, want %+v", s.Name, got, want[s.Name])
		}
	}
	if len(r.Sources) != 6 {
		t.Errorf("%d sources, want 6", len(r.Sources))
	}
	audit, err := record.Check(out)
	check(t, err)
	if !audit.OK() || len(audit.Notes) > 0 {
		t.Errorf("faults %v, notes %q, want none", audit.Faults, audit.Notes)
	}
	quarantine, err := os.ReadFile(filepath.Join(out, QuarantineName))
	check(t, err)
	var q Quarantine
	check(t, json.Unmarshal(quarantine, &q))
	if q.Source != "forum" || !strings.Contains(q.Address, "texts.jsonl#") || q.Reason == "" {
		t.Errorf("quarantined %+v, want the broken line of texts.jsonl", q)
	}
	missing, err := os.ReadFile(filepath.Join(out, MissingName))
	check(t, err)
	if n := bytes.Count(missing, []byte("\n")); n != 5+7 {
		t.Errorf("%d pictures are listed as missing, want 12", n)
	}
	if _, err := os.Stat(filepath.Join(out, workFolder)); err == nil {
		t.Error("the folder of work is still there")
	}
}

func TestRecords(t *testing.T) {
	_, in := corpustest.Inputs(t)
	out := filepath.Join(t.TempDir(), "set")
	r := built(t, Options{In: in, Dir: out, Recipe: recipe.Paper()})
	for id, text := range corpustest.Rows(t, out) {
		var m meta
		check(t, json.Unmarshal([]byte(text.Meta), &m))
		if m.Address == "" || m.Recipe == "" || !strings.Contains(m.Rules, "length/") {
			t.Errorf("%s: meta %s: want address, recipe and rules", id, text.Meta)
		}
		if (m.Picture != nil) != (len(text.Image) > 0) || (len(m.Found) > 0) != (len(text.Image) > 0) {
			t.Errorf("%s: meta %s: want a picture and how its text was found for pairs alone", id, text.Meta)
		}
		if strings.ContainsAny(text.Text, "<>") || strings.Contains(text.Text, "！！") {
			t.Errorf("%s: %q was not cleaned", id, text.Text)
		}
		if text.Source == "community_qa" && (text.Question == "" || text.Answer == "") {
			t.Errorf("%s lost its question or answer", id)
		}
	}
	var images, passages, tokens int64
	for _, row := range r.Table1 {
		images, passages, tokens = images+row.Images, passages+row.Passages, tokens+row.Tokens
	}
	if images != 14 || passages != r.Records() || tokens < 20*passages {
		t.Errorf("Table 1 has %d images, %d passages, %d tokens; want 14, %d and some", images, passages, tokens, r.Records())
	}
}

// TestCrawl: pages find the pictures that other files of the crawl have, behind revisits too, whatever the recipe's row of the files.
func TestCrawl(t *testing.T) {
	dir, in := corpustest.Inputs(t)
	want := corpustest.CrawlPictures(t)
	find := func(name string, in []string) map[int]string {
		t.Helper()
		set := filepath.Join(t.TempDir(), name)
		built(t, Options{In: in, Dir: set, Recipe: recipe.Paper(), Unit: 3000})
		got := map[int]string{}
		for id, x := range corpustest.Rows(t, set) {
			var m meta
			check(t, json.Unmarshal([]byte(x.Meta), &m))
			if n := 0; x.Source == "crawl" && x.Image != "" {
				if _, err := fmt.Sscanf(m.Picture.Address, "http://www.example.cn/img/%d.png", &n); err != nil {
					t.Errorf("%s: the picture %s was found", id, m.Picture.Address)
				}
				got[n] = x.Image
			}
		}
		return got
	}
	if got := find("all", in); !maps.Equal(got, want) {
		t.Errorf("the pictures of the pages %v are found, or others than theirs; want %v", sorted(got), sorted(want))
	}
	pages, pictures := in[0], strings.Replace(in[1], "crawl=", "forum=", 1) // a row that makes no pairs has pictures all the same
	if got := find("row", []string{pages, pictures}); !maps.Equal(got, want) {
		t.Errorf("pictures of another row: %v", sorted(got))
	}
	if got := find("folder", []string{"crawl=" + filepath.Join(dir, "crawl")}); !maps.Equal(got, want) {
		t.Errorf("in a folder: %v", sorted(got))
	}
	if got := find("alone", in[:1]); len(got) != 1 || got[0] != want[0] {
		t.Errorf("the file of the pages alone: %v, want the first", sorted(got))
	}
	o := Options{In: []string{strings.Replace(pages, "crawl=", "forum=", 1), pictures}, Dir: filepath.Join(t.TempDir(), "texts"), Recipe: recipe.Paper()}
	j, err := Prepare(t.Context(), o)
	check(t, err)
	if len(j.Archives()) > 0 || j.Indexed > 0 {
		t.Error("an index is made for texts")
	}
	j.Close()
}

// TestOtherArchives: a build that was stopped and goes on with more archives takes over no page that did not see them.
func TestOtherArchives(t *testing.T) {
	_, in := corpustest.Inputs(t)
	o := Options{In: in[:1], Dir: filepath.Join(t.TempDir(), "set"), Recipe: recipe.Paper()}
	j, err := Prepare(t.Context(), o)
	check(t, err)
	check(t, j.Plain(t.Context()))
	j.Close()
	o.In = in[:2]
	if images := built(t, o).Table1[0].Images; images != 5 {
		t.Errorf("%d pictures are found, want 5", images)
	}
}

// TestWorkers: the number of workers changes no byte.
func TestWorkers(t *testing.T) {
	_, in := corpustest.Inputs(t)
	dir := t.TempDir()
	r := recipe.Default()
	for _, workers := range []int{1, 2, 7} {
		built(t, Options{In: in, Dir: filepath.Join(dir, fmt.Sprint(workers)), Recipe: r, Workers: workers, Unit: 2000})
	}
	corpustest.Same(t, filepath.Join(dir, "1"), filepath.Join(dir, "2"))
	corpustest.Same(t, filepath.Join(dir, "1"), filepath.Join(dir, "7"))
}

// TestUnits: how the input is cut into units does not change which records there are.
func TestUnits(t *testing.T) {
	_, in := corpustest.Inputs(t)
	dir := t.TempDir()
	for _, size := range []int64{1500, 1 << 20} {
		built(t, Options{In: in, Dir: filepath.Join(dir, fmt.Sprint(size)), Recipe: recipe.Paper(), Unit: size})
	}
	a, b := corpustest.Rows(t, filepath.Join(dir, "1500")), corpustest.Rows(t, filepath.Join(dir, fmt.Sprint(1<<20)))
	if len(a) == 0 || !slices.Equal(sorted(a), sorted(b)) {
		t.Fatalf("ids differ: %v and %v", sorted(a), sorted(b))
	}
	for id := range a {
		if a[id] != b[id] {
			t.Errorf("%s: %+v and %+v", id, a[id], b[id])
		}
	}
}

// TestResume stops builds between and within units, and goes on.
func TestResume(t *testing.T) {
	_, in := corpustest.Inputs(t)
	dir := t.TempDir()
	o := Options{In: in, Dir: filepath.Join(dir, "straight"), Recipe: recipe.Default(), Workers: 1, Unit: 2000}
	built(t, o)
	o.Dir = filepath.Join(dir, "stopped")
	for stop := range 3 {
		j, err := Prepare(t.Context(), o)
		check(t, err)
		if archives := j.Archives(); stop == 0 {
			_, err := j.Index(t.Context(), archives[0]) // killed in the middle of the index
			check(t, err)
		} else {
			check(t, j.indexAll(t.Context()))
		}
		for _, u := range j.Units[:stop*len(j.Units)/3] {
			_, err := j.Clean(t.Context(), u)
			check(t, err)
		}
		check(t, os.WriteFile(j.path(temporary+"half"), []byte("half"), 0o666)) // what a kill leaves
		if stop == 2 {
			check(t, j.Plain(t.Context()))
		}
		j.Close()
	}
	j, err := Prepare(t.Context(), o)
	check(t, err)
	first, last := j.Progress()
	if first != len(j.Units) || last != len(j.Units) {
		t.Errorf("%d and %d of %d units are taken over, want all", first, last, len(j.Units))
	}
	if _, err := os.Stat(j.path(temporary + "half")); err == nil {
		t.Error("what a killed build left half-written is still there")
	}
	before := stamps(t, j)
	check(t, j.Plain(t.Context()))
	for name, at := range stamps(t, j) {
		if (strings.HasSuffix(name, endClean) || strings.HasSuffix(name, endIndexed)) && before[name] != at {
			t.Errorf("%s was made again", name)
		}
	}
	_, err = j.Assemble(t.Context(), Ran{}, noPage)
	check(t, err)
	corpustest.Same(t, filepath.Join(dir, "straight"), o.Dir)
}

func stamps(t *testing.T, j *Job) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(j.work())
	check(t, err)
	for _, e := range entries {
		info, err := e.Info()
		check(t, err)
		out[e.Name()] = info.ModTime().String()
	}
	return out
}

// TestDamaged: what a loss of power takes of finished files is made again.
func TestDamaged(t *testing.T) {
	_, in := corpustest.Inputs(t)
	dir := t.TempDir()
	o := Options{In: in, Dir: filepath.Join(dir, "straight"), Recipe: recipe.Default(), Unit: 4000}
	built(t, o)
	o.Dir = filepath.Join(dir, "damaged")
	for _, ending := range []string{endPictures, endIndexed, ".index", indexFile, endKept, endKeys, endClean, endHeld, endFinished, endFinal} {
		j, err := Prepare(t.Context(), o)
		check(t, err)
		check(t, j.Plain(t.Context()))
		files, err := filepath.Glob(j.path("*" + ending))
		if err != nil || len(files) == 0 {
			t.Fatalf("no file ends in %s: %v", ending, err)
		}
		check(t, os.Truncate(files[0], 0))
		if shards, _ := filepath.Glob(j.path("*" + endSet + "/train/*.parquet")); len(shards) > 1 {
			check(t, os.Truncate(shards[1], 7))
		}
		j.Close()
	}
	built(t, o)
	corpustest.Same(t, filepath.Join(dir, "straight"), o.Dir)
}

// TestKilledWhilePublishing: the finished set is moved to its place by a second run.
func TestKilledWhilePublishing(t *testing.T) {
	_, in := corpustest.Inputs(t)
	dir := t.TempDir()
	o := Options{In: in, Dir: filepath.Join(dir, "straight"), Recipe: recipe.Paper()}
	built(t, o)
	o.Dir = filepath.Join(dir, "killed")
	j, err := Prepare(t.Context(), o)
	check(t, err)
	check(t, j.Plain(t.Context()))
	check(t, j.join(t.Context(), Ran{}, noPage))
	check(t, os.Rename(filepath.Join(j.path(setFolder), "train"), filepath.Join(o.Dir, "train"))) // and killed
	j.Close()
	built(t, o)
	check(t, os.MkdirAll(j.work(), 0o777)) // killed while it tidied up
	check(t, os.WriteFile(j.path("000000.kept"), nil, 0o666))
	j, err = Prepare(t.Context(), o)
	check(t, err)
	if j.Close(); !j.Complete() {
		t.Error("a finished build is not known again")
	}
	corpustest.Same(t, filepath.Join(dir, "straight"), o.Dir)
}

// TestOtherRecipe: another recipe reuses nothing, and a finished set is not overwritten.
func TestOtherRecipe(t *testing.T) {
	_, in := corpustest.Inputs(t)
	o := Options{In: in, Dir: filepath.Join(t.TempDir(), "set"), Recipe: recipe.Paper()}
	j, err := Prepare(t.Context(), o)
	check(t, err)
	check(t, j.Plain(t.Context()))
	j.Close()
	other := o
	check(t, other.Recipe.Set("text.length.content=30"))
	k, err := Prepare(t.Context(), other)
	check(t, err)
	if first, _ := k.Progress(); first != 0 || k.Key == j.Key {
		t.Errorf("%d units of another recipe were taken over", first)
	}
	k.Close()
	built(t, o)
	if j, err = Prepare(t.Context(), o); err != nil || !j.Complete() {
		t.Errorf("the finished build is not known again: %v", err)
	}
	j.Close()
	if _, err := Prepare(t.Context(), other); err == nil || !strings.Contains(err.Error(), "another recipe") {
		t.Errorf("a build over a finished one: %v, want an error that says so", err)
	}
}

// TestFaults: what is wrong is said before any work, and nothing is left behind.
func TestFaults(t *testing.T) {
	dir, in := corpustest.Inputs(t)
	list := filepath.Join(dir, "list.txt")
	check(t, os.WriteFile(list, []byte("好词\n坏\x00词\n"), 0o666))
	tests := []struct {
		name string
		set  string
		edit func(o *Options)
		want string
	}{
		{"no input", "", func(o *Options) { o.In = []string{filepath.Join(dir, "none.jsonl")} }, "none.jsonl"},
		{"no folder of pictures", "", func(o *Options) { o.Images = filepath.Join(dir, "none") }, "--images"},
		{"a bad word list", `text.words.lists=[{"file":"` + list + `","category":"spam"}]`, nil, "list.txt:2"},
		{"a missing word list", `text.words.lists=[{"file":"` + list + `x","category":"spam"}]`, nil, "text.words.lists[0].file"},
		{"a missing model", `text.perplexity.model=none.lm`, nil, "text.perplexity.model"},
		{"a missing set", `decontaminate.on=true`, func(o *Options) { o.Recipe.Decontaminate.Sets = []string{"none"} }, "decontaminate.sets[0]"},
		{"shares", `split.valid=0.7`, func(o *Options) { o.Recipe.Split.Test = 0.4 }, "split.valid"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := Options{In: in, Dir: filepath.Join(t.TempDir(), "set"), Recipe: recipe.Paper()}
			if test.set != "" {
				check(t, o.Recipe.Set(test.set))
			}
			if test.edit != nil {
				test.edit(&o)
			}
			_, err := Prepare(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want one line with %q", err, test.want)
			}
			if _, err := os.Stat(o.Dir); err == nil {
				t.Error("it left the output folder behind")
			}
		})
	}
}

func TestInUse(t *testing.T) {
	_, in := corpustest.Inputs(t)
	o := Options{In: in, Dir: filepath.Join(t.TempDir(), "set"), Recipe: recipe.Paper()}
	j, err := Prepare(t.Context(), o)
	check(t, err)
	if _, err := Prepare(t.Context(), o); err == nil || !strings.Contains(err.Error(), "in use by another build") {
		t.Errorf("a second build into one folder: %v, want an error", err)
	}
	j.Close()
	foreign := t.TempDir()
	check(t, os.WriteFile(filepath.Join(foreign, "mine.txt"), nil, 0o666))
	o.Dir = foreign
	if _, err := Prepare(t.Context(), o); err == nil || !strings.Contains(err.Error(), "is not empty (it holds mine.txt)") {
		t.Errorf("a build into a folder of others: %v, want an error", err)
	}
	if entries, _ := os.ReadDir(foreign); len(entries) != 1 {
		t.Errorf("the folder of others holds %v now", entries)
	}
}

// TestRepetitions counts exact and near duplicates, pictures, and ids that are there twice.
func TestRepetitions(t *testing.T) {
	dir := t.TempDir()
	long := ""
	for i := range 12 {
		long += corpustest.Sentence(1000 + i)
	}
	var lines bytes.Buffer
	for i, text := range []string{long, long + "！", strings.Replace(long, "今天", "明天", 1), corpustest.Sentence(1), corpustest.Sentence(2), corpustest.Sentence(1) + " "} {
		data, err := json.Marshal(map[string]any{"id": fmt.Sprint(i % 5), "text": text})
		check(t, err)
		lines.Write(append(data, '\n'))
	}
	check(t, os.WriteFile(filepath.Join(dir, "a.jsonl"), lines.Bytes(), 0o666))
	for i, seed := range []int{1, 1, 2} {
		check(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("p%d.png", i)), corpustest.Drawing(t, 120, 90, seed), 0o666))
		check(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("p%d.txt", i)), []byte(corpustest.Sentence(50+i)), 0o666))
	}
	in := []string{"forum=" + filepath.Join(dir, "a.jsonl"), "ecommerce=pictures:" + dir + "/*.png"}
	r := built(t, Options{In: in, Dir: filepath.Join(dir, "set"), Recipe: recipe.Default(), Unit: 300})
	got := map[string]string{}
	for _, s := range r.Sources {
		got[s.Name] = fmt.Sprint(s.Out, s.Dropped)
	}
	if want := "3 map[exact duplicate:2 near duplicate:1]"; got["forum"] != want {
		t.Errorf("forum: %s, want %s", got["forum"], want)
	}
	if want := "2 map[duplicate picture:1]"; got["ecommerce"] != want {
		t.Errorf("ecommerce: %s, want %s", got["ecommerce"], want)
	}
	r = built(t, Options{In: in, Dir: filepath.Join(dir, "paper"), Recipe: recipe.Paper()})
	if r.Records() != 9 {
		t.Errorf("%d records by the paper's recipe, want all 9", r.Records())
	}
	corpustest.Rows(t, filepath.Join(dir, "paper")) // reports ids that are there twice
}

// TestDecontaminate: nothing that stands in an evaluation set survives, and what did is listed.
func TestDecontaminate(t *testing.T) {
	dir, in := corpustest.Inputs(t)
	evaluation := filepath.Join(dir, "evaluation.txt")
	check(t, os.WriteFile(evaluation, []byte(corpustest.Sentence(0)+"\n\n"+corpustest.Sentence(404)+"\n"), 0o666))
	o := Options{In: in, Dir: filepath.Join(t.TempDir(), "set"), Recipe: recipe.Paper()}
	o.Recipe.Decontaminate.On = true
	o.Recipe.Decontaminate.Sets = []string{"text:" + evaluation}
	r := built(t, o)
	n := int64(0)
	for _, s := range r.Sources {
		for reason, count := range s.Dropped {
			if strings.HasPrefix(reason, reasonContaminated) {
				n += count
			}
		}
	}
	list, err := os.ReadFile(filepath.Join(o.Dir, ContaminatedName))
	check(t, err)
	if n < 2 || int(n) != bytes.Count(list, []byte("\n")) {
		t.Errorf("%d records were dropped and %d are listed: want 2 or more, as many of both", n, bytes.Count(list, []byte("\n")))
	}
	for id, x := range corpustest.Rows(t, o.Dir) {
		if strings.Contains(x.Text, strings.TrimSuffix(corpustest.Sentence(0), "。")) || strings.Contains(x.Text, strings.TrimSuffix(corpustest.Sentence(404), "。")) {
			t.Errorf("%s survived: %s", id, x.Text)
		}
	}
}

func TestExplain(t *testing.T) {
	dir, in := corpustest.Inputs(t)
	set := filepath.Join(t.TempDir(), "set")
	built(t, Options{In: in, Dir: set, Recipe: recipe.Paper()})
	o := Options{In: in, Recipe: recipe.Paper()}
	for id, x := range corpustest.Rows(t, set) {
		e, err := Explain(t.Context(), o, id)
		check(t, err)
		found := false
		for _, v := range e.Verdicts {
			found = found || v.Candidate == id && v.Reason == "" && v.Text == x.Text
		}
		if !found {
			t.Errorf("%s is in the set as %q and is explained as %+v", id, x.Text, e.Verdicts)
		}
		if x.Source != "crawl" && (len(x.Image) > 0) != (len(e.Pictures) > 0) { // pages of the crawl are texts too
			t.Errorf("%s: %d pictures are explained", id, len(e.Pictures))
		}
	}
	e, err := Explain(t.Context(), o, filepath.Join(dir, "texts.jsonl")+"#0")
	check(t, err)
	text := strings.Join(e.Lines(), "\n")
	for _, want := range []string{"text: markup", "text: punctuation", "！！！", "kept"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	if _, err := Explain(t.Context(), o, "nobody"); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("an unknown id: %v, want an error that names it", err)
	}
}

func TestEmpty(t *testing.T) {
	dir := t.TempDir()
	check(t, os.WriteFile(filepath.Join(dir, "a.jsonl"), []byte("{\"text\":\"短\"}\n"), 0o666))
	o := Options{In: []string{"forum=" + filepath.Join(dir, "a.jsonl")}, Dir: filepath.Join(dir, "set"), Recipe: recipe.Paper()}
	j, err := Prepare(t.Context(), o)
	check(t, err)
	check(t, j.Plain(t.Context()))
	if _, err := j.Assemble(t.Context(), Ran{}, noPage); !errors.Is(err, ErrEmpty) {
		t.Errorf("a build of nothing: %v, want ErrEmpty", err)
	}
	if _, err := os.Stat(filepath.Join(o.Dir, ReportName)); err != nil {
		t.Error("it has no report")
	}
}

func TestCancel(t *testing.T) {
	_, in := corpustest.Inputs(t)
	j, err := Prepare(t.Context(), Options{In: in, Dir: filepath.Join(t.TempDir(), "set"), Recipe: recipe.Paper()})
	check(t, err)
	defer j.Close()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := j.Plain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("a stopped build: %v, want %v", err, context.Canceled)
	}
}
