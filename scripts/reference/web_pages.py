"""Pages, charsets, addresses and markup as independent libraries see them: the judge of package datasets/page.

    pip install html5lib==1.1 beautifulsoup4==4.15.0    (Python 3.11)
    python scripts/reference/web_pages.py

It reads the pages of datasets/page/testdata/pages (UTF-8, written for this test, each with its main text beside it as .txt) and writes into
datasets/page/testdata:

- encoded/: the pages in the charsets of the places they stand for
- charsets.json.gz: texts of many lengths in many charsets, with right, wrong and no declarations, encoded by Python's codecs
- addresses.json: relative addresses resolved by urllib.parse.urljoin, and escaped by urllib.parse.quote
- strip.json.gz: whole and broken markup and its text: the tree is html5lib's, the lines are made by the rules in the function lines()

With --peers it prints instead how well trafilatura (pip install trafilatura==2.3.1) finds the main text of the same pages.
"""

import base64
import gzip
import json
import pathlib
import random
import re
import sys
import unicodedata
import urllib.parse

import html5lib

ROOT = pathlib.Path(__file__).resolve().parents[2] / "datasets" / "page" / "testdata"
PAGES = ROOT / "pages"

MORE = [
    "春天来了，小河边的柳树发了芽，几只鸭子在水里游来游去，孩子们在岸上放风筝。",
    "本店所有商品均支持七天无理由退货，运费由买家承担，详情请咨询客服。",
    "问：怎样才能让米饭更香？答：淘米以后泡二十分钟，水里加几滴油，焖好以后不要马上开盖。",
    "会议讨论了明年的预算，决定增加图书馆和公园的经费，并推迟修建停车场的计划。",
    "這間小店開了三十年，老闆每天清晨四點起床磨豆漿，熟客都知道要早點來。",
    "颱風過後，山路被落石堵住，村民自己動手清理，第二天下午就恢復通車了。",
    "請問這台相機的電池可以用多久？冬天在戶外拍照會不會很快沒電？",
    "圖書館下個月整修，借書請到二樓服務台辦理，還書可以投到門口的書箱。",
]


def write_json(name, value):
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    if name.endswith(".gz"):
        data = gzip.compress(data, 9, mtime=0)
    (ROOT / name).write_bytes(data)


def encoded():
    (ROOT / "encoded").mkdir(exist_ok=True)
    for name, codec, label in [("news", "gb18030", "gb2312"), ("forum", "big5", "big5"), ("tables", "gb18030", "none")]:
        (ROOT / "encoded" / f"{name}.{label}.html").write_bytes((PAGES / f"{name}.html").read_text().encode(codec))


def traditional(s):
    try:
        s.encode("big5")
    except UnicodeEncodeError:
        return False
    return True


