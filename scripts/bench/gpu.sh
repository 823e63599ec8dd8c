#!/bin/sh
# Measures the training step on an NVIDIA GPU beside the same step in JAX: `base`, and slices of `10b` and `100b`. The machine needs no Go and no network:
# build there or elsewhere with `go build -o bin/bench-gpu ./scripts/bench/gpu`, and bring bin/bench-gpu and scripts/bench.
# PYTHON names a Python that has jax with CUDA; GOMLX_BACKEND the plugin, by default that Python's. Arguments: --cases base,plain,remat,10b,100b,largest --who all|ours|peers
set -eu
cd "$(dirname "$0")/../.."
ls /dev/nvidia[0-9]* >/dev/null 2>&1 || { echo "no NVIDIA GPU: nothing is measured"; exit 0; }
PYTHON=${PYTHON:-python3}
if [ -z "${GOMLX_BACKEND:-}" ]; then
	plugin=$("$PYTHON" -c 'import glob, jax_plugins
print(*sorted(f for p in jax_plugins.__path__ for f in glob.glob(p + "/xla_cuda*/xla_cuda_plugin.so")), sep="\n")' | tail -n 1)
	[ -n "$plugin" ] || { echo "gpu.sh: $PYTHON has no CUDA plugin: install jax[cuda13], or set GOMLX_BACKEND=xla:cuda after m6 setup" >&2; exit 1; }
	GOMLX_BACKEND=xla:$plugin
fi
export GOMLX_BACKEND
[ -x bin/bench-gpu ] || go build -o bin/bench-gpu ./scripts/bench/gpu
exec bin/bench-gpu --python "$PYTHON" "$@"
