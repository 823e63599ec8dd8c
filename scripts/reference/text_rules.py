"""Reference of datasets/clean's text rules: the same decisions by other libraries and, where there is none, written anew from the rules' docs.

    pip install opencc==1.4.2 regex==2026.11.19 phonenumbers==9.0.43 python-stdnum==2.2 beautifulsoup4==4.15.0 pyahocorasick==2.3.1 zstandard==0.25.0
    python scripts/reference/text_rules.py    # Python 3.11; writes datasets/clean/testdata/text_rules.json.gz

markup by BeautifulSoup and html.unescape; characters by the regex module's Unicode properties and unicodedata's NFKC and NFKD, for every
character of the first plane; punctuation and sentences by regular expressions on texts that need no more of their rules; words by
pyahocorasick; personal data by python-stdnum (identity numbers, Luhn) and phonenumbers; simplified characters by OpenCC itself. Texts are the
sample's, with what is to be cleaned put in at random places.
"""

import gzip
import html
import io
import json
import pathlib
import random
import tarfile
import unicodedata

import ahocorasick
import bs4
import opencc
import phonenumbers
import regex
import stdnum.cn.ric
import stdnum.exceptions
import stdnum.luhn
import stdnum.numdb
import zstandard

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "datasets" / "clean" / "testdata" / "text_rules.json.gz"
DATA = ROOT / "datasets" / "sample" / "data"
rng = random.Random(20210301)


def sample(archive, source):
    data = zstandard.ZstdDecompressor().stream_reader((DATA / f"{archive}.tar.zst").open("rb")).read()
    texts = []
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for member in tar:
            if member.name.endswith(".json"):
                texts += [row["text"] for row in json.load(tar.extractfile(member)) if row["source"] == source]
    return texts


# Markup: well-formed fragments, so that every reader of HTML agrees; white space is not compared.


def fragment(texts):
    inline = [("<b>", "</b>"), ("<a href=\"x?a=1&amp;b='2'\" target=_blank>", "</a>"), ("<span class='c d'>", "</span>"), ("<em\n>", "</em >")]
    block = [("<p>", "</p>"), ("<div id=\"a>b\">", "</div>"), ("<h2>", "</h2>"), ("<td nowrap>", "</td>"), ("<li>", "</li>")]
    parts = []
    for _ in range(rng.randint(1, 5)):
        text = html.escape(rng.choice(texts)[: rng.randint(5, 60)], quote=rng.random() < 0.5)
        cut = rng.randint(0, len(text))
        while "&" in text[max(0, cut - 7) : cut]:
            cut -= 1
        a, b = rng.choice(inline)
        extra = rng.choice(["<br/>", "<!-- a <b> -->", "<img src='a.png' alt=\"&lt;\">", "&nbsp;&hellip;&#20013;&#x6587;", "<script>if (a<b) {'</p>'}</script>", "<style>p > a {}</style>", "", ""])
        inner = text[:cut] + a + "字&amp;" + b + extra + text[cut:]
        a, b = rng.choice(block)
        parts.append(a + inner + b)
    return "".join(parts)


def strip_html(s):
    soup = bs4.BeautifulSoup(s, "html.parser")
    for tag in soup(["script", "style"]):
        tag.decompose()
    text = soup.get_text()
    return "".join(text.split())


# Characters.

EXTRA = "°℃±×÷≤≥≠≈¥￥€£‰"
LIGATURES = {"æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ł": "l", "Ł": "L", "ı": "i", "ß": "ss", "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T",
             "ɡ": "g", "ɑ": "a"}
HAN = regex.compile(r"[\p{Script=Han}&&[\p{Lo}\p{Lm}\p{Nl}]]|[々〇]", regex.V1)
PUNCTUATION = regex.compile(r"[!-/:-@\[-`{-~·§«»‐-‧′″‹›※[\p{InCJK_Symbols_And_Punctuation}&&\p{P}--[〰〽]]〃[\p{InVertical_Forms}\p{InCJK_Compatibility_Forms}\p{InSmall_Form_Variants}&&[\p{P}\p{S}]]"
                            r"[\p{InHalfwidth_And_Fullwidth_Forms}&&[\p{P}\p{S}]--[\uFFE0-\uFFFF]]]", regex.V1)


