package recipe

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestPresets(t *testing.T) {
	for name, r := range map[string]Recipe{"paper": Paper(), "default": Default(), "imagine": Imagine()} {
		if err := r.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var again Recipe
		if err := again.Decode(r.JSON(), name); err != nil {
			t.Errorf("%s does not read what it prints: %v", name, err)
		}
		if !bytes.Equal(again.JSON(), r.JSON()) {
			t.Errorf("%s is another recipe when it is read back", name)
		}
	}
	paper := Paper()
	if paper.Text.Language.On || paper.Text.Personal.On || paper.Duplicates.Exact.On || paper.Duplicates.Texts.On || paper.Duplicates.Pictures.On || paper.Decontaminate.On || paper.Fetch.On {
		t.Error("the paper's recipe has additions switched on")
	}
	if paper.Text.Length.Topic != 5 || paper.Text.Length.Content != 15 || paper.Picture.Pixels.Min != 5000 {
		t.Error("the paper's limits are 5 and 15 characters, and 5000 pixels")
	}
	all := Default()
	if !all.Text.Language.On || !all.Duplicates.Texts.On || !all.Decontaminate.On {
		t.Error("the default recipe lacks additions")
	}
	if i := Imagine(); !i.Picture.White.On || !i.Picture.Text.On || !i.Picture.Objects.On || i.Picture.Objects.Max != 3 {
		t.Error("the recipe of section 4.1 lacks a filter of pictures")
	}
}

func TestDecodeFaults(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"unknown rule", `{"text":{"perplexty":{"on":true}}}`, `unknown key "text.perplexty" in r.json: did you mean "text.perplexity"?`},
		{"unknown key", `{"text":{"length":{"contents":3}}}`, `did you mean "text.length.content"?`},
		{"another group", `{"picture":{"content":3}}`, `unknown key "picture.content" in r.json`},
		{"no group", `{"content":3}`, `did you mean "text.length.content"?`},
		{"in a list", `{"text":{"words":{"lists":[{"fil":"a"}]}}}`, `unknown key "text.words.lists[0].fil"`},
		{"of an embedded group", `{"decontaminate":{"charcters":3}}`, `did you mean "decontaminate.characters"?`},
		{"twice", `{"split":{"valid":0.1,"valid":0.2}}`, `r.json: key "valid" stands twice`},
		{"type", `{"text":{"length":{"content":"three"}}}`, `text.length.content in r.json: want a whole number in plain digits, such as 1000, got "three"`},
		{"null", `{"text":null}`, "text in r.json: want an object of keys (markup,"},
		{"list", `{"text":[]}`, "want an object"},
		{"fraction", `{"text":{"length":{"content":1.5}}}`, "text.length.content"},
		{"tail", `{} {}`, "not valid JSON at line 1"},
		{"syntax", "{\n\"text\": }", "not valid JSON at line 2, column 9"},
		{"not UTF-8", "{\"text\xff\":1}", "not valid UTF-8"},
		{"no object", `7`, "want an object"},
		{"nothing", ``, "not valid JSON"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := Paper()
			err := r.Decode([]byte(test.data), "r.json")
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%v, want one line with %q", err, test.want)
			}
			if !reflect.DeepEqual(r, Paper()) {
				t.Error("the recipe has changed")
			}
		})
	}
}

// TestDecodeKeeps: lists are replaced, everything else that data does not mention stays, and nothing is shared with the recipe before.
func TestDecodeKeeps(t *testing.T) {
	before := Paper()
	r := before
	if err := r.Decode([]byte(`{"text":{"length":{"content":30}},"pairs":{"rows":{"web":"both"}},"page":{"kinds":["alt"]}}`), "r.json"); err != nil {
		t.Fatal(err)
	}
	if r.Text.Length.Content != 30 || r.Text.Length.Topic != 5 || r.Pairs.Make("web") != MakeBoth || r.Pairs.Make("forum") != MakeText || !slices.Equal(r.Page.Kinds, []string{"alt"}) {
		t.Errorf("content %d, topic %d, web %s, forum %s, kinds %v", r.Text.Length.Content, r.Text.Length.Topic, r.Pairs.Make("web"), r.Pairs.Make("forum"), r.Page.Kinds)
	}
	if !reflect.DeepEqual(before, Paper()) {
		t.Error("the recipe that was copied from has changed")
	}
}

