#!/bin/sh
# Measures the corpus builder beside datatrove, Data-Juicer and KenLM on the same documents, in turn, then alone at 1, 2, 4 and 8 times the size with one
# worker and two. M6_CORPUS names the built command (bin/m6-corpus); without it the peers are measured alone. DATATROVE_PYTHON and DATAJUICER_PYTHON name
# Pythons that have them; without them virtual environments of 0.6 and 0.9 GB are made once under .cache.
# Arguments go to scripts/bench/corpus compare: --size MB --peer-size MB --rounds N --quick
set -eu
cd "$(dirname "$0")/../.."
. scripts/bench/peers/venv.sh
PYTHON=${DATATROVE_PYTHON:-}
peer_python datatrove "import datatrove, kenlm, jieba, spacy, trafilatura, lxml_html_clean" 'datatrove[io,processing]==0.10.1' kenlm==0.3.0 lxml_html_clean==0.4.6 spacy==3.8.18 jieba==0.42.1
datatrove=$PYTHON
PYTHON=${DATAJUICER_PYTHON:-}
peer_python datajuicer "import data_juicer, selectolax, ray" py-data-juicer==1.6.1 aiohttp==3.14.5 selectolax==1.0.2 regex==2026.11.19 ray==2.60.0
datajuicer=$PYTHON
ours=${M6_CORPUS:-bin/m6-corpus}
if [ ! -x "$ours" ]; then
	echo "$ours is not built: the peers are measured alone" >&2
	ours=
fi
exec go run ./scripts/bench/corpus compare --ours "$ours" --datatrove "$datatrove" --datajuicer "$datajuicer" "$@"
