package viz

import (
	"image"
	"image/color"
	"math"
)

// matrix lays out a grid of coloured cells with labels: for masks, attention, and heat maps.
type matrix struct {
	rows, columns           int
	rowLabels, columnLabels []string // drawn where the cells are large enough
	rowParts, columnParts   []Part   // stretches with a name and a line between; nil for none
	rowTitle, columnTitle   string
	cell                    func(row, column int) color.NRGBA

	size, sizeY             float64 // of a cell
	left, top               float64 // of the grid inside the figure
	showRows, showColumns   bool
	labelWidth, labelHeight float64
	labelRoom               float64 // of a column label, where only some columns have one
}

const (
	partBand     = 18.0 // for the names of parts
	titleBand    = 18.0
	smallText    = 11.0
	maxCell      = 24.0
	longestLabel = 130.0 // of a column
	labelGap     = 10.0  // left of row labels and right of them together
)

// newMatrix finds the size of the cells for the width that is there.
func newMatrix(rows, columns int, width float64, rowLabels, columnLabels []string) *matrix {
	m := &matrix{rows: rows, columns: columns, rowLabels: rowLabels}
	for _, l := range columnLabels {
		m.columnLabels = append(m.columnLabels, fit(l, smallText, longestLabel))
	}
	m.labelWidth = ceil(min(widest(rowLabels), 0.4*width))
	cellFor := func(room float64) float64 {
		cell := (room - 2*partBand) / float64(columns)
		if cell >= 1 {
			cell = math.Floor(cell)
		}
		return min(cell, maxCell)
	}
	m.size = cellFor(width - m.labelWidth - labelGap)
	m.showRows = len(rowLabels) > 0 && m.size >= smallText
	m.showColumns = len(columnLabels) > 0 && m.size >= smallText
	if !m.showRows {
		m.labelWidth = 0
		m.size = cellFor(width)
		m.showColumns = m.showColumns && m.size >= smallText
	}
	m.sizeY = m.size
	if m.showColumns {
		for _, l := range m.columnLabels {
			m.labelHeight = max(m.labelHeight, m.columnLabelHeight(l))
		}
	}
	return m
}

func widest(labels []string) float64 {
	w := 0.0
	for _, l := range labels {
		w = max(w, textWidth(l, smallText, false))
	}
	return w
}

// columnLabelHeight is the height of a label above a column: Han stands upright, one below the other; long Latin is turned.
func (m *matrix) columnLabelHeight(label string) float64 {
	switch {
	case textWidth(label, smallText, false) <= max(m.size, m.labelRoom)-1:
		return smallText * 1.2
	case allWide(label):
		return float64(len([]rune(label))) * smallText * 1.1
	}
	return textWidth(label, smallText, false)
}

func allWide(s string) bool {
	for _, r := range s {
		if !isWide(r) {
			return false
		}
	}
	return true
}

// place adds the matrix to the plan.
func (m *matrix) place(p *plan) {
	m.left = margin
	if m.rowTitle != "" {
		m.left += titleBand
	}
	if m.rowParts != nil {
		m.left += partBand
	}
	if m.showRows {
		m.left += m.labelWidth + labelGap
	}
	m.left = ceil(m.left)
	above := ceil(m.labelHeight) + 4
	if m.columnParts != nil {
		above += partBand
	}
	if m.columnTitle != "" {
		above += titleBand
	}
	height := m.sizeY * float64(m.rows)
	p.add(above+max(height, textWidth(m.rowTitle, smallText, false)), func(s *sheet, top float64) {
		m.top = top + above
		m.drawCells(s)
		m.drawLabels(s)
		m.drawParts(s)
		m.drawTitles(s, top)
	})
	p.used = max(p.used, m.left+m.width(), m.left+(m.width()+textWidth(m.columnTitle, smallText, false))/2)
	p.width = min(p.width, p.used+margin)
}

func (m *matrix) width() float64  { return m.size * float64(m.columns) }
func (m *matrix) height() float64 { return m.sizeY * float64(m.rows) }

// raster says whether the cells are drawn as a picture: they are too many, or too small.
func (m *matrix) raster() bool { return m.size < 3 || m.rows*m.columns > 6000 }

// drawCells draws the cells; they may be transparent, and lie on a ground in the colour of empty cells.
func (m *matrix) drawCells(s *sheet) {
	s.rect(m.left, m.top, m.width(), m.height(), blank)
	if m.raster() {
		img := image.NewNRGBA(image.Rect(0, 0, m.columns, m.rows))
		for r := range m.rows {
			for c := range m.columns {
				img.SetNRGBA(c, r, over(m.cell(r, c), blank))
			}
		}
		s.cells(m.left, m.top, m.width(), m.height(), img)
		return
	}
	for r := range m.rows {
		for c := 0; c < m.columns; {
			end, fill := c+1, m.cell(r, c)
			for end < m.columns && m.cell(r, end) == fill {
				end++
			}
			if fill != blank && fill.A > 0 {
				s.rect(m.left+float64(c)*m.size, m.top+float64(r)*m.sizeY, float64(end-c)*m.size, m.sizeY, fill)
			}
			c = end
		}
	}
	if m.size >= 8 {
		m.drawGrid(s)
	}
}