func TestSet(t *testing.T) {
	r := Paper()
	for _, setting := range []string{"text.length.content=20", "page.main=readability", "split.valid=0.25", `text.words.lists=[{"file":"a.txt","category":"spam"}]`, "picture.blur.on=false", `pairs.rows.web="both"`, "decontaminate.characters=9", "pairs.rows.mine=text"} {
		if err := r.Set(setting); err != nil {
			t.Errorf("%s: %v", setting, err)
		}
	}
	if r.Text.Length.Content != 20 || r.Page.Main != "readability" || r.Split.Valid != 0.25 || r.Text.Words.Lists[0].File != "a.txt" || r.Picture.Blur.On || r.Pairs.Make("web") != MakeBoth || r.Decontaminate.Characters != 9 || r.Pairs.Make("mine") != MakeText {
		t.Errorf("the settings did not take: %s", r.JSON())
	}
	for setting, want := range map[string]string{
		"text.length.content":          "want key=value",
		"=3":                           "want key=value",
		"text.lenght.content=3":        `did you mean "text.length.content"?`,
		"text.length.content.x=3":      "unknown key",
		"text.length.content=three":    "want a whole number",
		"text.length.on=yes":           "want true or false",
		"text.words.lists=[{\"f\":1}]": "unknown key",
		"text..content=3":              "unknown key",
	} {
		if err := r.Set(setting); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v, want one line with %q", setting, err, want)
		}
	}
}

func TestWithout(t *testing.T) {
	r := Default()
	for _, rule := range Switches() {
		on := Default()
		if err := on.Set(rule + ".on=true"); err != nil {
			t.Fatal(err)
		}
		variant, name, err := on.Without(rule)
		if err != nil || name != rule {
			t.Errorf("%s: %s, %v", rule, name, err)
		}
		if bytes.Equal(variant.JSON(), on.JSON()) {
			t.Errorf("without %s is the same recipe", rule)
		}
	}
	if _, name, err := r.Without("perplexity"); err != nil || name != "text.perplexity" {
		t.Errorf("perplexity: %q, %v", name, err)
	}
	for rule, want := range map[string]string{"perplexty": `did you mean "text.perplexity"?`, "picture.white": "is off already", "nothing.at.all": "no rule"} {
		if _, _, err := r.Without(rule); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", rule, err, want)
		}
	}
}

// TestFiles: a changed file changes its hash, and a missing one is named with its key.
func TestFiles(t *testing.T) {
	dir := t.TempDir()
	list := filepath.Join(dir, "spam.txt")
	r := Paper()
	r.Text.Words.Lists = append(r.Text.Words.Lists, struct {
		File     string `json:"file"`
		Category string `json:"category"`
	}{list, "spam"})
	if _, err := r.Files(); err == nil || !strings.Contains(err.Error(), "text.words.lists[0].file") {
		t.Errorf("a missing list: %v", err)
	}
	hash := func() string {
		files, err := r.Files()
		if err != nil || len(files) != 1 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		return files[0].Hash
	}
	if err := os.WriteFile(list, []byte("一\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	before := hash()
	if err := os.WriteFile(list, []byte("二\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if hash() == before {
		t.Error("another content has the same hash")
	}
	r.Text.Words.On = false
	if files, err := r.Files(); err != nil || len(files) != 0 {
		t.Errorf("a rule that is off names %v, %v", files, err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"text":{"length":{"content":3}}}`))
	f.Add([]byte(Paper().JSON()))
	f.Add([]byte(`{"text":[{"a":{}}],"":null}`))
	f.Add([]byte(`{"pairs":{"rows":{"":""}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := Paper()
		if err := r.Decode(data, "x"); err != nil && !reflect.DeepEqual(r, Paper()) {
			t.Error("a recipe that was refused has changed the one before")
		}
	})
}
