"""The training step of M6 on a mesh of virtual devices in JAX: every tensor, moment and constraint lies where m6/sharding.go and m6/constrain.go put it.

    pip install jax==0.10.2 numpy==2.4.6
    python scripts/bench/peers/mesh_jax.py '{"Layers":4,"Width":256,...}' onehot

Started by scripts/bench/mesh, which writes the weights and the batch. Prints a line of JSON for the first steps, then one for each line on its input, which
says how many steps to time. Experts get their tokens by GShard's one-hot products (onehot) or by sorting and gathering as ours (sorted).
"""
import collections
import json
import math
import os
import re
import struct
import sys
import time

CASE = json.loads(sys.argv[1])
DISPATCH = sys.argv[2] if len(sys.argv) > 2 else "onehot"
SIZES = CASE["Mesh"]
DEVICES = math.prod(SIZES.values())
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={DEVICES}"

import jax  # noqa: E402, after the flags
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from jax.sharding import NamedSharding, PartitionSpec as P  # noqa: E402

from sorted_experts import by_sorting  # noqa: E402

AXES = ("data", "model", "expert")
MESH = jax.sharding.Mesh(np.array(jax.devices()).reshape([SIZES[a] for a in AXES]), AXES)
ROWS = ("data", "expert")
LAYERS, D, HEADS, V, E, TOP = (CASE[k] for k in ("Layers", "Width", "Heads", "Vocab", "Experts", "TopK"))
FACTOR, EVERY, RATE = CASE["Capacity"], CASE["Every"], CASE["Rate"]
BETA1, BETA2, EPSILON, DECAY, CLIP, BALANCE, Z = 0.9, 0.999, 1e-8, 0.01, 1.0, 0.01, 0.001

TENSORS = {"embed.text.weight": ("model", None), "output.bias": ("model",)}
BLOCKS = {
    "attn.query.kernel": (None, "model", None), "attn.query.bias": ("model", None), "attn.key.kernel": (None, "model", None), "attn.key.bias": ("model", None),
    "attn.value.kernel": (None, "model", None), "attn.value.bias": ("model", None), "attn.output.kernel": ("model", None, None),
    "ffn.in.kernel": (None, "model"), "ffn.in.bias": ("model",), "ffn.out.kernel": ("model", None),
    "moe.experts.in.kernel": ("expert", None, "model"), "moe.experts.in.bias": ("expert", "model"),
    "moe.experts.out.kernel": ("expert", "model", None), "moe.experts.out.bias": ("expert", None),
}


def layout(name, rank):
    return TENSORS.get(name) or BLOCKS.get(name.split(".", 2)[-1]) or (None,) * rank


def moment_layout(weight, dims):
    out = list(weight)
    for i in reversed(range(len(dims))):
        if SIZES["data"] > 1 and out[i] is None and dims[i] % SIZES["data"] == 0:
            out[i] = "data"
            break
    return tuple(out)


def lies(axes):
    return NamedSharding(MESH, P(*axes))


def constrain(x, *axes):
    return jax.lax.with_sharding_constraint(x, lies(axes))


def rows(x):
    return constrain(x, ROWS, None, None)


def read(path):
    """The tensors of a safetensors file."""
    data = open(path, "rb").read()
    size = struct.unpack("<Q", data[:8])[0]
    types, out = {"F32": np.float32, "I32": np.int32}, {}
    for name, t in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            start, end = (8 + size + x for x in t["data_offsets"])
            out[name] = np.frombuffer(data[start:end], types[t["dtype"]]).reshape(t["shape"])
    return out


@jax.custom_vjp
def lookup(table, ids):
    return table.at[ids].get(mode="promise_in_bounds")


def lookup_backward(ids, dy):
    if SIZES["expert"] == 1 and D % SIZES["data"] == 0:
        ids, dy = constrain(ids, None, None), constrain(dy, None, None, "data")
    return jnp.zeros((V, D)).at[ids].add(dy, mode="promise_in_bounds"), None


lookup.defvjp(lambda table, ids: (lookup(table, ids), ids), lookup_backward)


def layer_norm(x, w, name):
    centred = x - x.mean(-1, keepdims=True)
    return centred * jax.lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-5) * w[name + ".scale"] + w[name + ".bias"]


