package viz

// piece is a stretch of text that is the same in another text, or not.
type piece struct {
	Text string
	Same bool
}

// compare splits got into stretches that occur in want in the same order (a longest common subsequence of characters) and others.
// Texts of more than 2,000 characters are compared as a whole.
func compare(got, want string) []piece {
	a, b := []rune(got), []rune(want)
	if len(a) > 2000 || len(b) > 2000 {
		return []piece{{got, got == want}}
	}
	length := make([][]int, len(a)+1) // length[i][j]: of the common subsequence of a[i:] and b[j:]
	for i := range length {
		length[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var out []piece
	put := func(r rune, same bool) {
		if len(out) == 0 || out[len(out)-1].Same != same {
			out = append(out, piece{Same: same})
		}
		out[len(out)-1].Text += string(r)
	}
	for i, j := 0, 0; i < len(a); {
		switch {
		case j < len(b) && a[i] == b[j]:
			put(a[i], true)
			i, j = i+1, j+1
		case j < len(b) && length[i][j+1] >= length[i+1][j]:
			j++
		default:
			put(a[i], false)
			i++
		}
	}
	return out
}
