package viz

import "image"

// scale is what the colours of a figure mean.
type scale struct {
	colors    colorMap
	low, high float64
	what      string
	fixed     bool // the cells are a picture, whose colours do not follow the theme of a page
}

// colorBar adds a bar of the colours with their ends.
func (p *plan) colorBar(sc scale) {
	const length, thick = 140.0, 10.0
	low, high := number(sc.low), number(sc.high)
	st := style{size: smallText, color: soft}
	p.gap(4)
	x := ceil(margin + textWidth(low, smallText, false) + 6)
	end := x + length + 6 + textWidth(high, smallText, false)
	beside := end+10+textWidth(sc.what, smallText, false) <= p.width-margin
	if beside {
		end += 10 + textWidth(sc.what, smallText, false)
	} else {
		p.paragraph(sc.what, st)
	}
	p.used = max(p.used, end)
	p.add(20, func(s *sheet, top float64) {
		s.text(margin, top+10, low, st)
		s.colors(sc, x, top+10-thick/2, length, thick)
		s.text(x+length+6, top+10, high, st)
		if beside {
			s.text(end-textWidth(sc.what, smallText, false), top+10, sc.what, st)
		}
	})
}

// colors draws the colours of a scale from left to right.
func (s *sheet) colors(sc scale, x, y, w, h float64) {
	const steps = 35
	s.rect(x, y, w, h, blank)
	img := image.NewNRGBA(image.Rect(0, 0, steps, 1))
	for i := range steps {
		c := sc.colors.at((float64(i) + 0.5) / steps)
		img.SetNRGBA(i, 0, over(c, blank))
		if !sc.fixed {
			s.rect(x+float64(i)*w/steps, y, w/steps, h, c)
		}
	}
	if sc.fixed {
		s.image(x, y, w, h, img)
	}
}
