"""The training step of M6 in JAX: jit with donated state, fused query-key-value, two-dimensional matrix products, no one-hot in the loss.

    pip install jax==0.10.2 numpy==2.4.6
    python scripts/bench/peers/jax_step.py --layers 4 --width 256 --batch 16 --text 128
"""
import functools
import math

import jax
import jax.numpy as jnp

import peer


def layer_norm(x, w, name):
    mean = x.mean(-1, keepdims=True)
    centred = x - mean
    return centred * jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * w[name + ".scale"] + w[name + ".bias"]


def embed(w, batch):
    P, M, T = batch["features"].shape[1], batch["masked"].shape[1], batch["text"].shape[1]
    parts = []
    if P:
        parts.append(batch["features"] @ w["visual.kernel"] + w["visual.bias"] + w["visual_position"] + w["segment"][0])
    if M:
        parts.append(w["text"][batch["masked"]] + w["position"][:M] + w["segment"][1])
    if T:
        parts.append(w["text"][batch["text"]] + w["position"][:T] + w["segment"][2])
    return layer_norm(jnp.concatenate(parts, 1), w, "norm")


def mask_bias(batch):
    """0 where a query sees a key, else -1e9: [B,1,S,S]."""
    P, M, T = batch["features"].shape[1], batch["masked"].shape[1], batch["text"].shape[1]
    valid = jnp.concatenate([jnp.arange(n)[None] < batch[k][:, None] for n, k in ((P, "patch_lengths"), (M, "masked_lengths"), (T, "text_lengths"))], 1)
    index = jnp.arange(P + M + T)
    seen = (index[None] < P + M) | ((index[:, None] >= P + M) & (index[None] <= index[:, None]))
    return jnp.where(valid[:, None, :] & seen[None], 0.0, -1e9)[:, None].astype(jnp.float32)


def block(x, w, b, heads, bias):
    B, S, D = x.shape
    K = D // heads
    h = layer_norm(x, w, b + "attn").reshape(B * S, D)
    q, k, v = jnp.split((h @ w[b + "qkv.kernel"] + w[b + "qkv.bias"]).reshape(B, S, 3, heads, K), 3, 2)
    scores = jnp.einsum("bshk,bthk->bhst", q[:, :, 0] / math.sqrt(K), k[:, :, 0]) + bias
    attended = jnp.einsum("bhst,bthk->bshk", jax.nn.softmax(scores, -1), v[:, :, 0]).reshape(B * S, D)
    x = x + (attended @ w[b + "out.kernel"] + w[b + "out.bias"]).reshape(B, S, D)
    h = layer_norm(x, w, b + "ffn").reshape(B * S, D)
    h = jax.nn.gelu(h @ w[b + "up.kernel"] + w[b + "up.bias"], approximate=False)
    return x + (h @ w[b + "down.kernel"] + w[b + "down.bias"]).reshape(B, S, D)


def loss_of(w, batch, layers, heads):
    x, bias = embed(w, batch), mask_bias(batch)
    for i in range(layers):
        x = block(x, w, f"{i}.", heads, bias)
    T = batch["text"].shape[1]
    h = layer_norm(x[:, -T:-1], w, "final")  # the last position has no target
    B, D = h.shape[0], h.shape[2]
    target = batch["text"][:, 1:]
    h = h.reshape(-1, D)
    logits = h @ w["text"].T + w["output.bias"]
    y = target.reshape(-1)
    each = jax.nn.logsumexp(logits, -1) - (h * w["text"][y]).sum(-1) - w["output.bias"][y]
    valid = (jnp.arange(1, T)[None] < batch["text_lengths"][:, None]).reshape(-1)
    return (each * valid).sum() / jnp.maximum(valid.sum(), 1)


@functools.partial(jax.jit, static_argnums=(2, 3), donate_argnums=(0,))
def train_step(state, batch, layers, heads):
    w, m, v, t = state
    loss, g = jax.value_and_grad(loss_of)(w, batch, layers, heads)
    norm = jnp.sqrt(sum((x * x).sum() for x in jax.tree.leaves(g)))
    scale = jnp.minimum(1.0, 1.0 / norm)
    t = t + 1
    lr, b1, b2, eps, decay = 1e-4, 0.9, 0.999, 1e-8, 0.01
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g * scale, m, g)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * (g * scale) ** 2, v, g)
    c1, c2 = 1 - b1**t, 1 - b2**t
    w = jax.tree.map(lambda w, m, v: w - lr * (decay * w + m / c1 / (jnp.sqrt(v / c2) + eps)), w, m, v)
    return (w, m, v, t), loss


def main():
    a = peer.parse(peer.flags(__doc__.splitlines()[0]))
    w = {k: jnp.asarray(v) for k, v in peer.weights(a).items()}
    state = (w, jax.tree.map(jnp.zeros_like, w), jax.tree.map(jnp.zeros_like, w), jnp.zeros((), jnp.float32))
    batch = {k: jnp.asarray(v) for k, v in peer.batch(a).items()}

    def step():
        nonlocal state
        state, loss = train_step(state, batch, a.layers, a.heads)
        jax.block_until_ready(state)
        return loss

    times, losses = peer.measure(step, a)
    peer.report_step("jax", {"jax": jax.__version__}, times, losses, a)


if __name__ == "__main__":
    main()
