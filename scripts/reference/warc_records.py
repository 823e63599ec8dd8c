"""What PyPI's warcio finds in the crawls of scripts/corpus/proof, a member at a time, damaged ones named.

    pip install warcio==1.8.1
    go test ./scripts/corpus/proof -run 'TestWarcio$' -keep /tmp/tiny
    python scripts/reference/warc_records.py /tmp/tiny/crawl >scripts/corpus/proof/testdata/warcio.json
"""

import hashlib
import io
import json
import pathlib
import sys
import zlib

from warcio.archiveiterator import ArchiveIterator
from warcio.exceptions import ArchiveLoadFailed
from warcio.statusandheaders import StatusAndHeadersParserException

MAGIC = b"\x1f\x8b\x08"


def members(data):
    """Yields the unpacked members, None for a stretch that does not unpack to a record."""
    at = 0
    while at < len(data):
        good = unpack(data[at:])
        if good:
            block, size = good
            yield block
            at += size
            continue
        yield None
        at = data.find(MAGIC, at + 1)
        while at >= 0 and not unpack(data[at:]):
            at = data.find(MAGIC, at + 1)
        if at < 0:
            return


def unpack(data):
    decoder = zlib.decompressobj(31)
    try:
        block = decoder.decompress(data)
    except zlib.error:
        return None
    if not decoder.eof or not block.startswith(b"WARC/1."):
        return None
    return block, len(data) - len(decoder.unused_data)


def record(block):
    try:
        one = next(iter(ArchiveIterator(io.BytesIO(block), verify_http=True)))
    except (ArchiveLoadFailed, StatusAndHeadersParserException):  # an answer whose first line is none of the protocol
        one = next(iter(ArchiveIterator(io.BytesIO(block), no_record_parse=True)))
        return {"type": one.rec_type, "address": one.rec_headers.get_header("WARC-Target-URI"), "status": "none", "bytes": 0}
    out = {"type": one.rec_type, "bytes": 0}
    address = one.rec_headers.get_header("WARC-Target-URI")
    if address:
        out["address"] = address
    if one.rec_type != "response":
        return out
    digest, size, stream = hashlib.sha1(), 0, one.content_stream()
    while piece := stream.read(1 << 20):
        digest.update(piece)
        size += len(piece)
    out["status"] = one.http_headers.get_statuscode()
    media = one.http_headers.get_header("Content-Type")
    if media:
        out["media"] = media
    out["bytes"], out["sha1"] = size, digest.hexdigest()
    return out


def main():
    found = {}
    for file in sorted(pathlib.Path(sys.argv[1]).glob("*.warc.gz")):
        found[file.name] = [record(block) if block is not None else {"type": "damaged", "bytes": 0} for block in members(file.read_bytes())]
    lines = ",\n".join(f'"{name}": [\n' + ",\n".join(json.dumps(r, ensure_ascii=False) for r in records) + "\n]" for name, records in found.items())
    print("{\n" + lines + "\n}")


main()
