package layers

import . "github.com/gomlx/gomlx/core/graph"

// Lookup is table[ids], table [V,D] and ids int32 [...] to [...,D]. spread, where it is given, lays out over devices what the table's gradient
// is made of: the ids and the gradient of the result.
func Lookup(table, ids *Node, spread func(ids, dy *Node) (*Node, *Node)) *Node {
	if spread == nil {
		return Gather(table, ExpandAxes(ids, -1))
	}
	forward := func(in []*Node) *Node { return Gather(in[0], ExpandAxes(ids, -1)) }
	return withGradient([]*Node{table}, forward, func(_ []*Node, _ remade, dy *Node) []*Node {
		at, dy := spread(ids, dy)
		return []*Node{Scatter(ExpandAxes(at, -1), dy, table.Shape(), false, false)}
	})
}