def attention(w, b, x, bias):
    B, S, _ = x.shape
    K = D // HEADS
    kernel = jnp.stack([w[f"{b}attn.{p}.kernel"] for p in ("query", "key", "value")], 2).reshape(D, 3 * D)
    shift = jnp.stack([w[f"{b}attn.{p}.bias"] for p in ("query", "key", "value")], 1).reshape(3 * D)
    qkv = (x.reshape(B * S, D) @ kernel + shift).reshape(B, S, HEADS, 3, K)
    scores = jnp.einsum("bshk,bthk->bhst", qkv[:, :, :, 0] / math.sqrt(K), qkv[:, :, :, 1]) + bias
    mixed = jnp.einsum("bhst,bthk->bshk", jax.nn.softmax(scores, -1), qkv[:, :, :, 2]).reshape(B * S, D)
    return (mixed @ w[b + "attn.output.kernel"].reshape(D, D) + w[b + "attn.output.bias"]).reshape(B, S, D)


def feed_forward(w, b, x):
    h = x.reshape(-1, D) @ w[b + "in.kernel"] + w[b + "in.bias"]
    return (jax.nn.gelu(h, approximate=False) @ w[b + "out.kernel"] + w[b + "out.bias"]).reshape(x.shape)


def at_experts(w, b, x):
    """x [E,G,C,D] travels to its experts, through them, and back."""
    x = constrain(constrain(x, None, ROWS, None, None), "expert", "data", None, None)
    shape = x.shape
    x = x.reshape(E, -1, D)
    h = jnp.einsum("end,edf->enf", x, w[b + "experts.in.kernel"]) + w[b + "experts.in.bias"][:, None]
    y = jnp.einsum("enf,efd->end", jax.nn.gelu(h, approximate=False), w[b + "experts.out.kernel"]) + w[b + "experts.out.bias"][:, None]
    y = constrain(y.reshape(shape), "expert", "data", None, None)
    return constrain(y, None, ROWS, None, None)


def onehot(w, b, x, expert, gate, C):
    """GShard's dispatch (arXiv 2006.16668, algorithm 1) of x [G,N,D] by expert and gate [G,k,N]."""
    G, k, N = expert.shape
    mark = (expert[..., None] == jnp.arange(E)).reshape(G, k * N, E).astype(jnp.float32)
    rank = ((jnp.cumsum(mark, 1) - mark) * mark).sum(-1)  # places before it at its expert
    place = (rank[..., None] == jnp.arange(C)).astype(jnp.float32)  # all zero without a seat
    seat = (mark[..., None] * place[:, :, None]).reshape(G, k, N, E, C)
    combine = (seat * gate[..., None, None]).sum(1)
    sent = jnp.einsum("gnec,gnd->egcd", seat.sum(1), x)
    return jnp.einsum("gnec,egcd->gnd", combine, at_experts(w, b, sent))


def experts(w, b, x, valid):
    """x [G,N,D], a row of the batch a group, to the same, and the router's losses. Every row is full, so every token is routed."""
    G, N, _ = x.shape
    logits = (x.reshape(-1, D) @ w[b + "router.kernel"]).reshape(G, N, E)
    norm = jax.nn.logsumexp(logits, -1)
    gates = jnp.exp(logits - norm[..., None])
    left, chosen = jax.lax.stop_gradient(logits), []
    for _ in range(TOP):
        best = jnp.where(left == left.max(-1, keepdims=True), jnp.arange(E), E - 1).min(-1)
        chosen.append(best)
        left = jnp.where(best[..., None] == jnp.arange(E), -jnp.inf, left)
    expert = jnp.stack(chosen, 1)
    gate = jnp.stack([(gates * (c[..., None] == jnp.arange(E))).sum(-1) for c in chosen], 1)
    gate = gate / (gate.sum(1, keepdims=True) + 1e-9)
    C = min(N, max(1, math.ceil(FACTOR * N / E - 1e-9)))
    if DISPATCH == "onehot":
        y = onehot(w, b, x, expert, gate, C)
    else:
        y = by_sorting(x, expert, gate, E, C, lambda x: at_experts(w, b, x))
    mark = valid.astype(jnp.float32)
    tokens = jnp.maximum(mark.sum(), 1)
    asked = (chosen[0][..., None] == jnp.arange(E)).astype(jnp.float32).sum((0, 1))
    chance = (gates * mark[..., None]).sum((0, 1))
    balance = E * (jax.lax.stop_gradient(asked / tokens) * chance / tokens).sum()
    return y, BALANCE * balance + Z * (norm * norm * mark).sum() / tokens


