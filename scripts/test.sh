#!/bin/sh
# The whole test suite and the headless notebooks. Run by `make test`, after set-up.
set -e
if ls notebooks/*.ipynb >/dev/null 2>&1; then
	bin/m6 setup --notebooks
fi
exec go run ./scripts/testrun -notebooks notebooks ./...
