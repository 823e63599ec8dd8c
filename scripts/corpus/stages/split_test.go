package stages

import (
	"path/filepath"
	"testing"

	"m6lab/datasets/record"
	"m6lab/scripts/corpus/corpustest"
	"m6lab/scripts/corpus/recipe"
)

// TestSplit: a record's split does not depend on the rules, only on what was found.
func TestSplit(t *testing.T) {
	_, in := corpustest.Inputs(t)
	splits := map[string]string{} // by id
	for name, r := range map[string]recipe.Recipe{"paper": recipe.Paper(), "default": recipe.Default()} {
		r.Split = recipe.Split{Valid: 0.25, Test: 0.25}
		dir := filepath.Join(t.TempDir(), name)
		built(t, Options{In: in, Dir: dir, Recipe: r})
		names, err := record.Splits(dir)
		check(t, err)
		for _, split := range names {
			set, err := record.Open(dir, split)
			check(t, err)
			for i := range set.Len() {
				row, err := set.Read(i)
				check(t, err)
				if other, seen := splits[row.ID]; seen && other != split {
					t.Errorf("%s is in %s by one recipe and in %s by another", row.ID, other, split)
				}
				splits[row.ID] = split
			}
			check(t, set.Close())
		}
	}
	count := map[string]int{}
	for _, split := range splits {
		count[split]++
	}
	if count["train"] == 0 || count["valid"] == 0 || count["test"] == 0 {
		t.Errorf("the splits hold %v: the test sees too little", count)
	}
}
