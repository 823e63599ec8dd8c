#!/bin/sh
# Measures the training step on meshes of 4 and 8 virtual devices beside the same step in JAX with the same layouts and constraints, in turn.
# PYTHON names a Python that has jax 0.10.2 and numpy 2.4.6; without it a virtual environment is made once under .cache.
# Arguments go to scripts/bench/mesh: --case TEXT --rounds N --steps N --small
set -eu
cd "$(dirname "$0")/../.."
. scripts/bench/peers/venv.sh
peer_python mesh "import jax; assert jax.__version__ == '0.10.2'" jax==0.10.2 numpy==2.4.6
exec go run ./scripts/bench/mesh --python "$PYTHON" "$@"
