// Package recipe is what a corpus is made by: one JSON object of all rules and thresholds, which, with the inputs, determines a build.
//
//	r := recipe.Paper()                      // or Default, Imagine
//	err := r.Decode(data, "recipe.json")     // strict: an unknown key is an error that names the nearest
//	err = r.Set("text.length.content=20")
//	err = r.Validate()
//
// # Caveats
//
// A recipe names files (lists of words, language models, picture models, evaluation sets). [Recipe.Files] hashes their content, so that a
// build knows when one has changed.
package recipe

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"m6lab/datasets/clean"
	"m6lab/datasets/fetch"
	"m6lab/datasets/near"
	"m6lab/datasets/page"
	"m6lab/datasets/picture"
	"m6lab/datasets/source"
	"m6lab/m6/strict"
)

// Recipe is everything that a build depends on beside its inputs.
type Recipe struct {
	Read          source.Options  `json:"read"`          // bounds of what is read
	Page          page.Options    `json:"page"`          // how HTML becomes text, and pictures with the text around them
	Pairs         Pairs           `json:"pairs"`         // what becomes a pair
	Text          clean.Options   `json:"text"`          // the rules on text, in their order
	Picture       picture.Options `json:"picture"`       // the rules on pictures, in their order
	Duplicates    near.Options    `json:"duplicates"`    // repeated texts and pictures
	Decontaminate Decontaminate   `json:"decontaminate"` // what stands in evaluation sets
	Fetch         fetch.Options   `json:"fetch"`         // pictures of pages from the network
	Split         Split           `json:"split"`         // train, valid, test
}

// What the documents of a row of Table 1 become.
const (
	MakeText  = "text"  // a text
	MakePairs = "pairs" // pictures with the text around them; "other sentences discarded", as the paper has it for crawled pages
	MakeBoth  = "both"
)

// Pairs say which documents become texts, which pairs, and of what a pair's text is made.
type Pairs struct {
	Rows  map[string]string `json:"rows"`  // by row of Table 1: text, pairs or both
	Other string            `json:"other"` // of rows that are not named
	// Texts is how many texts around a picture are joined, the best first; page.kinds orders them.
	Texts int `json:"texts"`
	// Shortest is the limit of a pair's text in characters, in the place of text.length.content. The paper gives no limit for pairs; its
	// limit of topics is taken, since a caption is as short as one.
	Shortest int `json:"shortest"`
}

// Decontaminate removes what stands in the given evaluation sets.
type Decontaminate struct {
	near.IndexOptions
	Sets []string `json:"sets"` // folders of our data sets, or what a build reads: files, folders, patterns, with a FORMAT: before them
}

// Split says which share of documents is held out. A document's split is by the hash of its content, so that it stays in its split whatever
// the rules do.
type Split struct {
	Valid float64 `json:"valid"`
	Test  float64 `json:"test"`
}

// Paper has the rules of section 2 of the paper, in its order, and nothing beside them.
func Paper() Recipe {
	r := Recipe{
		Read:    source.Default(),
		Page:    page.Default(),
		Text:    clean.Paper(),
		Picture: picture.Paper(),
		Pairs: Pairs{
			Rows: map[string]string{
				"encyclopedia": MakeBoth, "community_qa": MakeText, "forum": MakeText, "common_crawl": MakeText, "web": MakePairs, "ecommerce": MakePairs,
			},
			Other: MakeBoth, Texts: 2, Shortest: 5,
		},
		Duplicates:    near.Paper(),
		Decontaminate: Decontaminate{IndexOptions: near.DefaultIndexOptions(), Sets: []string{}},
		Fetch:         fetch.Default(),
		Split:         Split{Valid: 0.01, Test: 0.01},
	}
	r.Decontaminate.On = false
	return r
}

// Default has the paper's rules, and the additions: language identification, simplified characters, personal data masked, repeated and nearly
// repeated texts and pictures removed, more rules on pictures.
func Default() Recipe {
	r := Paper()
	r.Text, r.Picture, r.Duplicates = clean.Default(), picture.Default(), near.Default()
	r.Decontaminate.On = true
	return r
}

// Imagine is for pairs that pictures are generated from: the paper's recipe with the filters of its section 4.1.
func Imagine() Recipe {
	r := Paper()
	r.Picture = picture.Imagine()
	return r
}

