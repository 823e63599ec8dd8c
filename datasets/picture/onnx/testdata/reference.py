"""What ONNX Runtime's own Python package makes of pictures: the judge of TestService in this folder.

    python reference.py < REQUEST      (onnxruntime, pillow and numpy as service_test.go pins them; REQUEST: a JSON list of {model, order, fit, side, mean, deviation, picture})

For each it prints a line of JSON: the sum of the input and of the first output, and the output's shape. Scaling is Pillow's bilinear.
"""
import json
import sys

import numpy as np
import onnxruntime
from PIL import Image

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
sessions = {}
for job in json.load(sys.stdin):
    if job["model"] not in sessions:
        sessions[job["model"]] = onnxruntime.InferenceSession(job["model"], options, providers=["CPUExecutionProvider"])
    session = sessions[job["model"]]
    im = Image.open(job["picture"]).convert("RGB")
    side, longer = job["side"], max(im.size)
    sized = [max(1, (n * side + longer // 2) // longer) for n in im.size]
    if job["fit"] == "stretch":
        im = im.resize((side, side), Image.BILINEAR)
    elif job["fit"] == "pad":
        canvas = Image.new("RGB", (side, side))
        canvas.paste(im.resize(sized, Image.BILINEAR))
        im = canvas
    else:
        im = im.resize([max(32, (n + 16) // 32 * 32) for n in sized], Image.BILINEAR)
    x = (np.asarray(im).astype(np.float64) / 255 - job["mean"]) / job["deviation"]
    if job["order"] == "bgr":
        x = x[..., ::-1]
    x = np.ascontiguousarray(x.transpose(2, 0, 1)[None]).astype(np.float32)
    y = session.run(None, {session.get_inputs()[0].name: x})[0]
    print(json.dumps({"input": float(x.astype(np.float64).sum()), "output": float(y.astype(np.float64).sum()), "shape": list(y.shape)}))
