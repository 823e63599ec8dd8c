#!/bin/sh
# The corpus demo: raw input made of public packages, a language model trained on the good part of it, the corpus built with its report, and a small model
# pretrained on it for some hundred steps. A second run does no work twice. Run by `make corpus-demo`, after bin/m6 and bin/m6-corpus are built.
# CACHE is the folder of the packages (295 MB to fetch); STEPS is how long the model trains, 0 for not at all.
set -ef
cd "$(dirname "$0")/../.."
out=runs/corpus-demo
mkdir -p "$out"
go run ./scripts/corpus/proof --out "$out/raw" ${CACHE:+--cache "$CACHE"}
raw=$out/raw

# The inputs that could be made here, as the manifest names them, below the folder of the raw input.
inputs=$(sed -n 's/^ *"in": "\(.*\)",$/\1/p' "$raw/manifest.json" | sed "s|^\([^=]*\)=\([a-z]*:\)\{0,1\}|\1=\2$raw/|")
set --
for one in $inputs; do set -- "$@" --in "$one"; done

if [ ! -f "$out/zh.lm" ] || [ "$raw/manifest.json" -nt "$out/zh.lm" ]; then
	# Good text: the help and the poems. The rules but that of perplexity go over it first.
	good=
	for one in $inputs; do
		case $one in web=* | poems=*jsonl* | encyclopedia=*) good="$good --in $one" ;; esac
	done
	bin/m6-corpus lm $good --recipe default --out "$out/zh.lm"
fi
bin/m6-corpus build "$@" --recipe default --config scripts/corpus/demo.json --out "$out/corpus"
echo "look at: $PWD/$out/corpus/report.html"

if [ "${STEPS:-300}" -gt 0 ]; then
	bin/m6 pretrain --preset debug --data "$out/corpus" --dir "$out/model" --set train.steps="${STEPS:-300}" --set train.batch=16 --set train.learning_rate=0.003
fi
