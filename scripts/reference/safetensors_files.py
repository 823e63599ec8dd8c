"""Writes checkpoints/testdata/golden: safetensors files of the reference implementation, and its verdict on broken ones.

    python scripts/reference/safetensors_files.py

Versions: safetensors 0.8.0, numpy 2.4.6, ml_dtypes 0.6.0, Python 3.11.
"""
import json
import pathlib
import struct

import ml_dtypes
import numpy as np
from safetensors import TensorSpec, deserialize, serialize

GOLDEN = pathlib.Path(__file__).parents[2] / "checkpoints" / "testdata" / "golden"


def save(path, arrays, metadata=None):
    arrays = {k: np.ascontiguousarray(v).reshape(np.shape(v)) for k, v in arrays.items()}
    specs = {k: TensorSpec(dtype=v.dtype.name, shape=list(v.shape), data_ptr=v.ctypes.data, data_len=v.nbytes)
             for k, v in arrays.items()}
    path.write_bytes(bytes(serialize(specs, metadata)))


def kinds():
    """Every type that NumPy and ml_dtypes have, odd primes, a scalar, an empty tensor, names that need care."""
    rng = np.random.default_rng(7)
    a = {
        "blocks.0.attn.query.kernel": rng.standard_normal((3, 5, 7)).astype(np.float32),
        "bf16": rng.standard_normal((5, 11)).astype(ml_dtypes.bfloat16),
        "f16": rng.standard_normal((13,)).astype(np.float16),
        "f64": rng.standard_normal((2, 3)),
        "c64": (rng.standard_normal(3) + 1j * rng.standard_normal(3)).astype(np.complex64),
        "scalar": np.array(-17, np.int32),
        "empty": np.zeros((0, 3), np.float32),
        "bool": np.array([True, False, True]),
        "f8": rng.standard_normal(7).astype(ml_dtypes.float8_e4m3fn),
        "f8b": rng.standard_normal(7).astype(ml_dtypes.float8_e5m2),
        "名字 \"quoted\" \\ \n <&> \x7f": np.arange(5, dtype=np.int32),
    }
    for t in (np.int8, np.uint8, np.int16, np.uint16, np.int32, np.uint32, np.int64, np.uint64):
        info = np.iinfo(t)
        a[np.dtype(t).name] = np.array([info.min, 0, 1, info.max], t)
    return a


def rounding():
    """f32 values near every kind of tie, and what ml_dtypes and NumPy round them to."""
    rng = np.random.default_rng(11)
    bits = [rng.integers(0, 2**32, 1500, dtype=np.uint64)]
    for low in (0x7FFF, 0x8000, 0x8001, 0xFFF, 0x1000, 0x1001, 0x1FFF, 0x2FFF, 0x3000, 0):  # ties of bf16 and f16
        bits.append((rng.integers(0, 2**16, 150, dtype=np.uint64) << 16) + low)
        half = rng.integers(101 << 23, 144 << 23, 150, dtype=np.uint64) & ~np.uint64(0x3FFF)
        bits.append(half + low)
    bits.append(np.arange(0x33000000 - 4, 0x33000000 + 5, dtype=np.uint64))  # 2^-25, half the smallest f16
    bits.append(np.arange(0x477FF000 - 4, 0x477FF000 + 5, dtype=np.uint64))  # 65520, where f16 becomes infinite
    bits.append(np.array([0, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFF800001, 0x7F7FFFFF,
                          0xFF7FFFFF, 0x7F7F8000, 0x7F7F7FFF, 1, 0x387FF000, 0x38800000, 0x387FEFFF], np.uint64))
    x = np.concatenate(bits).astype(np.uint32).view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        return {"f32": x, "bf16": x.astype(ml_dtypes.bfloat16), "f16": x.astype(np.float16)}


def entry(dtype="F32", shape=(3,), offsets=(0, 12), **more):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **more}


