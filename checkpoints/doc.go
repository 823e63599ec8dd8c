// Package checkpoints keeps named tensors on disk: safetensors files in and out, and the checkpoints of a training run.
// It knows no model and no device: a [Tensor] is a name, a type, dimensions and bytes.
package checkpoints
