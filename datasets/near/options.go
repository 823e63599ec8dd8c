package near

import (
	"fmt"
	"math"
)

// Options is the recipe's part "duplicates".
type Options struct {
	Exact    ExactOptions   `json:"exact"`
	Texts    TextOptions    `json:"texts"`
	Pictures PictureOptions `json:"pictures"`
}

// ExactOptions says whether texts that are equal (as [Normal] writes them) are found.
type ExactOptions struct {
	On bool `json:"on"`
}

// TextOptions says how near-duplicate texts are found.
type TextOptions struct {
	On bool `json:"on"`
	// Characters is the length of the n-grams in characters.
	Characters int `json:"characters"`
	// Bands and Rows make the curve: texts that agree in all rows of a band are compared. Every band costs 24 bytes a text.
	Bands int `json:"bands"`
	Rows  int `json:"rows"`
	// Similarity is the least Jaccard similarity, as estimated from 80 bits, of texts that are compared; 0 takes all that share a band.
	Similarity float64 `json:"similarity"`
	// Seed makes other hashes.
	Seed uint64 `json:"seed"`
}

// PictureOptions says how near-duplicate pictures are found.
type PictureOptions struct {
	On bool `json:"on"`
	// Hash is "phash" ([PictureHash]) or "dhash" ([DifferenceHash]).
	Hash string `json:"hash"`
	// Distance is the most bits in which the hashes of duplicates differ.
	Distance int `json:"distance"`
	// Blocks is how many blocks of bits make a key: more make rarer keys and more of them (Distance+Blocks over Blocks a picture, of 15
	// bytes each).
	Blocks int `json:"blocks"`
}

// Default returns what is used where the recipe says nothing: everything on, 5-grams, 14 bands of 8 rows with similarity 0.7, perceptual
// hashes with at most 4 bits of difference.
func Default() Options {
	return Options{
		Exact:    ExactOptions{On: true},
		Texts:    TextOptions{On: true, Characters: 5, Bands: 14, Rows: 8, Similarity: 0.7, Seed: 1},
		Pictures: PictureOptions{On: true, Hash: "phash", Distance: 4, Blocks: 2},
	}
}

// Paper returns the paper's: nothing is on, the rest is Default.
func Paper() Options {
	o := Default()
	o.Exact.On, o.Texts.On, o.Pictures.On = false, false, false
	return o
}

// Bounds of the options.
const (
	maxCharacters = 64
	maxBands      = 256
	maxRows       = 64
	maxKeys       = 256 // of a picture
)

// Validate names the key that is wrong.
func (o Options) Validate() error {
	t, p := o.Texts, o.Pictures
	switch {
	case t.Characters < 1 || t.Characters > maxCharacters:
		return fmt.Errorf("texts.characters: %d: want 1 to %d", t.Characters, maxCharacters)
	case t.Bands < 1 || t.Bands > maxBands:
		return fmt.Errorf("texts.bands: %d: want 1 to %d", t.Bands, maxBands)
	case t.Rows < 1 || t.Rows > maxRows:
		return fmt.Errorf("texts.rows: %d: want 1 to %d", t.Rows, maxRows)
	case !(t.Similarity >= 0 && t.Similarity <= 1):
		return fmt.Errorf("texts.similarity: %v: want 0 to 1", t.Similarity)
	case p.Hash != "phash" && p.Hash != "dhash":
		return fmt.Errorf("pictures.hash: %q: want phash or dhash", p.Hash)
	case p.Distance < 0 || p.Distance > 16:
		return fmt.Errorf("pictures.distance: %d: want 0 to 16 bits", p.Distance)
	case p.Blocks < 1 || p.Blocks > 8:
		return fmt.Errorf("pictures.blocks: %d: want 1 to 8", p.Blocks)
	}
	if n := choices(p.Distance+p.Blocks, p.Blocks); n > maxKeys {
		return fmt.Errorf("pictures.blocks: %d with distance %d makes %d keys a picture: want at most %d", p.Blocks, p.Distance, n, maxKeys)
	}
	return nil
}

// choices is n over k.
func choices(n, k int) int {
	c := 1
	for i := range k {
		c = c * (n - i) / (i + 1)
	}
	return c
}

// Probability returns how probably two texts of Jaccard similarity j are found to be duplicates: that they share a band, times that
// enough of the 80 bits agree.
func (o TextOptions) Probability(j float64) float64 {
	band := 1 - math.Pow(1-math.Pow(j, float64(o.Rows)), float64(o.Bands))
	equal, enough := (1+j)/2, 0.0
	for differ := range o.mostDiffering() + 1 {
		enough += math.Exp(logChoices(sketchBits, differ)) * math.Pow(1-equal, float64(differ)) * math.Pow(equal, float64(sketchBits-differ))
	}
	return band * min(1, enough)
}

// mostDiffering is how many of the 80 bits may differ.
func (o TextOptions) mostDiffering() int {
	if o.Similarity == 0 {
		return sketchBits
	}
	return int(sketchBits/2*(1-o.Similarity) + 1e-9)
}

func logChoices(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
