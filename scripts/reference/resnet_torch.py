"""Residual networks in PyTorch and torchvision, float64 on CPU: the judge of layers/resnet.go.

    pip install torch==2.15.0 torchvision==0.29.2 numpy==2.4.6 safetensors==0.8.0    (Python 3.11)
    python scripts/reference/resnet_torch.py [FOLDER]      (default: layers/testdata/golden)

Weights and pictures are too large to keep, so both sides make them by one rule. Element i of the tensor NAME is u = 2v - 1, where v is the
upper 24 bits of splitmix64's output number i for the seed fnv1a64(NAME), divided by 2^24. Convolutions are u·sqrt(6 / (in·k·k)), batch
norms' weight 1 + u/4 and bias u/10, their running mean u/10 and variance 1 + u/2, pictures ("pixels") 2u in the order [B,H,W,3], and the
loss is the sum of features times "cotangent", u in the order [B,cells,X]; all are rounded to f32 once.
layers/testdata/golden/README.md says what the files hold.
"""
import math
import pathlib
import sys

import numpy as np
import torch
import torchvision
from safetensors.numpy import save_file
from torch import nn
from torchvision.models.resnet import BasicBlock, conv1x1

out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "layers/testdata/golden"
out.mkdir(parents=True, exist_ok=True)
torch.set_default_dtype(torch.float64)


def uniform(name, shape):
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, math.prod(shape) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return ((z >> np.uint64(40)).astype(np.float64) / 2**24 * 2 - 1).reshape(shape)


def tensor(name, shape, scale=1.0, shift=0.0):
    return torch.from_numpy((uniform(name, shape) * scale + shift).astype(np.float32).astype(np.float64))


def fill(model):
    for name, t in list(model.named_parameters()) + list(model.named_buffers()):
        if name.endswith("num_batches_tracked"):
            continue
        scale, shift = 0.1, 0.0
        if t.dim() == 4:
            scale = math.sqrt(6 / t[0].numel())
        elif name.endswith("weight"):
            scale, shift = 0.25, 1.0
        elif name.endswith("running_var"):
            scale, shift = 0.5, 1.0
        t.data = tensor(name, tuple(t.shape), scale, shift)
    return model


class Small(nn.Module):
    """torchvision's basic blocks behind a stem without pooling; the last stage keeps its grid."""

    def __init__(self, stem=32, kernel=5, widths=(48, 96, 96), strides=(2, 2, 1)):
        super().__init__()
        self.conv1 = nn.Conv2d(3, stem, kernel, 2, kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu, self.maxpool = nn.ReLU(), nn.Identity()
        width = stem
        for i, (o, stride) in enumerate(zip(widths, strides)):
            shortcut = nn.Sequential(conv1x1(width, o, stride), nn.BatchNorm2d(o)) if stride != 1 or width != o else None
            setattr(self, f"layer{i + 1}", nn.Sequential(BasicBlock(width, o, stride, shortcut)))
            width = o


def features(model, pixels, stage, grid=0):
    """[B,H,W,3] to [B,cells,X]."""
    x = model.maxpool(model.relu(model.bn1(model.conv1(pixels.permute(0, 3, 1, 2)))))
    for i in range(stage):
        x = getattr(model, f"layer{i + 1}")(x)
    if grid:
        x = nn.functional.adaptive_avg_pool2d(x, grid)
    return x.flatten(2).transpose(1, 2)


def save(name, tensors):
    save_file({k: np.ascontiguousarray(v.detach().numpy().astype(np.float32)) for k, v in tensors.items()}, out / f"{name}.safetensors")
    print(name, (out / f"{name}.safetensors").stat().st_size)


def pixels(*shape):
    return tensor("pixels", (*shape, 3), 2.0)


def train(model, x, stage, training, wanted=lambda name, gradient: gradient):
    """Features, gradients of the wanted parts, and the running statistics afterwards."""
    model.train(training)
    nearest = []
    hooks = [m.register_forward_pre_hook(lambda _, inputs: nearest.append(inputs[0].abs().min().item())) for m in model.modules() if isinstance(m, nn.ReLU)]
    y = features(model, x, stage)
    # At 0 the gradient jumps, so that f32 may land on the other side: take another picture then.
    assert min(nearest) > 3e-6, f"a rectifier's input is {min(nearest)}"
    for hook in hooks:
        hook.remove()
    (y * tensor("cotangent", tuple(y.shape))).sum().backward()
    tensors = {"features": y}
    for name, p in model.named_parameters():
        if p.grad is not None and (part := wanted(name, p.grad)) is not None:
            tensors["gradient." + name] = part
    if training:
        for name, b in model.named_buffers():
            if "running" in name and f"layer{stage + 1}" not in name and not name.startswith(tuple(f"layer{s}" for s in range(stage + 1, 5))):
                tensors["updated." + name] = b
    return tensors


big = fill(torchvision.models.resnet50(weights=None)).eval()
with torch.no_grad():
    for stage in range(1, 5):
        save(f"resnet50_stage{stage}", {"features": features(big, pixels(1, 29, 31), stage)})
    x = pixels(1, 61, 67)
    save("resnet50_pooled", {"grid4": features(big, x, 4, 4)[..., ::4], "grid7": features(big, x, 3, 7)[..., ::4]})
    x = pixels(1, 224, 224)
    save("resnet50_224", {"grid4": features(big, x, 4, 4)[..., ::64], "grid7": features(big, x, 4)[..., ::64], "grid14": features(big, x, 3)[..., ::64]})
kept = ("conv1.weight", "bn1.weight", "bn1.bias", "layer1.0.conv1.weight", "layer1.2.bn3.weight", "layer1.0.downsample.1.bias")
parts = train(big, pixels(2, 19, 23), 1, True, lambda name, g: g if name in kept else None)
save("resnet50_training", {k: v for k, v in parts.items() if k != "features"} | {"features": parts["features"][..., ::4]})

for training in (False, True):
    mode = "training" if training else "frozen"
    narrow = fill(Small(5, 5, (7, 11, 11)))
    save(f"narrow_{mode}", train(narrow, pixels(2, 23, 19), 3, training))
    small = fill(Small())
    rows = lambda name, g: g[::24] if g.dim() == 4 else g
    parts = train(small, pixels(2, 63, 61), 3, training, rows)
    save(f"resnet_small_{mode}", parts | {"features": parts["features"][..., ::2]})
