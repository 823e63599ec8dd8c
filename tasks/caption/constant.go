package caption

import "slices"

// Candidates and judges of the best constant caption: enough to find a good one, few enough to take a second.
const (
	candidates = 100
	judges     = 200
)

// Constant is the training caption with the highest mean CIDEr-D over training captions, of candidates spread over them; among equals
// the more frequent one.
func Constant(captions []string) string {
	truths := make([][]string, 0, judges)
	for _, s := range spread(captions, judges) {
		truths = append(truths, []string{s})
	}
	best, highest := captions[0], -1.0
	frequent := byFrequency(captions)
	for _, s := range frequent[:min(candidates, len(frequent))] {
		values, err := ciders(truths, slices.Repeat([]string{s}, len(truths)))
		if err != nil {
			continue // a caption without a token
		}
		sum := 0.0
		for _, v := range values {
			sum += v
		}
		if sum > highest {
			best, highest = s, sum
		}
	}
	return best
}

// byFrequency are the different captions, those that stand most often first; of equals those that stand at equal distances come first.
func byFrequency(captions []string) []string {
	times, seen := map[string]int{}, map[string]bool{}
	for _, s := range captions {
		times[s]++
	}
	var out []string
	for _, s := range append(spread(captions, candidates), captions...) {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return times[b] - times[a] })
	return out
}

// spread takes n elements at equal distances.
func spread(all []string, n int) []string {
	n = min(n, len(all))
	out := make([]string, n)
	for i := range out {
		out[i] = all[i*len(all)/n]
	}
	return out
}
