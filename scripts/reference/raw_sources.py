"""Raw inputs of package datasets/source as independent Python programs write them, and what those programs read out of them.

    pip install warcio==1.8.1 mwxml==0.3.8 webdataset==1.0.2 pyarrow==26.0.1 zstandard==0.25.0 brotli==1.2.1 pillow==13.0.0   (Python 3.11)
    python scripts/reference/raw_sources.py        # datasets/source/testdata: the files, and expected.json

WARC files are written and read by warcio, dumps read by mwxml (streams of bz2 by the standard library), tar files by webdataset's writer, Parquet by pyarrow,
jsonl, csv, tsv by the standard library. expected.json has for each file the documents in order; a body is base64. The clock and
random numbers are fixed, so that a second run writes the same bytes (but for the gzip headers of other versions of zlib).
"""

import base64
import bz2
import csv
import gzip
import hashlib
import io
import json
import pathlib
import zlib

import brotli
import mwxml
import pyarrow as pa
import pyarrow.parquet as pq
import webdataset
import zstandard
from PIL import Image
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

OUT = pathlib.Path(__file__).resolve().parents[2] / "datasets" / "source" / "testdata"
DATE = "2024-05-06T07:08:09Z"
EXPECTED = {}


def b64(data):
    return base64.b64encode(data).decode()


def picture(seed, size=(16, 12), kind="PNG"):
    noise = hashlib.shake_256(str(seed).encode()).digest(3 * size[0] * size[1])
    out = io.BytesIO()
    Image.frombytes("RGB", size, noise).save(out, kind)
    return out.getvalue()


def page(n, charset="utf-8", length=40):
    text = "".join(f"<p>第{i}段：江南可采莲，莲叶何田田。Page {n}.</p>\n" for i in range(length))
    return f'<!DOCTYPE html>\n<html><head><title>网页{n}</title></head><body>\n{text}<img src="/图/{n}.png">\n</body></html>\n'.encode(charset)


def chunked(body, size=700):
    out = b""
    for i in range(0, len(body), size):
        piece = body[i:i + size]
        out += b"%x;name=value\r\n" % len(piece) + piece + b"\r\n"
    return out + b"0\r\n\r\n"


def bare_deflate(body):
    z = zlib.compressobj(9, zlib.DEFLATED, -15)
    return z.compress(body) + z.flush()


def responses():
    """name, status line, headers, body as sent"""
    html = ("Content-Type", "text/html; charset=utf-8")
    yield "plain", "200 OK", [html], page(1)
    yield "gbk", "200 OK", [("Content-Type", 'text/html; charset="GBK"')], page(2, "gbk")
    yield "chunked", "200 OK", [html, ("Transfer-Encoding", "chunked")], chunked(page(3))
    yield "gzip", "200 OK", [html, ("Content-Encoding", "gzip")], gzip.compress(page(4), mtime=0)
    yield "both", "200 OK", [html, ("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")], chunked(gzip.compress(page(5), mtime=0))
    yield "zlib", "200 OK", [html, ("Content-Encoding", "deflate")], zlib.compress(page(6))
    yield "bare", "200 OK", [html, ("Content-Encoding", "deflate")], bare_deflate(page(7))
    yield "br", "200 OK", [html, ("Content-Encoding", "br")], brotli.compress(page(8))
    yield "undone", "200 OK", [html, ("Content-Encoding", "gzip"), ("Transfer-Encoding", "chunked")], page(9)  # the crawler decoded, the header stayed
    yield "missing", "404 Not Found", [html], page(10)
    yield "图/1.png", "200 OK", [("Content-Type", "image/png")], picture(1)
    yield "图/2.png", "200 OK", [("Content-Type", "image/png"), ("Transfer-Encoding", "chunked")], chunked(picture(2), 100)
    yield "style.css", "200 OK", [("Content-Type", "text/css")], b"p { color: red }"
    yield "notes.txt", "200 OK", [("Content-Type", "text/plain")], "普通文本。\n".encode() * 9
    yield "xhtml", "200 OK", [("Content-Type", "application/xhtml+xml")], page(11)


