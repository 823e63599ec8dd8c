package picture

import stdimage "image"

// near is how far, in levels of each channel, a pixel may be from a colour to count as that colour. It bears JPEG's noise.
const near = 12

// uniformRule measures the share of the most common colour.
func uniformRule(o AtMost) *rule {
	return &rule{
		Rule: Rule{
			Name: "uniform", Version: 1, Level: section2, On: o.On, Keeps: atMost, Threshold: o.Max, Unit: "share of pixels",
			Doc: "Stands, with entropy and blur, for the paper's image-quality scorer, which it does not describe. Drops blank pictures, placeholders and " +
				"spacers: nearly every pixel is within 12 levels of the most common colour. A small thing on a plain ground stays.",
		},
		measure: func(v *view) (float64, bool, string) {
			if !v.decoded() {
				return 0, false, v.fault
			}
			seen := v.seen()
			return share(seen, commonest(seen)), true, ""
		},
	}
}

// commonest is the colour that most pixels have: the mean of the fullest of 16 x 16 x 16 boxes.
func commonest(src *stdimage.RGBA) [3]int32 {
	var number [4096]int32
	var sums [4096][3]int32
	for y := range src.Rect.Dy() {
		row := src.Pix[y*src.Stride:][:4*src.Rect.Dx()]
		for ; len(row) >= 4; row = row[4:] {
			box := int(row[0]>>4)<<8 | int(row[1]>>4)<<4 | int(row[2]>>4)
			number[box]++
			s := &sums[box]
			s[0] += int32(row[0])
			s[1] += int32(row[1])
			s[2] += int32(row[2])
		}
	}
	best := 0
	for box, n := range number {
		if n > number[best] {
			best = box
		}
	}
	n := number[best]
	return [3]int32{(sums[best][0] + n/2) / n, (sums[best][1] + n/2) / n, (sums[best][2] + n/2) / n}
}

// share is the share of pixels that are near a colour.
func share(src *stdimage.RGBA, colour [3]int32) float64 {
	count := 0
	for y := range src.Rect.Dy() {
		row := src.Pix[y*src.Stride:][:4*src.Rect.Dx()]
		for ; len(row) >= 4; row = row[4:] {
			if isNear(row, colour) {
				count++
			}
		}
	}
	return float64(count) / float64(src.Rect.Dx()*src.Rect.Dy())
}

// isNear tells whether a pixel is near a colour in every channel.
func isNear(pixel []uint8, colour [3]int32) bool {
	r, g, b := int32(pixel[0])-colour[0], int32(pixel[1])-colour[1], int32(pixel[2])-colour[2]
	return uint32(r+near) <= 2*near && uint32(g+near) <= 2*near && uint32(b+near) <= 2*near
}
