"""Peer of scripts/bench/tokenizer: Hugging Face tokenizers on one thread.

    pip install tokenizers==0.23.3

Reads a question a line and answers with a line: "version"; "loop", "batch" or "fast" times one pass over the lines by
encode, encode_batch or encode_batch_fast and answers seconds and the digest of the ids.
"""

import argparse
import pathlib
import sys
import time

import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

VOCABULARY = pathlib.Path(__file__).resolve().parents[3] / "datasets" / "text" / "bert-base-chinese.txt"


def digest(encodings):
    total = 0
    for encoding in encodings:
        for i in encoding.ids:
            total = (total * 31 + i + 1) % 1_000_000_007
    return total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", required=True)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--lower", action="store_true")
    args = parser.parse_args()
    tokens = VOCABULARY.read_bytes().decode().split("\n")[:-1]
    tokenizer = Tokenizer(models.WordPiece({t: i for i, t in enumerate(tokens)}, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=args.lower)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    lines = pathlib.Path(args.lines).read_bytes().decode().removesuffix("\n").split("\n") * args.repeat
    ways = {
        "loop": lambda: [tokenizer.encode(line, add_special_tokens=False) for line in lines],
        "batch": lambda: tokenizer.encode_batch(lines, add_special_tokens=False),
        "fast": lambda: tokenizer.encode_batch_fast(lines, add_special_tokens=False),
    }
    for question in sys.stdin:
        question = question.strip()
        if question == "version":
            print(tokenizers.__version__, flush=True)
            continue
        start = time.perf_counter()
        encodings = ways[question]()
        seconds = time.perf_counter() - start
        print(seconds, digest(encodings), flush=True)


if __name__ == "__main__":
    main()
