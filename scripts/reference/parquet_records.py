"""Shards of package datasets/record as Python sees them, and shards that Python writes for the package to read.

    pip install pyarrow==26.0.1 datasets==5.2.0 pillow==13.0.0    (Python 3.11; reading needs pyarrow alone)
    python scripts/reference/parquet_records.py write        # testdata/python/*.parquet and rows.json of datasets/record
    python scripts/reference/parquet_records.py read DIR     # what DIR/*/*.parquet hold, as JSON, for the package's test

`write` makes the same rows in four layouts: pyarrow's defaults with large strings and a page per row or two; zstd with a page index, version 2 pages,
columns in another order, some that the package does not know and some that are missing; `datasets` itself with its Image feature;
and gzip without dictionaries. A fifth file has a picture without bytes. `read` compares pyarrow's schema with the features in the metadata and, where `datasets` is installed, lets
it decode the pictures.
"""

import base64
import json
import pathlib
import struct
import sys
import zlib

import pyarrow as pa
import pyarrow.parquet as pq

OUT = pathlib.Path(__file__).resolve().parents[2] / "datasets" / "record" / "testdata" / "python"
TEXTS = ["红色背景上有三只小猫。", "", "𠮷野家的牛肉饭\n第二行", "Mixed 中英 text, “quotes” — dash…", "☕️👩‍🚀", "诗" * 211]


def png(width, height, seed):
    """A valid picture of noise, made by hand."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    lines = b"".join(b"\0" + bytes((seed * 31 + y * 17 + x * 7) % 256 for x in range(3 * width)) for y in range(height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def rows(n):
    for i in range(n):
        yield {
            "id": f"例/{i}",
            "source": ["poems", "scenes", "web"][i % 3],
            "text": TEXTS[i % len(TEXTS)],
            "image": {"bytes": png(5 + i % 3, 3, i), "path": f"图{i}.png" if i % 4 else None} if i % 5 != 2 else None,
            "references": [f"说法{i}.{j}" for j in range(i % 4)] if i % 7 else None,
            "question": f"第{i}个？" if i % 3 == 0 else None,
            "answer": f"答{i}" if i % 6 == 0 else None,
            "meta": json.dumps({"n": i}) if i % 2 else "{}",
        }


def schema(string):
    image = pa.struct([("bytes", pa.binary()), ("path", string)])
    return pa.schema([("id", string), ("source", string), ("text", string), ("image", image), ("references", pa.list_(string)),
                      ("question", string), ("answer", string), ("meta", string)])


def write():
    import datasets
    OUT.mkdir(parents=True, exist_ok=True)
    data = list(rows(41))
    table = pa.Table.from_pylist(data, schema=schema(pa.large_string()))
    pq.write_table(table, OUT / "pyarrow.parquet", row_group_size=17, data_page_size=64, write_batch_size=2)
    table = pa.Table.from_pylist(data, schema=schema(pa.string()))
    pq.write_table(table, OUT / "gzip.parquet", compression="gzip", use_dictionary=False, store_schema=False)
    other = table.drop_columns(["source", "meta"]).append_column("url", pa.array([f"https://example.com/{i}" for i in range(41)]))
    other = other.append_column("tags", pa.array([["a", "b"]] * 41)).select(["url", "text", "references", "tags", "image", "answer", "question", "id"])
    pq.write_table(other, OUT / "columns.parquet", compression="zstd", row_group_size=17, data_page_size=64, write_batch_size=2,
                   write_page_index=True, data_page_version="2.0", write_page_checksum=True)
    features = datasets.Features({name: datasets.Value("string") for name in ("id", "source", "text")} | {"image": datasets.Image()} |
                                 {"references": datasets.List(datasets.Value("string"))} | {name: datasets.Value("string") for name in ("question", "answer", "meta")})
    datasets.Dataset.from_list(data, features=features).to_parquet(OUT / "datasets.parquet")
    paths = [{"id": "a", "text": "一", "image": {"bytes": None, "path": "x.png"}}, {"id": "b", "text": None, "image": {"bytes": png(5, 3, 1), "path": None}}]
    pq.write_table(pa.Table.from_pylist(paths), OUT / "paths.parquet")
    for row in data:
        if row["image"]:
            row["image"]["bytes"] = base64.b64encode(row["image"]["bytes"]).decode()
    (OUT / "rows.json").write_text(json.dumps(data, ensure_ascii=False, indent=1), encoding="utf-8")


def read(folder):
    files = sorted(str(p) for p in pathlib.Path(folder).glob("*/*.parquet"))
    tables = [pq.read_table(f) for f in files]
    features = [json.loads(t.schema.metadata[b"huggingface"])["info"]["features"] for t in tables]
    for t, f in zip(tables, features):
        assert t.schema.names == list(f), (t.schema.names, list(f))
    data = [row for t in tables for row in t.to_pylist()]
    for row in data:
        if row["image"]:
            row["image"]["bytes"] = base64.b64encode(row["image"]["bytes"]).decode()
    out = {"pyarrow": pa.__version__, "features": features[0], "types": {f.name: str(f.type) for f in tables[0].schema}, "rows": data, "pictures": None}
    try:
        import datasets
    except ImportError:
        return out
    import tempfile
    with tempfile.TemporaryDirectory() as cache:  # a mean of each picture, by the eyes of `datasets`
        found = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=cache)
        assert isinstance(found.features["image"], datasets.Image), found.features
        out["pictures"] = [None if r["image"] is None else [*r["image"].size, *r["image"].convert("RGB").getpixel((0, 0))] for r in found]
        whole = datasets.load_dataset(folder, cache_dir=cache)  # the folder by itself: the splits by the names of its folders
        out["splits"] = {name: len(split) for name, split in whole.items()}
    out["datasets"] = datasets.__version__
    return out


if __name__ == "__main__":
    if sys.argv[1:] == ["write"]:
        write()
    elif len(sys.argv) == 3 and sys.argv[1] == "read":
        json.dump(read(sys.argv[2]), sys.stdout, ensure_ascii=False)
    else:
        sys.exit(__doc__)
