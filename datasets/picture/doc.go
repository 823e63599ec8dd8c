// Package picture decides which pictures are worth keeping: the rules of section 2 of the paper, and the filters of its section 4.1.
//
//	filter, err := picture.New(picture.Paper())
//	if err != nil { ... }
//	p, reason := filter.Check(data) // "" kept; else the rule that dropped it, "blur" or "decodable: truncated"
//	counts.Add(p, reason)
//
// Every rule has a file, a switch and a threshold in [Options], a row in [Counts], and says in [Filter.Rules] what the paper says of it and
// what the paper leaves open. Three recipes are given: [Paper] has what the paper names, [Default] the usual additions too, [Imagine] what
// section 4.1 filters before pictures are generated from text.
//
// # Rules, in their order
//
//	pixels      at least 5000 pixels, read from the header                 section 2
//	decodable   it is a picture that can be read whole                     implied
//	aspect      the longer side over the shorter one                       addition
//	uniform     share of one colour                                        stands for the quality scorer
//	entropy     bits of the histogram of grey                              stands for the quality scorer
//	blur        variance of the Laplacian at a fixed size                  stands for the quality scorer
//	border      share of a plain frame around the picture                  addition
//	white       share of white around the edge                             section 4.1
//	text        share of lines of text, by a heuristic or a text finder    section 4.1
//	objects     number of things on a plain ground                         section 4.1
//	illegal     classifiers and detectors that the user gives              section 2
//	quality     a scorer that the user gives                               section 2
//
// Pictures are judged at a fixed size, at most 256 pixels a side (512 for text), so that a threshold means the same for a thumbnail and a
// photograph of 12 million pixels: what matters is what a model sees, and it sees 224.
//
// # Models
//
// The heuristics are pure Go. Where the recipe names an ONNX model, [Open] is asked for it: package datasets/picture/onnx has one that
// runs ONNX Runtime and needs cgo; programs that do not import it need no C compiler.
//
// # Caveats
//
// The heuristics are measured on a labelled set (testdata/table.txt has precision and recall of each). In short: blur takes a picture with
// little detail for a blurred one and noise for detail; text misses lettering that is large, curved, handwritten or of low contrast;
// objects counts things that touch as one, and does not judge where the ground is not plain.
//
// # Security
//
// Sizes are read from the header and held against limits before anything is decoded (see datasets/image); a JPEG of more scans than any
// encoder writes is refused too, as each scan costs as much time as the whole picture. No input panics.
package picture
