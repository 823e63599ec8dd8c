package lab

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"m6lab/layers"
	"m6lab/m6"
)

// definition is a function of the notebook that takes part in training.
type definition struct {
	name        string // of the function in the notebook
	fingerprint string // of its text and of the text of what it calls
}

// parts are the reader's functions, and what is known of them by kind: mask, feed-forward network, block, noise, schedule.
var (
	parts       m6.Parts
	schedule    func(update int64) float64
	definitions = map[string]definition{}
	conflicts   []string
)

// DefineMask puts a function of the notebook in place of the model's attention mask: valid bool [B,S] and the shape of the batch to
// bool [B,S,S], which key (last axis) each query (second axis) may look at. nil is the paper's mask. It always returns true, so that
// it can stand in a declaration: var mask = lab.DefineMask(MyMask).
func DefineMask(mask func(valid *Node, shape m6.Shape) *Node) bool {
	parts.Mask = mask
	return define("mask", mask, mask == nil)
}

// DefineFFN puts a function of the notebook in place of the feed-forward network of every block: x [B,S,D] to [B,S,D], with the
// tensors in.kernel [D,hidden], in.bias [hidden], out.kernel [hidden,D] and out.bias [D]. nil is the paper's network.
func DefineFFN(network func(w layers.Weights, x *Node, hidden int) *Node) bool {
	parts.FFN = network
	return define("feed-forward network", network, network == nil)
}

// DefineBlock puts a function of the notebook in place of how a block joins its attention, its feed-forward network and their norms,
// x [B,S,D] to [B,S,D]. nil is m6.PreNorm.
func DefineBlock(block func(b m6.Block, x *Node) *Node) bool {
	parts.Block = block
	return define("block", block, block == nil)
}

// DefineNoise puts a function of the notebook in place of the objective of the denoising tasks: the ids of a text to the ids that the model
// reads of it, no more of them; mask is the id of [MASK], r draws. nil hides spans as the paper does.
func DefineNoise(noise func(ids []int32, mask int32, r *rand.Rand) []int32) bool {
	parts.Noise = noise
	return define("noise", noise, noise == nil)
}

// DefineSchedule puts a function of the notebook in place of the learning-rate schedule: the number of an update, counted from 1, to
// its learning rate. nil is the schedule of the run's settings.
func DefineSchedule(rate func(update int64) float64) bool {
	schedule = nil
	if rate != nil {
		schedule = func(update int64) float64 {
			r := rate(update)
			if !(r >= 0) || math.IsInf(r, 0) {
				panic(fmt.Sprintf("a learning rate of %g for update %d: want a number of at least 0", r, update))
			}
			return r
		}
	}
	return define("schedule", rate, rate == nil)
}

// define notes a function. A second, different one of the same kind has no defined order with the first: that is kept for Open to say.
func define(kind string, function any, none bool) bool {
	d := definition{name: "none"}
	if !none {
		entry := runtime.FuncForPC(reflect.ValueOf(function).Pointer())
		_, d.name, _ = strings.Cut(entry.Name()[strings.LastIndex(entry.Name(), "/")+1:], ".")
		file, line := entry.FileLine(entry.Entry())
		text, err := functionText(file, line, d.name)
		if err != nil {
			text = "unreadable: " + err.Error()
		}
		d.fingerprint = digest(text)
	}
	if before, ok := definitions[kind]; ok && before != d {
		conflicts = append(conflicts, fmt.Sprintf("two functions are defined as the %s, %s and %s: keep one, `%%rm` takes a declaration out of the notebook's memory", kind, before.name, d.name))
	}
	definitions[kind] = d
	return true
}

func digest(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:16] }

// fingerprints are the fingerprints of all definitions by kind; a definition of nil is none.
func fingerprints() map[string]string {
	out := map[string]string{}
	for kind, d := range definitions {
		if d.fingerprint != "" {
			out[kind] = d.fingerprint
		}
	}
	return out
}

// changedKinds lists the kinds whose fingerprints differ.
func changedKinds(before, now map[string]string) []string {
	all := maps.Clone(before)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, now)
	var out []string
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		if before[kind] != now[kind] {
			out = append(out, kind)
		}
	}
	return out
}
