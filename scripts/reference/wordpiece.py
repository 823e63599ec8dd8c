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


# ---- nasty lines --------------------------------------------------------------------------------------------------

PLAIN = [
    "今天天气不错，我们去公园散步吧。", "苹果公司发布了iPhone 15 Pro Max，售价9999元起！", "The quick brown fox jumps over the lazy dog.",
    "他说：“人工智能（AI）——改变了世界……”", "‘单引号’与“双引号”、破折号—和省略号…", "https://www.example.com/a?b=1&c=%E4%B8%AD#top", "user.name+tag@mail.example.cn",
    "价格：￥1,234.56～￥2,000.00（约合$180）", "２０２１年１２月３１日　星期五", "ＡＢＣａｂｃ！？（）［］｛｝", "C++与C#、Node.js和.NET", "don't can't won't l'été",
    "Ça va? Où êtes-vous? naïve façade Ångström", "ÄÖÜäöüß ẞ ŁłØøĐđ", "İstanbul ıIiİ", "ΑΒΓ Σίσυφος ὈΔΥΣΣΕΎΣ ς", "Привет, мир! Ёжик Йод й", "Übergrößenträger",
    "東京タワーはとても高いです。", "ひらがなカタカナｶﾞｷﾞｸﾞ がぎぐ", "안녕하세요 세계", "각낢힣가", "ไทยภาษา สวัสดี", "हिन्दी में लिखा", "العَرَبِيَّة", "עִבְרִית שלום", "Tiếng Việt có dấu",
    "😀😂👍🔥😎", "👍🏽👨‍👩‍👧‍👦🏳️‍🌈", "❤️ ☀️ ✈️ ♀️ 1️⃣ #️⃣", "🇨🇳🇺🇸", "a😂b 好😂的", "㈠㈡㊣①②③⑩㎡℃", "〇二〇二一 零〇", "㐀㐁䶵 𠀀𠀁𪛖 𪜀𫜴 𫝀𫠝 𫠠𬺡 𬺰𮯠 𰀀𱍊 𱍐𲎯", "豈更車賈滑 﨎﨏﨑 丽丸乁",
    "\ufffd\ufffd好\ufffd", "a\x00b\x01c\x7f\x80\x85\x9fd", "a\tb\rc\x0bd\x0ce\x1cf\x1fg", "a\u00a0b\u1680c\u2000d\u200ae\u2028f\u2029g\u202fh\u205fi\u3000j", "\u2028", "##\u2028", "a\u200bb\u200cc\u200dd\u200ee\u2060f\ufeffg",
    "soft\u00adhyphen", "\ufeffBOM first", "\ue000\uf8ff\U000f0000private\U0010fffd", "\ufdd0\uffff\U0001fffe", "\u180e\u061c\u06dd\u070f", "\U000e0001\U000e0041tag",
    "e\u0301 e\u0301\u0301\u0323", "\u0301start", "a \u0301 b", "a\u0323\u0307 a\u0307\u0323", "\u1e9b\u0323", "\u212b\u2126\u212a", "x\u0327\u0334\u0345\u0315y", "中\u0301文\u3099か\u3099", "a\u302e\u0301b\u302f", "\u302e\u0323\u302a中", "\u1b44\u0334\u1baa\u0f71\u0f72", "\U0001d15f\U0001d160\U0001d1bb",
    "\u0344\u0340\u0341\u0343", "\u037e\u0387\u1fef\u1ffd\u2329\u232a", "\u226e\u226f\u2260\u2adc", "\u0f73\u0f75\u0f81", "\ufb1d\ufb2a\ufb4e", "\u1e69\u1e68\u01d5\u1ed6", "ǅǄǆ ǈ ǋ Ⅷ ⓐⒶ", "ꭰᏣᲐ Ა ა ᏸ", "ﬀﬁﬃ ﬅ ĳ Ŀ ŉ", "Ｆｕｌｌ Ｗｉｄｔｈ １２３",
    "𝐁𝐨𝐥𝐝 𝒜 𝔄 𝟘", "𐐀𐐨 𐲀𐳀 𞤀𞤢", "[CLS] [SEP] [MASK] [PAD] [UNK] [unused1]", "[MASK]好[mask]", "[[MASK]]a[MASK]b[MASK][SEP]", "[MASK", "中[PAD]文[UNK]É[CLS] [MASK ]", "##ing ## #", "_under_score__ ~`^|<>=+$", "¡¿§¶†‡•‣․‥…‧‰′″‴‹›※‼⁇", "「」『』【】〔〕〖〗〘〙〝〞〟", "﹁﹂﹃﹄︵︶﹏＿", "·•‧∙⋅・･", "———……~～〜∼",
    "", " ", "  a  b  ", "\t", "。", "a", "中", "\r", "a\rb", "。。。！！！", "1234567890", "3.1415926", "12:30:45 2021-03-01 1/2 50%", "x²+y²=z² ½ ¼ ³√", "€£¥¢₩ ₿", "™®©", "→←↑↓⇒", "▲△●○■□★☆",
    "supercalifragilisticexpialidocious antidisestablishmentarianism", "pneumonoultramicroscopicsilicovolcanoconiosis", "a" * 99, "a" * 100, "a" * 101, "é" * 100, "é" * 101, "각" * 33, "각" * 34, "好" * 120, "x" * 98 + "é\u0301y", "1" * 100 + "2", "ab" * 50 + " ok", "!" * 110, "😂" * 100, "😂" * 101,
]

