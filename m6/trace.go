package m6

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"
)

// Trace collects named activations of a forward pass, for figures and probes. A nil Trace keeps nothing and costs nothing.
//
// Names: mask, embed, and for block i blocks.i.attention [B,H,S,S], blocks.i.middle and blocks.i.out [B,S,D].
type Trace struct {
	Want  func(name string) bool // nil wants everything
	Names []string
	Nodes []*Node
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
