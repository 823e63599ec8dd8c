"""The training step of M6 on one GPU in JAX: bf16 over f32 masters, donated state, AdamW, blocks made again where the case says so.

    pip install 'jax[cuda13]==0.11.2' numpy
    python scripts/bench/peers/gpu_jax.py '{"Layers":24,"Width":1024,...}' plain|cudnn|cudnn-bias

Started by scripts/bench/gpu. Prints a line of JSON. Attention is two products and a softmax (plain) or cuDNN's by
jax.nn.dot_product_attention: causal, or with a mask like ours, as a bias (cudnn-bias). Experts get
their tokens by sorting and gathering, as ours.
"""
import functools
import json
import math
import os
import statistics
import sys
import time

os.environ.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.92")  # as ours: by default a quarter of the memory is idle

import jax
import jax.numpy as jnp

from sorted_experts import by_sorting

CASE = json.loads(sys.argv[1])
ATTENTION = sys.argv[2]
LAYERS, D, HEADS, F, V, E, TOP = (CASE[k] for k in ("Layers", "Width", "Heads", "FFN", "Vocab", "Experts", "TopK"))
FACTOR, EVERY, B, T = CASE["Capacity"], CASE["Every"], CASE["Batch"], CASE["Text"]
K = D // HEADS
RATE, BETA1, BETA2, EPSILON, DECAY, CLIP, BALANCE, Z = 1e-4, 0.9, 0.999, 1e-8, 0.01, 1.0, 0.01, 0.001
WARMUP = 3


def weights(key):
    """As m6's: embeddings of deviation 0.02, kernels by their fan-in, those that write into the residual stream smaller by sqrt(2·layers)."""
    draws = iter(range(10**6))
    draw = lambda scale, *dims: scale * jax.random.normal(jax.random.fold_in(key, next(draws)), dims)
    gain = 1 / math.sqrt(2 * LAYERS)
    zeros, ones = jnp.zeros, jnp.ones
    w = {"text": draw(0.02, V, D), "position": draw(0.02, T, D), "segment": draw(0.02, 4, D), "bias": zeros(V)}
    norm = lambda name: {name + ".scale": ones(D), name + ".bias": zeros(D)}
    w |= norm("embed") | norm("final")
    for i in range(LAYERS):
        b = f"{i}."
        w |= norm(b + "attn") | norm(b + "ffn")
        w |= {b + "qkv": draw(D**-0.5, D, 3 * D), b + "qkv.bias": zeros(3 * D), b + "out": draw(gain * D**-0.5, D, D), b + "out.bias": zeros(D)}
        if E and i % EVERY == EVERY - 1:
            w |= {b + "router": draw(D**-0.5, D, E), b + "up": draw(D**-0.5, E, D, F), b + "up.bias": zeros((E, F)),
                  b + "down": draw(gain * F**-0.5, E, F, D), b + "down.bias": zeros((E, D))}
        else:
            w |= {b + "up": draw(D**-0.5, D, F), b + "up.bias": zeros(F), b + "down": draw(gain * F**-0.5, F, D), b + "down.bias": zeros(D)}
    return w


def layer_norm(x, w, name):
    h = x.astype(jnp.float32)
    centred = h - h.mean(-1, keepdims=True)
    y = centred * jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * w[name + ".scale"] + w[name + ".bias"]
    return y.astype(jnp.bfloat16)


def half(w, name):
    return w[name].astype(jnp.bfloat16)


def dense(x, w, name):
    return x @ half(w, name) + half(w, name + ".bias")


def attention(w, b, x, bias):
    qkv = dense(x.reshape(B * T, D), w, b + "qkv").reshape(B, T, 3, HEADS, K)
    q, k, v = qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2]
    if ATTENTION == "cudnn":
        mixed = jax.nn.dot_product_attention(q, k, v, is_causal=True, implementation="cudnn")
    elif ATTENTION == "cudnn-bias":
        whole = jnp.broadcast_to(bias.astype(jnp.bfloat16), (B, HEADS, T, T))
        mixed = jax.nn.dot_product_attention(q, k, v, bias=jax.lax.stop_gradient(whole), implementation="cudnn")
    else:
        scores = jnp.einsum("bshk,bthk->bhst", q / math.sqrt(K), k).astype(jnp.float32) + bias
        mixed = jnp.einsum("bhst,bthk->bshk", jax.nn.softmax(scores, -1).astype(jnp.bfloat16), v)
    return dense(mixed.reshape(B * T, D), w, b + "out").reshape(B, T, D)


def feed_forward(w, b, x):
    h = jax.nn.gelu(dense(x.reshape(-1, D), w, b + "up"), approximate=False)
    return dense(h, w, b + "down").reshape(x.shape)


def at_experts(w, b, x):
    """x [E,G,C,D] to the same."""
    sent = x.reshape(E, -1, D)
    h = jax.nn.gelu(jnp.einsum("end,edf->enf", sent, half(w, b + "up")) + half(w, b + "up.bias")[:, None], approximate=False)
    y = jnp.einsum("enf,efd->end", h, half(w, b + "down")) + half(w, b + "down.bias")[:, None]
    return y.reshape(x.shape)


