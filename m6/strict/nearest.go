package strict

import "strings"

// Nearest returns the entry of valid that is closest to word by edit distance (insertions,
// deletions, substitutions and swaps of neighbours, each 1; case is ignored), the first of equals.
// An entry that word begins is taken to be one edit away. It returns "" only when valid is empty.
func Nearest(word string, valid []string) string {
	best, bestCost := "", -1
	for _, candidate := range valid {
		if cost := nearness(word, candidate); bestCost < 0 || cost < bestCost {
			best, bestCost = candidate, cost
		}
	}
	return best
}

// Close tells whether word is likely meant to be name: a third of its characters differ at most.
func Close(word, name string) bool { return nearness(word, name) <= max(1, len([]rune(word))/3) }

// NearestKey is [Nearest] for dotted keys: the last part counts twice, so that a right name in the
// wrong group, or without a group, finds its place.
func NearestKey(key string, valid []string) string {
	group, last := splitKey(key)
	best, bestCost := "", -1
	for _, candidate := range valid {
		candidateGroup, candidateLast := splitKey(candidate)
		cost := min(2*nearness(last, candidateLast)+nearness(group, candidateGroup), 2*nearness(key, candidate))
		if group == "" && last == candidateLast {
			cost = min(cost, 1)
		}
		if bestCost < 0 || cost < bestCost {
			best, bestCost = candidate, cost
		}
	}
	return best
}

// splitKey cuts a dotted key before its last part.
func splitKey(key string) (group, last string) {
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		return key[:i], key[i+1:]
	}
	return "", key
}

// nearness is the cost of reading candidate where word was written: 0 for the same word, at most 1
// for a beginning of it or its initials ("lr" for learning_rate), else the edit distance.
func nearness(word, candidate string) int {
	a, b := strings.ToLower(word), strings.ToLower(candidate)
	if a == b {
		return 0
	}
	if len(a) >= 2 && (strings.HasPrefix(b, a) || a == initials(b)) {
		return 1
	}
	return editDistance([]rune(a), []rune(b))
}

// initials returns the first bytes of the words of a snake_case name.
func initials(name string) string {
	var out strings.Builder
	for _, word := range strings.Split(name, "_") {
		if word != "" {
			out.WriteByte(word[0])
		}
	}
	return out.String()
}

// editDistance is the optimal string alignment distance of a and b.
func editDistance(a, b []rune) int {
	before, previous, current := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range previous {
		previous[j] = j
	}
	for i := 1; i <= len(a); i++ {
		current[0] = i
		for j := 1; j <= len(b); j++ {
			substitution := previous[j-1]
			if a[i-1] != b[j-1] {
				substitution++
			}
			current[j] = min(previous[j]+1, current[j-1]+1, substitution)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				current[j] = min(current[j], before[j-2]+1)
			}
		}
		before, previous, current = previous, current, before
	}
	return previous[len(b)]
}
