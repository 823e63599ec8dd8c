package m6

import (
	"fmt"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"
)

// Trace collects named activations of a forward pass, for figures and probes. A nil Trace keeps nothing and costs nothing.
//
// Names: mask bool [B,S,S], embed [B,S,D], and for block i blocks.i.attention [B,H,S,S], blocks.i.keys and blocks.i.values [B,S,H,K],
// blocks.i.out [B,S,D].
type Trace struct {
	Want  func(name string) bool // nil wants everything
	Names []string
	Nodes []*Node
}

// node is what was kept under a name, nil where nothing was.
func (t *Trace) node(format string, args ...any) *Node {
	if i := slices.Index(t.Names, fmt.Sprintf(format, args...)); i >= 0 {
		return t.Nodes[i]
	}
	return nil
}

// Keep notes x under a name, if it is wanted.
func (t *Trace) Keep(x *Node, format string, args ...any) {
	if t == nil {
		return
	}
	name := fmt.Sprintf(format, args...)
	if t.Want == nil || t.Want(name) {
		t.Names = append(t.Names, name)
		t.Nodes = append(t.Nodes, x)
	}
}
