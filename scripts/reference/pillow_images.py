"""Small pictures of many formats and what Pillow makes of them: the judge of package datasets/image.

    pip install pillow==13.0.0 numpy==2.4.6    (Python 3.11)
    python scripts/reference/pillow_images.py [FOLDER]      (default: datasets/image/testdata)

For each picture NAME.EXT it writes NAME.EXT.ref: width, height (uint16, little-endian), then the RGB bytes of the picture, upright and on
white; and for the resized ones NAME.EXT.WxH.FILTER.ref: the same after resize((W, H), FILTER). Where Pillow has no reader of its own for a
kind of picture (16-bit grey becomes white), the bytes are those that were encoded, cut to the upper 8 bits.
"""
import io
import pathlib
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageOps

out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "datasets/image/testdata"
out.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(5)


def picture(w, h, channels, noise=30):
    y, x = np.mgrid[0:h, 0:w]
    waves = [127 + 90 * np.sin(x / (3 + c) + c) * np.cos(y / (4 + c)) + rng.integers(-noise, noise + 1, (h, w)) for c in range(channels)]
    return np.clip(np.stack(waves, -1), 0, 255).astype(np.uint8)


def ref(name, im):
    (out / name).write_bytes(struct.pack("<HH", *im.size) + im.convert("RGB").tobytes())


def white(im):
    """The picture on white; paste rounds to the nearest, as Image.alpha_composite does not."""
    if im.mode in ("RGBA", "LA", "PA") or "transparency" in im.info:
        im = im.convert("RGBA")
        ground = Image.new("RGB", im.size, "white")
        ground.paste(im, mask=im.getchannel("A"))
        return ground
    return im.convert("RGB")


def judge(name, data, sizes=(), flat=None):
    (out / name).write_bytes(data)
    if flat is None:
        read = Image.open(io.BytesIO(data))
        read.seek(0)
        flat = white(ImageOps.exif_transpose(read))
    ref(f"{name}.ref", flat)
    for w, h in sizes:
        ref(f"{name}.{w}x{h}.bicubic.ref", flat.resize((w, h), Image.BICUBIC))
        ref(f"{name}.{w}x{h}.bilinear.ref", flat.resize((w, h), Image.BILINEAR))


def encoded(im, kind, **options):
    data = io.BytesIO()
    im.save(data, kind, **options)
    return data.getvalue()


def png16(samples, colour):
    """A 16-bit PNG by hand: samples [h, w, channels], colour type 0, 2 or 6."""
    h, w, _ = samples.shape
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in samples)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 16, colour, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def segments(data):
    """The JPEG's segments before the scan, as (offset, end, marker)."""
    at = 2
    while data[at + 1] != 0xDA:
        end = at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
        yield at, end, data[at + 1]
        at = end


def resampled(data, w, h, luma):
    """The JPEG with another size and another sampling of luma in its frame header."""
    at = next(at for at, _, marker in segments(data) if marker == 0xC0)
    return data[:at + 5] + struct.pack(">HH", h, w) + data[at + 9:at + 11] + bytes([luma]) + data[at + 12:]


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block


rgb = Image.fromarray(picture(31, 23, 3))
smooth = Image.fromarray(picture(37, 29, 3, noise=4))
rgba = Image.fromarray(picture(19, 11, 4))

judge("rgb.png", encoded(rgb, "PNG"), [(17, 13), (61, 47), (5, 3), (31, 7), (13, 23), (1, 1), (211, 2)])
judge("large.png", encoded(Image.fromarray(picture(101, 67, 3)), "PNG"), [(64, 64), (7, 7)])
judge("alpha.png", encoded(rgba, "PNG"))
judge("grey.png", encoded(rgb.convert("L"), "PNG"))
judge("grey_alpha.png", encoded(rgba.convert("LA"), "PNG"))
judge("bits.png", encoded(rgb.convert("1"), "PNG"))
judge("palette.png", encoded(rgb.quantize(13), "PNG"))
judge("palette_alpha.png", encoded(rgba.quantize(13), "PNG"))
judge("turned.png", encoded(rgba, "PNG", exif=exif(6)))
for name, colour, channels in (("grey16.png", 0, 1), ("rgb16.png", 2, 3), ("alpha16.png", 6, 4)):
    samples = rng.integers(0, 65536, (13, 17, channels)).astype(np.uint16)
    flat = (samples >> 8).astype(np.uint8)
    judge(name, png16(samples, colour), flat=white(Image.fromarray(flat[..., 0] if channels == 1 else flat)))

first = encoded(rgb.quantize(16), "GIF", save_all=True, append_images=[rgb.rotate(90, expand=False).quantize(16)])
judge("first.gif", first)
judge("alpha.gif", encoded(rgba.quantize(16), "GIF"))
inset = bytearray(encoded(rgba.quantize(16), "GIF"))
inset[6:10] = struct.pack("<HH", 23, 17)  # a canvas larger than the only frame; Pillow shows the rest in the colour of index 0, we in white
ground = Image.new("RGB", (23, 17), "white")
ground.paste(white(Image.open(io.BytesIO(encoded(rgba.quantize(16), "GIF")))), (0, 0))
judge("inset.gif", bytes(inset), flat=ground)

judge("lossless.webp", encoded(rgb, "WEBP", lossless=True))
judge("lossless_alpha.webp", encoded(rgba, "WEBP", lossless=True))
judge("lossy.webp", encoded(smooth, "WEBP", quality=90))
judge("lossy_alpha.webp", encoded(Image.fromarray(picture(37, 29, 4, noise=4)), "WEBP", quality=90))
judge("turned.webp", encoded(rgb, "WEBP", lossless=True, exif=exif(5)))

judge("grey.jpg", encoded(rgb.convert("L"), "JPEG", quality=95))
for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
    judge(f"{name}.jpg", encoded(smooth, "JPEG", quality=92, subsampling=subsampling))
judge("narrow.jpg", encoded(smooth.crop((0, 0, 3, 29)), "JPEG", quality=92, subsampling=2))
# Pillow writes no 4:4:0 or 4:1:1, but their blocks come in the order of 4:2:2 and 4:2:0: another header makes valid, jumbled pictures of them.
judge("440.jpg", resampled(encoded(smooth, "JPEG", quality=92, subsampling=1), 29, 37, 0x12))
judge("411.jpg", resampled(encoded(smooth, "JPEG", quality=92, subsampling=2), 61, 23, 0x41))
judge("progressive.jpg", encoded(smooth, "JPEG", quality=92, progressive=True))
judge("rgb.jpg", encoded(smooth, "JPEG", quality=92, keep_rgb=True))
cmyk = encoded(smooth.convert("CMYK"), "JPEG", quality=95)
judge("cmyk.jpg", cmyk)
at, end, _ = next(s for s in segments(cmyk) if s[2] == 0xEE)
judge("cmyk_unmarked.jpg", cmyk[:at] + cmyk[end:])
judge("ycck.jpg", cmyk[:end - 1] + b"\x02" + cmyk[end:])
for orientation in range(1, 9):
    judge(f"turned{orientation}.jpg", encoded(Image.fromarray(picture(16, 8, 3)), "JPEG", quality=95, subsampling=0, exif=exif(orientation)))
