package stages

import "m6lab/scripts/corpus/recipe"

type index struct{}

func (*index) Hit(string) (string, bool) { return "", false }

func openIndex(recipe.Decontaminate) (*index, error) { return nil, nil }
