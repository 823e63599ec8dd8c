package picture_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"m6lab/datasets/picture"
)

func ExampleFilter_Explain() {
	filter, err := picture.New(picture.Paper())
	if err != nil {
		fmt.Println(err)
		return
	}
	grey := image.NewGray(image.Rect(0, 0, 120, 90))
	for i := range grey.Pix {
		grey.Pix[i] = 200
	}
	grey.SetGray(7, 7, color.Gray{Y: 10})
	var data bytes.Buffer
	if err := png.Encode(&data, grey); err != nil {
		fmt.Println(err)
		return
	}
	_, reason := filter.Explain(data.Bytes(), func(s picture.Score) {
		if s.On && s.Judged {
			fmt.Printf("%-9s %9.4f against %g, drops: %t\n", s.Rule, s.Value, s.Threshold, s.Drops)
		}
	})
	fmt.Println("dropped by", reason)
	// Output:
	// pixels    10800.0000 against 5000, drops: false
	// decodable    1.0000 against 1, drops: false
	// uniform      0.9999 against 0.995, drops: true
	// entropy      0.0014 against 0.12, drops: true
	// blur        20.0196 against 0.15, drops: false
	// dropped by uniform
}
