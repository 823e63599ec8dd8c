package main

import (
	"bytes"
	stdimage "image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"m6lab/checkpoints"
	"m6lab/layers"
)

// weightsFile writes hashed weights of a network; change may alter them first.
func weightsFile(t *testing.T, r layers.ResNet, prefix string, change func([]checkpoints.Tensor) []checkpoints.Tensor) string {
	t.Helper()
	var all []checkpoints.Tensor
	for k, p := range r.Params(prefix) {
		values := make([]float32, p.Size())
		for i := range values {
			switch {
			case p.Init.Kind == layers.InitOne:
				values[i] = 1
			case p.Init.Kind == layers.InitNormal:
				values[i] = float32(p.Init.Scale * math.Sqrt2 * math.Sin(float64(i*i%9973+k)))
			}
		}
		all = append(all, checkpoints.FromFloat32s(p.Name, p.Dims, values))
	}
	path := filepath.Join(t.TempDir(), "weights.safetensors")
	if err := checkpoints.WriteSafetensors(path, change(all), nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func asIs(all []checkpoints.Tensor) []checkpoints.Tensor { return all }

// pictureFiles writes n pictures of different sizes.
func pictureFiles(t *testing.T, n int) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		im := stdimage.NewRGBA(stdimage.Rect(0, 0, 31+i, 67-i))
		for y := range 67 - i {
			for x := range 31 + i {
				im.Set(x, y, color.RGBA{byte(x * (i + 3)), byte(y * 5), byte(x * y), 255})
			}
		}
		var data bytes.Buffer
		if err := png.Encode(&data, im); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, filepath.Join(dir, string(rune('a'+i))+".png"))
		if err := os.WriteFile(paths[i], data.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

func readFeatures(t *testing.T, path string) (checkpoints.Tensor, []float32, map[string]string) {
	t.Helper()
	f, err := checkpoints.ReadSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	tensor, err := f.Tensor("features")
	if err != nil {
		t.Fatal(err)
	}
	values, err := tensor.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return tensor, values, f.Metadata()
}

// A picture's features depend on that picture alone: not on the batch, not on what is skipped.
func TestFeatures(t *testing.T) {
	weights := weightsFile(t, layers.ResNetSmall(), "encoder.", func(all []checkpoints.Tensor) []checkpoints.Tensor {
		return append(all, checkpoints.FromFloat32s("fc.bias", []int{1}, []float32{1}))
	})
	pictures := pictureFiles(t, 5)
	broken := filepath.Join(t.TempDir(), "broken.png")
	if err := os.WriteFile(broken, []byte("\x89PNG\r\n\x1a\n...."), 0o644); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	all, one := filepath.Join(dir, "all.safetensors"), filepath.Join(dir, "one.safetensors")
	code, stdout, stderr := runM6(t, rootCommand(), slices.Concat([]string{"features", "--weights", weights, "--grid", "4", "--batch", "2", "--skip", "--out", all},
		pictures[:3], []string{broken}, pictures[3:])...)
	if code != 0 {
		t.Fatalf("code %d: %s", code, stderr)
	}
	if want := "all.safetensors: features [5 16 96] of 5 pictures by resnet-small, 1 skipped\n"; !strings.HasSuffix(stdout, want) {
		t.Errorf("got %q, want %q at the end", stdout, want)
	}
	for _, want := range []string{"1 tensors are not of the encoder and stay unused: fc.bias", "1 of 6 pictures cannot be read: " + broken} {
		if !strings.Contains(stderr, want) {
			t.Errorf("standard error %q, want %q in it", stderr, want)
		}
	}
	tensor, values, metadata := readFeatures(t, all)
	if !slices.Equal(tensor.Dims, []int{5, 16, 96}) {
		t.Fatalf("features %v, want [5 16 96]", tensor.Dims)
	}
	for key, want := range map[string]string{"model": "resnet-small", "grid": "4", "size": "64"} {
		if metadata[key] != want {
			t.Errorf("metadata %s is %q, want %q", key, metadata[key], want)
		}
	}
	if !strings.Contains(metadata["images"], pictures[4]) || strings.Contains(metadata["images"], broken) {
		t.Errorf("metadata names the pictures %s", metadata["images"])
	}
	if code, _, stderr = runM6(t, rootCommand(), "features", "--weights", weights, "--grid", "4", "--out", one, pictures[3]); code != 0 {
		t.Fatalf("code %d: %s", code, stderr)
	}
	_, alone, _ := readFeatures(t, one)
	for i, want := range alone {
		if got := values[3*16*96+i]; math.Abs(float64(got-want)) > 1e-5*(1+math.Abs(float64(want))) {
			t.Fatalf("feature %d in a batch is %v, alone %v", i, got, want)
		}
	}
}

func TestFeaturesErrors(t *testing.T) {
	pictures := pictureFiles(t, 2)
	text := filepath.Join(t.TempDir(), "text.jpg")
	if err := os.WriteFile(text, []byte("no picture"), 0o644); err != nil {
		t.Fatal(err)
	}
	good := weightsFile(t, layers.ResNetSmall(), "", asIs)
	for name, c := range map[string]struct {
		weights string
		args    []string
		code    int
		want    string
	}{
		"no weights": {"nowhere.safetensors", pictures, 1, "nowhere.safetensors: no such file"},
		"one tensor missing": {weightsFile(t, layers.ResNetSmall(), "", func(all []checkpoints.Tensor) []checkpoints.Tensor {
			return slices.DeleteFunc(all, func(x checkpoints.Tensor) bool { return x.Name == "layer2.0.bn1.running_var" })
		}), pictures, 1, "1 of the 45 tensors of resnet-small are missing: layer2.0.bn1.running_var"},
		"no first tensor": {weightsFile(t, layers.ResNetSmall(), "other.", asIs), pictures, 1, `no tensor "conv1.weight": want a ResNet-50`},
		"another network": {weightsFile(t, layers.ResNetSmall(), "", func(all []checkpoints.Tensor) []checkpoints.Tensor {
			all[0] = checkpoints.FromFloat32s("conv1.weight", []int{2, 3}, make([]float32, 6))
			return all
		}), pictures, 1, `tensor "conv1.weight" has shape [2 3]: want [64 3 7 7]`},
		"misshapen": {weightsFile(t, layers.ResNetSmall(), "", func(all []checkpoints.Tensor) []checkpoints.Tensor {
			all[4] = checkpoints.FromFloat32s(all[4].Name, []int{31}, make([]float32, 31))
			return all
		}), pictures, 1, `tensor "bn1.running_var" has shape [31], but resnet-small wants [32]`},
		"grid too fine":  {good, append([]string{"--grid", "17"}, pictures...), 1, "resnet-small has no grid of 17 for pictures of 64 pixels: its finest is 16"},
		"grid of 0":      {good, append([]string{"--grid", "0"}, pictures...), 2, "--grid 0"},
		"bad picture":    {good, append([]string{text}, pictures...), 1, "1 of 3 pictures cannot be read: " + text + " (no PNG, JPEG, GIF or WebP picture"},
		"no picture":     {good, []string{"gone.png"}, 1, "gone.png"},
		"nothing left":   {good, []string{"--skip", text}, 1, "1 of 1 pictures cannot be read"},
		"no picture arg": {good, nil, 2, "requires at least 1 arg"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out.safetensors")
			code, stdout, stderr := runM6(t, rootCommand(), append([]string{"features", "--weights", c.weights, "--out", out}, c.args...)...)
			if code != c.code || !strings.Contains(stderr, c.want) || strings.Count(stderr, "\n") != 1 || stdout != "" {
				t.Errorf("code %d, %q, %q\nwant code %d and one line with %q", code, stdout, stderr, c.code, c.want)
			}
			if _, err := os.Stat(out); err == nil {
				t.Errorf("%s was written", out)
			}
		})
	}
}
