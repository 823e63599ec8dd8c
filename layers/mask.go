package layers

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// LengthMask tells which positions are no padding: lengths int32 [B] to bool [B,size], true where position < length.
func LengthMask(lengths *Node, size int) *Node {
	B := lengths.Shape().Dim(0)
	position := Iota(lengths.Graph(), shapes.Make(dtypes.Int32, B, size), 1)
	return LessThan(position, BroadcastToDims(ExpandAxes(lengths, -1), B, size))
}

// PrefixMask says which key each query may look at, valid bool [B,S] to bool [B,S,S] (query, key): every query at the valid keys of
// the prefix, the first `prefix` positions, and a query behind the prefix also at the valid keys of positions up to its own.
// This is a prefix language model's mask: bidirectional inside the prefix, causal behind it.
func PrefixMask(valid *Node, prefix int) *Node {
	valid.AssertRank(2)
	g, B, S := valid.Graph(), valid.Shape().Dim(0), valid.Shape().Dim(1)
	query := Iota(g, shapes.Make(dtypes.Int32, 1, S, S), 1)
	key := Iota(g, shapes.Make(dtypes.Int32, 1, S, S), 2)
	start := Scalar(g, dtypes.Int32, prefix)
	open := Or(LessThan(key, start), And(LessOrEqual(key, query), GreaterOrEqual(query, start)))
	mask := And(BroadcastToDims(open, B, S, S), BroadcastToDims(ExpandAxes(valid, 1), B, S, S))
	mask.AssertDims(B, S, S)
	return mask
}
