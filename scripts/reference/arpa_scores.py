"""Reference of datasets/clean's packed language model: KenLM trains on characters, writes ARPA files, and scores sentences.

    pip install kenlm                                          # the scorer (0.3.0 was used)
    cmake and make lmplz in https://github.com/kpu/kenlm       # the trainer
    go test ./datasets/clean -run TestARPAGolden -args -update # writes testdata/lm_ours.arpa.gz from the same sentences
    python scripts/reference/arpa_scores.py --lmplz PATH       # writes datasets/clean/testdata/kenlm.json.gz

The sentences stand in testdata/lm_train.txt and testdata/lm_query.txt, one a line. A character is a word; a run of white space inside a
sentence is the word U+2581. For every query there is log10 of its probability with <s> and </s>, how many words were scored, and
how many of them are unknown.
"""

import argparse
import gzip
import json
import pathlib
import subprocess
import tempfile

import kenlm

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "datasets" / "clean" / "testdata"
MODELS = [("order 3", 3, []), ("order 4", 4, ["0", "1"]), ("order 5", 5, ["0", "0", "1"])]


def words(line):
    return " ".join("\u2581".join(line.split()))


def score(arpa, queries):
    model = kenlm.Model(str(arpa))
    out = []
    for q in queries:
        parts = list(model.full_scores(words(q), bos=True, eos=True))
        out.append([sum(p for p, _, _ in parts), len(parts), sum(oov for _, _, oov in parts)])
    return out


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lmplz", required=True)
    lmplz = parser.parse_args().lmplz
    train = (DATA / "lm_train.txt").read_text("utf-8").split("\n")[:-1]
    queries = (DATA / "lm_query.txt").read_text("utf-8").split("\n")[:-1]
    text = "".join(words(line) + "\n" for line in train)
    models = []
    with tempfile.TemporaryDirectory() as folder:
        for name, order, prune in MODELS:
            command = [lmplz, "-o", str(order), "--discount_fallback", "-S", "200M", "-T", folder + "/"]
            command += ["--prune", *prune] if prune else []
            arpa = subprocess.run(command, input=text.encode(), check=True, capture_output=True).stdout
            path = pathlib.Path(folder) / "model.arpa"
            path.write_bytes(arpa)
            models.append({"name": name, "order": order, "prune": [int(p) for p in prune], "arpa": arpa.decode(), "scores": score(path, queries)})
        ours = gzip.decompress((DATA / "lm_ours.arpa.gz").read_bytes())
        path.write_bytes(ours)
        models.append({"name": "ours", "scores": score(path, queries)})
    data = json.dumps({"models": models}, ensure_ascii=False, separators=(",", ":"))
    (DATA / "kenlm.json.gz").write_bytes(gzip.compress(data.encode(), 9, mtime=0))
    print("kenlm.json.gz", (DATA / "kenlm.json.gz").stat().st_size, "bytes")


if __name__ == "__main__":
    main()
