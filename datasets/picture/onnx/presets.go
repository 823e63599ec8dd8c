package onnx

import "m6lab/datasets/picture"

// TextFinder is how PP-OCRv4's text finder, ch_PP-OCRv4_det_infer.onnx, wants its pictures. Small pictures are enlarged to 736 pixels, as
// print of 12 pixels is found there and not at 256. Alone it takes single drawings on a plain ground, as emoji, for characters, with
// certainty; so only what is twice as long as wide counts, and a single character does not.
func TextFinder(path string) picture.ModelFile {
	half := [3]float64{0.5, 0.5, 0.5}
	return picture.ModelFile{Path: path, Kind: "map", Side: 736, Fit: "keep", Order: "bgr", Mean: half, Deviation: half, Above: 0.3, Elongated: 2}
}

// NudityDetector is how NudeNet's 320n.onnx wants its pictures; the classes are those that it calls exposed, but for feet, bellies, armpits
// and male chests.
func NudityDetector(path string) picture.ModelFile {
	return picture.ModelFile{Path: path, Kind: "detector", Side: 320, Fit: "pad", Order: "rgb", Classes: []int{2, 3, 4, 6, 14}}
}