def write_warc(path, compressed):
    with open(path, "wb") as f:
        w = WARCWriter(f, gzip=compressed)

        def add(kind, uri, payload, http=None, media=None, **headers):
            headers = {k.replace("_", "-"): v for k, v in headers.items()}
            headers["WARC-Date"] = DATE
            headers["WARC-Record-ID"] = f"<urn:uuid:{hashlib.md5((kind + uri).encode()).hexdigest()}>"
            w.write_record(w.create_warc_record(uri, kind, payload=io.BytesIO(payload), length=len(payload), http_headers=http,
                                                warc_content_type=media or "", warc_headers_dict=headers))

        info = w.create_warcinfo_record(path.name, {"software": "raw_sources.py"})
        info.rec_headers.replace_header("WARC-Date", DATE)
        info.rec_headers.replace_header("WARC-Record-ID", "<urn:uuid:00000000-0000-0000-0000-000000000000>")
        w.write_record(info)
        for name, status, headers, body in responses():
            uri = "http://www.example.cn/" + name
            add("request", uri, b"", StatusAndHeaders("GET / HTTP/1.1", [("Host", "www.example.cn")], is_http_request=True))
            add("response", uri, body, StatusAndHeaders(status, headers, protocol="HTTP/1.1"))
            add("metadata", uri, b"fetchTimeMs: 7\r\n", media="application/warc-fields")
        add("revisit", "http://www.example.cn/again", b"", StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1"),
            WARC_Profile="http://netpreserve.org/warc/1.0/revisit/identical-payload-digest")
        add("resource", "http://www.example.cn/resource.html", page(12), media="text/html")


def read_warc(path):
    documents = []
    with open(path, "rb") as f:
        for r in ArchiveIterator(f):
            br = r.http_headers and r.http_headers.get_header("Content-Encoding") == "br"
            body = brotli.decompress(r.raw_stream.read()) if br else r.content_stream().read()  # warcio does not know brotli's newer module
            media = r.http_headers.get_header("Content-Type") if r.http_headers else r.content_type
            media, _, charset = (media or "").partition(";")
            if r.rec_type not in ("response", "resource", "conversion") or r.http_headers and r.http_headers.get_statuscode() != "200":
                continue
            if media not in ("text/html", "text/plain", "application/xhtml+xml"):
                continue
            documents.append({"address": r.rec_headers.get_header("WARC-Target-URI"), "date": r.rec_headers.get_header("WARC-Date"),
                              "media": "text/html" if "xhtml" in media else media,
                              "charset": charset.partition("=")[2].strip('"').lower(), "body": b64(body)})
    return documents


def write_wet(path):
    with open(path, "wb") as f:
        w = WARCWriter(f, gzip=True)
        for i in range(3):
            text = f"第{i}篇\n采莲南塘秋，莲花过人头。\n".encode() * (i + 1)
            w.write_record(w.create_warc_record(f"http://www.example.cn/{i}", "conversion", payload=io.BytesIO(text), length=len(text), warc_content_type="text/plain",
                                                warc_headers_dict={"WARC-Date": DATE, "WARC-Record-ID": f"<urn:uuid:{i}>"}))


SITE = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="zh">
  <siteinfo>
    <sitename>Wikipedia</sitename>
    <dbname>zhwiki</dbname>
    <base>https://zh.wikipedia.org/wiki/Wikipedia:%E9%A6%96%E9%A1%B5</base>
    <generator>MediaWiki 1.43.0</generator>
    <case>first-letter</case>
    <namespaces>
      <namespace key="-2" case="first-letter">Media</namespace>
      <namespace key="0" case="first-letter" />
      <namespace key="1" case="first-letter">Talk</namespace>
      <namespace key="6" case="first-letter">File</namespace>
      <namespace key="14" case="first-letter">Category</namespace>
    </namespaces>
  </siteinfo>
