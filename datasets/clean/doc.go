// Package clean decides which text is worth keeping.
//
// [KN] is its language model: character n-grams with interpolated modified Kneser-Ney smoothing. The perplexity of a text
// under a model of good text tells it from noise, and on held-out text it is the baseline that a Transformer must beat;
// [KN.BestFill] is the baseline of masked text.
//
// # Caveats
//
// Counts are kept in memory: about 28 bytes a symbol while training, and 8 to 28 bytes a distinct n-gram afterwards.
package clean
