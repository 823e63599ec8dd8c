package score

import (
	"math"
	"strings"
)

// gram is an n-gram of a text and how often it occurs there.
type gram struct {
	text  string // the tokens joined by spaces, which no token holds
	order int    // n-1
	count int
}

// grams counts the n-grams of orders 1 to 4, in the order of their first occurrence, so that sums over them never vary.
func grams(tokens []string) []gram {
	var out []gram
	at := map[string]int{}
	for n := 1; n <= maxOrder; n++ {
		for i := 0; i+n <= len(tokens); i++ {
			text := strings.Join(tokens[i:i+n], " ")
			if j, ok := at[text]; ok {
				out[j].count++
				continue
			}
			at[text] = len(out)
			out = append(out, gram{text: text, order: n - 1, count: 1})
		}
	}
	return out
}

// weighted is a text as CIDEr sees it: tf-idf weights by n-gram, and their norm by order.
type weighted struct {
	grams  []gram
	weight map[string]float64
	norm   [maxOrder]float64
	length float64 // the number of bigrams, as the COCO evaluation measures length
}

// ciderD returns the CIDEr-D of each item (Vedantam et al. 2015, https://arxiv.org/abs/1411.5726): the tf-idf cosine with
// clipped counts, a Gaussian penalty on the difference of lengths (sigma 6), the mean over orders and references, times 10.
func ciderD(items []item) []float64 {
	frequency := map[string]float64{}
	for _, it := range items {
		seen := map[string]bool{}
		for _, reference := range it.references {
			for _, g := range grams(reference) {
				if !seen[g.text] {
					seen[g.text] = true
					frequency[g.text]++
				}
			}
		}
	}
	total := math.Log(float64(len(items)))
	var scores []float64
	for _, it := range items {
		prediction := weigh(it.prediction, frequency, total)
		var sum float64
		for _, reference := range it.references {
			sum += similarity(prediction, weigh(reference, frequency, total))
		}
		scores = append(scores, 10*sum/float64(len(it.references)))
	}
	return scores
}

// weigh computes a text's tf-idf weights; an n-gram that no reference has counts as one that a single id has.
func weigh(tokens []string, frequency map[string]float64, total float64) weighted {
	out := weighted{grams: grams(tokens), weight: map[string]float64{}, length: float64(max(0, len(tokens)-1))}
	for _, g := range out.grams {
		w := float64(g.count) * (total - math.Log(max(1, frequency[g.text])))
		out.weight[g.text] = w
		out.norm[g.order] += w * w
	}
	for k := range out.norm {
		out.norm[k] = math.Sqrt(out.norm[k])
	}
	return out
}

// similarity is the mean over orders of the clipped cosine, with the penalty on the difference of lengths.
func similarity(prediction, reference weighted) float64 {
	const sigma = 6.0
	var by [maxOrder]float64
	for _, g := range prediction.grams {
		r := reference.weight[g.text]
		by[g.order] += min(prediction.weight[g.text], r) * r
	}
	var sum float64
	for k := range by {
		if prediction.norm[k] != 0 && reference.norm[k] != 0 {
			by[k] /= prediction.norm[k] * reference.norm[k]
		}
		sum += by[k]
	}
	delta := prediction.length - reference.length
	return sum / maxOrder * math.Exp(-delta*delta/(2*sigma*sigma))
}
