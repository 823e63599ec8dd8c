package stages

import (
	"bytes"
	stdimage "image"
	"image/png"
	"strings"

	"github.com/zeebo/xxh3"

	"m6lab/datasets/image"
)

// sampler draws examples for the report: those with the smallest hash of seed, document and text, so that the draw does not depend on the order
// of work.
type sampler struct {
	seed  uint64
	rules map[string]*drawn
	pairs []drawnPair
}

// drawn are the examples of one rule, the smallest hash first.
type drawn struct{ list []Sample }

type drawnPair struct {
	order uint64
	r     kept
	note  string
}

// maxSample is the length in bytes of a text that is shown.
const maxSample = 600

// watched is one document whose changes the rules tell.
type watched struct {
	*sampler
	stage, source, id string
	at                uint64 // the document's hash
	n                 uint64 // changes so far
}

func (s *sampler) watched(stage, source, id string) *watched {
	return &watched{sampler: s, stage: stage, source: source, id: id, at: xxh3.HashStringSeed(id, s.seed)}
}

// order of a rule's changes in the document: of a document and a rule, not of a change, so that it is known before the change is looked at.
func (w *watched) order(rule string) uint64 { return mix(w.at ^ xxh3.HashString(rule)) }

// wants tells whether a change of a rule would be drawn.
func (w *watched) wants(rule string) bool {
	d := w.rules[w.stage+": "+rule]
	return d == nil || len(d.list) < samplesPerRule || w.order(rule) <= d.list[len(d.list)-1].Order
}

// watch takes a change. Of those of one rule in a document one is drawn.
func (w *watched) watch(rule, before, after string) {
	if before == "" && after == "" {
		return // a document that was dropped: its reason is counted
	}
	w.n++
	name, _, _ := strings.Cut(rule, ":")
	w.add(Sample{Order: w.order(name), within: mix(w.at + w.n), Rule: w.stage + ": " + name, Source: w.source, ID: w.id, Before: before, After: after})
}

// dropped offers a text that a rule dropped whole.
func (s *sampler) dropped(stage, reason, source, id, text string) {
	name, _, _ := strings.Cut(reason, ":")
	s.add(Sample{Order: mix(xxh3.HashStringSeed(id, s.seed)), Rule: stage + ": " + name + ", whole texts", Source: source, ID: id, Before: strings.TrimSpace(text)})
}

// mix spreads the bits of a number (the finaliser of SplitMix64).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// add offers an example.
func (s *sampler) add(x Sample) {
	if s.rules == nil {
		s.rules = map[string]*drawn{}
	}
	d := s.rules[x.Rule]
	if d == nil {
		d = &drawn{}
		s.rules[x.Rule] = d
	}
	if len(d.list) == samplesPerRule && x.Order > d.list[samplesPerRule-1].Order {
		return
	}
	for i := range d.list {
		if old := &d.list[i]; old.Order == x.Order && old.ID == x.ID {
			if x.within < old.within {
				old.within, old.Before, old.After = x.within, strings.Clone(shorten(x.Before)), strings.Clone(shorten(x.After))
			}
			return
		}
	}
	x.Before, x.After = strings.Clone(shorten(x.Before)), strings.Clone(shorten(x.After))
	at := len(d.list)
	for at > 0 && d.list[at-1].Order > x.Order {
		at--
	}
	d.list = append(d.list, Sample{})
	copy(d.list[at+1:], d.list[at:])
	d.list[at] = x
	d.list = d.list[:min(len(d.list), samplesPerRule)]
}

// shorten cuts a long text between characters.
func shorten(text string) string {
	if len(text) <= maxSample {
		return text
	}
	cut := maxSample
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut] + "…"
}

// texts returns the examples of all rules.
func (s *sampler) texts() []Sample {
	var out []Sample
	for _, rule := range sorted(s.rules) {
		out = append(out, s.rules[rule].list...)
	}
	return out
}

// shot offers a pair.
func (s *sampler) shot(r *kept, how []found) {
	order := xxh3.HashStringSeed(r.ID, s.seed)
	if len(s.pairs) == shotsShown && order >= s.pairs[shotsShown-1].order {
		return
	}
	var names []string
	for _, f := range how {
		names = append(names, f.Found)
	}
	x := drawnPair{order, kept{Example: r.Example}, strings.Join(names, ", ")}
	x.r.Image = bytes.Clone(r.Image)
	at := len(s.pairs)
	for at > 0 && s.pairs[at-1].order > order {
		at--
	}
	s.pairs = append(s.pairs, drawnPair{})
	copy(s.pairs[at+1:], s.pairs[at:])
	s.pairs[at] = x
	s.pairs = s.pairs[:min(len(s.pairs), shotsShown)]
}

// shotPixels is the longer side of a picture in the report.
const shotPixels = 192

// shots returns the pairs with small pictures; a picture that cannot be decoded is left out.
func (s *sampler) shots() []Shot {
	var out []Shot
	for _, p := range s.pairs {
		small, err := shrink(p.r.Image)
		if err != nil {
			continue
		}
		out = append(out, Shot{Order: p.order, Source: p.r.Source, ID: p.r.ID, Text: shorten(p.r.Text), Note: p.note, Picture: small})
	}
	return out
}

// shrink returns a small PNG of an encoded picture.
func shrink(data []byte) ([]byte, error) {
	pixels, err := image.Decode(data, image.Limits{})
	if err != nil {
		return nil, err
	}
	w, h := pixels.Rect.Dx(), pixels.Rect.Dy()
	if side := max(w, h); side > shotPixels {
		pixels = image.Resize(pixels, max(1, w*shotPixels/side), max(1, h*shotPixels/side), image.Bicubic)
	}
	var b bytes.Buffer
	err = png.Encode(&b, stdimage.Image(pixels))
	return b.Bytes(), err
}