def charsets():
    texts = MORE + [line for f in sorted(PAGES.glob("*.txt")) for line in f.read_text().split("\n") if len(line) > 30]
    cases = []

    def add(kind, body, text, charset, header="", bad=0):
        cases.append({"kind": kind, "body": base64.b64encode(body).decode(), "text": text, "charset": charset, "header": header, "bad": bad})

    families = [("gb18030", "gb18030"), ("utf-8", "utf-8"), ("big5", "big5")]
    labels = {"gb18030": ["gb2312", "GBK", "gb18030"], "utf-8": ["utf-8", "UTF8"], "big5": ["big5", "Big5-HKSCS"]}
    rng = random.Random(6)
    for codec, family in families:
        usable = [t for t in texts if codec != "big5" or traditional(t)]
        if codec == "gb18030":  # what is written in traditional characters is not kept in GB18030 as a rule
            usable = [t for t in usable if not any(c in t for c in "這請圖颱們個後會電")]
        if codec == "big5":
            usable = [t for t in usable if any(c in t for c in "這請圖颱們個後會電來過時說")]
        for n in [2, 4, 8, 16, 30, 1000]:
            for k in range(12):
                text = rng.choice(usable)
                if n == 1000:
                    while len(text) < n:
                        text += "\n" + rng.choice(usable)
                at = rng.randrange(max(1, len(text) - n))
                text = re.sub(r"[^\n㐀-鿿，。？！：]", "", text[at : at + n])
                if n < 1000 and len(re.sub(r"[^㐀-鿿]", "", text)) < n // 2:
                    continue
                body = text.encode(codec)
                add(f"bare {n}", body, text, family)
                label = rng.choice(labels[family])
                wrong = rng.choice([l for f, ls in labels.items() if f != family for l in ls] + ["iso-8859-1", "us-ascii", "x-nonsense"])
                page = f"<html><head><meta charset={{}}><title>{text}</title></head><body>Hello</body></html>"
                equiv = f"<html><head><META HTTP-EQUIV='Content-Type' content='text/html; charset={{}}'><title>{text}</title></head></html>"
                xml = f"<?xml version='1.0' encoding='{{}}'?><html><title>{text}</title></html>"
                for form in [page, equiv, xml]:
                    if n >= 8:
                        s = form.format(wrong)
                        add(f"wrong {n}", s.encode(codec), s, family)
                    s = form.format(label)
                    add(f"right {n}", s.encode(codec), s, family)
                add(f"header {n}", body, text, family, label)
                if n >= 8:
                    add(f"wrong header {n}", body, text, family, wrong)
    rare = "㐂𠮷野家的鰂魚涌店，黃燜雞米飯三十八元，請到櫃檯付款。"
    for codec, family in [("gb18030", "gb18030"), ("utf-8", "utf-8")]:
        add("rare", rare.encode(codec), rare, family, codec)
    latin = "Le café de la gare est très bon, et le garçon reçoit déjà les premiers élèves de l’été."
    add("latin", latin.replace("’", "'").encode("latin-1"), latin.replace("’", "'"), "windows-1252", "iso-8859-1")
    add("latin", latin.encode("cp1252"), latin, "windows-1252", "windows-1252")
    add("latin", latin.encode("cp1252"), latin, "windows-1252")
    add("latin", latin.encode(), latin, "utf-8", "iso-8859-1")
    russian = "Поезд прибыл на станцию рано утром, и на платформе было пусто."
    for codec in ["windows-1251", "koi8-r", "iso-8859-5"]:
        add("cyrillic", russian.encode(codec), russian, codec, codec)
    japanese = "朝早く駅に着いたので、ホームには誰もいませんでした。"
    for codec, label in [("shift_jis", "shift_jis"), ("euc_jp", "euc-jp"), ("iso2022_jp", "iso-2022-jp")]:
        add("japanese", japanese.encode(codec), japanese, label, label)
    korean = "이른 아침에 역에 도착해서 승강장에는 아무도 없었다."
    add("korean", korean.encode("euc_kr"), korean, "euc-kr", "euc-kr")
    hz = "春天来了，柳树发了芽。"
    add("hz", hz.encode("hz"), hz, "hz-gb-2312", "hz-gb-2312")
    page = "<html><head><title>春天来了</title></head><body><p>小河边的柳树发了芽，几只鸭子在水里游来游去。</p></body></html>"
    add("utf-16", b"\xff\xfe" + page.encode("utf-16-le"), page, "utf-16le")
    add("utf-16", b"\xfe\xff" + page.encode("utf-16-be"), page, "utf-16be", "gbk")
    add("utf-16", page.encode("utf-16-le"), page, "utf-16le")
    add("utf-16", page.encode("utf-16-be"), page, "utf-16be")
    add("utf-16", page.encode("utf-16-le"), page, "utf-16le", "utf-16")
    add("mark", b"\xef\xbb\xbf" + page.encode(), page, "utf-8", "gb2312")
    add("ascii", b"<p>Hello, world</p>", "<p>Hello, world</p>", "utf-8")
    long = "".join(MORE[:4]) * 5
    torn = long.encode()[:-1]
    add("torn", torn, torn.decode("utf-8", "ignore") + "��", "utf-8", "", 2)
    add("torn", torn, torn.decode("utf-8", "ignore") + "��", "utf-8", "gb2312", 2)
    holed = long.encode()[:300] + b"\xff" + long.encode()[300:]
    add("hole", holed, holed.decode("utf-8", "replace"), "utf-8", "", 1)
    holed = long.encode("gb18030")[:300] + b"\xff" + long.encode("gb18030")[300:]
    add("hole", holed, long[:150] + "�" + long[150:], "gb18030", "gbk", 1)
    write_json("charsets.json.gz", cases)
    print(len(cases), "charset cases")


