//go:build cgo

package onnx

import (
	"errors"
	"fmt"
	stdimage "image"
	"os"
	"path/filepath"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"m6lab/datasets/picture"
)

// loaded is the one runtime of the process.
var loaded struct {
	sync.Mutex
	path string
}

// load loads the shared library, once.
func load(given string) error {
	loaded.Lock()
	defer loaded.Unlock()
	if loaded.path != "" {
		if given != "" && !sameFile(given, loaded.path) {
			return fmt.Errorf("ONNX Runtime: %s is loaded already, and a process has but one: name the same in picture.runtime, not %s", loaded.path, given)
		}
		return nil
	}
	path, err := Library(given)
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return fmt.Errorf("ONNX Runtime: %s cannot be used: %s; install a newer one, pip install --upgrade onnxruntime", path, oneLine(err))
	}
	loaded.path = path
	return nil
}

func sameFile(a, b string) bool {
	one, err1 := os.Stat(a)
	two, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(one, two)
}

func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// model is an open session.
type model struct {
	file          picture.ModelFile
	height, width int // of the model's input; 0 where it takes any
	session       *ort.DynamicAdvancedSession
}

// Open is picture.Open. It runs the model once, on a grey picture, so that one that does not fit its kind is an error before any work.
func Open(file picture.ModelFile, runtime string) (picture.Model, error) {
	if _, err := os.Stat(file.Path); err != nil {
		return nil, fmt.Errorf("model %s: %w", file.Path, errors.Unwrap(err))
	}
	if err := load(runtime); err != nil {
		return nil, err
	}
	m := &model{}
	if err := m.open(file); err != nil {
		return nil, err
	}
	grey := stdimage.NewRGBA(stdimage.Rect(0, 0, 64, 48))
	for i := range grey.Pix {
		grey.Pix[i] = 127
	}
	if _, err := m.Score(grey); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

func (m *model) open(file picture.ModelFile) error {
	inputs, outputs, err := ort.GetInputOutputInfo(file.Path)
	if err != nil {
		return fmt.Errorf("model %s: %s: is it an ONNX file?", file.Path, oneLine(err))
	}
	if len(inputs) != 1 || len(outputs) == 0 {
		return fmt.Errorf("model %s has %d inputs and %d outputs: want one input, a picture [1,3,H,W]", file.Path, len(inputs), len(outputs))
	}
	in := inputs[0]
	shape := in.Dimensions
	if in.DataType != ort.TensorElementDataTypeFloat || len(shape) != 4 || shape[1] != 3 && shape[1] > 0 || shape[0] > 1 {
		return fmt.Errorf("model %s: its input is %s %v: want float [1,3,H,W]", file.Path, in.DataType, []int64(shape))
	}
	if shape[2] > 4096 || shape[3] > 4096 {
		return fmt.Errorf("model %s: its input is %v: want at most 4096 pixels", file.Path, []int64(shape))
	}
	m.height, m.width = max(0, int(shape[2])), max(0, int(shape[3]))
	m.file = file.Resolved(m.height, m.width)
	options, err := ort.NewSessionOptions()
	if err != nil {
		return fmt.Errorf("model %s: %s", file.Path, oneLine(err))
	}
	defer options.Destroy()
	if err := errors.Join(options.SetIntraOpNumThreads(1), options.SetInterOpNumThreads(1)); err != nil {
		return fmt.Errorf("model %s: %s", file.Path, oneLine(err))
	}
	m.session, err = ort.NewDynamicAdvancedSession(file.Path, []string{in.Name}, []string{outputs[0].Name}, options)
	if err != nil {
		return fmt.Errorf("model %s: %s", file.Path, oneLine(err))
	}
	return nil
}

// Score implements picture.Model.
func (m *model) Score(pixels *stdimage.RGBA) (float64, error) {
	in := inputOf(pixels, m.file, m.height, m.width)
	values, shape, err := m.run(in)
	if err != nil {
		return 0, fmt.Errorf("model %s: %s", m.file.Path, oneLine(err))
	}
	return scoreOf(m.file, in, values, shape)
}

// run returns the first output and its shape.
func (m *model) run(in input) ([]float32, []int64, error) {
	tensor, err := ort.NewTensor(ort.NewShape(1, 3, int64(in.height), int64(in.width)), in.values)
	if err != nil {
		return nil, nil, err
	}
	defer tensor.Destroy()
	outputs := []ort.Value{nil}
	if err := m.session.Run([]ort.Value{tensor}, outputs); err != nil {
		return nil, nil, err
	}
	defer outputs[0].Destroy()
	out, ok := outputs[0].(*ort.Tensor[float32])
	if !ok {
		return nil, nil, fmt.Errorf("its output is %T: want float numbers", outputs[0])
	}
	return append([]float32(nil), out.GetData()...), append([]int64(nil), out.GetShape()...), nil
}

// Close implements picture.Model.
func (m *model) Close() error { return m.session.Destroy() }
