package m6

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"m6lab/checkpoints"
)

// caseReader reads the tensors of a case and keeps the first error.
type caseReader struct {
	byName map[string]checkpoints.Tensor
	err    error
}

// size is the second dimension of a tensor, 0 where it is absent.
func (c *caseReader) size(name string) int {
	if t, ok := c.byName[name]; ok && len(t.Dims) > 1 {
		return t.Dims[1]
	}
	return 0
}

// ints reads an int32 tensor whose elements lie in [0,limit].
func (c *caseReader) ints(name string, limit int, dims ...int) []int32 {
	t := c.tensor(name, dims)
	if c.err != nil {
		return nil
	}
	out, err := t.Int32s()
	if err != nil {
		c.err = err
		return nil
	}
	for i, x := range out {
		if x < 0 || int(x) > limit {
			c.err = fmt.Errorf("%s[%d] is %d: want 0 to %d", name, i, x, limit)
			return nil
		}
	}
	return out
}

func (c *caseReader) floats(name string, dims ...int) []float32 {
	t := c.tensor(name, dims)
	if c.err != nil {
		return nil
	}
	out, err := t.Float32s()
	c.err = err
	return out
}

func (c *caseReader) tensor(name string, dims []int) checkpoints.Tensor {
	t, ok := c.byName[name]
	if c.err == nil && !ok {
		c.err = fmt.Errorf("the case has no tensor %s %v", name, dims)
	} else if c.err == nil && !slices.Equal(t.Dims, dims) {
		c.err = fmt.Errorf("%s has dimensions %v: want %v", name, t.Dims, dims)
	}
	return t
}

func toF32(x *Node) *Node { return ConvertDType(x, dtypes.Float32) }
