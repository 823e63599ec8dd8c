#!/bin/sh
# Measures the loader on one core, with the built-in sample.
set -eu
cd "$(dirname "$0")/../.."
[ -f runs/sample/vocab.txt ] || bin/m6 data sample --out runs/sample
exec go run ./scripts/bench/records "$@"
