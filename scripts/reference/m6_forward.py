"""The M6 model in JAX, float64 on CPU: the judge of package m6's logits, losses and gradients.

    pip install jax==0.7.2 numpy==2.4.6 scipy==1.17.1 safetensors==0.8.0    (Python 3.11)
    python scripts/reference/m6_forward.py [FOLDER]      (default: m6/testdata/golden)

It writes one safetensors file per case; m6/testdata/golden/README.md says what each holds. Before a file is
written, m6_plain.py (NumPy, row by row, no padding at all) must give the same numbers within 1e-9, and its
finite differences must agree with the gradients.

Dimension key: B batch, P patches, M masked tokens, T complete tokens, C codes, S = P+M+T+C, D width, H heads,
K head size, F feed-forward width, E experts, V vocabulary, X patch features.
"""
import json
import math
import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
from safetensors.numpy import save_file

import m6_plain

jax.config.update("jax_enable_x64", True)


def has_experts(config, layer):
    """Whether block `layer` holds experts in place of the feed-forward network: every `expert_every`-th, the last of each group."""
    return config["experts"] > 0 and layer % config["expert_every"] == config["expert_every"] - 1


def shapes(config):
    """Every parameter's name and dimensions."""
    c = config
    D, H, F, E, K = c["width"], c["heads"], c["ffn"], c["experts"], c["width"] // c["heads"]
    out = {
        "embed.text.weight": (c["vocabulary"], D), "embed.position.weight": (c["positions"], D),
        "embed.visual_position.weight": (c["visual_positions"], D), "embed.segment.weight": (4, D),
        "embed.visual.kernel": (c["patch_features"], D), "embed.visual.bias": (D,),
        "embed.norm.scale": (D,), "embed.norm.bias": (D,),
    }
    for i in range(c["layers"]):
        b = f"blocks.{i}."
        for norm in ("attn", "ffn"):
            out |= {f"{b}{norm}.norm.scale": (D,), f"{b}{norm}.norm.bias": (D,)}
        for part in ("query", "key", "value"):
            out |= {f"{b}attn.{part}.kernel": (D, H, K), f"{b}attn.{part}.bias": (H, K)}
        out |= {f"{b}attn.output.kernel": (H, K, D), f"{b}attn.output.bias": (D,)}
        if has_experts(c, i):
            out |= {f"{b}moe.router.kernel": (D, E),
                    f"{b}moe.experts.in.kernel": (E, D, F), f"{b}moe.experts.in.bias": (E, F),
                    f"{b}moe.experts.out.kernel": (E, F, D), f"{b}moe.experts.out.bias": (E, D)}
        else:
            out |= {f"{b}ffn.in.kernel": (D, F), f"{b}ffn.in.bias": (F,), f"{b}ffn.out.kernel": (F, D), f"{b}ffn.out.bias": (D,)}
    out |= {"final_norm.scale": (D,), "final_norm.bias": (D,), "output.bias": (c["vocabulary"],)}
    if c["codes"]:
        out |= {"embed.code.weight": (c["codes"], D), "output.code.kernel": (D, c["codes"]), "output.code.bias": (c["codes"],)}
    return out


def random_parameters(config, rng):
    """Parameters of unit-scale activations, none at a special value, rounded to float32 so that the file holds them exactly."""
    out = {}
    for name, dims in shapes(config).items():
        if name.endswith("scale"):
            value = 1 + 0.2 * rng.standard_normal(dims)
        elif name.endswith("bias"):
            value = 0.2 * rng.standard_normal(dims)
        elif name.startswith("embed.") and name.endswith("weight"):
            value = 0.5 * rng.standard_normal(dims)
        elif name.endswith("router.kernel"):
            value = 1.0 * rng.standard_normal(dims)
        else:
            fan_in = dims[0] * dims[1] if name.endswith("attn.output.kernel") else dims[1] if ".experts." in name else dims[0]
            value = rng.standard_normal(dims) / math.sqrt(fan_in)
        out[name] = value.astype(np.float32).astype(np.float64)
    return out


