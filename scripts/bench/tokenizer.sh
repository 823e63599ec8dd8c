#!/bin/sh
# Measures datasets/text beside Hugging Face's tokenizers, in one run, on one thread each, in turn.
# PYTHON names a Python that has tokenizers 0.23.3; without it a virtual environment is made once under .cache.
# Arguments go to scripts/bench/tokenizer: --lower --lines FILE --repeat N --passes N --json
set -eu
cd "$(dirname "$0")/../.."
if [ -z "${PYTHON:-}" ]; then
    venv=.cache/venv-tokenizers
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    PYTHON="$venv/bin/python"
    "$PYTHON" -c 'import tokenizers; assert tokenizers.__version__ == "0.23.3"' 2>/dev/null ||
        "$PYTHON" -m pip install --quiet --disable-pip-version-check tokenizers==0.23.3
fi
exec go run ./scripts/bench/tokenizer --python "$PYTHON" "$@"
