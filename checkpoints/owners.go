package checkpoints

import (
	"cmp"
	"fmt"
	"slices"
)

// Owners shares out parts that every rank holds: for each part the rank that writes it, so that all write about as many bytes. The
// largest part goes first, each to the rank with the least so far (longest processing time first, Graham 1969): no rank writes more
// than 4/3 of what the best division would give it. Equal parts give equal owners on every rank. A part of an unknown type or
// impossible size is an error.
func Owners(parts []Part, ranks int) ([]int, error) {
	if ranks < 1 {
		return nil, fmt.Errorf("parts shared out over %d ranks: at least 1 is needed", ranks)
	}
	sizes := make([]int64, len(parts))
	order := make([]int, len(parts))
	for i, part := range parts {
		n, err := part.stored().Bytes()
		if err != nil {
			return nil, err
		}
		sizes[i], order[i] = n, i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sizes[b], sizes[a]) })
	owners := make([]int, len(parts))
	load := make([]int64, ranks)
	for _, i := range order {
		least := slices.Index(load, slices.Min(load))
		owners[i] = least
		load[least] += sizes[i]
	}
	return owners, nil
}