def layer_norm(x, w, name):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / jnp.sqrt(variance + 1e-5) * w[name + ".scale"] + w[name + ".bias"]


def embed(w, batch):
    """The sequence [visual | masked | complete text | codes]: x [B,S,D], valid bool [B,S], and the sizes P, M, T, C."""
    P, M = batch["patch_features"].shape[1], batch["masked_ids"].shape[1]
    T, C = batch["text_ids"].shape[1], batch["code_ids"].shape[1]
    segment, position = w["embed.segment.weight"], w["embed.position.weight"]
    visual = batch["patch_features"] @ w["embed.visual.kernel"] + w["embed.visual.bias"]
    visual = visual + w["embed.visual_position.weight"][:P] + segment[0]
    masked = w["embed.text.weight"][batch["masked_ids"]] + position[:M] + segment[1]
    text = w["embed.text.weight"][batch["text_ids"]] + position[:T] + segment[2]
    parts = [visual, masked, text]
    if C:  # A code's position goes on from the row's own text length, so padding of the text does not move it.
        places = jnp.minimum(batch["text_lengths"][:, None] + jnp.arange(C), position.shape[0] - 1)
        parts.append(w["embed.code.weight"][batch["code_ids"]] + position[places] + segment[3])
    valid = jnp.concatenate([jnp.arange(n)[None] < batch[k][:, None] for n, k in
                             ((P, "patch_lengths"), (M, "masked_lengths"), (T, "text_lengths"), (C, "code_lengths"))], 1)
    return layer_norm(jnp.concatenate(parts, 1), w, "embed.norm"), valid, (P, M, T, C)


def visible(valid, sizes):
    """Which key a query sees, bool [B,Sq,Sk]: the valid context for all, and for a complete position also the complete ones up to it."""
    P, M, T, C = sizes
    index = jnp.arange(P + M + T + C)
    complete = index >= P + M
    causal = complete[:, None] & complete[None, :] & (index[None, :] <= index[:, None])
    return valid[:, None, :] & (~complete[None, None, :] | causal[None])


def attention(x, w, b, mask):
    q, k, v = (jnp.einsum("bsd,dhk->bshk", x, w[f"{b}.{n}.kernel"]) + w[f"{b}.{n}.bias"] for n in ("query", "key", "value"))
    scores = jnp.einsum("bqhk,bshk->bhqs", q, k) / math.sqrt(q.shape[-1])
    scores = jnp.where(mask[:, None], scores, -1e30)
    weights = jax.nn.softmax(scores, -1) * mask[:, None]  # a query that sees nothing gets zeros
    return jnp.einsum("bhqs,bshk,hkd->bqd", weights, v, w[f"{b}.output.kernel"]) + w[f"{b}.output.bias"]


def experts(x, valid, w, b, config, training):
    """Routes x [B,S,D] to experts. Returns the output, the balance loss, the z-loss and the expert of each choice (-1: none), [B,S,k].

    A group is a batch row of S tokens, padding included: capacity = ceil(capacity_factor*S/E). Padded tokens are
    not routed and take no place. Places are given in order of position, all first choices before all second ones.
    Gates of top-2 are p/(p1+p2), before any drop. The losses are over the batch's valid tokens, before any drop.
    """
    E, k = config["experts"], config["top_k"]
    logits = x @ w[b + ".router.kernel"]
    p = jax.nn.softmax(logits, -1)
    gate, choice = jax.lax.top_k(p, k)
    if k > 1:
        gate = gate / gate.sum(-1, keepdims=True)
    one_hot = jax.nn.one_hot(choice, E) * valid[:, :, None, None]  # [B,S,k,E]
    count = jnp.maximum(valid.sum(), 1)
    balance = E * ((one_hot[:, :, 0].sum((0, 1)) / count) * ((p * valid[..., None]).sum((0, 1)) / count)).sum()
    z = (jax.nn.logsumexp(logits, -1) ** 2 * valid).sum() / count
    kept = one_hot
    if training:
        capacity = math.ceil(config["capacity_factor"] * x.shape[1] / E)
        by_choice = one_hot.transpose(0, 2, 1, 3).reshape(x.shape[0], -1, E)  # [B,k*S,E], first choices first
        place = jnp.cumsum(by_choice, 1) - by_choice
        kept = (by_choice * (place < capacity)).reshape(x.shape[0], k, -1, E).transpose(0, 2, 1, 3)
    combine = (kept * gate[..., None]).sum(2)  # [B,S,E]
    h = jax.nn.gelu(jnp.einsum("bsd,edf->bsef", x, w[b + ".experts.in.kernel"]) + w[b + ".experts.in.bias"], approximate=False)
    y = jnp.einsum("bsef,efd->bsed", h, w[b + ".experts.out.kernel"]) + w[b + ".experts.out.bias"]
    went = jnp.where(kept.sum(-1) > 0, choice, -1)
    return (combine[..., None] * y).sum(2), balance, z, went


