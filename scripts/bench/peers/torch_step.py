"""The training step of M6 in PyTorch: eager, fused scaled_dot_product_attention, fused AdamW, a thread per core.

    pip install torch==2.15.0 numpy==2.4.6
    python scripts/bench/peers/torch_step.py --layers 4 --width 256 --batch 16 --text 128 [--compile]
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

import peer


class Model(nn.Module):
    """The weights by peer's names (dots become underscores), matrices transposed to torch's [out, in]."""

    def __init__(self, a, weights):
        super().__init__()
        self.layers, self.heads, self.width = a.layers, a.heads, a.width
        for name, value in weights.items():
            value = torch.from_numpy(value.T.copy() if name.endswith("kernel") else value)
            self.register_parameter(name.replace(".", "_"), nn.Parameter(value))

    def w(self, name):
        return getattr(self, name.replace(".", "_"))

    def norm(self, x, name):
        return F.layer_norm(x, (self.width,), self.w(name + ".scale"), self.w(name + ".bias"), 1e-5)

    def linear(self, x, name):
        return F.linear(x, self.w(name + ".kernel"), self.w(name + ".bias"))

    def embed(self, batch):
        parts, (P, M, T) = [], (batch[k].shape[1] for k in ("features", "masked", "text"))
        if P:
            parts.append(self.linear(batch["features"], "visual") + self.w("visual_position") + self.w("segment")[0])
        if M:
            parts.append(F.embedding(batch["masked"], self.w("text")) + self.w("position")[:M] + self.w("segment")[1])
        if T:
            parts.append(F.embedding(batch["text"], self.w("text")) + self.w("position")[:T] + self.w("segment")[2])
        return self.norm(torch.cat(parts, 1) if len(parts) > 1 else parts[0], "norm")

    def block(self, x, i, mask):
        B, S, D = x.shape
        q, k, v = self.linear(self.norm(x, f"{i}.attn"), f"{i}.qkv").view(B, S, 3, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.linear(attended.transpose(1, 2).reshape(B, S, D), f"{i}.out")
        return x + self.linear(F.gelu(self.linear(self.norm(x, f"{i}.ffn"), f"{i}.up")), f"{i}.down")

    def forward(self, batch):
        x, mask, T = self.embed(batch), visible(batch), batch["text"].shape[1]
        for i in range(self.layers):
            x = self.block(x, i, mask)
        h = self.norm(x[:, -T:-1], "final").reshape(-1, self.width)  # the last position has no target
        logits = F.linear(h, self.w("text"), self.w("output.bias"))
        valid = torch.arange(1, T)[None] < batch["text_lengths"][:, None]
        target = torch.where(valid, batch["text"][:, 1:], -100).reshape(-1)
        return F.cross_entropy(logits, target, ignore_index=-100)


def visible(batch):
    """Which key a query sees: 0 or -inf [B,1,S,S], the form that the fused attention takes without a copy."""
    P, M, T = (batch[k].shape[1] for k in ("features", "masked", "text"))
    valid = torch.cat([torch.arange(n)[None] < batch[k][:, None] for n, k in ((P, "patch_lengths"), (M, "masked_lengths"), (T, "text_lengths"))], 1)
    index = torch.arange(P + M + T)
    seen = (index[None] < P + M) | ((index[:, None] >= P + M) & (index[None] <= index[:, None]))
    return torch.zeros(()).masked_fill(~(valid[:, None, :] & seen[None]), float("-inf"))[:, None]


def tensors(batch):
    return {k: torch.from_numpy(v).long() if v.dtype.kind == "i" else torch.from_numpy(v) for k, v in batch.items()}


def main():
    p = peer.flags(__doc__.splitlines()[0])
    p.add_argument("--compile", action="store_true", help="torch.compile the model")
    a = peer.parse(p)
    torch.set_num_threads(a.threads)
    model, batch = Model(a, peer.weights(a)), tensors(peer.batch(a))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    run = torch.compile(model) if a.compile else model

    def step():
        loss = run(batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0, foreach=True)
        optimizer.step()
        return loss.item()

    times, losses = peer.measure(step, a)
    peer.report_step("torch" + (" compile" if a.compile else ""), {"torch": torch.__version__}, times, losses, a)


if __name__ == "__main__":
    main()
