"""A small crawl over three WARC files, in which pages, pictures and revisits lie apart, for the tests of datasets/source.

    pip install warcio==1.8.1   (Python 3.11)
    python scripts/reference/crawl_files.py

The files are written and read by warcio. expected.json has what each URL leads to: the SHA-256 of the picture, "revisit" where nothing but a revisit of
a picture outside the crawl is there, "" where there is no picture.
"""

import hashlib
import io
import json
import pathlib
import zlib

from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

OUT = pathlib.Path(__file__).parents[2] / "datasets/source/testdata/crawl"
SITE = "http://www.example.cn/"


def picture(seed):
    """A PNG by hand, of one row of grey pixels."""

    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    row = bytes((seed * 37 + i * i * (seed + 1)) % 256 for i in range(40))
    head = len(row).to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" + row)) + chunk(b"IEND", b"")


class File:
    def __init__(self, name, gzip=True):
        OUT.mkdir(parents=True, exist_ok=True)
        self.name, self.n = name, 0
        self.file = open(OUT / name, "wb")
        self.writer = WARCWriter(self.file, gzip=gzip)

    def headers(self, more=()):
        self.n += 1
        return {"WARC-Record-ID": identifier(self.name, self.n), "WARC-Date": f"2021-03-01T00:00:{self.n:02}Z", **dict(more)}

    def answer(self, url, body, media="image/png", digest=True):
        http = StatusAndHeaders("200 OK", [("Content-Type", media), ("Content-Length", str(len(body)))], protocol="HTTP/1.1")
        record = self.writer.create_warc_record(url, "response", payload=io.BytesIO(body), http_headers=http, warc_headers_dict=self.headers())
        if not digest:
            self.writer.ensure_digest = lambda *args, **more: None
        self.writer.write_record(record)
        self.writer.__dict__.pop("ensure_digest", None)
        return record.rec_headers.get_header("WARC-Payload-Digest"), record.rec_headers.get_header("WARC-Record-ID")

    def revisit(self, url, digest, refers, media="image/png", more=()):
        http = StatusAndHeaders("200 OK", [("Content-Type", media)] if media else [], protocol="HTTP/1.1")
        record = self.writer.create_revisit_record(url, digest or "sha1:NONE", refers or url, "2021-03-01T00:00:00Z", http_headers=http, warc_headers_dict=self.headers(more))
        if digest is None:
            record.rec_headers.remove_header("WARC-Payload-Digest")
            self.writer.ensure_digest = lambda *args, **more: None
        if refers is None:
            record.rec_headers.remove_header("WARC-Refers-To-Target-URI")
        self.writer.write_record(record)
        self.writer.__dict__.pop("ensure_digest", None)


def identifier(name, n):
    digits = hashlib.md5(f"{name} {n}".encode()).hexdigest()
    return f"<urn:uuid:{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}>"


def main():
    expected = {}
    one, two, other, three, plain = (picture(i) for i in range(5))

    later = File("c-later.warc.gz")  # read last, written first: the others refer to it
    later.answer(SITE + "two.png", other)
    three_digest, three_id = later.answer(SITE + "three.png", three)
    later.answer(SITE + "plain.png", plain, digest=False)

    pictures = File("b-pictures.warc", gzip=False)
    one_digest, one_id = pictures.answer(SITE + "one.png", one)
    pictures.answer(SITE + "two.png", two)
    pictures.answer(SITE + "two.png", other)
    pictures.revisit(SITE + "three.png", three_digest, SITE + "three.png")
    pictures.revisit(SITE + "first.png", one_digest, None)  # two revisits of a URL: this file comes behind a-pages

    pages = File("a-pages.warc.gz")
    names = ["one", "two", "three", "plain", "digest", "id", "url", "bare", "changed", "unlike", "lost", "first", "never"]
    body = "".join(f'<p>图片{n}的说明文字，足够长了。<img src="{n}.png" alt="{n}"></p>' for n in names)
    pages.answer(SITE, f"<html><body>{body}</body></html>".encode(), "text/html; charset=utf-8")
    pages.revisit(SITE + "digest.png", one_digest, None)
    pages.revisit(SITE + "id.png", None, None, more={"WARC-Refers-To": one_id})
    pages.revisit(SITE + "url.png", None, SITE + "one.png")
    pages.revisit(SITE + "bare.png", three_digest, None, media=None)  # no HTTP header tells that it is a picture
    pages.revisit(SITE + "changed.png", three_digest, SITE + "one.png")  # what was there is elsewhere today: the digest counts
    pages.revisit(SITE + "unlike.png", "sha1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", SITE + "one.png")  # not the picture that is there
    pages.revisit(SITE + "lost.png", "sha1:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB", SITE + "nowhere.png")
    pages.revisit(SITE + "first.png", three_digest, None)
    pages.revisit(SITE + "page.html", one_digest, None, media="text/html")
    pages.revisit(SITE + "via.png", "sha1:CCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC", SITE + "plain.png")  # the picture there has no digest that denies it

    for f in (later, pictures, pages):
        f.file.close()
    for name, data in {
        "one": one, "two": two, "three": three, "plain": plain, "digest": one, "id": one, "url": one, "bare": three, "changed": three, "first": three, "via": plain,
    }.items():
        expected[SITE + name + ".png"] = hashlib.sha256(data).hexdigest()
    expected |= {SITE + "unlike.png": "revisit", SITE + "lost.png": "revisit", SITE + "never.png": "", SITE + "page.html": "", SITE: ""}

    kinds = {}
    for f in (pages, pictures, later):  # warcio reads what it has written
        with open(OUT / f.name, "rb") as file:
            for r in ArchiveIterator(file, check_digests="raise" if f is later else False):
                r.content_stream().read()
                kinds[r.rec_type] = kinds.get(r.rec_type, 0) + 1
    assert kinds == {"response": 7, "revisit": 12}, kinds
    (OUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


main()
