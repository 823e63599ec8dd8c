package m6

import (
	"fmt"
	"slices"
	"strings"

	"m6lab/layers"
	"m6lab/m6/strict"
)

// Config is the architecture of a model. It is plain data; its zero value is no model. The JSON of it stands in every run folder and
// every exported file.
type Config struct {
	Layers          int     `json:"layers"`
	Width           int     `json:"width"`
	Heads           int     `json:"heads"`
	FFN             int     `json:"ffn"`              // hidden width of the feed-forward network and of each expert
	Vocabulary      int     `json:"vocabulary"`       // entries of the WordPiece vocabulary
	Positions       int     `json:"positions"`        // longest masked or complete part
	VisualPositions int     `json:"visual_positions"` // most patches
	PatchFeatures   int     `json:"patch_features"`   // features of a patch, as the picture encoder gives them
	Codes           int     `json:"codes"`            // entries of a picture codebook; 0 where the model writes text only
	Dropout         float64 `json:"dropout"`          // of the embeddings and of each branch's output, while training
	Lower           bool    `json:"lower"`            // the tokenizer lower-cases

	Experts        int     `json:"experts"`         // experts of a layer of experts; 0 for a dense model
	ExpertEvery    int     `json:"expert_every"`    // every n-th layer, the last of each n, holds experts
	Router         string  `json:"router"`          // top1 (Switch), top2 (GShard), prototypes (M6-T), expert_choice, random: see [layers.Router]
	TopK           int     `json:"top_k"`           // experts of a token; under prototypes their number, under expert_choice the mean
	CapacityFactor float64 `json:"capacity_factor"` // seats of an expert over its fair share of a group's tokens; 0: no limit
	BalanceWeight  float64 `json:"balance_weight"`  // of the router's load-balance loss
	ZWeight        float64 `json:"z_weight"`        // of the router's z-loss
	Group          int     `json:"group"`           // tokens of a routing group, see [layers.Grouping]; 0: a row of the batch
	Jitter         float64 `json:"jitter"`          // while training the router reads its input times a factor of 1-jitter to 1+jitter
	RandomSecond   bool    `json:"random_second"`   // top2: while training the second expert is taken with probability min(1, 2 gate)
	NormalizeGates bool    `json:"normalize_gates"` // a token's gates add up to 1, also of one expert, and the router still learns

	Encoder Encoder `json:"encoder"`
}

// Encoder is the picture encoder, a residual network. Its parameters stand under "encoder." and count on a line of their own.
type Encoder struct {
	Kind   string `json:"kind"`   // resnet50, resnet-small, or none: then pictures come as features
	Size   int    `json:"size"`   // pictures are scaled to Size x Size pixels
	Grid   int    `json:"grid"`   // Grid x Grid patches
	Frozen bool   `json:"frozen"` // not trained; batch norm uses its running statistics
}

// Patches is the number of patches of a picture, P; 0 where the model takes none.
func (e Encoder) Patches() int { return e.Grid * e.Grid }

// base is what the paper's models share (section 3, Table 3).
func base() Config {
	return Config{
		Layers: 24, Width: 1024, Heads: 16, FFN: 4096, Vocabulary: 21128, Positions: 512, VisualPositions: 196,
		PatchFeatures: 2048, Dropout: 0.1, Lower: true, ExpertEvery: 1, Router: "top1", TopK: 1,
		Encoder: Encoder{Kind: "resnet50", Size: 224, Grid: 7, Frozen: true},
	}
}

// Base is M6-base: 326.8M parameters, "327M" in the paper's Table 3.
func Base() Config { return base() }

// Dense10B is M6-10B: 50 layers of width 4096 with 128 heads, 10.17B parameters (Table 3).
func Dense10B() Config {
	c := base()
	c.Layers, c.Width, c.Heads, c.FFN = 50, 4096, 128, 16384
	return c
}

// MoE100B is M6-100B with 1024 experts on every second layer, 103.4B parameters. The paper's Table 3 cannot mean experts of width
// 4096 on all 24 layers, which is 206B: this reading and [MoE100BAll] give 103B (DECISIONS.md#3).
func MoE100B() Config {
	c := base()
	c.Experts, c.ExpertEvery = 1024, 2
	return c.withRouter("top2")
}

// MoE100BAll is M6-100B with 1024 experts of width 2048 on every layer, 103.3B parameters.
func MoE100BAll() Config {
	c := base()
	c.Experts, c.FFN = 1024, 2048
	return c.withRouter("top2")
}

