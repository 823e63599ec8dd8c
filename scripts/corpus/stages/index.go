package stages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"m6lab/datasets/image"
	"m6lab/datasets/near"
	"m6lab/datasets/page"
	"m6lab/datasets/record"
	"m6lab/datasets/source"
	"m6lab/scripts/corpus/recipe"
)

// openIndex reads the evaluation sets that the recipe names; nil where there are none.
func openIndex(d recipe.Decontaminate, read source.Options) (*near.Index, error) {
	if !d.On || len(d.Sets) == 0 {
		return nil, nil
	}
	b, err := near.NewBuilder(d.IndexOptions)
	if err != nil {
		return nil, err
	}
	for i, set := range d.Sets {
		s := evaluation{b: b, o: d.IndexOptions, name: filepath.Base(set)}
		if _, err = record.ReadManifest(set); errors.Is(err, fs.ErrNotExist) {
			err = s.raw(set, read)
		} else if err == nil {
			err = s.records(set)
		}
		if err == nil && s.n == 0 {
			err = errors.New("it holds no text and no picture")
		}
		if err != nil {
			return nil, fmt.Errorf("decontaminate.sets[%d]: %s: %w", i, set, err)
		}
	}
	return b.Index(), nil
}

// evaluation reads one evaluation set into an index.
type evaluation struct {
	b    *near.Builder
	o    near.IndexOptions
	name string
	n    int
}

func (e *evaluation) add(id string, texts ...string) {
	for _, text := range texts {
		if text != "" {
			e.b.Add(near.Passage{Set: e.name, ID: id, Text: text})
			e.n++
		}
	}
}

// picture adds a picture; one that cannot be decoded cannot be found either.
func (e *evaluation) picture(id string, data []byte) {
	if pixels, err := image.Decode(data, image.Limits{}); err == nil {
		e.b.AddPicture(e.name, id, e.o.PictureHash(pixels))
		e.n++
	}
}

// records reads all splits of a data set of ours.
func (e *evaluation) records(dir string) error {
	m, err := record.ReadManifest(dir)
	if err != nil {
		return err
	}
	for _, split := range sorted(m.Splits) {
		s, err := record.Open(dir, split)
		if err != nil {
			return err
		}
		for i := range s.Len() {
			x, err := s.Read(i)
			if err != nil {
				return errors.Join(err, s.Close())
			}
			e.add(x.ID, append([]string{x.Text, x.Question, x.Answer}, x.References...)...)
			if len(x.Image) > 0 {
				e.picture(x.ID, x.Image)
			}
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	return nil
}

// raw reads what a build reads too. A record that cannot be read is an error: a set that is read in part would not be kept apart.
func (e *evaluation) raw(address string, read source.Options) error {
	spec, err := source.ParseSpec(address)
	if err != nil {
		return err
	}
	ctx := context.Background()
	parts, err := source.Plan(ctx, []source.Spec{spec}, 0)
	if err != nil {
		return err
	}
	for _, part := range parts {
		for doc, err := range source.Read(ctx, part, read) {
			var fault *source.Fault
			if errors.As(err, &fault) && fault.Skip() {
				continue
			}
			if err != nil {
				return err
			}
			e.document(doc)
		}
	}
	return nil
}

func (e *evaluation) document(doc *source.Document) {
	texts := append([]string{doc.Question, doc.Answer}, doc.References...)
	switch doc.Media {
	case "text/html":
		if p, err := page.Parse(doc.Body, doc.Address, doc.Charset, page.Default()); err == nil {
			texts = append(texts, p.Text)
		}
	case "text/plain":
		text, _, _ := page.Decode(doc.Body, doc.Charset)
		texts = append(texts, text)
	}
	e.add(doc.ID, texts...)
	for _, im := range doc.Images {
		if len(im.Bytes) > 0 {
			e.picture(doc.ID, im.Bytes)
		}
	}
}

// evaluated tells whether a record stands in an evaluation set, by its text or its picture.
func (t *tools) evaluated(r *kept, o near.IndexOptions) (near.Hit, bool) {
	if t.index == nil {
		return near.Hit{}, false
	}
	if hit, found := t.index.Find(r.Text); found {
		return hit, true
	}
	if r.small == nil {
		return near.Hit{}, false
	}
	return t.index.FindPicture(o.PictureHash(r.small))
}
