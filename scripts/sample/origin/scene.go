package origin

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"m6lab/datasets"
)

// salt was chosen so that no kind loses more than one of its three counts, and that every count is held out both in valid and in test.
const salt = "33506"

// Row is an example and the split it belongs to.
type Row struct {
	Split string
	Group string // of emoji: the rows that must lie in one split have the same
	datasets.Example
}

// combination is what a scene shows apart from colours and places: a kind and its number, or two kinds in whatever order.
type combination struct {
	form string // count or relation
	a, b Kind
	n    int
}

// String is the name under which a combination is held out, and under which the rows' meta has it.
func (c combination) String() string {
	if c.form == "count" {
		return "count|" + c.a.Code + "|" + strconv.Itoa(c.n)
	}
	codes := []string{c.a.Code, c.b.Code}
	slices.Sort(codes)
	return "pair|" + codes[0] + "|" + codes[1]
}

// split holds out one sixth of the combinations, a third of these for valid.
func (c combination) split() string {
	h := hash(salt, c.String())
	if h%6 != 0 {
		return Train
	}
	if h/6%3 == 0 {
		return Valid
	}
	return Test
}

// combinations lists those of a form that belong to a split.
func combinations(form, split string) []combination {
	var all []combination
	for i, a := range kinds {
		if form == "count" {
			for n := 1; n <= 3; n++ {
				all = append(all, combination{form: form, a: a, n: n})
			}
			continue
		}
		for _, b := range kinds[i+1:] {
			all = append(all, combination{form: form, a: a, b: b})
		}
	}
	return slices.DeleteFunc(all, func(c combination) bool { return c.split() != split })
}

type sceneMeta struct {
	Made        string `json:"made"` // composed: real drawings, synthetic layout
	Form        string `json:"form"`
	Ground      string `json:"ground"`
	Items       []Item `json:"items"`
	Count       int    `json:"count,omitempty"`
	Relation    string `json:"relation,omitempty"` // where the first item is, seen from the second
	Combination string `json:"combination"`
	Type        string `json:"type,omitempty"` // of a question: detection, relation, color, number
	Licence     string `json:"licence"`
}

// Scene is a composed picture with its exact description.
type Scene struct {
	Row
	meta   sceneMeta
	first  Kind
	second Kind
}

// SceneOptions says how many scenes a split gets, half of them counts and half relations.
type SceneOptions struct {
	Split     string
	Scenes    int
	Questions int // scenes that also get a question, from the first on
}

// scenes composes the scenes of one split and passes each, with the question about it if there is one, to yield.
func (c *composer) scenes(o SceneOptions, yield func(...Row) error) error {
	forms := [2][]combination{combinations("count", o.Split), combinations("relation", o.Split)}
	for i := range o.Scenes {
		r := random(salt, "scene", o.Split, strconv.Itoa(i))
		list, round := forms[i%2], i/2
		s, err := c.scene(list[order(round, len(list))], r)
		if err != nil {
			return err
		}
		s.Split, s.Source, s.ID = o.Split, "scenes", fmt.Sprintf("scene-%s-%05d", o.Split, i+1)
		s.ImagePath = s.ID + ".png"
		if o.Split == Train {
			s.References = []string{s.Text} // one way of saying it is enough to learn from, and all are right
		}
		rows := []Row{s.Row}
		if i < o.Questions {
			rows = append(rows, s.question(round, r))
		}
		if err := yield(rows...); err != nil {
			return err
		}
	}
	return nil
}

// order walks through a list of n again and again, each time in another order, so that every combination occurs equally often.
func order(i, n int) int {
	return random(salt, "order", strconv.Itoa(n), strconv.Itoa(i/n)).Perm(n)[i%n]
}

// scene composes one combination on a random ground on which its drawings show.
func (c *composer) scene(what combination, r *rand.Rand) (Scene, error) {
	for {
		g := grounds[r.IntN(len(grounds))]
		s := Scene{first: what.a, second: what.b}
		s.meta = sceneMeta{Made: "composed", Form: what.form, Ground: g.Name, Combination: what.String(), Licence: "Apache-2.0 (google), CC-BY-4.0 (twitter)"}
		if what.form == "count" {
			s.count(what, r)
		} else {
			if r.IntN(2) == 0 {
				s.first, s.second = s.second, s.first
			}
			s.relate(directions[r.IntN(len(directions))], r)
		}
		if !c.shows(g, s.meta.Items) {
			continue
		}
		var err error
		s.Image, err = c.draw(g, s.meta.Items)
		s.Meta = mustJSON(s.meta)
		return s, err
	}
}