ALPHABETS = [
    list(range(0x20, 0x7F)), list(range(0x4E00, 0xA000)), list(range(0x3400, 0x4DC0)), list(range(0x20000, 0x2A6E0)), list(range(0x2A700, 0x33480)), list(range(0xF900, 0xFB00)) + list(range(0x2F800, 0x2FA20)),
    list(range(0xC0, 0x250)), list(range(0x1E00, 0x2000)), list(range(0x370, 0x530)), list(range(0x590, 0x780)), list(range(0x900, 0xE00)), list(range(0xE00, 0x1000)), list(range(0xAC00, 0xD7A4)), list(range(0x1100, 0x1200)), list(range(0x3000, 0x3400)), list(range(0xFE00, 0x10000)),
    list(range(0x300, 0x370)) + list(range(0x1AB0, 0x1B00)) + list(range(0x1DC0, 0x1E00)), list(range(0x2000, 0x2070)), list(range(0x2070, 0x2C00)), list(range(0x1F000, 0x1FB00)), [0x200D, 0xFE0F, 0x20E3] + list(range(0x1F3FB, 0x1F400)) + list(range(0x1F1E6, 0x1F200)),
    list(range(0, 0x20)) + list(range(0x7F, 0xA1)), [0xFFFD, 0xFEFF, 0x200B, 0xAD, 0x2028, 0x2029, 0x85], list(range(0xE000, 0xE100)) + list(range(0xE0000, 0xE0200)), [0x302E, 0x302F, 0x1B44, 0x1BAA, 0xA953, 0xA9C0, 0x1D165, 0x1D16D, 0x323, 0x301, 0x345, 0x334, 0x34F],
    list(range(0xA000, 0xAC00)), list(range(0x10000, 0x11000)), list(range(0x11000, 0x12000)), list(range(0x16000, 0x17000)), list(range(0x1D000, 0x1F000)),
]


def random_line(rng, words):
    """A line of runs from a few alphabets, words and word pieces of the vocabulary, and any code points at all."""
    alphabets = rng.sample(ALPHABETS, rng.randint(1, 4))
    parts = []
    for _ in range(rng.randint(1, 10)):
        what = rng.random()
        if what < 0.45:
            alphabet = rng.choice(alphabets)
            parts.append("".join(chr(rng.choice(alphabet)) for _ in range(rng.randint(1, 8))))
        elif what < 0.75:
            parts.append("".join(rng.choice(words) for _ in range(rng.randint(1, 5))))
        elif what < 0.8:
            parts.append(chr(rng.choice(CODE_POINTS)))
        elif what < 0.85:
            parts.append(rng.choice(PLAIN))
        elif what < 0.87:
            parts.append("".join(rng.choice(words) for _ in range(40))[:rng.randint(96, 104)])
        else:
            parts.append(rng.choice([" ", " ", "  ", "，", "。", "“", "”", "—", "…", "\t", "\u3000", "-", "'", ".", "1", "２"]))
    line = "".join(parts)
    return rng.choice([line, line, line.upper(), line.title()]).replace("\n", " ").encode("utf-8", "ignore").decode()


