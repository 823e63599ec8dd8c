package score

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// maxOrder is the longest n-gram that BLEU and CIDEr-D count.
const maxOrder = 4

// Caption scores one prediction per id against that id's references. It returns bleu1 to bleu4 (corpus BLEU, closest
// reference length), rouge_l (mean over ids, beta 1.2) and cider_d (CIDEr-D, 0 to 10, document frequencies from these
// references), as the COCO caption evaluation computes them, over [Tokens].
//
// An id that only one side has, an id without references and a reference without a token are errors.
func Caption(references map[string][]string, predictions map[string]string) (map[string]float64, error) {
	items, err := pair(references, predictions)
	if err != nil {
		return nil, fmt.Errorf("score captions: %w", err)
	}
	out := map[string]float64{"rouge_l": rougeL(items), "cider_d": mean(ciderD(items))}
	for i, b := range bleu(items) {
		out[fmt.Sprintf("bleu%d", i+1)] = b
	}
	return out, nil
}

// CiderD returns the CIDEr-D of each id, whose mean is the cider_d of [Caption]; it has the same errors.
func CiderD(references map[string][]string, predictions map[string]string) (map[string]float64, error) {
	items, err := pair(references, predictions)
	if err != nil {
		return nil, fmt.Errorf("score captions: %w", err)
	}
	out := make(map[string]float64, len(items))
	for i, s := range ciderD(items) {
		out[items[i].id] = s
	}
	return out, nil
}

// item is one id's tokens.
type item struct {
	id         string
	prediction []string
	references [][]string
}

// pair joins both sides by id, in the order of the ids.
func pair(references map[string][]string, predictions map[string]string) ([]item, error) {
	if err := sameIDs(references, predictions); err != nil {
		return nil, err
	}
	items := make([]item, 0, len(references))
	for _, id := range slices.Sorted(maps.Keys(references)) {
		it := item{id: id, prediction: Tokens(predictions[id])}
		for i, text := range references[id] {
			tokens := Tokens(text)
			if len(tokens) == 0 {
				return nil, fmt.Errorf("reference %d of id %q has no text: remove it", i, id)
			}
			it.references = append(it.references, tokens)
		}
		if len(it.references) == 0 {
			return nil, fmt.Errorf("id %q has an empty list of references: give it one or leave it out on both sides", id)
		}
		items = append(items, it)
	}
	return items, nil
}

// sameIDs returns an error that names the ids which only one side has.
func sameIDs(references map[string][]string, predictions map[string]string) error {
	if len(references) == 0 {
		return fmt.Errorf("no references: give at least one id")
	}
	var faults []string
	if ids := missing(references, predictions); len(ids) > 0 {
		faults = append(faults, "no prediction for "+list(ids))
	}
	if ids := missing(predictions, references); len(ids) > 0 {
		faults = append(faults, "no references for "+list(ids))
	}
	if len(faults) > 0 {
		return fmt.Errorf("%s: both sides must have the same ids", strings.Join(faults, "; "))
	}
	return nil
}

// missing returns the keys of a that b lacks, in order.
func missing[A, B any](a map[string]A, b map[string]B) []string {
	var out []string
	for _, id := range slices.Sorted(maps.Keys(a)) {
		if _, ok := b[id]; !ok {
			out = append(out, id)
		}
	}
	return out
}

// list names the first ten ids and counts the rest.
func list(ids []string) string {
	const most = 10
	var quoted []string
	for _, id := range ids[:min(most, len(ids))] {
		quoted = append(quoted, fmt.Sprintf("%q", id))
	}
	out := strings.Join(quoted, ", ")
	if len(ids) > most {
		out += fmt.Sprintf(" and %d more", len(ids)-most)
	}
	return out
}

func mean(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// bleu returns corpus BLEU of orders 1 to 4. The small constants, which keep an order without any match from being
// undefined, are those of the COCO evaluation.
func bleu(items []item) [maxOrder]float64 {
	const tiny, small = 1e-15, 1e-9
	var correct, guesses [maxOrder]float64
	var length, closest float64
	for _, it := range items {
		n := len(it.prediction)
		length += float64(n)
		closest += float64(closestLength(it.references, n))
		most := map[string]int{}
		for _, reference := range it.references {
			for _, g := range grams(reference) {
				most[g.text] = max(most[g.text], g.count)
			}
		}
		for _, g := range grams(it.prediction) {
			correct[g.order] += float64(min(g.count, most[g.text]))
		}
		for k := range guesses {
			guesses[k] += float64(max(0, n-k))
		}
	}
	penalty := 1.0
	if ratio := (length + tiny) / (closest + small); ratio < 1 {
		penalty = math.Exp(1 - 1/ratio)
	}
	var out [maxOrder]float64
	product := 1.0
	for k := range out {
		product *= (correct[k] + tiny) / (guesses[k] + small)
		out[k] = math.Pow(product, 1/float64(k+1)) * penalty
	}
	return out
}

// closestLength returns the length of the reference closest to n, the shorter one of two equally close.
func closestLength(references [][]string, n int) int {
	distance := func(l int) int { return max(l-n, n-l) }
	best := len(references[0])
	for _, r := range references[1:] {
		l := len(r)
		if distance(l) < distance(best) || (distance(l) == distance(best) && l < best) {
			best = l
		}
	}
	return best
}

// rougeL is the mean over ids of the F-measure (beta 1.2) of the longest common subsequence, with the best precision
// and the best recall over the references.
func rougeL(items []item) float64 {
	const beta2 = 1.2 * 1.2
	var scores []float64
	for _, it := range items {
		var precision, recall float64
		for _, reference := range it.references {
			common := float64(commonSubsequence(it.prediction, reference))
			precision = max(precision, common/float64(max(1, len(it.prediction))))
			recall = max(recall, common/float64(len(reference)))
		}
		score := 0.0
		if precision > 0 && recall > 0 {
			score = (1 + beta2) * precision * recall / (recall + beta2*precision)
		}
		scores = append(scores, score)
	}
	return mean(scores)
}

// commonSubsequence returns the length of the longest common subsequence.
func commonSubsequence(a, b []string) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		diagonal := 0
		for j, y := range b {
			above := row[j+1]
			if x == y {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(above, row[j])
			}
			diagonal = above
		}
	}
	return row[len(b)]
}
