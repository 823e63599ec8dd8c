"""Optimisers and schedules by their formulas, float64: the judge of package m6's update rules.

    pip install torch==2.15.0 numpy==2.4.6 safetensors==0.8.0    (Python 3.11)
    python scripts/reference/optimizers.py [FILE]      (default: m6/testdata/golden/optimizers.safetensors)

Every formula is held against PyTorch's own optimiser within 1e-12 before the file is written. Step t counts from 1.

AdamW (Loshchilov and Hutter 2019; torch.optim.AdamW):
    p <- p - lr*weight_decay*p
    m <- b1*m + (1-b1)*g;  v <- b2*v + (1-b2)*g^2
    p <- p - lr * (m/(1-b1^t)) / (sqrt(v/(1-b2^t)) + eps)

Clipping: all gradients times min(1, 1/norm), norm over all tensors together.

Adafactor (Shazeer and Stern 2018, algorithms 4 and 5; no momentum; an external lr in place of the relative step rho_t):
    decay = 1 - t^-0.8                                (0 at the first step)
    rank 2 or more: the last two axes are a matrix, the axes before them a batch of matrices (experts, heads)
        R <- decay*R + (1-decay)*mean(g^2 + eps1, last axis)
        C <- decay*C + (1-decay)*mean(g^2 + eps1, last but one axis)
        V = R*C / mean(R, its last axis)
    rank 1: V <- decay*V + (1-decay)*(g^2 + eps1)
    u = g / sqrt(V);  u <- u / max(1, RMS(u)/clip)    (RMS over the whole tensor)
    p <- p - lr*weight_decay*p - lr * max(eps2, RMS(p)) * u      (both p are those before the step)

Schedules, lr of update t of N with W of warm-up, peak to end:
    t <= W: peak*t/W;  else with s = min(1, (t-W)/(N-W)):
    polynomial: end + (peak-end)*(1-s)^power;   cosine: end + (peak-end)*(1+cos(pi*s))/2
"""
import json
import math
import pathlib
import sys

import numpy as np
import torch
from safetensors.numpy import save_file

STEPS = 5
SHAPES = {"matrix": (7, 11), "vector": (13,), "kernel": (5, 3, 7), "still": (3, 5)}  # still never has a gradient
ADAMW = dict(lr=0.01, b1=0.9, b2=0.999, eps=1e-8, weight_decay=0.1)
ADAFACTOR = dict(lr=0.03, decay_power=0.8, clip=1.0, eps1=1e-30, eps2=1e-3)
SCHEDULE = dict(peak=0.5, end=0.02, warmup=7, steps=31, power=1.0)


def clipped(gradients):
    norm = math.sqrt(sum(float((g**2).sum()) for g in gradients.values()))
    return norm, {k: g * min(1, 1 / norm) for k, g in gradients.items()}


def adamw(parameters, gradients):
    c, p = ADAMW, dict(parameters)
    m, v = ({k: np.zeros_like(x) for k, x in p.items()} for _ in range(2))
    for t, gs in enumerate(gradients, 1):
        for k, g in gs.items():
            m[k] = c["b1"] * m[k] + (1 - c["b1"]) * g
            v[k] = c["b2"] * v[k] + (1 - c["b2"]) * g**2
            step = m[k] / (1 - c["b1"]**t) / (np.sqrt(v[k] / (1 - c["b2"]**t)) + c["eps"])
            p[k] = p[k] - c["lr"] * c["weight_decay"] * p[k] - c["lr"] * step
        yield dict(p), {"m": dict(m), "v": dict(v)}


def adafactor(parameters, gradients, weight_decay):
    c, p = ADAFACTOR, dict(parameters)
    row, col, full = {}, {}, {}
    rms = lambda x: math.sqrt(float((x**2).mean()))
    for t, gs in enumerate(gradients, 1):
        decay = 1 - t**-c["decay_power"]
        average = lambda old, new: decay * old + (1 - decay) * new
        for k, g in gs.items():
            square = g**2 + c["eps1"]
            if g.ndim >= 2:
                row[k] = average(row.get(k, 0), square.mean(-1))
                col[k] = average(col.get(k, 0), square.mean(-2))
                v = (row[k] / row[k].mean(-1, keepdims=True))[..., :, None] * col[k][..., None, :]
            else:
                v = full[k] = average(full.get(k, 0), square)
            u = g / np.sqrt(v)
            u = u / max(1, rms(u) / c["clip"])
            p[k] = p[k] - c["lr"] * weight_decay * p[k] - c["lr"] * max(c["eps2"], rms(p[k])) * u
        yield dict(p), {"row": dict(row), "column": dict(col), "full": dict(full)}