def forward(w, batch, config, training):
    """The whole model. Returns logits [B,T,V]; code_logits [B,C,codes], whose row i predicts code i; and what the routers did."""
    x, valid, sizes = embed(w, batch)
    mask = visible(valid, sizes)
    balance, z, went = jnp.zeros(()), jnp.zeros(()), {}
    for i in range(config["layers"]):
        b = f"blocks.{i}"
        x = x + attention(layer_norm(x, w, b + ".attn.norm"), w, b + ".attn", mask)
        h = layer_norm(x, w, b + ".ffn.norm")
        if has_experts(config, i):
            y, one, two, went[i] = experts(h, valid, w, b + ".moe", config, training)
            balance, z = balance + one, z + two
        else:
            h = jax.nn.gelu(h @ w[b + ".ffn.in.kernel"] + w[b + ".ffn.in.bias"], approximate=False)
            y = h @ w[b + ".ffn.out.kernel"] + w[b + ".ffn.out.bias"]
        x = x + y
    x = layer_norm(x, w, "final_norm")
    P, M, T, C = sizes
    text = x[:, P + M:P + M + T]
    out = {"logits": text @ w["embed.text.weight"].T + w["output.bias"], "balance": balance, "z": z, "went": went}
    if C:  # Code 0 is predicted by the last valid token of the text, code i by code i-1.
        last = jnp.take_along_axis(text, jnp.maximum(batch["text_lengths"] - 1, 0)[:, None, None], 1)
        before = jnp.concatenate([last, x[:, P + M + T:-1]], 1)
        out["code_logits"] = before @ w["output.code.kernel"] + w["output.code.bias"]
    return out


def cross_entropy(logits, ids, weights):
    picked = jnp.take_along_axis(jax.nn.log_softmax(logits, -1), ids[..., None], -1)[..., 0]
    return -(picked * weights).sum()


def losses(w, batch, config, training=True):
    """(total, everything): `loss` is the mean cross entropy over all valid targets, text and codes together;
    total adds balance_weight and z_weight times the router's losses."""
    out = forward(w, batch, config, training)
    text_valid = valid_targets(batch)
    total = cross_entropy(out["logits"][:, :-1], batch["text_ids"][:, 1:], text_valid)
    count = text_valid.sum()
    if "code_logits" in out:
        code_valid = valid_codes(batch)
        total = total + cross_entropy(out["code_logits"], batch["code_ids"], code_valid)
        count = count + code_valid.sum()
    out["loss"] = total / jnp.maximum(count, 1)
    out["total"] = out["loss"] + config["balance_weight"] * out["balance"] + config["z_weight"] * out["z"]
    return out


def valid_targets(batch):
    """bool [B,T-1]: position t has a target where t+1 < text_length."""
    return np.arange(1, batch["text_ids"].shape[1])[None] < batch["text_lengths"][:, None]


