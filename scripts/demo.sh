#!/bin/sh
# The demo: sample data, a model pretrained on it for a few minutes, and a report to look at.
# A second run does no work twice. Run by `make demo`, after set-up and build.
set -e
report=runs/demo/report.html
bin/m6 data sample --out runs/sample >/dev/null
bin/m6 pretrain --preset debug --config scripts/runs/demo.json --data runs/sample --dir runs/demo
if [ ! -f "$report" ] || [ runs/demo/metrics.jsonl -nt "$report" ] || [ bin/m6 -nt "$report" ]; then
	bin/m6 report --dir runs/demo --data runs/sample
fi
echo "look at: $PWD/$report"
