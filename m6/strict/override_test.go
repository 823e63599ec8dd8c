package strict

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// overrideRun has a field of every kind that a configuration may hold.
type overrideRun struct {
	Model struct {
		Layers  int     `json:"layers"`
		Width   int     `json:"width"`
		Dropout float64 `json:"dropout"`
		Router  string  `json:"router"`
	} `json:"model"`
	Train struct {
		Seed         uint64             `json:"seed"`
		LearningRate float32            `json:"learning_rate"`
		Steps        int                `json:"steps"`
		Remat        bool               `json:"remat"`
		Mixture      map[string]float64 `json:"mixture"`
	} `json:"train"`
	Grid   [2]int8        `json:"grid"`
	Tags   []string       `json:"tags"`
	Parts  []overridePart `json:"parts"`
	Level  overrideLevel  `json:"level"`
	Limit  *int           `json:"limit"`
	Any    any            `json:"any"`
	hidden int
	overrideEmbedded
}

type overridePart struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

type overrideEmbedded struct {
	Note string `json:"note"`
}

// overrideLevel decodes itself from "low" and "high".
type overrideLevel int

func (l *overrideLevel) UnmarshalText(text []byte) error {
	switch string(text) {
	case "low":
		*l = 1
	case "high":
		*l = 2
	default:
		return errors.New("level must be low or high")
	}
	return nil
}

func (l overrideLevel) MarshalText() ([]byte, error) {
	return []byte([]string{"low", "low", "high"}[l]), nil
}

func overrideDefaults() overrideRun {
	var run overrideRun
	run.Model.Layers, run.Model.Width = 3, 5
	run.Train.Mixture = map[string]float64{"caption": 1, "lm": 2}
	run.Tags = []string{"a", "b"}
	run.Parts = []overridePart{{"x", 7}}
	run.hidden = 11
	return run
}

