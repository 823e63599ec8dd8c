#!/bin/sh
# Measures datasets/text beside Hugging Face's tokenizers, in one run, on one thread each, in turn.
# PYTHON names a Python that has tokenizers 0.23.3; without it a virtual environment is made once under .cache.
# Arguments go to scripts/bench/tokenizer: --lower --lines FILE --repeat N --passes N --json
set -eu
cd "$(dirname "$0")/../.."
. scripts/bench/peers/venv.sh
peer_python tokenizers "import tokenizers; assert tokenizers.__version__ == '0.23.3'" tokenizers==0.23.3
exec go run ./scripts/bench/tokenizer --python "$PYTHON" "$@"