def experts(w, b, x):
    G, N, _ = x.shape
    logits = x.astype(jnp.float32) @ w[b + "router"]
    norm = jax.nn.logsumexp(logits, -1)
    gates = jnp.exp(logits - norm[..., None])
    gate, expert = jax.lax.top_k(gates, TOP)
    gate, expert = jnp.swapaxes(gate, 1, 2), jnp.swapaxes(expert, 1, 2)  # [G,k,N]
    gate = gate / (gate.sum(1, keepdims=True) + 1e-9)
    C = min(N, max(1, math.ceil(FACTOR * N / E - 1e-9)))
    y = by_sorting(x, expert, gate, E, C, lambda x: at_experts(w, b, x))
    asked = (expert[:, 0][..., None] == jnp.arange(E)).astype(jnp.float32).mean((0, 1))
    return y, BALANCE * E * (jax.lax.stop_gradient(asked) * gates.mean((0, 1))).sum() + Z * (norm * norm).mean()


def block(i, w, x, bias):
    b = f"{i}."
    x = x + attention(w, b, layer_norm(x, w, b + "attn"), bias)
    h = layer_norm(x, w, b + "ffn")
    if E and i % EVERY == EVERY - 1:
        y, more = experts(w, b, h)
        return x + y, more
    return x + feed_forward(w, b, h), jnp.float32(0)


def loss_of(w, ids):
    x = half(w, "text")[ids] + half(w, "position")[:T] + half(w, "segment")[2]
    x = layer_norm(x, w, "embed")
    bias = jnp.where(jnp.tril(jnp.ones((T, T), bool)), 0.0, -1e9)
    routers = 0.0
    for i in range(LAYERS):
        run = functools.partial(block, i)
        if CASE["Remat"] == "block":
            run = jax.checkpoint(run)
        elif CASE["Remat"] == "selective":
            run = jax.checkpoint(run, policy=jax.checkpoint_policies.dots_with_no_batch_dims_saveable)
        x, more = run(w, x, bias)
        routers = routers + more
    h = layer_norm(x, w, "final")[:, :-1].reshape(-1, D)
    target = ids[:, 1:].reshape(-1)
    rows, pieces = h.shape[0], max(1, round(h.shape[0] * V / (1 << 26)))
    while rows % pieces:
        pieces += 1

    @jax.checkpoint
    def piece(h, target):
        logits = (h @ half(w, "text").T).astype(jnp.float32) + w["bias"]
        return (jax.nn.logsumexp(logits, -1) - jnp.take_along_axis(logits, target[:, None], 1)[:, 0]).sum()

    total = jax.lax.map(lambda a: piece(*a), (h.reshape(pieces, -1, D), target.reshape(pieces, -1))).sum()
    loss = total / rows
    return loss + routers, loss


@functools.partial(jax.jit, donate_argnums=(0,))
def train_step(state, ids):
    w, m, v, count = state
    (_, loss), grads = jax.value_and_grad(loss_of, has_aux=True)(w, ids)
    norm = jnp.sqrt(sum((g * g).sum() for g in grads.values()))
    scale, count = jnp.minimum(1.0, CLIP / jnp.maximum(norm, 1e-30)), count + 1
    c1, c2 = 1 - BETA1**count, 1 - BETA2**count
    fresh, m2, v2 = {}, {}, {}
    for k, g in grads.items():
        g = g * scale
        m2[k], v2[k] = BETA1 * m[k] + (1 - BETA1) * g, BETA2 * v[k] + (1 - BETA2) * g * g
        fresh[k] = w[k] * (1 - RATE * DECAY) - RATE * (m2[k] / c1 / (jnp.sqrt(v2[k] / c2) + EPSILON))
    return (fresh, m2, v2, count), loss


def flops():
    total = 0
    for i in range(LAYERS):
        total += B * T * (4 * D * D + 2 * T * D + 2 * D * F * (TOP if E and i % EVERY == EVERY - 1 else 1))
    return 6 * (total + B * (T - 1) * D * V)


def main():
    start = time.perf_counter()
    w = weights(jax.random.key(7))
    zeros = lambda: {k: jnp.zeros(t.shape) for k, t in w.items()}
    state = (w, zeros(), zeros(), jnp.float32(0))
    del w
    ids = jax.random.randint(jax.random.key(8), (B, T), 0, V)
    jax.block_until_ready(state)
    create = time.perf_counter() - start
    start = time.perf_counter()
    step = train_step.lower(state, ids).compile()
    compiled = time.perf_counter() - start
    times, losses = [], []
    for i in range(WARMUP + CASE["Steps"]):
        start = time.perf_counter()
        state, loss = step(state, ids)
        jax.block_until_ready((state, loss))
        losses.append(float(loss))
        if i >= WARMUP:
            times.append(1000 * (time.perf_counter() - start))
    device = jax.devices()[0]
    stats = device.memory_stats() or {}
    median = statistics.median(times)
    print(json.dumps({
        "peer": "jax " + ATTENTION, "median_ms": median, "least_ms": min(times), "tokens_per_second": 1000 * B * T / median,
        "tflops": flops() / 1e9 / median, "mfu": flops() / 1e9 / median / 989, "peak_gb": stats.get("peak_bytes_in_use", 0) / 1e9,
        "compile_seconds": compiled, "create_seconds": create, "first_loss": losses[0], "last_loss": losses[-1], "losses": losses, "device": device.device_kind,
    }))


if __name__ == "__main__":
    main()
