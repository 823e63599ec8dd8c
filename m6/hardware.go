package m6

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"m6lab/m6/strict"
)

// Hardware is a kind of device as its maker describes it: what [On] counts with. FLOP/s are of dense products.
type Hardware struct {
	Name      string  `json:"name"`
	Memory    float64 `json:"memory"`     // bytes
	BF16      float64 `json:"bf16"`       // FLOP/s of bf16 products
	F32       float64 `json:"f32"`        // FLOP/s of f32 products, as TF32 where the device has it
	Bandwidth float64 `json:"bandwidth"`  // bytes/s of its memory
	Node      int     `json:"node"`       // devices of a node
	Link      float64 `json:"link"`       // bytes/s of a device to others of its node, one direction
	Network   float64 `json:"network"`    // bytes/s of a device to other nodes, one direction
	HourPrice float64 `json:"hour_price"` // of a device, in whatever currency; 0 where nothing is said
}

// hardware are the devices that have a name: data sheets of 2020 to 2024, eight to a node with one 200 or 400 Gbit/s adapter each. A CPU is
// one of two cores with AVX2.
var hardware = []Hardware{
	{Name: "H100", Memory: 80e9, BF16: 989e12, F32: 494e12, Bandwidth: 3.35e12, Node: 8, Link: 450e9, Network: 50e9},
	{Name: "H200", Memory: 141e9, BF16: 989e12, F32: 494e12, Bandwidth: 4.8e12, Node: 8, Link: 450e9, Network: 50e9},
	{Name: "A100", Memory: 80e9, BF16: 312e12, F32: 156e12, Bandwidth: 2.04e12, Node: 8, Link: 300e9, Network: 25e9},
	{Name: "B200", Memory: 180e9, BF16: 2250e12, F32: 1125e12, Bandwidth: 8e12, Node: 8, Link: 900e9, Network: 50e9},
	{Name: "CPU", Memory: 24e9, BF16: 5e10, F32: 1e11, Bandwidth: 2e10, Node: 1, Link: 1e10, Network: 1e9},
}

// HardwareNames lists the devices that [FindHardware] knows.
func HardwareNames() (names []string) {
	for _, h := range hardware {
		names = append(names, h.Name)
	}
	return names
}

// FindHardware returns the device of that name, or the one that a JSON file of a [Hardware] describes.
func FindHardware(name string) (Hardware, error) {
	for _, h := range hardware {
		if strings.EqualFold(h.Name, name) {
			return h, nil
		}
	}
	if !strings.HasSuffix(name, ".json") {
		return Hardware{}, fmt.Errorf("unknown device %q: did you mean %q? (%s, or a .json file of your own)", name, strict.Nearest(name, HardwareNames()), strings.Join(HardwareNames(), ", "))
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return Hardware{}, err
	}
	var h Hardware
	if err := strict.Decode(&h, data, name); err != nil {
		return h, err
	}
	return h, h.validate(name)
}

func (h Hardware) validate(file string) error {
	for _, f := range []struct {
		key   string
		value float64
	}{
		{"memory", h.Memory}, {"bf16", h.BF16}, {"f32", h.F32}, {"bandwidth", h.Bandwidth}, {"node", float64(h.Node)}, {"link", h.Link}, {"network", h.Network},
	} {
		if !(f.value > 0) {
			return fmt.Errorf("%s: %s is %g: want a number over 0", file, f.key, f.value)
		}
	}
	return nil
}

// isAccelerator tells devices that keep bf16 as bf16 from CPUs, whose compiler goes by way of f32.
func (h Hardware) isAccelerator() bool { return h.Name != "CPU" }

// peak is what the device's products reach at most in a precision, FLOP/s.
func (h Hardware) peak(precision string) float64 {
	if precision == "bf16" {
		return h.BF16
	}
	return h.F32
}

// meshes lists all meshes of n devices that a run can be laid over.
func meshes(r Run, n int) (out []Mesh) {
	for data := 1; data <= n; data++ {
		for model := 1; n%data == 0 && model <= n/data; model++ {
			if n/data%model != 0 {
				continue
			}
			r.Mesh = Mesh{Data: data, Model: model, Expert: n / data / model}
			if r.Validate() == nil {
				out = append(out, r.Mesh)
			}
		}
	}
	return slices.Clip(out)
}