def valid_codes(batch):
    """bool [B,C]: a code of the row, which also needs a token of text before it."""
    return (np.arange(batch["code_ids"].shape[1])[None] < batch["code_lengths"][:, None]) & (batch["text_lengths"] > 0)[:, None]


BASE = dict(layers=2, width=15, heads=3, ffn=60, experts=0, expert_every=2, vocabulary=29, positions=13, visual_positions=7,
            patch_features=11, codes=0, router="top1", top_k=1, capacity_factor=0.0, balance_weight=0.0, z_weight=0.0)
MOE = BASE | dict(ffn=19, experts=5, balance_weight=0.5, z_weight=0.1)
SMALL = BASE | dict(ffn=31)
CODES = SMALL | dict(codes=17)

# name: (seed, config, sizes (P, M, T, C), lengths per row (visual, masked, text, codes), note)
CASES = {
    "dense": (1, BASE, (5, 3, 7, 0), [(5, 3, 7, 0), (3, 2, 5, 0), (1, 1, 2, 0)], "all parts, with padding"),
    "rows": (2, SMALL, (5, 3, 7, 0),
             [(5, 0, 7, 0), (0, 3, 4, 0), (2, 0, 3, 0), (0, 0, 6, 0), (5, 3, 1, 0), (4, 1, 0, 0), (0, 0, 0, 0)],
             "rows that lack parts: no masked, no visual, text alone, a single token (no target), no text, nothing at all"),
    "no_visual": (3, SMALL, (0, 3, 7, 0), [(0, 3, 7, 0), (0, 1, 5, 0)], "the visual part is empty in the whole batch (P = 0)"),
    "no_masked": (4, SMALL, (5, 0, 7, 0), [(5, 0, 7, 0), (2, 0, 4, 0), (3, 0, 6, 0)], "the masked part is empty in the whole batch (M = 0)"),
    "text_only": (5, SMALL, (0, 0, 7, 0), [(0, 0, 7, 0), (0, 0, 3, 0)], "a language model: P = M = 0"),
    "moe_top1": (6, MOE | dict(capacity_factor=5.0), (5, 3, 7, 0), [(5, 3, 7, 0), (3, 2, 5, 0), (0, 1, 4, 0)],
                 "top-1 experts on layer 1, capacity for all"),
    "moe_top1_drops": (7, MOE | dict(capacity_factor=0.6), (5, 3, 7, 0), [(5, 3, 7, 0), (3, 2, 5, 0), (0, 1, 4, 0)],
                       "top-1 experts, capacity ceil(0.6*15/5) = 2, so tokens are dropped"),
    "moe_top2": (8, MOE | dict(layers=4, width=9, experts=3, router="top2", top_k=2, capacity_factor=1.0), (5, 3, 7, 0),
                 [(5, 3, 7, 0), (3, 2, 5, 0), (0, 1, 4, 0)], "top-2 experts on layers 1 and 3, capacity 5, second choices dropped"),
    "codes": (9, CODES, (0, 0, 7, 5), [(0, 0, 7, 5), (0, 0, 7, 3)], "text, then image codes; no padding inside the text"),
    "codes_padded": (10, CODES, (5, 3, 7, 5), [(5, 3, 7, 5), (2, 0, 4, 5), (0, 2, 6, 2), (0, 0, 3, 0)],
                     "the same with a context and with text shorter than T: codes' positions begin at the row's text length"),
}


def make_batch(rng, config, sizes, lengths):
    """Random inputs. Padding holds large features and random ids: they must not matter."""
    P, M, T, C = sizes
    B = len(lengths)
    features = rng.standard_normal((B, P, config["patch_features"])).astype(np.float32)
    lengths = np.asarray(lengths, np.int32)
    features[np.arange(P)[None] >= lengths[:, :1]] *= 100
    ids = lambda n, high: rng.integers(0, high, (B, n)).astype(np.int32)
    batch = {"patch_features": features.astype(np.float64), "masked_ids": ids(M, config["vocabulary"]),
             "text_ids": ids(T, config["vocabulary"]), "code_ids": ids(C, max(config["codes"], 1))}
    for i, part in enumerate(("patch", "masked", "text", "code")):
        batch[part + "_lengths"] = lengths[:, i].copy()
    return batch


