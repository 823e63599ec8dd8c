"""Greedy generation of M6 with a key-value cache in PyTorch: eager, scaled_dot_product_attention, cache [B,H,S,K] cut to the position.

    pip install torch==2.15.0 numpy==2.4.6
    python scripts/bench/peers/torch_decode.py --batches 1,16 --text 128 [--patches 49]
"""
import torch
import torch.nn.functional as F

import peer
import torch_step


def attend(model, x, i, keys, values, place):
    """Attention of the tokens x [B,n,D] at places from `place` on, over all places up to their end; fills the cache."""
    B, n, D = x.shape
    q, k, v = model.linear(model.norm(x, f"{i}.attn"), f"{i}.qkv").view(B, n, 3, model.heads, D // model.heads).permute(2, 0, 3, 1, 4)
    keys[:, :, place:place + n], values[:, :, place:place + n] = k, v
    attended = F.scaled_dot_product_attention(q, keys[:, :, :place + n], values[:, :, :place + n])
    return model.linear(attended.transpose(1, 2).reshape(B, n, D), f"{i}.out")


def blocks(model, x, cache, place):
    for i, (keys, values) in enumerate(cache):
        x = x + attend(model, x, i, keys, values, place)
        x = x + model.linear(F.gelu(model.linear(model.norm(x, f"{i}.ffn"), f"{i}.up")), f"{i}.down")
    return x


@torch.inference_mode()
def generate(model, batch, count):
    """`count` greedy tokens [B,count] after the first token of the text, which stands for [CLS]."""
    B = batch["text"].shape[0]
    start = batch["features"].shape[1] + batch["masked"].shape[1]
    empty = lambda: torch.empty(B, model.heads, start + count, model.width // model.heads)
    cache = [(empty(), empty()) for _ in range(model.layers)]
    if start:
        blocks(model, model.embed(batch | {"text": batch["text"][:, :0]}), cache, 0)
    text, position, segment = model.w("text"), model.w("position"), model.w("segment")[2]
    token, out = batch["text"][:, 0], []
    for t in range(count):
        x = model.norm(F.embedding(token, text) + position[t] + segment, "norm")[:, None]
        h = model.norm(blocks(model, x, cache, start + t)[:, 0], "final")
        token = F.linear(h, text, model.w("output.bias")).argmax(-1)
        out.append(token)
    return torch.stack(out, 1)


def main():
    p = peer.flags(__doc__.splitlines()[0])
    p.add_argument("--batches", default="1,16")
    a = peer.parse(p)
    torch.set_num_threads(a.threads)
    model = torch_step.Model(a, peer.weights(a))
    for size in map(int, a.batches.split(",")):
        a.batch = size
        batch = torch_step.tensors(peer.batch(a))
        times, texts = peer.measure(lambda: generate(model, batch, a.text).numpy(), a)
        peer.report_decode("torch", {"torch": torch.__version__}, times, texts[-1], a)


if __name__ == "__main__":
    main()