def loss_of(w, ids, lengths):
    B, T = ids.shape
    x = lookup(w["embed.text.weight"], ids) + w["embed.position.weight"][:T] + w["embed.segment.weight"][2]
    x = layer_norm(x, w, "embed.norm")
    place = jnp.arange(T)
    valid = place < lengths[:, None]
    mask = (place <= place[:, None]) & valid[:, None]
    bias = jnp.where(mask, 0.0, -1e9)[:, None]
    routers = 0.0
    for i in range(LAYERS):
        b = f"blocks.{i}."
        x = rows(x)
        x = x + attention(w, b, layer_norm(x, w, b + "attn.norm"), bias)
        h = layer_norm(x, w, b + "ffn.norm")
        if E and i % EVERY == EVERY - 1:
            y, more = experts(w, b + "moe.", h, valid)
            x, routers = x + y, routers + more
        else:
            x = x + feed_forward(w, b + "ffn.", h)
    x = rows(layer_norm(x, w, "final_norm"))
    h = x[:, :-1].reshape(-1, D)  # the last position has no target
    target = ids[:, 1:].reshape(-1)
    logits = jnp.einsum("nd,vd->nv", h, w["embed.text.weight"]) + w["output.bias"]
    picked = jnp.where(target[:, None] == jnp.arange(V), logits, 0).sum(-1)
    counts = (place[:-1] < lengths[:, None] - 1).reshape(-1)
    loss = ((jax.nn.logsumexp(logits, -1) - picked) * counts).sum() / jnp.maximum(counts.sum(), 1)
    return loss + routers, loss


def train_step(state, ids, lengths):
    w, m, v, count = state
    (total, loss), grads = jax.value_and_grad(loss_of, has_aux=True)(w, ids, lengths)
    grads = {k: constrain(g, *layout(k, g.ndim)) for k, g in grads.items()}
    norm = jnp.sqrt(sum((g * g).sum() for g in grads.values()))
    scale, count = jnp.minimum(1.0, CLIP / jnp.maximum(norm, 1e-30)), count + 1
    c1, c2 = 1 - BETA1**count, 1 - BETA2**count
    fresh, m2, v2 = {}, {}, {}
    for k, g in grads.items():
        g = g * scale
        m2[k], v2[k] = BETA1 * m[k] + (1 - BETA1) * g, BETA2 * v[k] + (1 - BETA2) * g * g
        decayed = w[k] * (1 - RATE * DECAY) if not k.endswith(("bias", "scale")) else w[k]
        fresh[k] = decayed - RATE * (m2[k] / c1 / (jnp.sqrt(v2[k] / c2) + EPSILON))
    return (fresh, m2, v2, count), (loss, total, norm)


def collectives(text):
    """Count and bytes of each kind in a compiled module's text."""
    out = collections.defaultdict(lambda: [0, 0])
    kinds = "all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute"
    for shape, kind in re.findall(rf"= (\(?[^=\n]*?) ({kinds})(?:-start)?\(", re.sub(r"/\*.*?\*/", "", text)):
        out[kind][0] += 1
        for dims in re.findall(r"\w+?\d+\[([\d,]*)\]", shape):
            out[kind][1] += 4 * math.prod(int(d) for d in dims.split(",") if d)
    return {k: {"count": c, "bytes": b} for k, (c, b) in out.items()}


def main():
    tensors = read(CASE["File"])
    ids, lengths = tensors.pop("text_ids"), tensors.pop("text_lengths")
    weight = {k: lies(layout(k, t.ndim)) for k, t in tensors.items()}
    moment = {k: lies(moment_layout(layout(k, t.ndim), t.shape)) for k, t in tensors.items()}
    shardings = (weight, moment, moment, lies(()))
    zeros = lambda w: {k: jnp.zeros_like(t) for k, t in w.items()}
    begin = lambda w: ({k: jnp.copy(t) for k, t in w.items()}, zeros(w), zeros(w), jnp.float32(0))  # copies: a step writes over its state
    state = jax.jit(begin, out_shardings=shardings)(tensors)
    batch = (lies((None, None)), lies((ROWS,)))
    ids, lengths = jax.device_put((ids, lengths), batch)
    start = time.perf_counter()
    step = jax.jit(train_step, in_shardings=(shardings, *batch), out_shardings=(shardings, lies(())), donate_argnums=(0,)).lower(state, ids, lengths).compile()
    line = {"peer": f"jax, {DISPATCH}" if E else "jax", "compile_seconds": time.perf_counter() - start, "collectives": collectives(step.as_text())}

    def run(steps):
        """Milliseconds of each step, those of processor time, and what each told."""
        nonlocal state
        times, spent, told = [], [], []
        for _ in range(steps):
            start, cpu = time.perf_counter(), time.process_time()
            state, out = step(state, ids, lengths)
            told.append([float(x) for x in jax.block_until_ready(out)])
            times.append(1000 * (time.perf_counter() - start))
            spent.append(1000 * (time.process_time() - cpu))
        return times, spent, told

    line["told"] = run(CASE["Proof"])[2]
    print(json.dumps(line), flush=True)
    for question in sys.stdin:
        times, spent, _ = run(int(question))
        print(json.dumps({"ms": times, "cpu": spent}), flush=True)


if __name__ == "__main__":
    main()
