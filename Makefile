# What each target needs and does: README.md.
.PHONY: setup build corpus demo corpus-demo test services bench notebook notebooks check clean
.DEFAULT_GOAL := build

SOURCES := go.mod go.sum $(shell find layers datasets checkpoints viz m6 tasks scripts notebooks -name '*.go' 2>/dev/null)
EMBEDDED := $(shell find datasets viz scripts -type f -not -name '*.go' -not -name '*.sh' -not -name '*.py' -not -name '*.md' -not -path '*/testdata/*' 2>/dev/null)

build: bin/m6

bin/m6: $(SOURCES) $(EMBEDDED)
	@sh scripts/setup.sh
	go build -o bin/m6 ./scripts/m6

corpus: bin/m6-corpus

bin/m6-corpus: $(SOURCES) $(EMBEDDED)
	@sh scripts/setup.sh
	go build -o bin/m6-corpus ./scripts/corpus

setup: bin/m6
	@bin/m6 setup

demo: setup
	@sh scripts/demo.sh

corpus-demo: setup bin/m6-corpus
	@sh scripts/corpus/demo.sh

test: setup
	@sh scripts/test.sh

services:
	@sh scripts/services/services.sh

bench: setup bin/m6-corpus
	@set -e; for bench in scripts/bench/*.sh; do echo "== $$bench"; sh $$bench; done

notebook: bin/m6
	@bin/m6 setup --notebooks
	@sh scripts/notebooks/open.sh

notebooks: bin/m6
	@bin/m6 setup --notebooks
	go run ./scripts/testrun -only-notebooks -notebooks notebooks

check:
	@sh scripts/check.sh

clean:
	rm -rf bin runs/demo runs/corpus-demo
