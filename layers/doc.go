// Package layers holds graph functions that any Transformer could use: attention with masks and a cache, feed-forward networks, norms,
// mixtures of experts, residual networks. It knows nothing of a particular model.
//
// A layer is a function of its [Weights] and its input; what tensors it wants, a twin function declares as [Param]s. Nothing here holds
// a value: weights are graph parameters that the caller owns.
//
// Dimension key, used in every comment:
//
//	B batch    S sequence   D width      H heads        K = D/H     F feed-forward width
//	E experts  C capacity   V vocabulary N = B*S rows   X features
package layers
