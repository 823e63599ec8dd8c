"""A training step of the scene captioner from pixels in PyTorch: a small residual network, three blocks over 64 patches and 26 tokens.

    pip install torch==2.15.0 numpy==2.4.6
    python scripts/bench/peers/torch_scene_step.py --batch 48 --steps 20

Network: 5x5 convolution 3-32 (stride 2), residual blocks 32-48 (stride 2), 48-96 (stride 2), 96-96, each convolution but
the skips' followed by batch normalisation: 64 pixels become an 8x8 grid of 96 features. Transformer: width 128, 4 heads.
"""
import argparse

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import peer
import torch_step

PIXELS, GRID, CHANNELS = 64, 8, 96


class Residual(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True))
        self.second = nn.Sequential(nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after))
        same = before == after and stride == 1
        self.skip = nn.Identity() if same else nn.Conv2d(before, after, 1, stride, bias=False)

    def forward(self, x):
        return F.relu(self.skip(x) + self.second(self.first(x)))


class Captioner(nn.Module):
    def __init__(self, a, weights):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 32, 5, 2, 2, bias=False), nn.BatchNorm2d(32), nn.ReLU(inplace=True),
                                     Residual(32, 48, 2), Residual(48, 96, 2), Residual(96, CHANNELS, 1))
        self.model = torch_step.Model(a, weights)

    def forward(self, pixels, batch):
        features = self.encoder(pixels).flatten(2).transpose(1, 2)
        return self.model(batch | {"features": features})


def main():
    p = peer.flags(__doc__.splitlines()[0])
    p.set_defaults(layers=3, width=128, heads=4, vocab=131, batch=48, patches=GRID * GRID, features=CHANNELS, text=26)
    p.add_argument("--channels-last", action=argparse.BooleanOptionalAction, default=True)
    a = peer.parse(p)
    if a.patches != GRID * GRID or a.features != CHANNELS:
        p.error(f"the encoder gives {GRID * GRID} patches of {CHANNELS} features")
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    model, batch = Captioner(a, peer.weights(a)).train(), torch_step.tensors(peer.batch(a))
    pixels = torch.from_numpy(np.random.default_rng(a.seed).standard_normal((a.batch, 3, PIXELS, PIXELS)).astype(np.float32))
    if a.channels_last:
        model, pixels = model.to(memory_format=torch.channels_last), pixels.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01, fused=True)

    def step():
        loss = model(pixels, batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()
        return loss.item()

    times, losses = peer.measure(step, a)
    encoder = sum(p.numel() for p in model.encoder.parameters())
    peer.report_step("torch scene", {"torch": torch.__version__}, times, losses, a, encoder_parameters=encoder, pictures_per_second=round(a.batch / float(np.median(times)), 1),
                     channels_last=a.channels_last)


if __name__ == "__main__":
    main()