def by_torch(parameters, gradients, make):
    """The parameters after each step of the torch optimiser that make builds."""
    tensors = {k: torch.nn.Parameter(torch.from_numpy(v.copy())) for k, v in parameters.items()}
    optimizer = make(list(tensors.values()))
    for gs in gradients:
        for k, g in gs.items():
            tensors[k].grad = torch.from_numpy(g.copy())
        optimizer.step()
        yield {k: v.detach().numpy().copy() for k, v in tensors.items()}


def schedule(kind, t):
    c = SCHEDULE
    if t <= c["warmup"]:
        return c["peak"] * t / c["warmup"]
    s = min(1, (t - c["warmup"]) / (c["steps"] - c["warmup"]))
    shape = (1 - s) ** c["power"] if kind == "polynomial" else (1 + math.cos(math.pi * s)) / 2
    return c["end"] + (c["peak"] - c["end"]) * shape


def main(path):
    rng = np.random.default_rng(17)
    exact = lambda x: np.asarray(x, np.float32).astype(np.float64)
    parameters = {k: exact(rng.standard_normal(d) * (1e-4 if k == "vector" else 0.5)) for k, d in SHAPES.items()}
    gradients = []
    for t in range(STEPS):  # norms from well below 1 to well above; a row of the matrix never has a gradient
        gs = {k: exact(rng.standard_normal(d) * 0.02 * 4**t) for k, d in SHAPES.items()}
        gs["matrix"][2], gs["still"][:] = 0, 0
        gradients.append(gs)
    clip = [clipped(gs) for gs in gradients]
    a = ADAMW
    runs = {
        "adamw": (adamw(parameters, gradients), gradients,
                  lambda p: torch.optim.AdamW(p, lr=a["lr"], betas=(a["b1"], a["b2"]), eps=a["eps"], weight_decay=a["weight_decay"])),
        "adamw_clipped": (adamw(parameters, [g for _, g in clip]), [g for _, g in clip],
                          lambda p: torch.optim.AdamW(p, lr=a["lr"], betas=(a["b1"], a["b2"]), eps=a["eps"], weight_decay=a["weight_decay"])),
    }
    for name, weight_decay in (("adafactor", 0.0), ("adafactor_decay", 0.1)):  # torch's first eps is a square root of the paper's
        runs[name] = (adafactor(parameters, gradients, weight_decay), gradients,
                      lambda p, weight_decay=weight_decay: torch.optim.Adafactor(p, lr=ADAFACTOR["lr"], eps=(1e-15, ADAFACTOR["eps2"]), d=ADAFACTOR["clip"],
                                                                                 beta2_decay=-ADAFACTOR["decay_power"], weight_decay=weight_decay))
    out = {"param." + k: v for k, v in parameters.items()}
    for t, gs in enumerate(gradients, 1):
        out |= {f"grad.{t}.{k}": g for k, g in gs.items()}
    out["clip.norms"] = np.array([n for n, _ in clip])
    for name, (steps, gs, make) in runs.items():
        for t, ((got, state), want) in enumerate(zip(steps, by_torch(parameters, gs, make)), 1):
            for k in got:
                assert np.abs(got[k] - want[k]).max() < 1e-12, (name, t, k, np.abs(got[k] - want[k]).max())
            out |= {f"{name}.{t}.{k}": v for k, v in got.items()}
        out |= {f"{name}.state.{part}.{k}": v for part, values in state.items() for k, v in values.items()}
    for kind in ("polynomial", "cosine"):
        out["schedule." + kind] = np.array([schedule(kind, t) for t in range(1, SCHEDULE["steps"] + 4)])
    out = {k: np.ascontiguousarray(v, np.float32) for k, v in out.items()}
    config = {"steps": STEPS, "clip_norm": 1.0, "adamw": ADAMW, "adafactor": ADAFACTOR | {"adafactor_decay.weight_decay": 0.1}, "schedule": SCHEDULE}
    save_file(out, path, {"config": json.dumps(config), "script": "scripts/reference/optimizers.py"})
    path.chmod(0o644)
    print(f"{path.name}: {path.stat().st_size} bytes, norms {[round(n, 3) for n, _ in clip]}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "m6/testdata/golden/optimizers.safetensors")
