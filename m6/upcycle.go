package m6

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"

	"m6lab/checkpoints"
	"m6lab/layers"
	"m6lab/m6/strict"
)

// Upcycle makes a run with experts out of a dense one (sparse upcycling, Komatsuzaki et al., arXiv 2212.05055): every expert starts as a
// copy of its block's feed-forward network, routers start anew, all other weights are kept, and so are the settings of the dense run
// under the given ones ("model.experts=8", ...). The new run begins at step 0 with a new optimizer.
//
// The model starts as what the dense one is, as long as no token is dropped, for a token's gates add up to 1: those of top2 and random
// always do, those of other routers by model.normalize_gates, which is set here. GShard's random second expert is not. The settings may
// change that.
func Upcycle(from, dir Folder, settings []string) error {
	if _, err := os.Stat(dir.Path("run.json")); err == nil {
		return fmt.Errorf("%s holds a run already: give another --dir", dir)
	}
	dense, err := from.Run()
	if err != nil {
		return err
	}
	r, err := upcycled(dense, settings)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	vocab, err := from.Vocab(dense.Model)
	if err != nil {
		return err
	}
	saved, _, err := checkpoints.Load(from.Checkpoints())
	if errors.Is(err, checkpoints.ErrNone) {
		return fmt.Errorf("%s has no checkpoint yet: run m6 pretrain --dir %s", from, from)
	}
	if err != nil {
		return err
	}
	weights, err := r.expertsOf(saved.Tensors)
	if err != nil {
		return fmt.Errorf("checkpoint of step %d in %s: %w", saved.Step, from, err)
	}
	return dir.begin(r, vocab, weights)
}

// upcycled is the run with experts that settings make of a dense one. They change experts and training, not the rest of the model.
func upcycled(dense Run, settings []string) (Run, error) {
	if dense.Model.Experts > 0 {
		return dense, fmt.Errorf("the run has %d experts already: want a dense one", dense.Model.Experts)
	}
	asked := dense
	if err := strict.Override(&asked, settings); err != nil {
		return dense, err
	}
	if asked.Model.Experts < 1 {
		return dense, errors.New("no experts are asked for: give --set model.experts=8")
	}
	r := dense
	r.Model = r.Model.withRouter(asked.Model.Router)
	r.Model.RandomSecond, r.Model.NormalizeGates = false, layers.Router(r.Model.Router) != layers.RouterTop2
	if err := strict.Override(&r, settings); err != nil {
		return dense, err
	}
	if key, was, is := firstDifference(reflect.ValueOf(dense.Model), reflect.ValueOf(r.Model.withoutExperts(dense.Model)), "model", nil); key != "" {
		return dense, fmt.Errorf("%s is %v, not %v: upcycling changes nothing of a model but its experts", key, was, is)
	}
	r.Preset = "upcycled"
	return r, r.Validate()
}

// withoutExperts is the model with another's settings of experts.
func (c Config) withoutExperts(of Config) Config {
	c.Experts, c.ExpertEvery, c.Router, c.TopK, c.CapacityFactor = of.Experts, of.ExpertEvery, of.Router, of.TopK, of.CapacityFactor
	c.BalanceWeight, c.ZWeight, c.Group, c.Jitter = of.BalanceWeight, of.ZWeight, of.Group, of.Jitter
	c.RandomSecond, c.NormalizeGates = of.RandomSecond, of.NormalizeGates
	return c
}

// expertsOf makes the run's weights from those of its dense model.
func (r Run) expertsOf(dense []checkpoints.Tensor) ([]checkpoints.Tensor, error) {
	byName := map[string]checkpoints.Tensor{}
	for _, t := range dense {
		byName[t.Name] = t
	}
	var out []checkpoints.Tensor
	for _, p := range r.Model.Params() {
		switch {
		case strings.HasSuffix(p.Name, ".moe.router.kernel"):
			values := make([]float32, p.Size())
			InitValue(p, r.Train.Seed, 0, values)
			out = append(out, checkpoints.FromFloat32s(p.Name, p.Dims, values))
		case strings.Contains(p.Name, ".moe.experts."):
			t, ok := byName[strings.Replace(p.Name, ".moe.experts.", ".ffn.", 1)]
			if !ok {
				return nil, fmt.Errorf("no feed-forward network to make %s of", p.Name)
			}
			out = append(out, checkpoints.Tensor{Name: p.Name, DType: t.DType, Dims: p.Dims, Data: bytes.Repeat(t.Data, r.Model.Experts)})
		default:
			t, ok := byName[p.Name]
			if !ok {
				return nil, fmt.Errorf("no tensor %s", p.Name)
			}
			out = append(out, t)
		}
	}
	return out, matchWeights(r.Model, out)
}
