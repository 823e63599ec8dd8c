package m6

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// ExpertLoad is what happened at one layer of experts, over one step or many.
type ExpertLoad struct {
	Block   int       // of the model, counted from 0
	Load    []float64 // choices of each expert, those that found no seat included
	Choices float64   // that were made; under expert choice, valid tokens
	Dropped float64   // choices that found no seat; under expert choice, tokens that no expert chose
}

// DropRate is the share of the choices that found no seat.
func (l ExpertLoad) DropRate() float64 { return l.Dropped / max(1, l.Choices) }

// Entropy is that of the load over its largest value, log E: 1 where all experts are equally busy, 0 where one does all.
func (l ExpertLoad) Entropy() float64 {
	total, entropy := sum(l.Load), 0.0
	if total == 0 || len(l.Load) < 2 {
		return 1
	}
	for _, x := range l.Load {
		if x > 0 {
			entropy -= x / total * math.Log(x/total)
		}
	}
	return entropy / math.Log(float64(len(l.Load)))
}

// Variation is the load's coefficient of variation, its standard deviation over its mean: 0 where all experts are equally busy.
func (l ExpertLoad) Variation() float64 {
	mean, squares := sum(l.Load)/float64(len(l.Load)), 0.0
	for _, x := range l.Load {
		squares += (x - mean) * (x - mean)
	}
	return math.Sqrt(squares/float64(len(l.Load))) / max(mean, 1e-9)
}

// mostLoads is how many numbers a line of metrics.jsonl has of a layer's load.
const mostLoads = 64

// Shares is the load of each expert over an even share, to three decimals; of more than n experts, neighbours share a number, the largest.
func (l ExpertLoad) Shares(n int) []float64 {
	each := (len(l.Load) + n - 1) / n
	even := max(sum(l.Load), 1) / float64(len(l.Load))
	var out []float64
	for some := range slices.Chunk(l.Load, each) {
		out = append(out, math.Round(slices.Max(some)/even*1e3)/1e3)
	}
	return out
}

// expertLoads names what a step told of its layers of experts: load [layers × E], choices and dropped [layers].
func (c Config) expertLoads(load, choices, dropped []float64) (out []ExpertLoad) {
	for i := range c.Layers {
		if at := len(out); c.IsMoE(i) {
			out = append(out, ExpertLoad{Block: i, Load: load[at*c.Experts : (at+1)*c.Experts], Choices: choices[at], Dropped: dropped[at]})
		}
	}
	return out
}

// addLoads adds up what two steps say of the same layers.
func addLoads(a, b []ExpertLoad) []ExpertLoad {
	if a == nil {
		return b
	}
	for i := range a {
		a[i].Load = addEach(a[i].Load, b[i].Load)
		a[i].Choices += b[i].Choices
		a[i].Dropped += b[i].Dropped
	}
	return a
}

// loadPrefix begins the names of loads in metrics.jsonl: moe_load_3 is that of block 3.
const loadPrefix = "moe_load_"

// expertValues are the numbers that are logged of experts: moe_drop_rate, moe_entropy and moe_variation of each layer with its block
// behind it, their means over layers without, and moe_dropped, the number of dropped choices.
func expertValues(loads []ExpertLoad, values map[string]float64) {
	for _, l := range loads {
		values["moe_dropped"] += l.Dropped
		for name, x := range map[string]float64{"moe_drop_rate": l.DropRate(), "moe_entropy": l.Entropy(), "moe_variation": l.Variation()} {
			values[fmt.Sprintf("%s_%d", name, l.Block)] = x
			values[name] += x / float64(len(loads))
		}
	}
}

// LoadHistory is the load of one layer of experts at each logged step: Shares[i][e] at Steps[i], see [ExpertLoad.Shares].
type LoadHistory struct {
	Block  int
	Steps  []float64
	Shares [][]float64
}

// ExpertLoads reads the loads of experts from metrics.jsonl, by block; none where the model is dense.
func (f Folder) ExpertLoads() ([]LoadHistory, error) {
	byBlock := map[int]*LoadHistory{}
	err := eachRecord(f, func(record map[string]json.RawMessage) error {
		for name, raw := range record {
			block, found := strings.CutPrefix(name, loadPrefix)
			i, err := strconv.Atoi(block)
			if !found || err != nil {
				continue
			}
			if byBlock[i] == nil {
				byBlock[i] = &LoadHistory{Block: i}
			}
			if err := byBlock[i].add(record["step"], raw); err != nil {
				return fmt.Errorf("%s: %s: %w", f.Path("metrics.jsonl"), name, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []LoadHistory
	for _, i := range slices.Sorted(maps.Keys(byBlock)) {
		out = append(out, *byBlock[i])
	}
	return out, nil
}

// add reads one step's loads.
func (h *LoadHistory) add(step, raw json.RawMessage) error {
	var at float64
	var shares []float64
	if err := json.Unmarshal(step, &at); err != nil {
		return err
	}
	if err := json.Unmarshal(raw, &shares); err != nil {
		return err
	}
	h.Steps, h.Shares = append(h.Steps, at), append(h.Shares, shares)
	return nil
}
