"""Small pictures of many formats and what Pillow makes of them: the judge of package datasets/image.

    pip install pillow==13.0.0 numpy==2.4.6    (Python 3.11)
    python scripts/reference/pillow_images.py [FOLDER]      (default: datasets/image/testdata)

For each picture NAME.EXT it writes NAME.EXT.ref: width, height (uint16, little-endian), then the RGB bytes of the picture, upright and on
white; and for the resized ones NAME.EXT.WxH.ref: the same after resize((W, H), BICUBIC). JPEG bytes may differ by a few levels between decoders.
"""
import pathlib
import struct
import sys

import numpy as np
from PIL import Image, ImageOps

out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "datasets/image/testdata"
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(5)


def picture(w, h, channels):
    y, x = np.mgrid[0:h, 0:w]
    waves = [127 + 90 * np.sin(x / (3 + c) + c) * np.cos(y / (4 + c)) + rng.integers(-30, 30, (h, w)) for c in range(channels)]
    return np.clip(np.stack(waves, -1), 0, 255).astype(np.uint8)


def ref(path, im):
    path.write_bytes(struct.pack("<HH", *im.size) + im.convert("RGB").tobytes())


def white(im):
    im = im.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", im.size, "white"), im).convert("RGB")


def save(name, im, sizes=(), **options):
    im.save(out / name, **options)
    read = Image.open(out / name)
    read.seek(0)
    flat = white(ImageOps.exif_transpose(read))
    ref(out / f"{name}.ref", flat)
    for w, h in sizes:
        ref(out / f"{name}.{w}x{h}.ref", flat.resize((w, h), Image.BICUBIC))


rgb = Image.fromarray(picture(31, 23, 3))
save("rgb.png", rgb, [(17, 13), (61, 47), (5, 3), (31, 7)])
save("large.png", Image.fromarray(picture(101, 67, 3)), [(64, 64), (7, 7)])
save("alpha.png", Image.fromarray(picture(19, 11, 4)))
save("grey.png", rgb.convert("L"))
save("palette.png", rgb.quantize(13))
save("first.gif", rgb.quantize(16), save_all=True, append_images=[rgb.rotate(90, expand=False).quantize(16)])
save("lossless.webp", rgb, lossless=True)
save("grey.jpg", rgb.convert("L"), quality=95)
save("cmyk.jpg", rgb.convert("CMYK"), quality=95)
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(f"turned{orientation}.jpg", Image.fromarray(picture(16, 8, 3)), quality=95, subsampling=0, exif=exif)
