"""Reference of datasets/text: Hugging Face's tokenizers, asked what it does.

    pip install tokenizers==0.23.3
    python scripts/reference/wordpiece.py tables    # datasets/text/unicode.txt, from every code point there is
    python scripts/reference/wordpiece.py golden    # datasets/text/testdata/wordpiece.json.gz and codepoints.txt
    python scripts/reference/wordpiece.py compare   # a random corpus against the Go program, ids and offsets

Nothing here repeats the library's rules: the tables are read off its answers.
"""

import argparse
import gzip
import hashlib
import json
import pathlib
import random
import subprocess
import sys
import unicodedata

import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

PINNED = "0.23.3"
ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = ROOT / "datasets" / "text"
VOCABULARY = TEXT / "bert-base-chinese.txt"
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


def vocabulary():
    """The tokens in order: split on "\\n" only, for two of them are U+2028."""
    lines = VOCABULARY.read_bytes().decode().split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def reference(lower, accents=None):
    """BERT's pipeline without post-processing, so that there is no [CLS] and [SEP]."""
    ids = {token: i for i, token in enumerate(vocabulary())}
    made = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    made.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=accents, lowercase=lower)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


# ---- tables -------------------------------------------------------------------------------------------------------


def ranges(values):
    """Merges {code point: value} into (first, last, value) with equal neighbours."""
    out = []
    for c in sorted(values):
        if out and out[-1][1] == c - 1 and out[-1][2] == values[c]:
            out[-1][1] = c
        else:
            out.append([c, c, values[c]])
    return out


def shifts(lower):
    """Merges {code point: code point} into (first, last, step, shift): alphabets in blocks or alternating."""
    out = []
    for c in sorted(lower):
        shift = lower[c] - c
        for step in (1, 2):
            last = out[-1] if out else None
            if last and last[3] == shift and c - last[1] == step and last[2] in (0, step):
                last[1], last[2] = c, step
                break
        else:
            out.append([c, c, 0, shift])
    return [(a, b, step or 1, shift) for a, b, step, shift in out]


def combining_classes(nfd):
    """Reads canonical combining classes off the order that NFD gives to two characters."""
    swaps = lambda x, y: x != y and nfd("a" + x + y) == "a" + y + x
    low, high = "\u0334", "\u0345"  # classes 1 and 240
    assert unicodedata.combining(low) == 1 and unicodedata.combining(high) == 240 and swaps(high, low)
    example = {}
    for c in CODE_POINTS:
        s = chr(c)
        if nfd(s) == s and (swaps(high, s) or swaps(s, low)):  # else the library holds it for a base character
            example.setdefault(unicodedata.combining(s), s)
    assert 0 not in example
    classes = sorted(example)
    out = {}
    for c in CODE_POINTS:
        s = chr(c)
        if nfd(s) != s or not (swaps(high, s) or swaps(s, low)):
            continue
        below = [k for k in classes if swaps(s, example[k])]
        above = [k for k in classes if swaps(example[k], s)]
        rest = [k for k in classes if k not in below and k not in above]
        assert len(rest) == 1, (hex(c), rest)
        out[c] = rest[0]
    return out


def tables():
    clean = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    chinese = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=True, strip_accents=False, lowercase=False)
    strip = normalizers.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False)
    split = pre_tokenizers.BertPreTokenizer()
    nfd, lower = normalizers.NFD().normalize_str, normalizers.Lowercase().normalize_str

    kinds = {k: {} for k in ("drop", "space", "han", "punct", "mark")}
    decomposed, shift, spelled = {}, {}, {}
    for c in CODE_POINTS:
        s = chr(c)
        cleaned = clean.normalize_str("a" + s + "b")
        if cleaned == "ab":
            kinds["drop"][c] = ""
        elif cleaned == "a b":
            kinds["space"][c] = ""
        else:
            assert cleaned == "a" + s + "b", hex(c)
        if chinese.normalize_str("a" + s + "b") != "a" + s + "b":
            kinds["han"][c] = ""
        parts = [p for p, _ in split.pre_tokenize_str("a" + s + "b")]
        if parts == ["a", s, "b"]:
            kinds["punct"][c] = ""
        else:
            assert parts == ["a" + s + "b"] or parts == ["a", "b"] and (c in kinds["space"] or c in kinds["drop"]), hex(c)
        if nfd(s) != s:
            if not 0xAC00 <= c <= 0xD7A3:  # Hangul syllables are decomposed by arithmetic
                decomposed[c] = nfd(s)
        elif strip.normalize_str("a" + s) == "a":
            kinds["mark"][c] = ""
        low = lower(s)
        if len(low) == 1 and low != s:
            shift[c] = ord(low)
        elif low != s:
            spelled[c] = low
    for c in range(0xAC00, 0xD7A4):
        assert nfd(chr(c)) == unicodedata.normalize("NFD", chr(c))

    spell = lambda s: " ".join(f"{ord(x):X}" for x in s)
    lines = [
        "# What Hugging Face tokenizers %s does with each code point, read off its answers by" % tokenizers.__version__,
        "# scripts/reference/wordpiece.py tables. Hexadecimal: KIND FIRST LAST [STEP] [VALUE].",
        "# drop: removed; space: becomes a blank; han: a word of its own; punct: punctuation, likewise;",
        "# mark: removed with the accents; class: canonical combining class; nfd: canonical decomposition;",
        "# lower: lower case by a shift, or (spell) written out.",
    ]
    for kind, values in kinds.items():
        lines += [f"{kind} {a:X} {b:X}" for a, b, _ in ranges(values)]
    lines += [f"class {a:X} {b:X} {v:X}" for a, b, v in ranges(combining_classes(nfd))]
    lines += [f"lower {a:X} {b:X} {step:X} {'-' if v < 0 else ''}{abs(v):X}" for a, b, step, v in shifts(shift)]
    lines += [f"spell {c:X} {spell(s)}" for c, s in spelled.items()]
    lines += [f"nfd {c:X} {spell(s)}" for c, s in decomposed.items()]
    (TEXT / "unicode.txt").write_text("\n".join(lines) + "\n")
    for kind, values in kinds.items():
        print(kind, len(values))
    print("lower", len(shift) + len(spelled), "nfd", len(decomposed), "lines", len(lines))


if __name__ == "__main__":
    tables()
