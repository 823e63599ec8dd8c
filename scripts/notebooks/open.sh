#!/bin/sh
# Opens JupyterLab on the notebooks with the checkout's own kernel and settings. Run by `make notebook`.
root=$(pwd)
export JUPYTER_DATA_DIR="$root/.cache/jupyter" JUPYTER_CONFIG_DIR="$root/.cache/jupyter/config"
export IPYTHONDIR="$root/.cache/jupyter/ipython" PATH="$root/.cache/venv/bin:$root/.cache/bin:$PATH"
exec jupyter lab --notebook-dir="$root/notebooks"
