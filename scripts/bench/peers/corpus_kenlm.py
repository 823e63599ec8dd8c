"""Peer of scripts/bench/corpus.sh: KenLM's queries from Python, one process.

    pip install kenlm==0.3.0
    python corpus_kenlm.py --in FOLDER --arpa FILE [--train 4]

Scores every sentence of FOLDER/*.jsonl, as characters between blanks, with a character model of order 5. The package has no trainer, so a model file is made first
of the first --train MB (absolute discounting, interpolated; the form of the file is what counts here), unless FILE exists. Prints a line of JSON: MB (10^6 bytes of
text) a second of processor time, with and without putting the blanks in.
"""

import argparse
import collections
import json
import math
import pathlib
import re
import time

import kenlm

ORDER, DISCOUNT = 5, 0.75
SENTENCE = re.compile(r"[^。！？!?\n]+[。！？!?]*")


def train(sentences, file):
    """Writes an ARPA file: p(w|h) = max(c(hw)-d, 0)/c(h) + backoff(h) p(w|h'), with backoff(h) = d n(h)/c(h)."""
    counts = [collections.Counter() for _ in range(ORDER + 1)]
    for s in sentences:
        chars = ["<s>", *s.replace(" ", ""), "</s>"]
        for n in range(1, ORDER + 1):
            counts[n].update(zip(*(chars[k:] for k in range(n))))
    total, followers = [collections.Counter() for _ in range(ORDER + 1)], [collections.Counter() for _ in range(ORDER + 1)]
    for n in range(1, ORDER + 1):
        for gram, c in counts[n].items():
            total[n][gram[:-1]] += c
            followers[n][gram[:-1]] += 1
    size, chances = len(counts[1]) + 1, {}

    def chance(gram):
        if gram in chances:
            return chances[gram]
        n, h = len(gram), gram[:-1]
        lower = chance(gram[1:]) if n > 1 else 1 / size
        chances[gram] = (max(counts[n][gram] - DISCOUNT, 0) + DISCOUNT * followers[n][h] * lower) / total[n][h]
        return chances[gram]

    with open(file, "w", encoding="utf8") as out:
        out.write("\\data\\\n" + f"ngram 1={len(counts[1]) + 1}\n" + "".join(f"ngram {n}={len(counts[n])}\n" for n in range(2, ORDER + 1)))
        for n in range(1, ORDER + 1):
            out.write(f"\n\\{n}-grams:\n")
            if n == 1:
                out.write(f"{math.log10(DISCOUNT * followers[1][()] / total[1][()] / size):.6f}\t<unk>\t0\n")
            for gram in sorted(counts[n]):
                back = ""
                if n < ORDER:
                    h = total[n + 1][gram]
                    back = f"\t{math.log10(DISCOUNT * followers[n + 1][gram] / h) if h else 0:.6f}"
                out.write(f"{math.log10(chance(gram)):.6f}\t{' '.join(gram)}{back}\n")
        out.write("\n\\end\\\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--in", dest="source", required=True)
    parser.add_argument("--arpa", required=True)
    parser.add_argument("--train", type=float, default=4, help="MB of text")
    parser.add_argument("--limit", type=float, default=20, help="MB of text that are scored")
    args = parser.parse_args()
    sentences, size = [], 0
    for file in sorted(pathlib.Path(args.source).glob("*.jsonl")):
        for line in file.open(encoding="utf8"):
            if size < args.limit * 1e6:
                text = json.loads(line)["text"]
                size += len(text.encode())
                sentences += SENTENCE.findall(text)
    if not pathlib.Path(args.arpa).exists():
        some, left = [], args.train * 1e6
        for s in sentences:
            if left > 0:
                some.append(s)
                left -= len(s.encode())
        train(some, args.arpa)
    model = kenlm.Model(args.arpa)
    start = time.process_time()
    spaced = [" ".join(s) for s in sentences]
    between = time.process_time()
    total = sum(model.score(s) for s in spaced)
    end = time.process_time()
    print(json.dumps({"mb": size / 1e6, "sentences": len(sentences), "log10": total, "order": model.order,
                      "mb_per_processor_second": size / 1e6 / (end - start), "query_mb_per_processor_second": size / 1e6 / (end - between)}))


main()