def broken():
    """Malformed and odd files: name -> bytes."""
    def file(header, data=b"\0" * 12, length=None):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(text) if length is None else length) + text + data
    one = '{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}}'
    return {
        "good": file({"a": entry()}),
        "good_two_in_any_order": file({"b": entry(offsets=(12, 24)), "a": entry()}, b"\0" * 24),
        "good_no_tensors": file({}, b""),
        "good_spaces_after": file(one.encode() + b"   "),
        "good_other_fields": file({"a": entry(note={"x": [1]})}),
        "good_metadata": file({"__metadata__": {"k": "v"}, "a": entry()}),
        "good_empty_shape": file({"a": entry(shape=(), offsets=(0, 4))}, b"\0" * 4),
        "good_zero_elements": file({"z": entry(shape=(0, 5), offsets=(0, 0)), "a": entry()}),
        "nothing": b"",
        "seven_bytes": b"\x02\0\0\0\0\0\0",
        "header_cut": file({"a": entry()}, b"", 5000),
        "header_huge": file({"a": entry()}, length=2**63),
        "header_over_100MB": file({"a": entry()}, length=100_000_001),
        "header_all_ones": file({"a": entry()}, length=2**64 - 1),
        "not_json": file(b"{not json}"),
        "json_ends_early": file(one[:-1].encode()),
        "json_goes_on": file(one.encode() + b"{}"),
        "an_array": file(b"[]", b""),
        "not_utf8": file(one.encode().replace(b'"a"', b'"\xff"')),
        "data_cut": file({"a": entry()}, b"\0" * 11),
        "data_goes_on": file({"a": entry()}, b"\0" * 13),
        "gap_at_begin": file({"a": entry(offsets=(4, 16))}, b"\0" * 16),
        "gap_between": file({"a": entry(), "b": entry(offsets=(13, 25))}, b"\0" * 25),
        "overlap": file({"a": entry(), "b": entry(offsets=(8, 20))}, b"\0" * 20),
        "same_place": file({"a": entry(), "b": entry()}),
        "backwards": file({"a": entry(offsets=(12, 0))}),
        "beyond_the_end": file({"a": entry(shape=(30,), offsets=(0, 120))}),
        "size_differs": file({"a": entry(shape=(2,))}),
        "unknown_dtype": file({"a": entry(dtype="F31")}),
        "dtype_in_lower_case": file({"a": entry(dtype="f32")}),
        "dtype_missing": file({"a": {"shape": [3], "data_offsets": [0, 12]}}),
        "shape_missing": file({"a": {"dtype": "F32", "data_offsets": [0, 12]}}),
        "offsets_missing": file({"a": {"dtype": "F32", "shape": [3]}}),
        "three_offsets": file({"a": entry(offsets=(0, 12, 12))}),
        "negative_dimension": file({"a": entry(shape=(-3,))}),
        "fractional_dimension": file({"a": entry(shape=(3.0,))}),
        "text_dimension": file({"a": entry(shape=("3",))}),
        "shape_overflows": file({"a": entry(shape=(2**32, 2**32))}),
        "bytes_overflow": file({"a": entry(shape=(2**62,))}),
        "key_in_upper_case": file(one.replace("dtype", "Dtype").encode()),
        "tensor_is_null": file({"a": None}),
        "metadata_number": file({"__metadata__": {"k": 1}, "a": entry()}),
        "metadata_list": file({"__metadata__": [], "a": entry()}),
        "field_twice": file(one.replace('"shape":[3]', '"shape":[3],"shape":[3]').encode()),
    }


def stricter():
    """Accepted by the reference, refused by us: the format's description forbids the first two."""
    a = '"a":{"dtype":"F32","shape":[3],"data_offsets":[0,12]}'

    def file(text):
        return struct.pack("<Q", len(text)) + text.encode() + b"\0" * 12
    return {
        "stricter_spaces_before": file("  {" + a + "}"),
        "stricter_name_twice": file("{" + a + "," + a + "}"),
    }


def verdict(data):
    try:
        deserialize(data)
        return "accepted"
    except Exception as e:  # the reference raises one class for all
        return "refused: " + str(e)


def main():
    GOLDEN.mkdir(parents=True, exist_ok=True)
    save(GOLDEN / "kinds.safetensors", kinds(), {"config": '{"layers": 2}'})
    save(GOLDEN / "rounding.safetensors", rounding())
    save(GOLDEN / "none.safetensors", {})
    cases = {k: {"hex": v.hex(), "reference": verdict(v)} for k, v in {**broken(), **stricter()}.items()}
    (GOLDEN / "verdicts.json").write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
