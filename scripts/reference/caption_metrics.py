"""Caption metrics by pycocoevalcap: the judge of package tasks/score.

    pip install pycocoevalcap==1.2 numpy==2.4.6    (Python 3.11; its Java parts, the tokenizer and METEOR, are not used)
    python scripts/reference/caption_metrics.py [FILE]      (default: tasks/testdata/golden/caption_metrics.json)

Tokens: a run of cased letters (Unicode Lu, Ll, Lt) and decimal digits (Nd) is one; white space separates; every
other character stands alone, punctuation too. Case is kept. The file holds, per case, references, predictions, the tokens
of every text (joined by a space), the corpus scores, and CIDEr-D and ROUGE-L by id.
"""
import contextlib
import io
import json
import pathlib
import sys
import unicodedata

from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

CASES = {
    "scenes": (
        {"a": ["红色背景上有两个红苹果。"], "b": ["蓝色背景上，猫脸在狗脸的左边。", "蓝色背景上，狗脸在猫脸的右边。"], "c": ["绿色背景上有三只企鹅。"],
         "d": ["白色背景上，汽车在房子的上面。", "白色背景上，房子在汽车的下面。"], "e": ["灰色背景上有一把雨伞。"]},
        {"a": "红色背景上有两个红苹果。", "b": "蓝色背景上，狗脸在猫脸的左边。", "c": "绿色背景上有两只青蛙。", "d": "白色背景上，房子在汽车的下面。", "e": "有一把。"}),
    "mixed": (  # runs of letters and digits, full width, spaces, emoji with a variation selector, a rare Han character, case
        {"1": ["买iPhone15送AirPods 2代", "iPhone 15 手机"], "2": ["夏季Ｔ恤２０２６年新款，100%纯棉！"], "3": ["𠮷野家的牛肉饭", "吉野家牛肉饭套餐"], "4": ["☕️热饮 café au lait"],
         "5": ["Ωmega手表№3"], "6": ["人人人人人人"], "7": ["一"]},
        {"1": "iphone15手机送AirPods", "2": "夏季T恤２０２６年新款100％纯棉!", "3": "𠮷野家牛肉饭", "4": "☕热饮  café", "5": "Ωmega手表", "6": "人人人人人人人人人人", "7": "一"}),
    "empty": ({"x": ["一只黑色的猫在屋顶上"], "y": ["两条鱼"], "z": ["三朵红色的花", "红花三朵"]}, {"x": "", "y": " \n", "z": "三朵花"}),
    "single": ({"only": ["落叶树在雪地里"]}, {"only": "落叶树在地里"}),
    "lengths": (  # ties of the closest reference length; a long prediction; short ones without any 4-gram
        {"p": ["一二三四五", "一二三四五六七"], "q": ["花"], "r": ["大象在房子的左边吃草喝水睡觉"], "s": ["上下", "左右上下前后"]},
        {"p": "一二三四五六", "q": "花花草草树木和一切", "r": "大象", "s": "上下前后"}),
}


def tokens(text):
    out, run = [], ""
    for c in text:
        if unicodedata.category(c) in ("Lu", "Ll", "Lt", "Nd"):
            run += c
            continue
        if run:
            out.append(run)
        run = ""
        if not c.isspace():
            out.append(c)
    return out + ([run] if run else [])


def score(references, predictions):
    ids = sorted(references)
    gts = {i: [" ".join(tokens(t)) for t in references[i]] for i in ids}
    res = {i: [" ".join(tokens(predictions[i]))] for i in ids}
    with contextlib.redirect_stdout(io.StringIO()):
        bleu, _ = Bleu(4).compute_score(gts, res)
    rouge, rouges = Rouge().compute_score(gts, res)
    cider, ciders = Cider().compute_score(gts, res)
    scores = {f"bleu{n}": float(b) for n, b in enumerate(bleu, 1)} | {"rouge_l": float(rouge), "cider_d": float(cider)}
    return {"references": references, "predictions": predictions, "reference_tokens": gts, "prediction_tokens": {i: r[0] for i, r in res.items()},
            "scores": scores, "cider_d": dict(zip(ids, map(float, ciders))), "rouge_l": dict(zip(ids, map(float, rouges)))}


if __name__ == "__main__":
    default = pathlib.Path(__file__).parents[2] / "tasks/testdata/golden/caption_metrics.json"
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else default
    cases = {name: score(*case) for name, case in CASES.items()}
    path.write_text(json.dumps(cases, ensure_ascii=False, indent=1) + "\n")
    for name, case in cases.items():
        print(name, {k: round(v, 4) for k, v in case["scores"].items()})
