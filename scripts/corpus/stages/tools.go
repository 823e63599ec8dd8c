package stages

import (
	"fmt"
	"strings"
	"sync"

	"m6lab/datasets/clean"
	"m6lab/datasets/near"
	"m6lab/datasets/picture"
	"m6lab/datasets/picture/onnx"
	"m6lab/datasets/text"
)

// tools are what the rules of a build need: lists, models, indices. They are loaded once in a process and used by all its workers.
type tools struct {
	text, pairs                *clean.Cleaner
	textVersions, pairVersions string
	pictures                   *picture.Filter
	near                       *near.Finder
	index                      *near.Index // of evaluation sets; nil without
	tokenizer                  *text.Tokenizer
	pool                       *gallery
}

// openTools loads what the job's recipe names.
func openTools(j *Job) (*tools, error) {
	r := j.Recipe
	t := &tools{tokenizer: text.New(text.BertChinese(), text.Options{Lower: true})}
	var mu sync.Mutex
	models := map[string]clean.Perplexity{}
	load := func(file string) (clean.Perplexity, error) {
		mu.Lock()
		defer mu.Unlock()
		if m := models[file]; m != nil {
			return m, nil
		}
		m, err := clean.OpenLM(file)
		if err != nil {
			return nil, err
		}
		models[file] = m
		return m, nil
	}
	var err error
	if t.text, err = clean.New(r.Text, load); err != nil {
		return nil, err
	}
	o := r.Text
	o.Length.Content = r.Pairs.Shortest
	if t.pairs, err = clean.New(o, load); err != nil {
		return nil, err
	}
	if t.near, err = near.New(r.Duplicates); err != nil {
		return nil, err
	}
	if t.index, err = openIndex(r.Decontaminate, r.Read); err != nil {
		return nil, err
	}
	p := r.Picture
	if t.near.On(near.NearPictures) || t.index != nil {
		p.Small = hashedSide
	}
	if t.pictures, err = picture.NewWithModels(p, onnx.Open); err != nil {
		return nil, err
	}
	if t.pool, err = newGallery(j); err != nil {
		return nil, err
	}
	t.textVersions = t.text.Versions()
	t.pairVersions = t.pairs.Versions() + " " + pictureVersions(t.pictures)
	return t, nil
}

// versions names the rules that are on with their versions.
func (t *tools) versions() []string {
	return strings.Fields(t.textVersions + " " + pictureVersions(t.pictures))
}

// pictureVersions names the rules on pictures that are on with their versions.
func pictureVersions(f *picture.Filter) string {
	var names []string
	for _, r := range f.Rules() {
		if r.On {
			names = append(names, fmt.Sprintf("picture.%s/%d", r.Name, r.Version))
		}
	}
	return strings.Join(names, " ")
}

// hashedSide is the longer side, in pixels, of the picture that is hashed.
const hashedSide = 128