func TestOverride(t *testing.T) {
	eleven := 11
	tests := []struct {
		name     string
		settings []string
		edit     func(*overrideRun)
	}{
		{"nothing", nil, func(*overrideRun) {}},
		{"int", []string{"model.layers=6"}, func(r *overrideRun) { r.Model.Layers = 6 }},
		{"last wins", []string{"model.layers=6", "model.layers=-2"}, func(r *overrideRun) { r.Model.Layers = -2 }},
		{"uint64 beyond float", []string{"train.seed=18446744073709551615"}, func(r *overrideRun) { r.Train.Seed = math.MaxUint64 }},
		{"float", []string{"train.learning_rate=1e-3"}, func(r *overrideRun) { r.Train.LearningRate = 1e-3 }},
		{"whole float", []string{"model.dropout=1"}, func(r *overrideRun) { r.Model.Dropout = 1 }},
		{"bool", []string{"train.remat=true"}, func(r *overrideRun) { r.Train.Remat = true }},
		{"string", []string{"model.router=top1"}, func(r *overrideRun) { r.Model.Router = "top1" }},
		{"string of digits", []string{"model.router=12"}, func(r *overrideRun) { r.Model.Router = "12" }},
		{"string with =", []string{"model.router=a=b"}, func(r *overrideRun) { r.Model.Router = "a=b" }},
		{"empty string", []string{"model.router="}, func(r *overrideRun) { r.Model.Router = "" }},
		{"quoted string", []string{`model.router="top 1"`}, func(r *overrideRun) { r.Model.Router = "top 1" }},
		{"Chinese", []string{"model.router=路由"}, func(r *overrideRun) { r.Model.Router = "路由" }},
		{"list", []string{`tags=["c"]`}, func(r *overrideRun) { r.Tags = []string{"c"} }},
		{"list replaces its elements", []string{`parts=[{"name":"y"}]`}, func(r *overrideRun) { r.Parts = []overridePart{{Name: "y"}} }},
		{"array", []string{"grid=[7,-14]"}, func(r *overrideRun) { r.Grid = [2]int8{7, -14} }},
		{"group", []string{`model={"layers":2,"router":"r"}`}, func(r *overrideRun) { r.Model.Layers, r.Model.Router = 2, "r" }},
		{"map key", []string{"train.mixture.lm=0.5"}, func(r *overrideRun) { r.Train.Mixture["lm"] = 0.5 }},
		{"new map key", []string{"train.mixture.text=3"}, func(r *overrideRun) { r.Train.Mixture["text"] = 3 }},
		{"text", []string{"level=high"}, func(r *overrideRun) { r.Level = 2 }},
		{"pointer", []string{"limit=11"}, func(r *overrideRun) { r.Limit = &eleven }},
		{"null pointer", []string{"limit=11", "limit=null"}, func(*overrideRun) {}},
		{"embedded", []string{"note=n"}, func(r *overrideRun) { r.Note = "n" }},
		{"any", []string{`any=[1,"x"]`}, func(r *overrideRun) { r.Any = []any{1.0, "x"} }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, want := overrideDefaults(), overrideDefaults()
			test.edit(&want)
			if err := Override(&got, test.settings); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(overrideRun{})); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestOverrideErrors(t *testing.T) {
	tests := []struct{ setting, want string }{
		{"model.layer=6", `unknown key "model.layer" in --set: did you mean "model.layers"?`},
		{"layers=6", `unknown key "layers" in --set: did you mean "model.layers"?`},
		{"train.layers=6", `unknown key "train.layers" in --set: did you mean "model.layers"?`},
		{"modle.layers=6", `unknown key "modle.layers" in --set: did you mean "model.layers"?`},
		{"Model.Layers=6", `unknown key "Model.Layers" in --set: did you mean "model.layers"?`},
		{"train.lr=6", `unknown key "train.lr" in --set: did you mean "train.learning_rate"?`},
		{"model.layers.x=6", `unknown key "model.layers.x" in --set: did you mean "model.layers"?`},
		{"hidden=6", `unknown key "hidden" in --set: did you mean "model"?`},
		{"model.=6", `unknown key "model." in --set: did you mean "model"?`},
		{"model.layers", `--set "model.layers": want key=value, as in model.layers=6`},
		{"=6", `--set "=6": want key=value, as in model.layers=6`},
		{"model.layers=six", `model.layers in --set: want a whole number in plain digits, such as 1000, got six`},
		{"model.layers=1e3", `model.layers in --set: want a whole number in plain digits, such as 1000, got 1e3`},
		{"model.layers=1_000", `model.layers in --set: want a whole number in plain digits, such as 1000, got 1_000`},
		{"model.layers=2.0", `model.layers in --set: want a whole number in plain digits, such as 1000, got 2.0`},
		{"model.layers= 6", `model.layers in --set: want a whole number in plain digits, such as 1000, got  6`},
		{"model.layers=", `model.layers in --set: want a whole number in plain digits, such as 1000, got ""`},
		{"model.layers=9223372036854775808", `model.layers in --set: want a whole number in plain digits, such as 1000, got 9223372036854775808`},
		{"train.seed=-1", `train.seed in --set: want a whole number in plain digits and not negative, such as 1000, got -1`},
		{"model.dropout=NaN", `model.dropout in --set: want a number such as 0.5 or 1e-4, got NaN`},
		{"model.dropout=.5", `model.dropout in --set: want a number such as 0.5 or 1e-4, got .5`},
		{"train.learning_rate=1e99", `train.learning_rate in --set: want a number such as 0.5 or 1e-4, got 1e99`},
		{"train.remat=yes", `train.remat in --set: want true or false, got "yes"`},
		{"train.remat=1", `train.remat in --set: want true or false, got 1`},
		{"train.remat=null", `train.remat in --set: want true or false, got null`},
		{"grid=[1]", `grid in --set: want a list of 2 in JSON, got [1]`},
		{"grid=[1,200]", `grid[1] in --set: want a whole number in plain digits, such as 1000 (8 bits), got 200`},
		{"tags=a,b", `tags in --set: want a list in JSON such as [1, 2], got "a,b"`},
		{"tags=[1]", `tags[0] in --set: want a string, got 1`},
		{"model=3", `model in --set: want an object of keys (layers, width, dropout, router), got 3`},
		{`model={"layer":3}`, `unknown key "model.layer" in --set: did you mean "model.layers"?`},
		{`parts=[{"nam":"y"}]`, `unknown key "parts[0].nam" in --set: did you mean "parts[].name"?`},
		{"train.mixture=3", `train.mixture in --set: want an object such as {"name": 1}, got 3`},
		{"train.mixture.lm=x", `train.mixture.lm in --set: want a number such as 0.5 or 1e-4, got x`},
		{"note=\xea", `--set "note=\xea": not valid UTF-8`},
		{"level=middle", `level in --set: level must be low or high`},
		{"level=", `level in --set: level must be low or high`},
	}
	for _, test := range tests {
		t.Run(test.setting, func(t *testing.T) {
			got := overrideDefaults()
			err := Override(&got, []string{"model.width=13", "train.mixture.lm=9", test.setting})
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
			if diff := cmp.Diff(overrideDefaults(), got, cmp.AllowUnexported(overrideRun{})); diff != "" {
				t.Errorf("a refused setting changed the value (-want +got)\n%s", diff)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	got, want := overrideDefaults(), overrideDefaults()
	want.Model.Layers, want.Train.Mixture["lm"], want.Tags = 2, 4, []string{}
	err := Decode(&got, []byte(`{"model":{"layers":2},"train":{"mixture":{"lm":4}},"tags":[]}`), "run.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(overrideRun{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDecodeErrors(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"unknown", `{"model":{"layer":2}}`, `unknown key "model.layer" in run.json: did you mean "model.layers"?`},
		{"unknown group", `{"modle":{"layers":2}}`, `unknown key "modle" in run.json: did you mean "model"?`},
		{"case", `{"Model":{}}`, `unknown key "Model" in run.json: did you mean "model"?`},
		{"type", `{"model":{"layers":"6"}}`, `model.layers in run.json: want a whole number in plain digits, such as 1000, got "6"`},
		{"null", `{"model":null}`, `model in run.json: want an object of keys (layers, width, dropout, router), got null`},
		{"list", `[]`, `the whole in run.json: want an object of keys (model, train, grid, tags, parts, level, limit, any, note), got []`},
		{"repeated", `{"model":{"layers":2,"layers":3}}`, `run.json: key "layers" stands twice in one object`},
		{"tail", "{}\n{}", `run.json: not valid JSON at line 2, column 1: invalid character '{' after top-level value`},
		{"syntax", "{\n  \"model\": oops}", `run.json: not valid JSON at line 2, column 12: invalid character 'o' looking for beginning of value`},
		{"empty", "", `run.json: not valid JSON at line 1, column 0: unexpected end of JSON input`},
		{"bytes", "{\"note\":\"\xea\"}", `run.json: not valid UTF-8`},
		{"deep", strings.Repeat("[", 1e5), `run.json: not valid JSON at line 1, column 10001: invalid character '[' exceeded max depth`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := overrideDefaults()
			err := Decode(&got, []byte(test.data), "run.json")
			if err == nil || err.Error() != test.want {
				t.Errorf("got  %v\nwant %s", err, test.want)
			}
		})
	}
	if err := Decode(overrideRun{}, []byte("{}"), "x"); err == nil {
		t.Error("a value that is no pointer was taken")
	}
}

func TestNearest(t *testing.T) {
	presets := []string{"debug", "debug-moe", "base", "10b", "100b", "100b-all"}
	tests := []struct{ word, want string }{
		{"debug", "debug"}, {"debgu", "debug"}, {"DEBUG", "debug"}, {"debugmoe", "debug-moe"},
		{"bass", "base"}, {"100B", "100b"}, {"1b", "10b"}, {"100b_all", "100b-all"}, {"de", "debug"}, {"", "10b"},
	}
	for _, test := range tests {
		if got := Nearest(test.word, presets); got != test.want {
			t.Errorf("Nearest(%q): got %q, want %q", test.word, got, test.want)
		}
	}
	if got := Nearest("x", nil); got != "" {
		t.Errorf("of nothing: got %q", got)
	}
}

func TestEditDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"kitten", "sitting", 3}, {"ab", "ba", 1}, {"诗歌", "诗", 1}, {"ca", "abc", 3},
	}
	for _, test := range tests {
		if got := editDistance([]rune(test.a), []rune(test.b)); got != test.want {
			t.Errorf("%q to %q: got %d, want %d", test.a, test.b, got, test.want)
		}
	}
}

func ExampleOverride() {
	var run struct {
		Model struct {
			Layers int    `json:"layers"`
			Router string `json:"router"`
		} `json:"model"`
	}
	_ = Override(&run, []string{"model.layers=6", "model.router=top1"})
	data, _ := json.Marshal(run)
	fmt.Println(string(data))
	fmt.Println(Override(&run, []string{"model.layer=6"}))
	// Output:
	// {"model":{"layers":6,"router":"top1"}}
	// unknown key "model.layer" in --set: did you mean "model.layers"?
}

// FuzzOverride: no setting panics; what is refused changes nothing; what is taken survives the file.
func FuzzOverride(f *testing.F) {
	for _, seed := range []string{"model.layers=6", "model.layer=6", "tags=[1]", "any={\"a\":[null]}", "level=high",
		"grid=[1,2]", "train.mixture.x=1", "limit=null", "parts=[{}]", "a", "=", ".=", "note=\"\\ud800\"", "any=1e999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, setting string) {
		run := overrideDefaults()
		if err := Override(&run, []string{setting}); err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Errorf("error of more than one line: %q", err)
			}
			if diff := cmp.Diff(overrideDefaults(), run, cmp.AllowUnexported(overrideRun{})); diff != "" {
				t.Errorf("%q was refused and changed the value\n%s", setting, diff)
			}
			return
		}
		data, err := json.Marshal(run)
		if err != nil {
			t.Fatal(err)
		}
		var again overrideRun
		again.hidden = run.hidden
		if err := Decode(&again, data, "run.json"); err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		saved, err := json.Marshal(again)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := string(saved), string(data); got != want {
			t.Errorf("%q\ngot  %s\nwant %s", setting, got, want)
		}
	})
}