"""


def wiki_page(i, title, text, ns=0, redirect=None):
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    title = title.replace("&", "&amp;")
    redirect = f'    <redirect title="{redirect}" />\n' if redirect else ""
    return (f"  <page>\n    <title>{title}</title>\n    <ns>{ns}</ns>\n    <id>{i}</id>\n{redirect}    <revision>\n      <id>{1000 + i}</id>\n"
            f"      <timestamp>2024-05-06T07:08:{i % 60:02}Z</timestamp>\n      <contributor>\n        <username>某人</username>\n        <id>7</id>\n      </contributor>\n"
            f'      <model>wikitext</model>\n      <format>text/x-wiki</format>\n      <text bytes="{len(text)}" xml:space="preserve">{text}</text>\n'
            f"      <sha1>x</sha1>\n    </revision>\n  </page>\n")


def wiki_pages():
    pages = []
    for i in range(1, 41):
        if i % 10 == 3:
            pages.append(wiki_page(i, f"重定向{i}", "#REDIRECT [[条目1]]", redirect="条目1"))
        elif i % 10 == 7:
            pages.append(wiki_page(i, f"Talk:讨论{i}", "讨论内容", ns=1))
        else:
            pages.append(wiki_page(i, f"条目{i} & 其他", "\n".join(f"第{k}段，a < b，“{i}”。" * 3 for k in range(1 + i % 5))))
    return pages


def write_wiki():
    pages = wiki_pages()
    whole = (SITE + "".join(pages) + "</mediawiki>\n").encode()
    (OUT / "wiki.xml").write_bytes(whole)
    (OUT / "wiki_single.xml.bz2").write_bytes(bz2.compress(whole))
    streams = [SITE] + ["".join(pages[i:i + 7]) for i in range(0, len(pages), 7)] + ["</mediawiki>\n"]
    (OUT / "wiki_multi.xml.bz2").write_bytes(b"".join(bz2.compress(s.encode()) for s in streams))
    # as pbzip2 cuts: streams end wherever they do
    (OUT / "wiki_blocks.xml.bz2").write_bytes(b"".join(bz2.compress(whole[i:i + 1777]) for i in range(0, len(whole), 1777)))
    documents = []
    for p in mwxml.Dump.from_file(io.StringIO(whole.decode())):
        for revision in p:
            if p.namespace == 0 and not p.redirect:
                documents.append({"id": p.id, "title": p.title, "date": str(revision.timestamp), "body": b64(revision.text.encode())})
    for name in ("wiki.xml", "wiki_single.xml.bz2", "wiki_multi.xml.bz2", "wiki_blocks.xml.bz2"):
        EXPECTED[name] = documents


def write_jsonl():
    rows = [{"text": f"第{i}行：" + "莲叶何田田。" * i, "url": f"http://www.example.cn/{i}", "date": DATE, "license": "CC0", "more": {"a": [1, None, {"b": "}\""}]}} for i in range(50)]
    for ascii_only in (False, True):
        lines = "".join(json.dumps(r, ensure_ascii=ascii_only) + "\n" for r in rows).encode()
        name = "rows_ascii.jsonl" if ascii_only else "rows.jsonl"
        (OUT / name).write_bytes(lines)
        EXPECTED[name] = [{"address": r["url"], "date": DATE, "license": "CC0", "body": b64(r["text"].encode())} for r in rows]
    (OUT / "rows.jsonl.gz").write_bytes(gzip.compress(lines, mtime=0))
    (OUT / "rows.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(lines))
    EXPECTED["rows.jsonl.gz"] = EXPECTED["rows.jsonl.zst"] = EXPECTED["rows.jsonl"]


def write_tar():
    samples = []
    path = OUT / "samples.tar"
    with webdataset.TarWriter(str(path), mtime=0, user="u", group="g") as w:
        for i in range(12):
            key = f"组{i % 3}/" + ("很长的名字" * 12 if i == 5 else "") + f"{i:04}"
            sample = {"__key__": key, "png": picture(100 + i)}
            if i % 2:
                sample["txt"] = f"第{i}张图。\n又一句话。"
            else:
                sample["json"] = {"caption": f"第{i}张图。", "url": f"http://www.example.cn/{i}.png"}
            w.write(sample)
            samples.append({"address": sample.get("json", {}).get("url", ""), "body": b64(f"第{i}张图。".encode()), "image": b64(sample["png"]),
                            "path": key + ".png", "references": sample["txt"].split("\n") if i % 2 else None})
    EXPECTED["samples.tar"] = samples


def write_parquet():
    rows = [{"id": f"例{i}", "source": ["encyclopedia", "ecommerce", "poems"][i % 3], "text": f"第{i}行。" * (1 + i % 4),
             "image": {"bytes": picture(200 + i), "path": f"图{i}.png"} if i % 2 else None, "references": [f"说法{i}", "另一说法"] if i % 4 == 1 else None,
             "question": f"第{i}问？" if i % 5 == 0 else None, "answer": "答" if i % 5 == 0 else None,
             "meta": json.dumps({"address": f"http://www.example.cn/{i}", "date": DATE, "license": "CC0"})} for i in range(20)]
    schema = pa.schema([("id", pa.string()), ("source", pa.string()), ("text", pa.string()), ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
                        ("references", pa.list_(pa.string())), ("question", pa.string()), ("answer", pa.string()), ("meta", pa.string())])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), OUT / "ours.parquet", row_group_size=6, compression="zstd")
    EXPECTED["ours.parquet"] = [{"address": f"http://www.example.cn/{i}", "date": DATE, "license": "CC0", "body": b64(r["text"].encode()), "question": r["question"] or "", "answer": r["answer"] or "",
                                 "image": b64(r["image"]["bytes"]) if r["image"] else "", "path": r["image"]["path"] if r["image"] else "", "references": r["references"],
                                 "source": r["source"] if r["source"] != "poems" else "community_qa" if r["question"] else "web" if r["image"] else "common_crawl"} for i, r in enumerate(rows)]
    import datetime
    when = datetime.datetime(2024, 5, 6, 7, 8, 9, tzinfo=datetime.timezone.utc)
    foreign = pa.table({"url": [f"http://www.example.cn/{i}" for i in range(30)], "score": pa.array([i / 7 for i in range(30)]),
                        "content": pa.array([f"正文{i}。" * (i + 1) for i in range(30)], pa.large_string()),
                        "timestamp": pa.array([when] * 30, pa.timestamp("us", "UTC")), "title": [None if i % 3 else f"标题{i}" for i in range(30)]})
    pq.write_table(foreign, OUT / "foreign.parquet", row_group_size=7, data_page_size=64, write_batch_size=3, data_page_version="2.0", compression="gzip", use_dictionary=False)
    EXPECTED["foreign.parquet"] = [{"address": f"http://www.example.cn/{i}", "date": DATE, "title": "" if i % 3 else f"标题{i}", "body": b64((f"正文{i}。" * (i + 1)).encode())} for i in range(30)]


def write_tables():
    rows = [(f"商品{i}，{'“好”' if i % 2 else 'a,b'}\n第二行" if i % 4 == 0 else f'纯棉"T恤"{i}', picture(300 + i)) for i in range(9)]
    (OUT / "shop").mkdir(exist_ok=True)
    with open(OUT / "shop" / "products.csv", "w", newline="", encoding="utf-8-sig") as f:
        w = csv.writer(f)
        w.writerow(["id", "title", "image", "price"])
        for i, (title, data) in enumerate(rows):
            (OUT / "shop" / f"p{i}.png").write_bytes(data)
            w.writerow([i, title, f"p{i}.png", 9.5])
    with open(OUT / "products.tsv", "w", newline="") as f:
        f.write("title\tbase64\n" + "".join(f"商品{i}\t{(base64.urlsafe_b64encode if i % 2 else base64.b64encode)(data).decode()}\n" for i, (_, data) in enumerate(rows)))
    EXPECTED["shop/products.csv"] = [{"body": b64(" ".join(t.split()).encode()), "image": b64(d), "path": f"p{i}.png"} for i, (t, d) in enumerate(rows)]
    EXPECTED["products.tsv"] = [{"body": b64(f"商品{i}".encode()), "image": b64(d), "path": ""} for i, (_, d) in enumerate(rows)]


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    write_warc(OUT / "crawl.warc", False)
    write_warc(OUT / "crawl.warc.gz", True)
    (OUT / "whole.warc.gz").write_bytes(gzip.compress((OUT / "crawl.warc").read_bytes(), mtime=0))
    EXPECTED["crawl.warc"] = read_warc(OUT / "crawl.warc")
    EXPECTED["crawl.warc.gz"] = EXPECTED["whole.warc.gz"] = read_warc(OUT / "crawl.warc.gz")
    write_wet(OUT / "text.warc.wet.gz")
    EXPECTED["text.warc.wet.gz"] = read_warc(OUT / "text.warc.wet.gz")
    write_wiki()
    write_jsonl()
    write_tar()
    write_parquet()
    write_tables()
    (OUT / "expected.json").write_text(json.dumps(EXPECTED, ensure_ascii=False, separators=(",", ":")) + "\n")


main()