def addresses():
    bases = ["http://www.example.com/news/2011/a.html", "https://example.org", "http://example.org/a/b/?q=1#f", "https://例子.example/页/a.html"]
    hrefs = ["", "/base/", "../up/", "//cdn.example.net/x/", "https://other.example/y/z.html"]
    refs = ["a.jpg", "./a.jpg", "../a.jpg", "../../../../a.jpg", "/a.jpg", "//img.example.com/a.jpg", "http://b.example/c.png", "HTTPS://B.Example/c.png", "?x=1", "a.jpg?w=1&h=2", "a.jpg#top",
            "图/片.jpg", "a b.jpg", " a.jpg \n", "a%20b.jpg", "a%E5%9B%BE.jpg", "100%.jpg", "/a//b.jpg", "a/./b/../c.jpg", "a.jpg?t=图", "a;b.jpg", "a,b.jpg", "a:b/c.jpg" if False else "./a:b.jpg", "img.php?src=http://x.example/y.jpg", "..", "."]

    def quote(url):
        p = urllib.parse.urlsplit(url)
        netloc = p.netloc.lower()
        if not netloc.isascii():
            netloc = netloc.encode("idna").decode()
        path = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", p.path)
        return urllib.parse.urlunsplit((p.scheme, netloc, urllib.parse.quote(path, safe="/%:;,=@!$&'()*+~-._"), urllib.parse.quote(p.query, safe="/%:;,=@!$&'()*+~-._?"), ""))

    cases = []
    for base in bases:
        for href in hrefs:
            at = urllib.parse.urljoin(base, href)
            for ref in refs:
                cases.append([base, href, ref, quote(urllib.parse.urljoin(at, ref.strip()))])
    write_json("addresses.json", cases)
    print(len(cases), "addresses")


SKIPPED = {"script", "style", "template", "noscript", "select", "textarea", "button", "title", "svg", "rt", "rp", "iframe", "object", "head"}
BLOCKS = set("address article aside blockquote center dd details dir div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr li main menu nav ol p pre section summary table ul tr td th thead tbody tfoot caption body html br".split())


def wide(c):
    return unicodedata.east_asian_width(c) in "WF" or c in "“”‘’…—"


def lines(root):
    """The text of a tree as lines: blocks begin and end them, white space is collapsed, cells of a row are divided by tabs."""
    out, cur = [], []

    def flush():
        text = "".join(cur)
        cur.clear()
        text = re.sub("[​­﻿]", "", text)
        text = re.sub("[ \t\n\r\f\xa0\u3000]+", lambda m: "\n" if "\n" in m[0] else " ", text).strip()
        text = re.sub("(.)\n(?=(.))", lambda m: m[1] + ("" if wide(m[1]) and wide(m[2]) else " "), text)
        text = re.sub(" ?\x01 ?\n?", "\t", text).strip("\t")
        if text:
            out.append(text)

    def walk(e, row):
        tag = e.tag.split("}")[-1] if isinstance(e.tag, str) else None
        if tag and tag not in SKIPPED and "hidden" not in e.attrib and "display:none" not in e.get("style", ""):
            cells = [c for c in e if isinstance(c.tag, str) and c.tag.split("}")[-1] in ("td", "th")] if tag == "tr" else []
            block = tag in BLOCKS
            inner = row or len(cells) > 1
            if block and not row:
                flush()
            elif tag in ("td", "th"):
                cur.append("\x01")
            elif block:
                cur.append(" ")
            cur.append(e.text or "")
            for c in e:
                walk(c, inner)
            if block and not row:
                flush()
            elif block and tag not in ("td", "th"):
                cur.append(" ")
        cur.append(e.tail or "")

    walk(root, False)
    flush()
    return out


