"""Labelled pictures for the rules on pictures: the judge of package datasets/picture.

    pip install pillow==13.0.0 numpy==2.4.6 opencv-python-headless==5.0.0.93 scikit-image==0.26.0 scikit-learn==1.9.1 zstandard    (Python 3.11)
    apt-get download fonts-wqy-microhei fonts-arphic-ukai fonts-arphic-gbsn00lp; dpkg-deb -x each into FONTS
    python scripts/reference/picture_rules.py FONTS [FOLDER]      (default: datasets/picture/testdata)

It writes labelled.zip: pictures of the size that web pages have them, and labels.json, a list of {name, part, made, labels, objects, box, width,
height, detail, entropy}. A label says what the picture is by construction, true or false; a rule that has no label there is not tested on it. The
pictures are of two parts that share no photograph, drawing, sentence or font face: thresholds were chosen by looking at "tune"; "held" was
looked at only to measure. box is where the lettering is. detail is the 9th decile, over cells of 32 x 32 pixels with some contrast, of the variance of
OpenCV's Laplacian over the variance of grey, entropy scikit-image's figure, both of the picture at 256 pixels.

The weights of text's features come from more pictures of the tuning part, with four more photographs:

    python scripts/reference/picture_rules.py FONTS FOLDER more       (writes FOLDER/more.zip)
    go test ./datasets/picture -run TestLines -more FOLDER/more.zip   (writes FOLDER/more.zip.csv: part of lettering, and the features)
    python scripts/reference/picture_rules.py FONTS FOLDER fit        (prints weights and bias)

The models that package datasets/picture/onnx is tested with (pip install onnx==1.23.2):

    python scripts/reference/picture_rules.py FONTS datasets/picture/onnx/testdata models

Photographs: scikit-image's and scikit-learn's (see NOTICE beside the output); drawings: datasets/sample.
"""
import io
import json
import pathlib
import sys
import tarfile
import zipfile

import cv2
import numpy as np
import skimage.data
import sklearn.datasets
import zstandard
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from skimage.measure import shannon_entropy

root = pathlib.Path(__file__).parents[2]
fonts = pathlib.Path(sys.argv[1])
out = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else root / "datasets/picture/testdata"
out.mkdir(parents=True, exist_ok=True)

PHOTOS = {
    "tune": ["astronaut", "chelsea", "brick", "rocket", "hubble_deep_field", "flower"],
    "held": ["camera", "coffee", "grass", "gravel", "retina", "china"],
}
LETTERED = {"astronaut", "china"}  # have lettering of their own: not used as pictures without text
FACES = {
    "tune": ["wqy-microhei.ttc", "ukai.ttc"],
    "held": ["gbsn00lp.ttf"],
}
TEXTS = {
    "tune": ["新品上市 全场五折", "今日特价", "欢迎光临本店", "春天来了，花开满园", "图片来源：网络", "二〇二〇年十月", "正品保证", "限时抢购", "小学语文第三课", "www.example.cn", "Copyright 2019", "SALE 50% OFF"],
    "held": ["厂家直销 质量可靠", "满三百减五十", "北京欢迎你", "白日依山尽，黄河入海流", "版权所有 请勿转载", "民国三十七年", "七天无理由退货", "立即购买", "高中物理实验", "shop.example.com", "All rights reserved", "NEW ARRIVAL"],
}


def photo(name):
    if name in ("china", "flower"):
        return Image.fromarray(sklearn.datasets.load_sample_image(name + ".jpg"))
    return Image.fromarray(getattr(skimage.data, "cat" if name == "chelsea" else name)()).convert("RGB")


def drawings():
    """(code, group, RGBA picture) of the sample's emoji; white that touches the edge is transparent."""
    stream = zstandard.ZstdDecompressor().stream_reader(open(root / "datasets/sample/data/emoji.tar.zst", "rb"))
    pictures, rows = {}, {}
    for member in (archive := tarfile.open(fileobj=stream, mode="r|")):
        data = archive.extractfile(member).read()
        stem, _, kind = member.name.rpartition(".")
        if kind == "png":
            pictures[stem] = Image.open(io.BytesIO(data)).convert("RGB")
        else:
            rows[stem] = json.loads(data)[0]["meta"]
    for stem in sorted(pictures):
        meta = rows[stem]
        if meta["group"] in ("smileys-emotion", "animals-nature", "food-drink", "travel-places", "activities", "objects"):
            yield meta["code"], meta["group"], cut_out(pictures[stem])


