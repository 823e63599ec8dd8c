#!/bin/sh
# The whole test suite and the headless notebooks. Run by `make test`, after set-up. What cannot be
# installed shows as failed notebooks and skipped tests.
if ls notebooks/*.ipynb >/dev/null 2>&1; then
	bin/m6 setup --notebooks || echo "make test: the notebooks cannot run" >&2
fi
bin/m6 setup --tests || echo "make test: the tests that want Python packages will be skipped" >&2
exec go run ./scripts/testrun -notebooks notebooks ./...
