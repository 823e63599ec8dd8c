"""Reference of datasets/near's hashes of pictures: ImageHash's phash and dhash of the pictures of datasets/image/testdata.

    pip install ImageHash                          # 4.3.2 with Pillow 13.0.0 was used
    python scripts/reference/picture_hashes.py     # writes datasets/near/testdata/imagehash.json

ImageHash scales with Lanczos where we average areas, and takes the median with the mean among the values, so that its hashes differ
from ours in a few bits; of different pictures they differ in about half of the 64.
"""

import json
import pathlib

import imagehash
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "datasets" / "image" / "testdata"
NAMES = ["rgb.png", "large.png", "440.jpg", "rgb.jpg", "progressive.jpg", "grey.png", "bits.png", "lossless.webp", "palette.png", "narrow.jpg"]


def main():
    out = {}
    for name in NAMES:
        picture = Image.open(DATA / name).convert("RGB")
        out[name] = {"phash": str(imagehash.phash(picture)), "dhash": str(imagehash.dhash(picture)), "size": picture.size}
    path = ROOT / "datasets" / "near" / "testdata" / "imagehash.json"
    path.write_text(json.dumps(out, indent=1) + "\n")
    print(path.name, out)


if __name__ == "__main__":
    main()
