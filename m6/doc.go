// Package m6 is the model of "M6: A Chinese Multimodal Pretrainer" (Lin et al., 2021, https://arxiv.org/abs/2103.00823): one
// Transformer over the sequence [picture patches | masked text | complete text], that encodes and decodes.
//
// Dimension key, used in every comment of this package and of package layers:
//
//	B batch    P patches   M masked tokens   T complete tokens   C picture codes   S = P+M+T+C sequence   X patch features
//	D width    H heads     K = D/H           F feed-forward      E experts         V vocabulary
//
// Data flows one way:
//
//	records --Objective--> Sequence --Loader--> Batch --Step (one program on a mesh)--> State' --> checkpoints
//
// A Step is a compiled program of the forward pass, loss, gradients and optimizer; a State is what it changes: weights, moments and
// the position in the data, plain values that are saved, resumed and laid out anew. The four pretraining tasks differ only in data.
//
// The choices that the paper leaves open are numbered in DECISIONS.md.
package m6