def random_lines(seed, count):
    rng = random.Random(seed)
    words = [t.removeprefix("##") for t in vocabulary() if not t.startswith("[unused")]
    return [random_line(rng, words) for _ in range(count)]


# ---- golden and comparison ----------------------------------------------------------------------------------------


def encode(tokenizer, line):
    """Ids, and offsets in bytes of the line's UTF-8, flat: start, end, start, end ..."""
    encoding = tokenizer.encode(line, add_special_tokens=False)
    at = [0]
    for c in line:
        at.append(at[-1] + len(c.encode()))
    return encoding.ids, [at[x] for span in encoding.offsets for x in span]


def golden():
    lines = PLAIN + random_lines(20260101, 330)
    lower, cased, special = reference(True), reference(False), reference(True)
    special.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    cases = []
    for line in lines:
        (a, b), (c, d) = encode(lower, line), encode(cased, line)
        cases.append({"text": line, "lower": a, "lower_spans": b, "cased": c, "cased_spans": d})
        if "[" in line:
            cases[-1]["special"], cases[-1]["special_spans"] = encode(special, line)
    data = json.dumps({"tokenizers": tokenizers.__version__, "cases": cases}, ensure_ascii=False, separators=(",", ":"))
    (TEXT / "testdata" / "wordpiece.json.gz").write_bytes(gzip.compress(data.encode(), 9, mtime=0))
    print(len(cases), "lines", sum(len(c["lower"]) for c in cases), "tokens")

    out = ["# sha256 of the words of each block of 4096 code points c: the text is A\u00c9 c b blank \u0323 c \u00e9, words are ended by U+0000.",
           "# FIRST LOWER LOWER+KEEP CASED CASED+STRIP, 16 hexadecimal digits each; made by scripts/reference/wordpiece.py golden."]
    modes = [reference(True), reference(True, False), reference(False), reference(False, True)]
    for first in range(0, 0x110000, 4096):
        sums = [hashlib.sha256() for _ in modes]
        for c in range(first, first + 4096):
            if 0xD800 <= c < 0xE000:
                continue
            text = "A\u00c9" + chr(c) + "b \u0323" + chr(c) + "\u00e9"
            for mode, digest in zip(modes, sums):
                for word, _ in mode.pre_tokenizer.pre_tokenize_str(mode.normalizer.normalize_str(text)):
                    digest.update(word.encode() + b"\0")
        out.append(" ".join([f"{first:06X}"] + [d.hexdigest()[:16] for d in sums]))
    (TEXT / "testdata" / "codepoints.txt").write_text("\n".join(out) + "\n")


def compare(count, seed):
    """Runs the Go program on random lines and counts lines whose ids or offsets differ."""
    lines = random_lines(seed, count)
    failed = 0
    for lower in (True, False):
        tokenizer = reference(lower)
        ran = subprocess.run(["go", "run", "./scripts/bench/tokenizer", "--encode"] + (["--lower"] if lower else []), cwd=ROOT, check=True,
                             input="".join(json.dumps(line) + "\n" for line in lines).encode(), stdout=subprocess.PIPE)
        answers = [json.loads(x) for x in ran.stdout.decode().split("\n")[:-1]]
        assert len(answers) == len(lines)
        ids, spans, tokens = 0, 0, 0
        for line, got in zip(lines, answers):
            want_ids, want_spans = encode(tokenizer, line)
            tokens += len(want_ids)
            ids += got["ids"] != want_ids
            spans += got["spans"] != want_spans
            if (got["ids"] != want_ids or got["spans"] != want_spans) and ids + spans < 8:
                print(ascii(line), got, want_ids, want_spans, file=sys.stderr)
        print(f"lower={lower}: {len(lines)} lines, {tokens} tokens: {ids} lines with other ids, {spans} with other offsets")
        failed += ids + spans
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["tables", "golden", "compare"])
    parser.add_argument("--lines", type=int, default=120_000)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    if tokenizers.__version__ != PINNED:
        sys.exit(f"tokenizers {tokenizers.__version__} is installed, the reference is {PINNED}: pip install tokenizers=={PINNED}")
    if args.what == "compare":
        sys.exit(compare(args.lines, args.seed))
    tables() if args.what == "tables" else golden()


if __name__ == "__main__":
    main()
