#!/bin/sh
# Measures the training step and generation beside the same model in JAX and PyTorch, in one run, in turn.
# PYTHON names a Python that has jax 0.10.2, torch 2.15.0 and numpy 2.4.6; without it a virtual environment is made once under .cache.
# Arguments go to scripts/bench/model: --case TEXT --rounds N
set -eu
cd "$(dirname "$0")/../.."
. scripts/bench/peers/venv.sh
peer_python model "import jax, torch; assert jax.__version__ == '0.10.2'" jax==0.10.2 torch==2.15.0 numpy==2.4.6
exec go run ./scripts/bench/model --python "$PYTHON" "$@"
