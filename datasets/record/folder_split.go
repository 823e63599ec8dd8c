package record

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/zeebo/xxh3"
)

// group is a number of items that must lie in one split.
type group struct {
	rows  int          // how many items
	least xxh3.Uint128 // the least hash of its texts and pictures: its name, whatever the files are called
	draw  uint64       // its place in the order of the draw
}

// divide returns the split of every item: groups in the order of a draw by the seed go to test or valid, whichever is
// emptier, as long as they fit; the rest, and always the largest group, is train.
func (c *collector) divide() []string {
	groups, of := c.groups()
	for i := range groups {
		var b [24]byte
		binary.BigEndian.PutUint64(b[:], c.o.Seed)
		name := groups[i].least.Bytes()
		copy(b[8:], name[:])
		groups[i].draw = xxh3.Hash(b[:])
	}
	order := make([]int, len(groups))
	largest := 0
	for i := range groups {
		order[i] = i
		if groups[i].rows > groups[largest].rows {
			largest = i
		}
	}
	slices.SortFunc(order, func(a, b int) int { return compareGroups(groups[a], groups[b]) })
	split := c.fill(groups, order, largest)
	splits := make([]string, len(c.items))
	for i := range splits {
		splits[i] = split[of[i]]
	}
	return splits
}

func compareGroups(a, b group) int {
	return cmp.Or(cmp.Compare(a.draw, b.draw), compare128(a.least, b.least))
}

func compare128(a, b xxh3.Uint128) int {
	return cmp.Or(cmp.Compare(a.Hi, b.Hi), cmp.Compare(a.Lo, b.Lo))
}

// share is how full a split is.
type share struct {
	name        string
	quota, rows int
}

// fill gives every group its split.
func (c *collector) fill(groups []group, order []int, largest int) []string {
	split := make([]string, len(groups))
	held := []*share{{"test", quota(c.o.Test, len(c.items)), 0}, {"valid", quota(c.o.Valid, len(c.items)), 0}}
	for _, g := range order {
		split[g] = "train"
		var to *share
		for _, s := range held {
			if g != largest && s.rows+groups[g].rows <= s.quota && (to == nil || s.rows*to.quota < to.rows*s.quota) {
				to = s
			}
		}
		if to != nil {
			split[g] = to.name
			to.rows += groups[g].rows
		}
	}
	for _, s := range held {
		if s.quota > 0 && s.rows == 0 {
			c.report.Notes = append(c.report.Notes, fmt.Sprintf("the split %s is empty: %d rows in %d groups that share no text or picture are too few", s.name, len(c.items), len(groups)))
		}
	}
	if n := groups[largest].rows; len(groups) > 1 && 2*n > len(c.items) {
		c.report.Notes = append(c.report.Notes, fmt.Sprintf("%d of %d rows hang together by the same texts or pictures and are all in train", n, len(c.items)))
	}
	return split
}

// quota is the number of rows that a share of n is, at least 1 where the share is not 0.
func quota(share float64, n int) int {
	if share == 0 {
		return 0
	}
	return max(1, int(math.Round(share*float64(n))))
}

// groups joins the items that share a text or a picture; of says in which group each item is.
func (c *collector) groups() (groups []group, of []int) {
	parent := make([]int, len(c.items))
	find := func(i int) int {
		for parent[i] != i {
			parent[i] = parent[parent[i]]
			i = parent[i]
		}
		return i
	}
	first := map[xxh3.Uint128]int{}
	for i := range c.items {
		parent[i] = i
		for _, key := range c.keys(i) {
			if j, seen := first[key]; seen {
				a, b := find(i), find(j)
				parent[max(a, b)] = min(a, b)
			} else {
				first[key] = i
			}
		}
	}
	of = make([]int, len(c.items))
	for i := range c.items {
		root := find(i)
		if root == i {
			of[i] = len(groups)
			groups = append(groups, group{least: slices.MinFunc(c.keys(i), compare128)})
		}
		of[i] = of[root] // the root is the first of its items
		g := &groups[of[i]]
		g.rows++
		g.least = slices.MinFunc(append(c.keys(i), g.least), compare128)
	}
	return groups, of
}

// keys are the hashes of what the i-th item must not share with another split; never none.
func (c *collector) keys(i int) []xxh3.Uint128 {
	it := &c.items[i]
	if it.picture == "" {
		return it.texts
	}
	return append(it.texts, c.pictures[it.picture].key)
}