// Decode reads a recipe's JSON over r: keys that data does not have keep their value. Unknown and repeated keys, and values of another
// type, are errors that name the key and name, where data came from.
func (r *Recipe) Decode(data []byte, name string) error { return strict.Decode(r, data, name) }

// Set applies a setting of the form text.length.content=20.
func (r *Recipe) Set(setting string) error { return strict.Override(r, []string{setting}) }

// JSON is the recipe as it is printed and hashed.
func (r Recipe) JSON() json.RawMessage {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		panic(err) // plain data
	}
	return data
}

// Validate names the first value that cannot be.
func (r Recipe) Validate() error {
	for _, check := range []func() error{
		r.Read.Validate, r.Page.Validate, r.Text.Validate, r.Picture.Validate, func() error { return prefixed("duplicates", r.Duplicates.Validate()) }, r.Fetch.Validate, r.Pairs.validate, r.Decontaminate.validate, r.Split.validate,
	} {
		if err := check(); err != nil {
			return fmt.Errorf("recipe: %w", err)
		}
	}
	return nil
}

func prefixed(key string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s.%w", key, err)
}

func (p Pairs) validate() error {
	valid := []string{MakeText, MakePairs, MakeBoth}
	for _, row := range slices.Sorted(maps.Keys(p.Rows)) {
		if !slices.Contains(valid, p.Rows[row]) {
			return fmt.Errorf("pairs.rows.%s is %q: did you mean %q? It is one of %s", row, p.Rows[row], strict.Nearest(p.Rows[row], valid), strings.Join(valid, ", "))
		}
	}
	if !slices.Contains(valid, p.Other) {
		return fmt.Errorf("pairs.other is %q: did you mean %q? It is one of %s", p.Other, strict.Nearest(p.Other, valid), strings.Join(valid, ", "))
	}
	if p.Texts < 1 || p.Texts > 1000 {
		return fmt.Errorf("pairs.texts is %d: choose 1 to 1000", p.Texts)
	}
	if p.Shortest < 0 {
		return fmt.Errorf("pairs.shortest is %d: it is a number of characters from 0 on", p.Shortest)
	}
	return nil
}

// Make returns what the documents of a row become.
func (p Pairs) Make(row string) string {
	if what, ok := p.Rows[row]; ok {
		return what
	}
	return p.Other
}

func (d Decontaminate) validate() error {
	if err := d.IndexOptions.Validate(); err != nil {
		return fmt.Errorf("decontaminate.%w", err)
	}
	return nil
}

func (s Split) validate() error {
	if !(s.Valid >= 0 && s.Test >= 0 && s.Valid+s.Test < 1) {
		return fmt.Errorf("split.valid %v and split.test %v are shares of the documents: choose numbers from 0 on with a sum below 1", s.Valid, s.Test)
	}
	return nil
}

// Switches returns the names of all rules that can be turned off by themselves: the dotted keys of groups that have an `on`.
func Switches() []string {
	var out []string
	for _, key := range strict.Keys(reflect.TypeFor[Recipe]()) {
		if group, found := strings.CutSuffix(key, ".on"); found {
			out = append(out, group)
		}
	}
	return out
}

// Without returns the recipe with one rule turned off. The rule is a dotted key such as text.words, or its last part where that is the only
// one of its name; a rule that is off already is an error.
func (r Recipe) Without(rule string) (Recipe, string, error) {
	all := Switches()
	var found []string
	for _, name := range all {
		if name == rule || strings.HasSuffix(name, "."+rule) {
			found = append(found, name)
		}
	}
	switch {
	case slices.Contains(found, rule):
		found = []string{rule}
	case len(found) == 0:
		return r, "", fmt.Errorf("no rule %q: did you mean %q? The rules are %s", rule, strict.NearestKey(rule, all), strings.Join(all, ", "))
	case len(found) > 1:
		return r, "", fmt.Errorf("the rule %q may be %s: write one of them", rule, strings.Join(found, " or "))
	}
	variant := Recipe{}
	if err := json.Unmarshal(r.JSON(), &variant); err != nil {
		return r, "", err
	}
	if err := variant.Set(found[0] + ".on=false"); err != nil {
		return r, "", err
	}
	if reflect.DeepEqual(variant.JSON(), r.JSON()) {
		return r, "", fmt.Errorf("the rule %s is off already: turn it on in the recipe, or name another", found[0])
	}
	return variant, found[0], nil
}
