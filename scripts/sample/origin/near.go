package origin

// gram is the length, in characters, of the pieces by which texts are compared.
const gram = 5

// dropNear removes texts of valid and test of which more than half of the pieces occur in one single row of another split, so that held-out
// text is really new. Rows with a picture stay: they are split by what is shown, and twins are marked. Rows keep their order.
func dropNear(rows []Row, report *Report) []Row {
	index := map[string][]int{} // pieces of held-out rows, and the rows that have them
	for _, r := range rows {
		for g := range grams(r.Text) {
			if r.Split != Train && r.Image == nil {
				index[g] = nil
			}
		}
	}
	for i, r := range rows {
		for g := range grams(r.Text) {
			if at, ok := index[g]; ok {
				index[g] = append(at, i)
			}
		}
	}
	kept := rows[:0:0]
	for i, r := range rows {
		if r.Split != Train && r.Image == nil && nearCopy(rows, index, i) {
			report.Drop(r.Source, "held out, but too like a row of another split")
			continue
		}
		kept = append(kept, r)
	}
	return kept
}

func nearCopy(rows []Row, index map[string][]int, i int) bool {
	shared, all := map[int]int{}, grams(rows[i].Text)
	for g := range all {
		for _, j := range index[g] {
			if rows[j].Split != rows[i].Split {
				shared[j]++
			}
		}
	}
	for _, n := range shared {
		if 2*n > len(all) {
			return true
		}
	}
	return false
}

func grams(text string) map[string]bool {
	set, runes := map[string]bool{}, []rune(text)
	for i := 0; i+gram <= len(runes); i++ {
		set[string(runes[i:i+gram])] = true
	}
	return set
}