// count places what.n drawings of one kind in different quarters of the picture.
func (s *Scene) count(what combination, r *rand.Rand) {
	size := smallest + r.IntN(7)
	for _, q := range r.Perm(4)[:what.n] {
		x, y := 2+32*(q%2)+r.IntN(31-size), 2+32*(q/2)+r.IntN(31-size)
		s.meta.Items = append(s.meta.Items, item(what.a, x, y, size, r))
	}
	s.meta.Count = what.n
	s.Text = s.meta.Ground + "背景上有" + numerals[what.n] + what.a.Measure + what.a.Name + "。"
	s.References = []string{s.Text}
}

// relate places the first thing on the d side of the second, in the other half of the picture and at most six pixels off the line.
func (s *Scene) relate(d Direction, r *rand.Rand) {
	size := 22 + r.IntN(7)
	near, far := r.IntN(33-size), 32+r.IntN(33-size) // along the line
	across := r.IntN(65 - size)
	shift := func() int { return min(64-size, max(0, across+r.IntN(13)-6)) }
	p, q := shift(), shift()
	if d.DX+d.DY > 0 {
		near, far = far, near
	}
	a, b := item(s.first, near, p, size, r), item(s.second, far, q, size, r)
	if d.DY != 0 {
		a.X, a.Y, b.X, b.Y = a.Y, a.X, b.Y, b.X
	}
	s.meta.Items, s.meta.Relation = []Item{a, b}, d.Side
	wording := func(a, b Kind, side string) string {
		return s.meta.Ground + "背景上，" + a.Name + "在" + b.Name + "的" + side + "。"
	}
	s.References = []string{wording(s.first, s.second, d.Side), wording(s.second, s.first, d.Opposite)}
	if d.DX+d.DY > 0 {
		slices.Reverse(s.References)
	}
	s.Text = s.References[0] // names the left or the upper thing first
}

func item(k Kind, x, y, size int, r *rand.Rand) Item {
	return Item{Kind: k.Code, Name: k.Name, Set: renderings[r.IntN(len(renderings))].Set, X: x, Y: y, Size: size}
}

// question asks about the scene one of the paper's four types in turn: half of the questions about a count are of its number, half of those about a pair of
// its relation, the others of the things present and of the ground, so all four types are equally many.
func (s *Scene) question(round int, r *rand.Rand) Row {
	q := Row{Split: s.Split, Example: datasets.Example{ID: s.ID + "-q", Source: "scenes_vqa", Image: s.Image, ImagePath: s.ImagePath}}
	meta := s.meta
	switch round % 4 {
	case 0, 2:
		meta.Type, q.Question, q.Answer = s.mainQuestion()
	case 1:
		meta.Type = "detection"
		q.Question, q.Answer = "图里有"+s.present(r).Name+"吗？", "有"
		if round/4%2 == 1 {
			q.Question, q.Answer = "图里有"+s.absent(r).Name+"吗？", "没有"
		}
	case 3:
		meta.Type, q.Question, q.Answer = "color", "背景是什么颜色？", s.meta.Ground
	}
	q.Text = q.Question + "回答：" + q.Answer
	q.Meta = mustJSON(meta)
	return q
}

func (s *Scene) mainQuestion() (kind, question, answer string) {
	if s.meta.Form == "count" {
		return "number", "图里有几" + s.first.Measure + s.first.Name + "？", numerals[s.meta.Count] + s.first.Measure
	}
	return "relation", s.first.Name + "在" + s.second.Name + "的哪边？", s.meta.Relation
}

func (s *Scene) present(r *rand.Rand) Kind {
	if s.meta.Form == "relation" && r.IntN(2) == 0 {
		return s.second
	}
	return s.first
}

// absent returns a kind that the scene lacks. In training no held-out pair is named together, not even to deny it.
func (s *Scene) absent(r *rand.Rand) Kind {
	for {
		k := kinds[r.IntN(len(kinds))]
		clash := func(a Kind) bool {
			return a.Code != "" && (a.Code == k.Code || s.Split == Train && combination{form: "relation", a: a, b: k}.split() != Train)
		}
		if !clash(s.first) && !clash(s.second) {
			return k
		}
	}
}
