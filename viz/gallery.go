package viz

import (
	"fmt"
	"image"
	"image/color"
	"io"
	"math"
)

// Verdict says whether an output is right.
type Verdict int

const (
	Unjudged Verdict = iota
	Right
	Wrong
)

// String returns "right", "wrong" or "".
func (v Verdict) String() string { return [...]string{"", "right", "wrong"}[v] }

// Shot is a picture with its captions.
type Shot struct {
	Picture image.Image
	Caption string   // by the model
	Truth   []string // all captions that count as right
	Verdict Verdict
	Note    string // such as the type of the picture or a score
}

// GalleryOptions is what [Gallery] draws.
type GalleryOptions struct {
	Title string
	Shots []Shot // at least one
	// Chosen says how the shots were chosen, below the title: "24 of 1,200, at random with seed 7".
	Chosen string
	Width  float64
}

// Gallery draws held-out pictures with the captions of the model, the true ones, and whether they agree, in words and signs. Characters
// of a wrong caption that are not in the nearest true one are marked in HTML.
func Gallery(w io.Writer, format Format, o GalleryOptions) error { return Draw(w, format, o) }

func (o GalleryOptions) check() error {
	if len(o.Shots) == 0 {
		return fmt.Errorf("there is no picture: give at least one")
	}
	for i, s := range o.Shots {
		if s.Picture == nil || s.Picture.Bounds().Empty() {
			return fmt.Errorf("shot %d (%q) has no picture: give one of at least one pixel", i, s.Caption)
		}
		if s.Verdict < Unjudged || s.Verdict > Wrong {
			return fmt.Errorf("shot %d (%q) has the verdict %d: use Unjudged, Right or Wrong", i, s.Caption, int(s.Verdict))
		}
	}
	return nil
}

// tally says how many shots are right.
func (o GalleryOptions) tally() string {
	count := [3]int{}
	for _, s := range o.Shots {
		count[s.Verdict]++
	}
	if count[Right]+count[Wrong] == 0 {
		return ""
	}
	return fmt.Sprintf("%d right, %d wrong.", count[Right], count[Wrong])
}

func (o GalleryOptions) plan(width float64) (*figure, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("viz: gallery: %w", err)
	}
	const between, least = 16.0, 150.0
	p := newPlan(o.Title, first(width, o.Width, defaultWidth))
	p.head()
	p.title = first(p.title, "pictures with captions")
	if line := join(p.say(o.Chosen), o.tally()); line != "" {
		p.paragraph(line, style{size: labelSize, color: soft})
		p.gap(6)
	}
	columns := max(int((p.inner()+between)/(least+between)), 1)
	w := math.Floor((p.inner()+between)/float64(columns)) - between
	for start := 0; start < len(o.Shots); start += columns {
		var cards []card
		height := 0.0
		for _, shot := range o.Shots[start:min(start+columns, len(o.Shots))] {
			c := newCard(p, shot, w)
			cards = append(cards, c)
			height = max(height, c.height)
		}
		p.add(height, func(s *sheet, top float64) {
			for i, c := range cards {
				c.draw(s, margin+float64(i)*(w+between), top)
			}
		})
		p.gap(between)
	}
	return p.finish(), nil
}

func join(parts ...string) string {
	out := ""
	for _, s := range parts {
		if s != "" && out != "" {
			out += " "
		}
		out += s
	}
	return out
}

// card is one shot laid out in a column of the width w.
type card struct {
	Shot
	w, picture, height float64
	lines              []cardLine
}

type cardLine struct {
	text string
	style
	y float64
}

func newCard(p *plan, shot Shot, w float64) card {
	c := card{Shot: shot, w: w, picture: min(w, 200)}
	c.height = c.picture + 8
	add := func(s string, st style) {
		for _, line := range wrap(p.say(s), st.size, st.bold, w) {
			c.height += st.size * lineStep
			c.lines = append(c.lines, cardLine{line, st, c.height - st.size*lineStep/2})
		}
	}
	if shot.Verdict != Unjudged {
		c.height += 20
	}
	add(shot.Caption, style{size: 14, color: ink})
	for _, truth := range shot.Truth {
		if shot.Verdict == Right && truth == shot.Caption {
			continue
		}
		add("true: "+truth, style{size: labelSize, color: soft})
	}
	if shot.Note != "" {
		add(shot.Note, style{size: noteSize, color: soft})
	}
	return c
}

func (c card) draw(s *sheet, x, top float64) {
	size := c.Picture.Bounds().Size()
	scale := c.picture / float64(max(size.X, size.Y))
	w, h := float64(size.X)*scale, float64(size.Y)*scale
	s.image(x+(c.picture-w)/2, top+(c.picture-h)/2, w, h, shrink(c.Picture, largestPicture))
	s.frame(x, top, c.picture, c.picture, stroke{color: grid, width: 1})
	if c.Verdict != Unjudged {
		s.verdict(x, top+c.picture+8+10, c.Verdict)
	}
	for _, l := range c.lines {
		s.text(x, top+l.y, l.text, l.style)
	}
}

// verdict draws a sign and the word.
func (s *sheet) verdict(x, y float64, v Verdict) {
	fill := map[Verdict]color.NRGBA{Right: green, Wrong: red}[v]
	s.disc(x+7, y, 7, fill)
	sign := stroke{color: onColor, width: 1.75}
	if v == Right {
		s.line([][2]float64{{x + 3.6, y + 0.3}, {x + 6.2, y + 2.9}, {x + 10.6, y - 2.6}}, sign)
	} else {
		s.line([][2]float64{{x + 4.4, y - 2.6}, {x + 9.6, y + 2.6}}, sign)
		s.line([][2]float64{{x + 9.6, y - 2.6}, {x + 4.4, y + 2.6}}, sign)
	}
	s.text(x+19, y, v.String(), style{size: labelSize, color: ink, bold: true})
}

func (o GalleryOptions) block(p *page) (markup, error) {
	if err := o.check(); err != nil {
		return "", fmt.Errorf("viz: gallery: %w", err)
	}
	type shot struct {
		Picture picture
		Verdict string
		Caption []piece
		Truth   []string
		Note    string
	}
	data := struct {
		Title, Chosen string
		Shots         []shot
	}{Title: p.text(o.Title), Chosen: join(p.text(o.Chosen), o.tally())}
	for i, s := range o.Shots {
		pic, err := p.picture(s.Picture)
		if err != nil {
			return "", fmt.Errorf("viz: gallery: shot %d: %w", i, err)
		}
		view := shot{Picture: pic, Verdict: s.Verdict.String(), Truth: p.texts(s.Truth), Note: p.text(s.Note)}
		caption := p.text(s.Caption)
		view.Caption = []piece{{caption, true}}
		if s.Verdict == Wrong {
			view.Caption = nearest(caption, view.Truth)
		}
		if s.Verdict == Right {
			view.Truth = without(view.Truth, caption)
		}
		data.Shots = append(data.Shots, view)
	}
	return p.render("gallery", data)
}

// nearest compares s with that of the texts with which it shares most.
func nearest(s string, texts []string) []piece {
	best, most := []piece{{s, true}}, -1
	for _, t := range texts {
		pieces := compare(s, t)
		same := 0
		for _, p := range pieces {
			if p.Same {
				same += len(p.Text)
			}
		}
		if same > most {
			best, most = pieces, same
		}
	}
	return best
}

func without(list []string, s string) []string {
	var out []string
	for _, v := range list {
		if v != s {
			out = append(out, v)
		}
	}
	return out
}