def stays(c):
    return c.isascii() and c.isprintable() and c != " " or c in EXTRA or bool(HAN.fullmatch(c)) or bool(PUNCTUATION.fullmatch(c))


def decide(c):
    """What becomes of a character: itself, another text, "" (gone), " " or a line's end."""
    if c in "\n\r\v\f\x85\u2028\u2029":
        return "\n"
    if c == "\t" or regex.fullmatch(r"\p{Zs}", c):
        return " "
    if c in EXTRA or c.isascii():
        return c if stays(c) else ""
    if c in "・･‧∙⋅":
        return "·"
    if c in "™℠":
        return ""
    if c < "\u2000" and regex.fullmatch(r"[\p{Script=Latin}&&\p{L}]", c, regex.V1):
        with_ = LIGATURES.get(c) or regex.sub(r"\p{M}", "", unicodedata.normalize("NFKD", c))
    elif PUNCTUATION.fullmatch(c) and not "\uFE10" <= c <= "\uFE6B":
        return c
    else:
        with_ = unicodedata.normalize("NFKC", c)
    if with_ != c and len(with_.encode()) <= len(c.encode()) and with_ and all(stays(x) for x in with_):
        return with_
    return c if stays(c) else ""


def characters(s):
    s = "".join(decide(c) for c in s)
    s = regex.sub(r" *\n[ \n]*", "\n", s)
    return regex.sub(r" +", " ", s).strip(" \n")


NOISE = ["😀", "👨‍👩‍👧", "❤️", "かな", "カナ", "한글", "я", "\u200b", "\ufeff", "\x07", "\ue000", "\u3000", "  ", " \n\n ", "\t", "\r\n", "Ａ１", "①", "Ⅲ", "²", "é", "ǚ", "㎏", "→", "■", "℃", "・", "ﬁ", "\uf900", "⼀",
         "\U00020000", "𝐀", "￥", "《》", "…"]


# Punctuation: runs of one mark, and of sentence marks.


def punctuation(s):
    s = regex.sub(r"([，。！？；：、])[，。！？；：、]*", lambda m: "".join(dict.fromkeys(m.group())), s)
    s = regex.sub(r"…{3,}", "……", s)
    s = regex.sub(r"—{3,}", "——", s)
    s = regex.sub(r"([「」《》【】~～*#=_|])\1+", r"\1", s)
    return regex.sub(r"([（）“”‘’])\1\1+", r"\1", s)


MARKS = ["！！！", "。。", "，，，", "！？！？", "？？", "……", "………", "——", "———", "““", "”””", "））", "（（（", "~~", "～～～", "====", "###", "、、", "；；", "《《", "。，。"]


# Sentences: of Chinese marks, closers and lines, without quotes and points.


def sentences(s):
    return regex.findall(r"(?:[^。！？；…\n]*(?:[。！？；…][。！？；…”’」』）】》]*\s*|\n\s*)|[^。！？；…\n]+$)", s)


def sentence_text(texts):
    s = regex.sub(r"[\"“”‘’「」『』（）()【】《》〈〉\[\]{}.!?;]", "", rng.choice(texts))[:200]
    for _ in range(rng.randint(1, 8)):
        at = rng.randint(0, len(s))
        s = s[:at] + rng.choice(["。", "！", "？", "；", "……", "？！", "。\n", "\n", "\n\n", "。”", "！』", "。 ", "。\u3000"]) + s[at:]
    return s.lstrip()


# Personal data.


def identity():
    day = "%04d%02d%02d" % (rng.randint(1900, 2020), rng.randint(1, 12), rng.randint(1, 28))
    number = rng.choice(["110105", "310101", "440103", "510105", "990101"]) + (day if rng.random() < 0.8 else "19991345") + "%03d" % rng.randint(0, 999)
    number += stdnum.cn.ric.calc_check_digit(number + "0")
    if rng.random() < 0.3:
        i = rng.randint(0, 16)
        number = number[:i] + rng.choice("0123456789") + number[i + 1 :]
    return number


def is_identity(s):
    """By check digit, date and province; counties come and go, and numbers stay."""
    try:
        stdnum.cn.ric.get_birth_date(s)
    except stdnum.exceptions.ValidationError:
        return False
    province = any(properties for _, properties in stdnum.numdb.get("cn/loc").info(s[:2] + "0000"))
    return province and s[-1] == stdnum.cn.ric.calc_check_digit(s)


