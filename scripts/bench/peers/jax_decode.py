"""Greedy generation of M6 with a key-value cache in JAX: the whole loop in one program, cache [B,H,S,K], cut to buckets of the position.

    pip install jax==0.10.2 numpy==2.4.6
    python scripts/bench/peers/jax_decode.py --batches 1,16 --text 128 [--patches 49]
"""
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

import jax_step
import peer

BUCKET = 64  # the loop is compiled once per so many places of the cache


def context(w, batch, layers, heads, room):
    """Runs visual and masked part and returns the cache: per layer keys and values [B,H,room,K]."""
    n = batch["features"].shape[1] + batch["masked"].shape[1]
    B, D = batch["features"].shape[0], w["norm.scale"].shape[0]
    K = D // heads
    empty = lambda: jnp.zeros((B, heads, room, K), jnp.float32)
    if n == 0:
        return [(empty(), empty()) for _ in range(layers)]
    x = jax_step.embed(w, batch | {"text": batch["text"][:, :0]})
    bias = jax_step.mask_bias(batch | {"text": batch["text"][:, :0], "text_lengths": batch["text_lengths"] * 0})
    cache = []
    for i in range(layers):
        h = jax_step.layer_norm(x, w, f"{i}.attn")
        kv = (h @ w[f"{i}.qkv.kernel"] + w[f"{i}.qkv.bias"]).reshape(B, n, 3, heads, K)
        cache.append(tuple(empty().at[:, :, :n].set(kv[:, :, j].transpose(0, 2, 1, 3)) for j in (1, 2)))
        x = jax_step.block(x, w, f"{i}.", heads, bias)
    return cache


def one_token(w, token, place, start, cache, heads, width):
    """Next token [B] after `token` at sequence place `place`; attention reads the first `width` places of the cache."""
    B, D = token.shape[0], w["norm.scale"].shape[0]
    K = D // heads
    position = jax.lax.dynamic_index_in_dim(w["position"], place - start, keepdims=False)
    x = jax_step.layer_norm(w["text"][token] + position + w["segment"][2], w, "norm")
    bias = jnp.where(jnp.arange(width) <= place, 0.0, -1e9)
    out = []
    for i, (keys, values) in enumerate(cache):
        q, k, v = jnp.split((jax_step.layer_norm(x, w, f"{i}.attn") @ w[f"{i}.qkv.kernel"] + w[f"{i}.qkv.bias"]).reshape(B, 3, heads, 1, K), 3, 1)
        keys = jax.lax.dynamic_update_slice(keys, k[:, 0], (0, 0, place, 0))
        values = jax.lax.dynamic_update_slice(values, v[:, 0], (0, 0, place, 0))
        out.append((keys, values))
        scores = jnp.einsum("bhk,bhsk->bhs", q[:, 0, :, 0] / math.sqrt(K), keys[:, :, :width]) + bias
        attended = jnp.einsum("bhs,bhsk->bhk", jax.nn.softmax(scores, -1), values[:, :, :width]).reshape(B, D)
        x = x + attended @ w[f"{i}.out.kernel"] + w[f"{i}.out.bias"]
        h = jax.nn.gelu(jax_step.layer_norm(x, w, f"{i}.ffn") @ w[f"{i}.up.kernel"] + w[f"{i}.up.bias"], approximate=False)
        x = x + h @ w[f"{i}.down.kernel"] + w[f"{i}.down.bias"]
    logits = jax_step.layer_norm(x, w, "final") @ w["text"].T + w["output.bias"]
    return jnp.argmax(logits, -1).astype(jnp.int32), out


@functools.partial(jax.jit, static_argnums=(2, 3, 4))
def generate(w, batch, layers, heads, count):
    """`count` greedy tokens [B,count] after the first token of the text, which stands for [CLS]."""
    start = batch["features"].shape[1] + batch["masked"].shape[1]
    cache = context(w, batch, layers, heads, -(-(start + count) // BUCKET) * BUCKET)
    token, texts = batch["text"][:, 0], jnp.zeros((batch["text"].shape[0], count), jnp.int32)
    first = start
    while first < start + count:
        end = min((first // BUCKET + 1) * BUCKET, start + count)

        def body(place, carry, width=(first // BUCKET + 1) * BUCKET):
            token, texts, cache = carry
            token, cache = one_token(w, token, place, start, cache, heads, width)
            return token, jax.lax.dynamic_update_slice(texts, token[:, None], (0, place - start)), cache

        token, texts, cache = jax.lax.fori_loop(first, end, body, (token, texts, cache))
        first = end
    return texts


def main():
    p = peer.flags(__doc__.splitlines()[0])
    p.add_argument("--batches", default="1,16")
    a = peer.parse(p)
    w = {k: jnp.asarray(v) for k, v in peer.weights(a).items()}
    for size in map(int, a.batches.split(",")):
        a.batch = size
        batch = {k: jnp.asarray(v) for k, v in peer.batch(a).items()}
        times, texts = peer.measure(lambda: np.asarray(generate(w, batch, a.layers, a.heads, a.text)), a)
        peer.report_decode("jax", {"jax": jax.__version__}, times, texts[-1], a)


if __name__ == "__main__":
    main()