def check(name, config, w, batch, out, gradients):
    """Holds the JAX numbers against m6_plain's, and the gradients against its finite differences."""
    plain = m6_plain.run(w, batch, config)
    for key in ("loss", "balance", "z", "total"):
        assert abs(plain[key] - float(out[key])) < 1e-9, (name, key, plain[key], float(out[key]))
    for b, row in enumerate(plain["rows"]):
        n, c = batch["text_lengths"][b], len(row["code_logits"])
        assert n == 0 or np.abs(row["logits"] - out["logits"][b, :n]).max() < 1e-9, (name, "logits", b)
        assert c == 0 or np.abs(row["code_logits"] - out["code_logits"][b, :c]).max() < 1e-9, (name, "code logits", b)
    assert plain["margin"] > 1e-3, (name, "two experts are too close to call in f32", plain["margin"])
    rng, step = np.random.default_rng(99), 1e-5
    for which, gradient in gradients.items():
        for tensor in w:
            direction = rng.standard_normal(w[tensor].shape)
            ends = [m6_plain.run(w | {tensor: w[tensor] + s * step * direction}, batch, config)[which] for s in (1, -1)]
            want, got = (ends[0] - ends[1]) / (2 * step), float((gradient[tensor] * direction).sum())
            assert abs(want - got) < 1e-6 * max(1, abs(want)), (name, which, tensor, want, got)
    return plain


def zero_padding(logits, valid):
    return np.where(valid[..., None], np.asarray(logits), 0)


def write(folder, name):
    seed, config, sizes, lengths, note = CASES[name]
    rng = np.random.default_rng(seed)
    w, batch = random_parameters(config, rng), make_batch(rng, config, sizes, lengths)
    out = losses(w, batch, config)
    gradients = {"loss": jax.grad(lambda w: losses(w, batch, config)["loss"])(w)}
    if config["experts"]:
        gradients["total"] = jax.grad(lambda w: losses(w, batch, config)["total"])(w)
    plain = check(name, config, w, batch, out, gradients)

    text_valid = np.arange(sizes[2])[None] < batch["text_lengths"][:, None]
    tensors = {"w." + k: v for k, v in w.items()} | {"in." + k: v for k, v in batch.items() if config["codes"] or not k.startswith("code")}
    tensors |= {"out.logits": zero_padding(out["logits"], text_valid), "out.loss": out["loss"]}
    tensors |= {"grad." + k: v for k, v in gradients["loss"].items()}
    if config["codes"]:
        tensors["out.code_logits"] = zero_padding(out["code_logits"], valid_codes(batch))
    if config["experts"]:
        quiet = forward(w, batch, config, training=False)
        tensors |= {"out.logits_inference": zero_padding(quiet["logits"], text_valid)}
        tensors |= {"out." + k: out[k] for k in ("balance", "z", "total")} | {"grad_total." + k: v for k, v in gradients["total"].items()}
        for layer, went in out["went"].items():
            tensors[f"out.experts.{layer}"] = np.asarray(went, np.int32)
    tensors = {k: np.ascontiguousarray(v, np.int32 if np.asarray(v).dtype.kind == "i" else np.float32) for k, v in tensors.items()}
    assert all(np.isfinite(v).all() for v in tensors.values()), name
    path = folder / f"m6_{name}.safetensors"
    save_file(tensors, path, {"config": json.dumps(config), "note": note, "script": "scripts/reference/m6_forward.py"})
    print(f"{path.name}: {path.stat().st_size} bytes, loss {float(out['loss']):.6f}, dropped {plain['dropped']}, margin {plain['margin']:.4f}")


if __name__ == "__main__":
    target = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "m6/testdata/golden")
    target.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        write(target, case)
