#!/bin/sh
# Measures the training step and generation beside the same model in JAX and PyTorch, in one run, in turn.
# PYTHON names a Python that has jax 0.7.2, torch 2.15.0 and numpy 2.4.6; without it a virtual environment is made once under .cache.
# Arguments go to scripts/bench/model: --case TEXT --rounds N
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${PYTHON:-}" ]; then
    venv=.cache/venv-model
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    PYTHON="$venv/bin/python"
    "$PYTHON" -c 'import jax, torch; assert jax.__version__ == "0.7.2"' 2>/dev/null ||
        "$PYTHON" -m pip install --quiet --disable-pip-version-check jax==0.7.2 torch==2.15.0 numpy==2.4.6
fi
exec go run ./scripts/bench/model --python "$PYTHON" "$@"