def card():
    prefix, size = rng.choice([("62", 16), ("62", 19), ("4", 16), ("51", 16), ("55", 16), ("37", 15), ("36", 14), ("35", 16)])
    number = prefix + "".join(rng.choice("0123456789") for _ in range(size - len(prefix) - 1))
    number += stdnum.luhn.calc_check_digit(number)
    if rng.random() < 0.4:
        i = rng.randint(2, size - 1)
        number = number[:i] + rng.choice("0123456789") + number[i + 1 :]
    return number


def phone():
    digits = lambda n: "".join(rng.choice("0123456789") for _ in range(n))
    return rng.choice([lambda: "1" + rng.choice("3456789") + digits(9), lambda: "010-6" + digits(7), lambda: "0571 8" + digits(7), lambda: "12" + digits(9), lambda: "+86 138" + digits(8),
                       lambda: "10" + digits(9)])()


def is_phone(s):
    return phonenumbers.is_possible_number(n := phonenumbers.parse(s, "CN")) and phonenumbers.is_valid_number(n)


def main():
    texts = [t for t in sample("help", "help") + sample("faq", "qa") if len(t) > 10]
    out = {}
    out["markup"] = [{"in": (f := fragment(texts)), "out": strip_html(f)} for _ in range(300)]
    out["plane"] = [decide(chr(c)) if not 0xD800 <= c <= 0xDFFF else "" for c in range(1 << 16)]
    out["characters"] = []
    for _ in range(300):
        s = rng.choice(texts)[:120]
        for _ in range(rng.randint(0, 8)):
            at = rng.randint(0, len(s))
            s = s[:at] + rng.choice(NOISE) + s[at:]
        fold = {"𝐀": "A"}
        out["characters"].append({"in": s, "out": characters("".join(fold.get(c, c) for c in s))})
    out["punctuation"] = []
    for _ in range(300):
        s = regex.sub(r"[\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e \n]", "", rng.choice(texts))[:120]
        for _ in range(rng.randint(1, 6)):
            at = rng.randint(0, len(s))
            s = s[:at] + rng.choice(MARKS) + s[at:]
        out["punctuation"].append({"in": s, "out": punctuation(s)})
    out["sentences"] = [{"in": (s := sentence_text(texts)), "out": sentences(s)} for _ in range(300)]

    words = sorted({t[i : i + n] for t in rng.sample(texts, 60) for n in (2, 3, 5) for i in [rng.randint(0, max(0, len(t) - n))] if regex.fullmatch(r"\p{Han}+", t[i : i + n])})
    automaton = ahocorasick.Automaton()
    for w in words:
        automaton.add_word(w, w)
    automaton.make_automaton()
    out["words"] = {"words": words, "cases": []}
    for t in rng.sample(texts, 300):
        best = {}
        for end, w in automaton.iter(t):
            start = end + 1 - len(w)
            best[end + 1] = min(best.get(end + 1, start), start)
        out["words"]["cases"].append({"in": t, "hits": [[len(t[:a].encode()), len(t[:b].encode())] for b, a in sorted(best.items())]})

    out["identity"] = [{"number": (n := identity()), "ok": is_identity(n)} for _ in range(400)]
    out["card"] = [{"number": (n := card()), "ok": stdnum.luhn.is_valid(n)} for _ in range(400)]
    out["phone"] = [{"number": (n := phone()), "ok": is_phone(n)} for _ in range(400)]

    to_traditional, to_simplified = opencc.OpenCC("s2t"), opencc.OpenCC("t2s")
    out["simplify"] = []
    for t in rng.sample(texts, 300):
        traditional = to_traditional.convert(t[:200])
        out["simplify"].append({"in": traditional, "out": to_simplified.convert(traditional)})

    OUT.parent.mkdir(exist_ok=True)
    with open(OUT, "wb") as raw, gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as f:
        f.write(json.dumps(out, ensure_ascii=False, separators=(",", ":")).encode())
    print({k: len(v) for k, v in out.items()}, OUT.stat().st_size)


if __name__ == "__main__":
    main()
