"""The M6 model in NumPy, a row and a token at a time, without padding: checks m6_forward.py and shares no code with it.

A row is the list of its valid tokens; nothing is masked away, because nothing that must not be seen is there.
"""
import math

import numpy as np
from scipy.special import erf


def norm(x, w, name):
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5) * w[name + ".scale"] + w[name + ".bias"]


def gelu(x):
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def tokens_of(w, batch, row):
    """The row's valid tokens, embedded: a list of (kind, place in the padded sequence, vector)."""
    P, M, T = batch["patch_features"].shape[1], batch["masked_ids"].shape[1], batch["text_ids"].shape[1]
    out = []
    for i in range(batch["patch_lengths"][row]):
        v = batch["patch_features"][row, i] @ w["embed.visual.kernel"] + w["embed.visual.bias"]
        out.append(("visual", i, v + w["embed.visual_position.weight"][i] + w["embed.segment.weight"][0]))
    for i in range(batch["masked_lengths"][row]):
        v = w["embed.text.weight"][batch["masked_ids"][row, i]]
        out.append(("masked", P + i, v + w["embed.position.weight"][i] + w["embed.segment.weight"][1]))
    length = batch["text_lengths"][row]
    for i in range(length):
        v = w["embed.text.weight"][batch["text_ids"][row, i]]
        out.append(("text", P + M + i, v + w["embed.position.weight"][i] + w["embed.segment.weight"][2]))
    for i in range(batch["code_lengths"][row]):
        v = w["embed.code.weight"][batch["code_ids"][row, i]]
        out.append(("code", P + M + T + i, v + w["embed.position.weight"][length + i] + w["embed.segment.weight"][3]))
    return [(kind, place, norm(v, w, "embed.norm")) for kind, place, v in out]


def attend(x, kinds, w, b):
    """One attention layer over the row's tokens x [n,D]."""
    n, (_, H, K) = len(x), w[b + ".query.kernel"].shape
    out = np.zeros_like(x)
    for q in range(n):
        is_complete = kinds[q] in ("text", "code")
        seen = [k for k in range(n) if kinds[k] in ("visual", "masked") or (is_complete and k <= q)]
        total = w[b + ".output.bias"].copy()
        for h in range(H):
            project = lambda i, part: x[i] @ w[f"{b}.{part}.kernel"][:, h] + w[f"{b}.{part}.bias"][h]
            query = project(q, "query")
            weight = softmax(np.array([query @ project(k, "key") for k in seen]) / math.sqrt(K))
            total = total + sum(a * project(k, "value") for a, k in zip(weight, seen)) @ w[b + ".output.kernel"][h]
        out[q] = total
    return out


def expert(x, w, b, e):
    h = gelu(x @ w[b + ".experts.in.kernel"][e] + w[b + ".experts.in.bias"][e])
    return h @ w[b + ".experts.out.kernel"][e] + w[b + ".experts.out.bias"][e]


def route(x, w, b, config, places, record):
    """The experts of one row: seats are given token by token, first choices before second ones."""
    k, E = config["top_k"], config["experts"]
    seats = [math.ceil(config["capacity_factor"] * places / E)] * E
    out = np.zeros_like(x)
    ranked = []
    for token in x:
        logits = token @ w[b + ".router.kernel"]
        p = softmax(logits)
        order = sorted(range(E), key=lambda e: -p[e])
        record["p"].append(p), record["first"].append(order[0]), record["z"].append(math.log(np.exp(logits).sum()) ** 2)
        record["margin"] = min([record["margin"]] + [p[order[i]] - p[order[i + 1]] for i in range(min(k, E - 1))])
        ranked.append([(e, p[e] / (1 if k == 1 else sum(p[order[:k]]))) for e in order[:k]])
    for choice in range(k):
        for i, token in enumerate(x):
            e, gate = ranked[i][choice]
            if seats[e] == 0:
                record["dropped"] += 1
                continue
            seats[e] -= 1
            out[i] += gate * expert(token, w, b, e)
    return out


def run(w, batch, config):
    """loss, balance, z, total; `rows` with logits [n,V] and code_logits; `dropped` choices; `margin` between the chosen expert and the next."""
    B = len(batch["text_lengths"])
    rows = [tokens_of(w, batch, b) for b in range(B)]
    places = sum(batch[k].shape[1] for k in ("patch_features", "masked_ids", "text_ids", "code_ids"))
    states = [np.array([v for _, _, v in row]).reshape(len(row), config["width"]) for row in rows]
    kinds = [[kind for kind, _, _ in row] for row in rows]
    balance = z = 0.0
    dropped, margin = 0, math.inf
    for layer in range(config["layers"]):
        name = f"blocks.{layer}"
        record = {"p": [], "first": [], "z": [], "dropped": 0, "margin": math.inf}
        for b in range(B):
            x = states[b]
            if not len(x):
                continue
            x = x + attend(np.array([norm(v, w, name + ".attn.norm") for v in x]), kinds[b], w, name + ".attn")
            h = np.array([norm(v, w, name + ".ffn.norm") for v in x])
            if name + ".moe.router.kernel" in w:
                y = route(h, w, name + ".moe", config, places, record)
            else:
                y = gelu(h @ w[name + ".ffn.in.kernel"] + w[name + ".ffn.in.bias"]) @ w[name + ".ffn.out.kernel"] + w[name + ".ffn.out.bias"]
            states[b] = x + y
        if record["p"]:
            n, E = len(record["p"]), config["experts"]
            share = np.array([record["first"].count(e) / n for e in range(E)])
            balance += E * float(share @ np.mean(record["p"], 0))
            z += float(np.mean(record["z"]))
            dropped, margin = dropped + record["dropped"], min(margin, record["margin"])
    results, terms = [], []
    for b in range(B):
        final = [norm(v, w, "final_norm") for v in states[b]]
        results.append(read_out(w, batch, b, final, kinds[b], terms))
    loss = sum(terms) / max(len(terms), 1)
    total = loss + config["balance_weight"] * balance + config["z_weight"] * z
    return {"loss": loss, "balance": balance, "z": z, "total": total, "rows": results, "dropped": dropped, "margin": margin}


def read_out(w, batch, row, final, kinds, terms):
    """The row's logits; appends to terms the negative log probability of each of its targets."""
    complete = [v for v, kind in zip(final, kinds) if kind in ("text", "code")]
    n = int(batch["text_lengths"][row])
    ids = batch["text_ids"][row]
    logits = np.array([w["embed.text.weight"] @ v + w["output.bias"] for v in complete[:n]])
    for t in range(n - 1):
        terms.append(-math.log(softmax(logits[t])[ids[t + 1]]))
    codes = []
    for i in range(int(batch["code_lengths"][row]) if n > 0 else 0):
        codes.append(complete[n - 1 + i] @ w["output.code.kernel"] + w["output.code.bias"])
        terms.append(-math.log(softmax(codes[i])[batch["code_ids"][row, i]]))
    return {"logits": logits, "code_logits": np.array(codes)}
