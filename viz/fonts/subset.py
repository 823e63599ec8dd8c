"""Cuts Noto Sans SC (SIL Open Font License 1.1) down to what the figures of package viz need. See make.sh for the pinned versions.

sans.ttf      the Han characters of GB 2312 and of the 21,128-entry BERT vocabulary (so: all that the model can write),
              kana, Latin, Greek, Cyrillic, punctuation, arrows, mathematics, blocks, full-width forms
semibold.ttf  Latin and punctuation only, for titles

Both keep plain glyf outlines (no hinting, no layout tables), so that package viz can cut them further for each page.
The licence reserves the name 'Source' of the original; the subsets are called 'M6lab Sans'.
"""

import argparse
import pathlib

from fontTools import subset
from fontTools.ttLib import TTFont

LATIN = [(0x20, 0x7E), (0xA0, 0x17F), (0x2010, 0x2027), (0x2030, 0x203A), (0x20AC, 0x20AC), (0x2190, 0x2193), (0x2212, 0x2212)]
SYMBOLS = LATIN + [
    (0x1CD, 0x1DC), (0x2C6, 0x2DC), (0x391, 0x3C9), (0x401, 0x451), (0x203B, 0x2044), (0x2070, 0x209C), (0x20A9, 0x20AC),
    (0x2100, 0x2122), (0x2150, 0x2189), (0x2194, 0x21D5), (0x2200, 0x22A5), (0x2460, 0x249B), (0x2500, 0x257F), (0x2580, 0x2595),
    (0x25A0, 0x25EF), (0x2605, 0x2606), (0x2640, 0x2642), (0x2713, 0x2713), (0x3000, 0x303D), (0x3041, 0x30FF), (0x3105, 0x3129),
    (0x3220, 0x3229), (0x338E, 0x33D5), (0xFE30, 0xFE4F), (0xFF01, 0xFF5E), (0xFFE0, 0xFFE5),
]


def spread(ranges):
    return {c for first, last in ranges for c in range(first, last + 1)}


def is_han(c):
    return 0x3400 <= c <= 0x9FFF or 0xF900 <= c <= 0xFAFF or c >= 0x20000


def gb2312():
    rows = (bytes([a, b]) for a in range(0xA1, 0xFF) for b in range(0xA1, 0xFF))
    return {ord(s) for s in (r.decode("gb2312", "ignore") for r in rows) if len(s) == 1}


def vocabulary(path):
    tokens = pathlib.Path(path).read_text("utf-8").split("\n")
    return {ord(c) for t in tokens for c in t.removeprefix("##") if is_han(ord(c))}


def cut(source, out, codes, weight):
    font = TTFont(source, recalcTimestamp=False)
    options = subset.Options()
    options.hinting = False
    options.layout_features = []
    options.drop_tables += ["GDEF", "GPOS", "GSUB", "BASE", "STAT", "vhea", "vmtx", "gasp", "prep"]
    options.name_IDs = [0, 1, 2, 13, 14]
    options.name_languages = [0x409]
    options.glyph_names = False
    options.notdef_outline = True
    options.recalc_timestamp = False
    worker = subset.Subsetter(options)
    worker.populate(unicodes=codes)
    worker.subset(font)
    assert not any(font["glyf"][g].isComposite() for g in font.getGlyphOrder())
    name = font["name"]
    name.setName("M6lab Sans", 1, 3, 1, 0x409)
    name.setName(weight, 2, 3, 1, 0x409)
    font.save(out)
    have = font.getBestCmap()
    print(out, pathlib.Path(out).stat().st_size, "bytes,", len(have), "characters,", sum(map(is_han, have)), "Han")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    for flag in ("--vocabulary", "--regular", "--semibold", "--out"):
        p.add_argument(flag, required=True)
    a = p.parse_args()
    han = vocabulary(a.vocabulary) | {c for c in gb2312() if is_han(c)}
    cut(a.regular, f"{a.out}/sans.ttf", han | spread(SYMBOLS), "Regular")
    cut(a.semibold, f"{a.out}/semibold.ttf", spread(LATIN), "SemiBold")
