package setup

import (
	"context"
	_ "embed"
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// cudaRequirements pins JAX's build of XLA's CUDA plugin and NVIDIA's libraries. CUDA 12 runs on
// every driver that CUDA 13 runs on, and on older ones.
//
//go:embed cuda12.txt
var cudaRequirements []byte

// cudaPath is the file by which go-xla finds the CUDA plugin: the plugin looks for NVIDIA's
// libraries in the folder nvidia beside its own, which is why it lies in that very folder.
func (r *run) cudaPath() string {
	if found := findPlugin("cuda"); found != "" {
		return found
	}
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return ""
	}
	return filepath.Join(r.plugins, "nvidia", "pjrt_c_api_cuda_plugin.so")
}

// installCUDA fetches plugin and libraries through pip, arranges them aside, and moves the whole.
func (r *run) installCUDA(ctx context.Context) error {
	r.say("getting the XLA plugin for CUDA and NVIDIA's libraries (about 3 GB) through pip ...")
	if err := os.MkdirAll(r.plugins, 0o755); err != nil {
		return err
	}
	aside, err := os.MkdirTemp(r.plugins, ".cuda-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	requirements := filepath.Join(aside, "cuda12.txt")
	if err := os.WriteFile(requirements, cudaRequirements, 0o644); err != nil {
		return err
	}
	packages := filepath.Join(aside, "packages")
	if err := r.pip(ctx, "install", "--no-deps", "--no-compile", "--only-binary", ":all:", "--require-hashes",
		"--requirement", requirements, "--target", packages); err != nil {
		return err
	}
	if err := arrangeCUDA(packages); err != nil {
		return err
	}
	final := filepath.Join(r.plugins, "nvidia")
	if err := os.RemoveAll(final); err != nil {
		return err
	}
	return os.Rename(filepath.Join(packages, "nvidia"), final)
}

// arrangeCUDA turns pip's folder into the one that go-xla and XLA expect: the plugin beside the
// libraries, and ptxas and libdevice where --xla_gpu_cuda_data_dir is searched.
func arrangeCUDA(packages string) error {
	nvidia := filepath.Join(packages, "nvidia")
	return errors.Join(
		os.Rename(filepath.Join(packages, "jax_plugins", "xla_cuda12", "xla_cuda_plugin.so"), filepath.Join(nvidia, "pjrt_c_api_cuda_plugin.so")),
		os.Symlink(filepath.Join("cuda_nvcc", "bin"), filepath.Join(nvidia, "bin")),
		os.Symlink(filepath.Join("cuda_nvcc", "nvvm"), filepath.Join(nvidia, "nvvm")),
	)
}
