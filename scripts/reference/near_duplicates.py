"""Reference of datasets/near's MinHash: pairs of texts, their true Jaccard similarity, and what datasketch finds with as many bands and rows.

    pip install datasketch                          # 2.0.0 was used
    python scripts/reference/near_duplicates.py     # writes datasets/near/testdata/datasketch.json.gz

A text is compared by its set of character 5-grams, without white space and punctuation, of which these have none. A pair is a text and a copy in
which a number of characters were replaced, left out or put in. found says whether datasketch's LSH, with 14 bands of 8 rows and a seed
of its own for each pair, finds the copy by the text; estimate is its own estimate from the 112 values.
"""

import gzip
import json
import pathlib
import random

from datasketch import MinHash, MinHashLSH

OUT = pathlib.Path(__file__).resolve().parents[2] / "datasets" / "near" / "testdata" / "datasketch.json.gz"
BANDS, ROWS, PAIRS = 14, 8, 700


def shingles(text):
    return {text[i : i + 5] for i in range(max(1, len(text) - 4))}


def sketch(text, seed):
    m = MinHash(num_perm=BANDS * ROWS, seed=seed)
    for s in sorted(shingles(text)):
        m.update(s.encode())
    return m


def main():
    rng = random.Random(5)
    han = [chr(c) for c in range(0x4E00, 0x4E00 + 900)]
    pairs = []
    for number in range(PAIRS):
        text = [rng.choice(han) for _ in range(rng.randint(20, 220))]
        copy = list(text)
        for _ in range(rng.randint(0, max(1, len(text) // 9))):
            at = rng.randrange(len(copy))
            kind = rng.randrange(3)
            copy[at : at + (kind != 2)] = [rng.choice(han)] if kind != 1 else []
        a, b = "".join(text), "".join(copy)
        one, two = shingles(a), shingles(b)
        m, n = sketch(a, number + 1), sketch(b, number + 1)
        lsh = MinHashLSH(params=(BANDS, ROWS), num_perm=BANDS * ROWS)
        lsh.insert("text", m)
        pairs.append({"a": a, "b": b, "jaccard": len(one & two) / len(one | two), "found": bool(lsh.query(n)), "estimate": m.jaccard(n)})
    data = json.dumps(pairs, ensure_ascii=False, separators=(",", ":"))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(gzip.compress(data.encode(), 9, mtime=0))
    print(OUT.name, OUT.stat().st_size, "bytes", sum(p["found"] for p in pairs), "of", PAIRS, "found")


if __name__ == "__main__":
    main()