// Debug is the model of tests, lessons and the demo: about 1.1M parameters with its encoder, pictures of 64 pixels in 8 x 8 patches.
func Debug() Config {
	return Config{
		Layers: 3, Width: 96, Heads: 4, FFN: 384, Vocabulary: 4096, Positions: 128, VisualPositions: 196,
		PatchFeatures: 96, Lower: true, ExpertEvery: 1, Router: "top1", TopK: 1,
		Encoder: Encoder{Kind: "resnet-small", Size: 64, Grid: 8},
	}
}

// DebugMoE is [Debug] with four layers and four experts on every second one.
func DebugMoE() Config {
	c := Debug()
	c.Layers, c.Experts, c.ExpertEvery = 4, 4, 2
	return c.withRouter("top1")
}

// withRouter fills in what a router's paper says: Switch (arXiv 2101.03961), GShard (arXiv 2006.16668), M6-T (arXiv 2105.15082),
// expert choice (arXiv 2202.09368). A random router has nothing to learn.
func (c Config) withRouter(router string) Config {
	c.Router, c.TopK, c.CapacityFactor, c.BalanceWeight, c.ZWeight = router, 1, 1.25, 0.01, 0.001
	c.RandomSecond = router == string(layers.RouterTop2)
	switch layers.Router(router) {
	case layers.RouterTop2, layers.RouterExpertChoice:
		c.TopK, c.CapacityFactor = 2, 2
	case layers.RouterPrototypes:
		c.TopK, c.CapacityFactor = 2, 2.5
	case layers.RouterRandom:
		c.BalanceWeight, c.ZWeight = 0, 0
	}
	return c
}

// presets are the models that have a name.
var presets = map[string]func() Config{
	"debug": Debug, "debug-moe": DebugMoE, "base": Base, "10b": Dense10B, "100b": MoE100B, "100b-all": MoE100BAll,
}

// Presets lists the names that [Preset] knows, by size.
func Presets() []string { return []string{"debug", "debug-moe", "base", "10b", "100b", "100b-all"} }

// Preset returns the model of that name, or an error that names the nearest valid one.
func Preset(name string) (Config, error) {
	if preset, ok := presets[name]; ok {
		return preset(), nil
	}
	return Config{}, fmt.Errorf("unknown preset %q: did you mean %q? (%s)", name, strict.Nearest(name, Presets()), strings.Join(Presets(), ", "))
}

// HeadSize is K, the width of one head.
func (c Config) HeadSize() int { return c.Width / c.Heads }

// IsMoE tells whether block i, counted from 0, holds experts.
func (c Config) IsMoE(i int) bool {
	return c.Experts > 0 && i%c.ExpertEvery == c.ExpertEvery-1
}

// Validate says what of a config cannot be built, in one line that names the key.
func (c Config) Validate() error {
	for _, f := range []struct {
		key   string
		value int
	}{
		{"layers", c.Layers}, {"width", c.Width}, {"heads", c.Heads}, {"ffn", c.FFN}, {"vocabulary", c.Vocabulary},
		{"positions", c.Positions}, {"visual_positions", c.VisualPositions}, {"patch_features", c.PatchFeatures},
	} {
		if f.value <= 0 {
			return fmt.Errorf("model.%s is %d: want at least 1", f.key, f.value)
		}
	}
	switch {
	case c.Width%c.Heads != 0:
		return fmt.Errorf("model.width %d does not divide by model.heads %d", c.Width, c.Heads)
	case c.Dropout < 0 || c.Dropout >= 1:
		return fmt.Errorf("model.dropout is %g: want 0 <= dropout < 1", c.Dropout)
	case c.Codes < 0:
		return fmt.Errorf("model.codes is %d: want 0 or more", c.Codes)
	}
	if err := c.validateExperts(); err != nil {
		return err
	}
	return c.validateEncoder()
}

func (c Config) validateEncoder() error {
	kinds := []string{"resnet50", "resnet-small", "none"}
	e := c.Encoder
	switch {
	case e.Kind == "" || e.Kind == "none":
		return nil
	case !slices.Contains(kinds, e.Kind):
		return fmt.Errorf("unknown model.encoder.kind %q: did you mean %q? (%s)", e.Kind, strict.Nearest(e.Kind, kinds), strings.Join(kinds, ", "))
	case e.Size < 32 || e.Grid < 1:
		return fmt.Errorf("model.encoder: size %d and grid %d: want at least 32 pixels and a grid of 1", e.Size, e.Grid)
	case e.Patches() > c.VisualPositions:
		return fmt.Errorf("model.encoder.grid %d gives %d patches, over model.visual_positions %d", e.Grid, e.Patches(), c.VisualPositions)
	}
	return nil
}