def strip():
    fixed = [
        "<p>第一段</p><p>第二段</p>", "没有标记的文字", "a < b 而 c > d", "<p>一<br>二<br/>三</p>", "<p>未闭合<p>也未闭合", "<ul><li>甲<li>乙<ul><li>丙</ul><li>丁</ul>", "<b>粗<i>斜</b>体</i>常",
        "&lt;p&gt;&amp;&nbsp;&copy;&#20013;&#x6587;&hellip;", "&#0;&#x110000;&notanentity;&amp", "<script>var a='<p>x</p>';</script>正文<style>p{}</style>", "<!-- 注释 <p> -->可见<!-- 未完", "<p title='a>b'>属性里的大于号</p>",
        "<table><tr><th>名</th><th>价</th></tr><tr><td>米<td>三元<tr><td><p>油</p><td>九元</table>", "<table><tr><td>单格</td></tr></table>", "<div hidden>藏</div>露<span style='display:none'>藏</span>", "<dl><dt>词<dd>义<dt>词二<dd>义二</dl>",
        "<h1>题</h1>文<h2>小题</h2>文二", "<p>中文\n换行\n  继续 English\nwords\n中文</p>", "<p>　　缩进　空格</p>", "<ruby>汉<rp>(</rp><rt>hàn</rt><rp>)</rp></ruby>字", "题<noscript><p>请开启脚本</p></noscript>正文", "<textarea>输入</textarea><select><option>一<option>二</select>正文",
        "<a href=x><div>块在链接里</a>之后</div>尾", "<p>段<table><tr><td>格</td></tr></table>后", "<blockquote>引<p>文</blockquote>外", "</p>孤立的结束</div></span>", "<div><span>甲<div>乙</span>丙</div>丁</div>", "<x-y>自定义<x-z>元素</x-y>后", "<p>零​宽­字﻿符</p>",
        "<svg><title>图</title><text>字</text></svg>正文", "<img alt=图>文<hr>后", "<center>中<font color=red>红<center>二</center></font></center>", "<body><p>甲</body><p>乙", "<html><head><title>题</title></head><body>身</body></html>", "<p><b>粗<p>新段仍粗</b>不粗", "<button>按</button>文",
    ]
    rng = random.Random(7)
    words = ["山", "水之间", "鱼 和 鸟", "text", "two words", "一\n行", "&amp;", "&lt;b&gt;", "，", "。", "3.5"]
    inline, blocky = ["b", "i", "span", "a href=u", "em", "font color=red", "code"], ["p", "div", "li", "h2", "blockquote", "section", "dd", "center"]

    def gen(depth):
        s = ""
        for _ in range(rng.randrange(1, 4)):
            k = rng.random()
            if k < 0.35 or depth == 0:
                s += rng.choice(words)
            elif k < 0.6:
                t = rng.choice(inline)
                s += f"<{t}>{gen(0)}" + (f"</{t.split()[0]}>" if rng.random() < 0.93 else "")
            elif k < 0.7:
                s += rng.choice(["<br>", "<hr>", "<!-- x -->", "<script>x</script>", "<img src=a>", "\n"])
            else:
                t = rng.choice(blocky)
                s += f"<{t}>{gen(depth - 1)}" + (f"</{t}>" if rng.random() < 0.85 else "")
        return s

    cases = []
    for s in fixed + [gen(3) for _ in range(400)]:
        tree = html5lib.parse(s, namespaceHTMLElements=False)
        cases.append([s, lines(tree)])
    write_json("strip.json.gz", cases)
    print(len(cases), "pieces of markup")


def peers():
    import collections

    import trafilatura

    def tokens(s):
        return collections.Counter(re.findall(r"[㐀-鿿]|[^\W_㐀-鿿]+", s.lower()))

    total = 0
    files = sorted(PAGES.glob("*.html"))
    for f in files:
        got = tokens(trafilatura.extract(f.read_text(), include_comments=False) or "")
        want = tokens(f.with_suffix(".txt").read_text())
        common = sum((got & want).values())
        f1 = 2 * common / max(1, sum(got.values()) + sum(want.values()))
        total += f1
        print(f"{f.stem:14} F1 {f1:.3f}")
    print(f"{'mean':14} F1 {total / len(files):.3f}")


if __name__ == "__main__":
    if "--peers" in sys.argv:
        peers()
    else:
        encoded()
        charsets()
        addresses()
        strip()