def cut_out(picture):
    pixels = np.array(picture)
    mask = np.zeros((66, 66), np.uint8)
    canvas = cv2.copyMakeBorder(pixels, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    ground = np.zeros((68, 68), np.uint8)
    cv2.floodFill(canvas, ground, (0, 0), (255, 255, 255), (3, 3, 3), (3, 3, 3), 4 | cv2.FLOODFILL_MASK_ONLY | 255 << 8)
    mask = ground[2:66, 2:66]
    return Image.fromarray(np.dstack([pixels, 255 - mask]))


class Maker:
    def __init__(self, part, seed, archive, emoji):
        self.part, self.folder, self.archive, self.emoji = part, part, archive, emoji
        self.rng = np.random.default_rng(seed)
        self.photos = {name: photo(name) for name in PHOTOS[part]}
        self.labels = []

    def pick(self, values):
        return values[self.rng.integers(len(values))]

    def between(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def crop(self, longer=None, plain=False):
        """A piece of a photograph, scaled down by 1 to 2."""
        names = [n for n in self.photos if not (plain and n in LETTERED)]
        im = self.photos[self.pick(names)]
        longer = longer or self.between(160, 240)
        shape = self.pick([(1, 1), (4, 3), (3, 4), (3, 2)])
        w, h = [longer * n // max(shape) for n in shape]
        scale = min(self.rng.uniform(1, 2), im.width / w, im.height / h)
        cw, ch = int(w * scale), int(h * scale)
        x, y = self.between(0, im.width - cw), self.between(0, im.height - ch)
        return im.crop((x, y, x + cw, y + ch)).resize((w, h), Image.LANCZOS)

    def drawing(self, size=None):
        _, _, im = self.pick(self.emoji)
        return im if size is None else im.resize((size, size), Image.LANCZOS)

    def write(self, made, im, labels, objects=None, kind=None, box=None):
        if made.startswith(("drawing", "photo", "thin", "room", "on_", "small", "no_text", "things")):
            labels = {"blur": False, **labels}
        colours = im.convert("RGB").getcolors(4096)  # None for photographs
        few = colours is not None and max(colours)[0] > 0.3 * im.width * im.height  # a drawing: half of them are stored without loss
        kind = kind or (self.pick(["jpg", "png"]) if few else "jpg")
        data = io.BytesIO()
        if kind == "jpg":
            im.convert("RGB").save(data, "JPEG", quality=self.between(68, 84))
        else:
            im.convert("RGB").save(data, "PNG", optimize=True)
        name = f"{self.folder}/{len(self.labels):03d}_{made}.{kind}"
        self.archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data.getvalue())
        self.labels.append({"name": name, "part": self.part, "made": made, "labels": labels, "objects": objects, "box": box, **figures(data.getvalue())})

    def ground(self, colours=None):
        return self.pick(colours or [(200, 30, 40), (30, 60, 160), (250, 220, 60), (40, 150, 70), (120, 120, 120), (20, 20, 20), (180, 210, 240), (255, 255, 255)])

    # Blurred or sharp: lenses, motion, enlargement, of photographs and drawings.
    def blurs(self):
        for name in self.photos:
            for _ in range(2):
                im = self.crop()
                self.write("sharp", im, plain_photo(name, blur=False), kind="jpg")
                self.write("soft", im.filter(ImageFilter.GaussianBlur(self.rng.uniform(2.5, 5))), {"blur": True}, kind="jpg")
        for _ in range(4):
            im, n = self.crop(), self.between(13, 25)
            kernel = np.zeros((n, n), np.float32)
            cv2.line(kernel, (0, self.between(0, n - 1)), (n - 1, self.between(0, n - 1)), 1)
            self.write("moved", Image.fromarray(cv2.filter2D(np.array(im), -1, kernel / kernel.sum())), {"blur": True}, kind="jpg")
            im = self.crop()
            self.write("enlarged", im.resize((im.width // 7, im.height // 7), Image.BOX).resize(im.size, Image.BICUBIC), {"blur": True}, kind="jpg")
            im = self.scene(1, self.ground())
            self.write("sharp_drawing", im, {"blur": False})
            self.write("soft_drawing", im.filter(ImageFilter.GaussianBlur(self.rng.uniform(3, 5))), {"blur": True})
        for _ in range(2):  # hard ones: noise over blur, haze over a sharp picture
            im = self.crop().filter(ImageFilter.GaussianBlur(4))
            noise = self.rng.normal(0, 5, (im.height, im.width, 1))
            self.write("soft_noisy", clipped(np.array(im) + noise), {"blur": True}, kind="jpg")
            self.write("haze", clipped(np.array(self.crop()) * 0.3 + 160), {"blur": False}, kind="jpg")

    # Blank pictures, and small things on a plain ground.
    def blanks(self):
        for i in range(10):
            w, h = self.between(90, 240), self.between(90, 240)
            pixels = np.full((h, w, 3), self.ground(), float) + self.rng.normal(0, self.pick([0, 0, 1, 2]), (h, w, 3))
            if i % 3 == 2:
                pixels += np.linspace(-4, 4, w)[None, :, None]
            self.write("blank", clipped(pixels), {"uniform": True, "border": False, "entropy": True if i % 3 == 0 else None})
            im = clipped(np.full((200, 200, 3), self.ground(), float))
            small = self.drawing(self.between(26, 40))
            im.paste(small, (self.between(0, 150), self.between(0, 150)), small)
            self.write("small_thing", im, {"uniform": False, "border": False, "entropy": False})

    # One or two flat areas with next to nothing in them.
    def flats(self):
        for _ in range(8):
            im = clipped(np.full((self.between(100, 220), self.between(100, 220), 3), self.ground(), float))
            draw = ImageDraw.Draw(im)
            x, y = self.between(10, im.width - 40), self.between(10, im.height - 40)
            draw.rectangle((x, y, x + self.between(6, 24), y + self.between(6, 24)), fill=self.ground())
            self.write("flat", im, {"entropy": True}, kind="png")
            self.write("drawing", self.scene(1, self.ground()), {"entropy": False, "uniform": False}, kind="png")
        for _ in range(4):
            self.write("photo", self.crop(), {"entropy": False, "uniform": False, "border": False})

    # Frames and bars of 35 to 60 per cent of the area; thin ones; the room around a drawing.
    def frames(self):
        colours = [(0, 0, 0), (255, 255, 255), (240, 235, 220), (120, 20, 20)]
        for i in range(12):
            im = self.crop(200)
            share = self.rng.uniform(0.36, 0.6)
            way = ["bars", "pillars", "frame"][i % 3]
            self.write(way, framed(im, way, share, self.pick(colours)), {"border": True})
            self.write("thin_" + way, framed(self.crop(200), way, self.rng.uniform(0.03, 0.2), self.pick(colours)), {"border": False})
            self.write("room", self.scene(self.between(1, 2), self.ground()), {"border": False})

    # A white ground, or another.
    def whites(self):
        for i in range(10):
            ground = self.pick([(255, 255, 255), (255, 255, 255), (250, 250, 250), (245, 247, 248)])
            im = self.scene(self.between(1, 3), ground)
            if i % 3 == 0:
                im = shaded(im, ground)
            self.write("on_white", im, {"white": True, "border": False})
            self.write("on_colour", self.scene(self.between(1, 3), self.pick([(180, 210, 240), (215, 215, 215), (250, 220, 60), (200, 30, 40)])), {"white": False, "border": False})
        for _ in range(3):  # a thing cut off by the edge
            im = Image.new("RGB", (180, 180), (255, 255, 255))
            big = self.drawing(128)
            im.paste(big, (self.pick([-30, 80]), self.between(10, 40)), big)
            self.write("cut_off", im, {"white": True})
            self.write("photo", self.crop(), {"white": False})

    # Lettering on plain grounds, plates and photographs, along and down; and the same grounds without.
    def texts(self):
        for i in range(30):
            place = ["plain", "plate", "photo", "outline", "down", "mark"][i % 6]
            im = Image.new("RGB", (self.between(180, 256), self.between(140, 220)), self.ground()) if place in ("plain", "down") and i % 4 else self.crop(self.between(200, 256))
            face = self.pick(FACES[self.part])
            size = self.pick([13, 15, 18, 22, 28, 36])
            im, box = self.lettered(im, self.pick(TEXTS[self.part]), face, size, place)
            self.write("text_" + place, im, {"text": True}, box=box)
        for i in range(30):
            im = self.crop(self.between(180, 256), plain=True) if i % 3 else self.scene(self.between(1, 4), self.ground())
            self.write("no_text", im, {"text": False})

    def lettered(self, im, text, face, size, place):
        im = im.copy()
        draw = ImageDraw.Draw(im)
        font = ImageFont.truetype(str(next(fonts.rglob(face))), size)
        if place == "down":
            text = "\n".join(text.replace(" ", "")[: (im.height - 10) // (size + 4)])
        while draw.multiline_textbbox((0, 0), text, font=font)[2] > im.width - 8:
            text = text[:-1]
        x0, y0, x1, y1 = draw.multiline_textbbox((0, 0), text, font=font)
        x, y = self.between(4, max(4, int(im.width - x1 - 4))), self.between(4, max(4, int(im.height - y1 - 4)))
        behind = np.array(im.crop((x, y, x + x1, y + y1))).mean()
        ink = self.pick([(255, 255, 255), (255, 250, 200)]) if behind < 120 else self.pick([(0, 0, 0), (120, 0, 0), (10, 30, 110)])
        if place == "plate":
            draw.rectangle((x - 4, y - 2, x + x1 + 4, y + y1 + 4), fill=self.pick([(255, 255, 255), (250, 230, 80)]))
            ink = (0, 0, 0)
        if place == "mark":  # half transparent
            layer = im.copy()
            ImageDraw.Draw(layer).multiline_text((x, y), text, font=font, fill=(255, 255, 255) if behind < 160 else (0, 0, 0))
            return Image.blend(im, layer, 0.5), (x + x0, y + y0, x + x1, y + y1)
        outline = {"stroke_width": max(1, size // 12), "stroke_fill": (0, 0, 0), "fill": (255, 255, 255)} if place == "outline" else {"fill": ink}
        draw.multiline_text((x, y), text, font=font, **outline)
        return im, (x + x0, y + y0, x + x1, y + y1)

    # One to six drawings that do not touch, and some that do.
    def things(self):
        for i in range(30):
            n = 1 + i % 6
            self.write("things", self.scene(n, self.pick([(255, 255, 255), (255, 255, 255), (180, 210, 240), (250, 220, 60)])), {"objects": n > 3, "border": False}, n)
        for n in (2, 4, 5, 6):
            self.write("touching", self.scene(n, (255, 255, 255), touching=True), {"objects": n > 3}, n)

    def scene(self, n, ground, touching=False):
        """n drawings on a ground, in cells of a grid; touching ones side by side without room."""
        columns = n if touching else {1: 1, 2: 2, 3: 3, 4: 2, 5: 3, 6: 3}[n]
        rows = 1 if touching else -(-n // columns)
        cell = 40 if touching else {1: 110, 2: 90}.get(columns, 78)
        im = Image.new("RGB", (columns * cell + 24, rows * cell + 24), ground)
        cells = self.rng.permutation(columns * rows)[:n]
        for c in cells:
            size = 46 if touching else self.between(44, 64) if n > 1 else self.pick([56, 64, 80, 96])
            thing = self.drawing(size)
            loose = max(0, cell - size - 8)
            x, y = 12 + c % columns * cell + self.between(0, loose), 12 + c // columns * cell + self.between(0, loose)
            im.paste(thing, (int(x), int(y)), thing)
        return im


def plain_photo(name, **labels):
    return {**labels, "entropy": False, "uniform": False, "white": False, "border": False}


def clipped(pixels):
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8))


def framed(im, way, share, colour):
    w, h = im.size
    if way == "bars":
        size, at = (w, round(h / (1 - share))), (0, round((h / (1 - share) - h) / 2))
    elif way == "pillars":
        size, at = (round(w / (1 - share)), h), (round((w / (1 - share) - w) / 2), 0)
    else:
        k = (1 - share) ** -0.5
        size, at = (round(w * k), round(h * k)), (round(w * (k - 1) / 2), round(h * (k - 1) / 2))
    canvas = Image.new("RGB", size, colour)
    canvas.paste(im, at)
    canvas.thumbnail((240, 240), Image.LANCZOS)
    return canvas


def shaded(im, ground):
    """A soft shadow under whatever is on the ground."""
    pixels = np.array(im).astype(float)
    thing = np.abs(pixels - ground).max(-1) > 20
    shadow = cv2.GaussianBlur(np.roll(thing, (8, 6), (0, 1)).astype(np.float32), (0, 0), 4)
    return clipped(np.where(thing[..., None], pixels, pixels - 90 * shadow[..., None]))


def figures(data):
    """OpenCV's and scikit-image's figures of the picture as Pillow decodes and scales it to 256 pixels."""
    im = Image.open(io.BytesIO(data)).convert("RGB")
    w, h = im.size
    if max(w, h) > 256:
        im = im.resize([max(1, (n * 256 + max(w, h) // 2) // max(w, h)) for n in (w, h)], Image.BILINEAR)
    grey = cv2.cvtColor(np.array(im), cv2.COLOR_RGB2GRAY)
    laplacian = cv2.Laplacian(grey, cv2.CV_64F)
    cells = []
    for y in range(0, grey.shape[0], 32):
        for x in range(0, grey.shape[1], 32):
            cell = np.s_[y:y + 32, x:x + 32]
            h1, w1 = grey[cell].shape
            if (y == 0 or h1 >= 16) and (x == 0 or w1 >= 16) and grey[cell].var() >= 25:
                cells.append(laplacian[cell].var() / grey[cell].var())
    detail = float(sorted(cells)[9 * len(cells) // 10]) if cells else None
    return {"width": w, "height": h, "detail": detail, "entropy": float(shannon_entropy(grey))}


def main():
    emoji = list(drawings())
    labels = []
    with zipfile.ZipFile(out / "labelled.zip", "w") as archive:
        for seed, part in enumerate(("tune", "held")):
            # Both drawings of a kind lie in one part.
            maker = Maker(part, seed + 1, archive, [e for e in emoji if sum(e[0].encode()) % 2 == seed])
            for family in (maker.blurs, maker.blanks, maker.flats, maker.frames, maker.whites, maker.texts, maker.things):
                family()
            if part == "held":
                maker.write("moved", Image.fromarray(skimage.data.clock()), {"blur": True}, kind="jpg")  # a real one
                for longer in (640, 600):  # larger than the size of judgement
                    im = maker.photos["retina"].resize((longer, longer), Image.LANCZOS) if longer == 600 else maker.photos["china"].crop((0, 0, 640, 427))
                    maker.write("large", im, plain_photo("", blur=False), kind="jpg")
                    maker.write("large_soft", im.filter(ImageFilter.GaussianBlur(12)), {"blur": True}, kind="jpg")
            labels += maker.labels
        for label in labels:
            label["labels"] = {k: v for k, v in label["labels"].items() if v is not None}
        text = "[\n" + ",\n".join(json.dumps(l, ensure_ascii=False) for l in labels) + "\n]\n"
        archive.writestr(zipfile.ZipInfo("labels.json", (2020, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    print(len(labels), "pictures,", (out / "labelled.zip").stat().st_size, "bytes")


def more():
    """Pictures with and without lettering, of the tuning part's material and four more photographs."""
    emoji = [e for e in drawings() if sum(e[0].encode()) % 2 == 0]
    labels = []
    with zipfile.ZipFile(out / "more.zip", "w") as archive:
        for seed in range(100, 110):
            maker = Maker("tune", seed, archive, emoji)
            maker.photos |= {n: Image.fromarray(p).convert("RGB") for n, p in {
                "motorcycle": skimage.data.stereo_motorcycle()[0], "coins": skimage.data.coins(),
                "tissue": skimage.data.immunohistochemistry(), "moon": skimage.data.moon()}.items()}
            maker.folder = f"tune{seed}"
            maker.texts()
            labels += maker.labels
        archive.writestr("labels.json", json.dumps(labels))


def fit():
    """A logistic regression on lines that are lettering, or in pictures that have none; a false line costs twice a missed one."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    rows = np.loadtxt(out / "more.zip.csv", delimiter=",")
    part, lettered, x = rows[:, 0], rows[:, 1], rows[:, 2:]
    known = (lettered == 0) | (part > 0.7)
    x, y = x[known], part[known] > 0.7
    x[:, [0, 1, 2, 4]] = np.log(x[:, [0, 1, 2, 4]])
    scaler = StandardScaler().fit(x)
    model = LogisticRegression(class_weight={False: 2, True: 1}).fit(scaler.transform(x), y)
    weights = model.coef_[0] / scaler.scale_
    bias = model.intercept_[0] - weights @ scaler.mean_ - np.log(0.6 / 0.4)
    print(len(y), "lines,", y.sum(), "of text; log contrast, log stroke, log height, uneven, log letters:", weights.round(2), "bias", bias.round(2))


def models():
    """Models of a few hundred bytes, one of each kind and some that are refused, for package datasets/picture/onnx."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(3)

    def save(name, nodes, outputs, weights={}, side=16, kind=TensorProto.FLOAT, inputs=("x",)):
        given = [helper.make_tensor_value_info(n, kind, [1, 3, side, side]) for n in inputs]
        made = [helper.make_tensor_value_info("y", TensorProto.FLOAT, outputs)]
        stored = [numpy_helper.from_array(np.asarray(w), n) for n, w in weights.items()]
        model = helper.make_model(helper.make_graph(nodes, name, given, made, stored), opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(model)
        (out / f"{name}.onnx").write_bytes(model.SerializeToString())

    node = helper.make_node
    means = [node("GlobalAveragePool", ["x"], ["p"]), node("Flatten", ["p"], ["f"])]
    weights = lambda n: {"w": rng.normal(0, 2, (3, n)).astype(np.float32)}
    save("classes", [*means, node("MatMul", ["f", "w"], ["y"])], [1, 4], weights(4))
    save("number", [*means, node("MatMul", ["f", "w"], ["y"])], [1, 1], weights(1))
    save("detector", [*means, node("MatMul", ["f", "w"], ["m"]), node("Sigmoid", ["m"], ["s"]), node("Reshape", ["s", "shape"], ["y"])], [1, 7, 5],
         {**weights(35), "shape": np.array([1, 7, 5])})
    save("map", [node("Conv", ["x", "w"], ["c"]), node("AveragePool", ["c"], ["a"], kernel_shape=[4, 4], strides=[4, 4]), node("Sigmoid", ["a"], ["y"])],
         [1, 1, "h", "w"], {"w": rng.normal(0, 6, (1, 3, 1, 1)).astype(np.float32)}, side=None)
    save("nothing", [*means, node("MatMul", ["f", "w"], ["m"]), node("Abs", ["m"], ["a"]), node("Neg", ["a"], ["b"]), node("Log", ["b"], ["y"])], [1, 1], weights(1))  # not a number
    save("bytes", [node("Cast", ["x"], ["y"], to=TensorProto.FLOAT)], [1, 3, 16, 16], kind=TensorProto.UINT8)
    save("two", [node("Add", ["x", "z"], ["y"])], [1, 3, 16, 16], inputs=("x", "z"))


if __name__ == "__main__":
    {"more": more, "fit": fit, "models": models}.get(sys.argv[3] if len(sys.argv) > 3 else "", main)()
