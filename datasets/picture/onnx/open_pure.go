//go:build !cgo

package onnx

import (
	"fmt"

	"m6lab/datasets/picture"
)

// Open is picture.Open. This program was built without cgo and runs no models: Open is an error.
func Open(file picture.ModelFile, runtime string) (picture.Model, error) {
	return nil, fmt.Errorf("model %s: this program was built without cgo, which ONNX Runtime needs: install a C compiler and build it with CGO_ENABLED=1", file.Path)
}
