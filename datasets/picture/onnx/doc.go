// Package onnx runs the models of a picture recipe through ONNX Runtime.
//
//	filter, err := picture.NewWithModels(options, onnx.Open)
//
// The runtime is a shared library of its own, loaded when the first model is opened and not before; [Library] says where it is looked for.
// The PyPI package onnxruntime has it: pip install onnxruntime. The package needs cgo; built without it, Open is an error.
//
// # Models that packages ship
//
// PP-OCRv4's text finder for the text rule, in the PyPI package rapidocr-onnxruntime (Apache-2.0), is [TextFinder]. A nudity detector for
// the illegal rule, in the PyPI package nudenet, is [NudityDetector]; it is AGPL-3.0, so whether to use it is the user's affair.
//
// A model runs on one thread, as pictures are judged in parallel: so its scores do not depend on the machine's cores.
//
// # Security
//
// A model and the shared library are programs: name only files that you trust.
package onnx
