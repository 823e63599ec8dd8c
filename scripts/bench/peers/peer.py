"""What the speed peers share: the flags, the model's weights and batch from NumPy, timing, and the line that they print.

Weights are drawn by name from one seed, so that all peers train the same model on the same batch: the losses that they print must agree.
"""
import argparse
import json
import os
import platform
import statistics
import time
import zlib

import numpy as np

FEATURES = 2048  # patch features of ResNet-50, stage 4


def flags(description):
    p = argparse.ArgumentParser(description=description)
    p.add_argument("--layers", type=int, default=4)
    p.add_argument("--width", type=int, default=256)
    p.add_argument("--heads", type=int, default=8)
    p.add_argument("--ffn", type=int, default=0, help="default: 4 * width")
    p.add_argument("--vocab", type=int, default=8192)
    p.add_argument("--features", type=int, default=FEATURES, help="size of a patch's features")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--patches", type=int, default=0)
    p.add_argument("--masked", type=int, default=0)
    p.add_argument("--text", type=int, default=128)
    p.add_argument("--steps", type=int, default=20, help="measured, after the warm-up")
    p.add_argument("--warmup", type=int, default=3)
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    return p


def parse(p):
    a = p.parse_args()
    a.ffn = a.ffn or 4 * a.width
    if a.width % a.heads:
        p.error(f"--width {a.width} is not a multiple of --heads {a.heads}")
    return a


def weights(a):
    """float32 weights. Query, key and value are one matrix [D, 3*D], its columns ordered (part, head, head size)."""
    rng = np.random.default_rng(a.seed)
    D, F, V = a.width, a.ffn, a.vocab
    draw = lambda *dims: (0.02 * rng.standard_normal(dims)).astype(np.float32)
    zeros, ones = (lambda n: np.zeros(n, np.float32)), (lambda n: np.ones(n, np.float32))
    w = {"text": draw(V, D), "position": draw(max(a.masked, a.text, 1), D), "segment": draw(4, D), "norm.scale": ones(D), "norm.bias": zeros(D)}
    if a.patches:
        w |= {"visual.kernel": draw(a.features, D), "visual.bias": zeros(D), "visual_position": draw(a.patches, D)}
    for i in range(a.layers):
        b = f"{i}."
        w |= {b + "attn.scale": ones(D), b + "attn.bias": zeros(D), b + "qkv.kernel": draw(D, 3 * D), b + "qkv.bias": zeros(3 * D),
              b + "out.kernel": draw(D, D), b + "out.bias": zeros(D), b + "ffn.scale": ones(D), b + "ffn.bias": zeros(D),
              b + "up.kernel": draw(D, F), b + "up.bias": zeros(F), b + "down.kernel": draw(F, D), b + "down.bias": zeros(D)}
    return w | {"final.scale": ones(D), "final.bias": zeros(D), "output.bias": zeros(V)}


def batch(a):
    """Full rows: every place of every part is valid. The lengths are inputs all the same, and the mask is computed from them."""
    rng = np.random.default_rng(a.seed + 1)
    full = lambda n: np.full(a.batch, n, np.int32)
    return {"features": rng.standard_normal((a.batch, a.patches, a.features)).astype(np.float32),
            "masked": rng.integers(0, a.vocab, (a.batch, a.masked)).astype(np.int32), "text": rng.integers(0, a.vocab, (a.batch, a.text)).astype(np.int32),
            "patch_lengths": full(a.patches), "masked_lengths": full(a.masked), "text_lengths": full(a.text)}


def train_flops(a):
    """Multiply-adds of the step's matrix products times two, forward and backward (three times the forward ones)."""
    S, D = a.patches + a.masked + a.text, a.width
    block = 4 * S * D * D + 2 * S * D * a.ffn + 2 * S * S * D
    return 3 * 2 * a.batch * (a.layers * block + a.text * D * a.vocab + a.patches * a.features * D)


def measure(step, a):
    """Seconds of each of a.steps calls of step() after the warm-up; step must wait for its result, which it returns."""
    results = [step() for _ in range(a.warmup)]
    times = []
    for _ in range(a.steps):
        start = time.perf_counter()
        results.append(step())
        times.append(time.perf_counter() - start)
    return times, results


def report(name, versions, times, tokens, **more):
    """Prints one JSON line; tokens are those of one measured call."""
    median = statistics.median(times)
    line = {"peer": name, "median_ms": 1000 * median, "min_ms": 1000 * min(times), "tokens_per_second": tokens / median}
    line = {k: round(v, 2) for k, v in line.items() if k != "peer"}
    print(json.dumps({"peer": name} | line | more | {"load": round(os.getloadavg()[0], 2), "versions": {"python": platform.python_version()} | versions}), flush=True)


def report_step(name, versions, times, losses, a, **more):
    tokens = a.batch * (a.patches + a.masked + a.text)
    sizes = {k: getattr(a, k) for k in ("layers", "width", "heads", "ffn", "vocab", "batch", "patches", "masked", "text", "steps", "threads")}
    report(name, versions, times, tokens, gflops=round(train_flops(a) / 1e9 / statistics.median(times), 1), parameters=int(sum(v.size for v in weights(a).values())),
           first_loss=round(float(losses[0]), 5), last_loss=round(float(losses[-1]), 5), sizes=sizes, **more)


def report_decode(name, versions, times, texts, a):
    """texts [B,T] are the generated ids; their checksum shows that two peers wrote the same (near ties of logits may part them)."""
    sizes = {k: getattr(a, k) for k in ("layers", "width", "heads", "ffn", "vocab", "batch", "patches", "masked", "text", "steps", "threads")}
    report(name + " decode", versions, times, texts.size, ms_per_token=round(1000 * statistics.median(times) / texts.shape[1], 3),
           checksum=zlib.crc32(np.ascontiguousarray(texts, np.int32).tobytes()), sizes=sizes)