// drawGrid separates the cells by lines in the colour of the paper.
func (m *matrix) drawGrid(s *sheet) {
	thin := stroke{color: paper, width: 1}
	for r := 1; r < m.rows; r++ {
		y := m.top + float64(r)*m.sizeY
		s.line([][2]float64{{m.left, y}, {m.left + m.width(), y}}, thin)
	}
	for c := 1; c < m.columns; c++ {
		x := m.left + float64(c)*m.size
		s.line([][2]float64{{x, m.top}, {x, m.top + m.height()}}, thin)
	}
}

func (m *matrix) drawLabels(s *sheet) {
	st := style{size: smallText, color: ink, align: right}
	for r := 0; m.showRows && r < m.rows; r++ {
		s.text(m.left-6, m.top+(float64(r)+0.5)*m.sizeY, fit(m.rowLabels[r], smallText, m.labelWidth), st)
	}
	for c := 0; m.showColumns && c < m.columns; c++ {
		m.drawColumnLabel(s, m.left+(float64(c)+0.5)*m.size, m.columnLabels[c])
	}
}

func (m *matrix) drawColumnLabel(s *sheet, x float64, label string) {
	base := m.top - 4
	st := style{size: smallText, color: ink, align: center}
	switch {
	case textWidth(label, smallText, false) <= max(m.size, m.labelRoom)-1:
		s.text(x, base-smallText/2, label, st)
	case allWide(label):
		rs := []rune(label)
		for i, r := range rs {
			s.text(x, base-smallText/2-float64(len(rs)-1-i)*smallText*1.1, string(r), st)
		}
	default:
		s.textUp(x, base, label, style{size: smallText, color: ink})
	}
}

// drawParts writes the names of the parts beside the grid, and lines between the parts. The legend has the names that do not fit.
func (m *matrix) drawParts(s *sheet) {
	name := style{size: labelSize, color: ink, align: center, bold: true}
	border := stroke{color: ink, width: min(1.5, m.size/2)} // hides no small cell
	eachPart(m.columnParts, m.size, func(part Part, at, length float64) {
		if at > 0 {
			s.line([][2]float64{{m.left + at, m.top}, {m.left + at, m.top + m.height()}}, border)
		}
		y := m.top - m.labelHeight - 4
		bracket(s, m.left+at, y-2, length, false)
		s.text(m.left+at+length/2, y-1-partBand/2, partName(part, length), name)
	})
	eachPart(m.rowParts, m.sizeY, func(part Part, at, length float64) {
		if at > 0 {
			s.line([][2]float64{{m.left, m.top + at}, {m.left + m.width(), m.top + at}}, border)
		}
		x := m.left - 2
		if m.showRows {
			x -= m.labelWidth + labelGap
		}
		bracket(s, x, m.top+at, length, true)
		s.textUp(x-partBand/2, m.top+at+length/2, partName(part, length), name)
	})
}

// eachPart calls do for the parts that are not empty, with their start and length.
func eachPart(parts []Part, size float64, do func(part Part, at, length float64)) {
	at := 0.0
	for _, part := range parts {
		length := float64(part.Length) * size
		if part.Length > 0 {
			do(part, at, length)
		}
		at += length
	}
}

// partName is what of the name fits beside a part.
func partName(part Part, length float64) string {
	switch {
	case textWidth(part.Name, labelSize, true) <= length:
		return part.Name
	case length < 40:
		return ""
	}
	return fit(part.Name, labelSize, length-4)
}

// bracket is a thin line beside a stretch of positions.
func bracket(s *sheet, x, y, length float64, upright bool) {
	st := stroke{color: soft, width: 1}
	if upright {
		s.line([][2]float64{{x, y + 1}, {x, y + length - 1}}, st)
		return
	}
	s.line([][2]float64{{x + 1, y}, {x + length - 1, y}}, st)
}

func (m *matrix) drawTitles(s *sheet, top float64) {
	st := style{size: smallText, color: soft, align: center}
	if m.columnTitle != "" {
		s.text(m.left+m.width()/2, top+titleBand/2, m.columnTitle, st)
	}
	if m.rowTitle != "" {
		s.textUp(margin+titleBand/2-2, m.top+max(m.height(), textWidth(m.rowTitle, smallText, false))/2, m.rowTitle, st)
	}
}
