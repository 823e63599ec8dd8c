package m6

import "m6lab/layers"

// options says which grid of features the model takes from the encoder: grid 14 of a 224-pixel ResNet-50 is stage 3's own, every
// other grid is the last stage's, pooled where it is finer (DECISIONS.md#5).
func (e Encoder) options(net layers.ResNet) layers.ResNetOptions {
	return layers.ResNetOptions{Grid: e.Grid}
}
