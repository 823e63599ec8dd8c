"""Routers and experts in NumPy, a token at a time, float64: the judge of layers/moe*.go.

    pip install numpy==2.4.6 safetensors==0.8.0    (Python 3.11)
    python scripts/reference/moe_routers.py [FOLDER]      (default: layers/testdata/golden)

It writes moe_*.safetensors; layers/testdata/golden/README.md says what they hold. Gradients are central differences. Where a rule holds a
number constant (the sum by which gates are normalised), the differences hold it at its value of the undisturbed run.

Dimension key: B rows, S tokens of a row, N places of a group, D width, F hidden width, E experts, k choices of a token, C seats of an expert.
"""
import json
import math
import pathlib
import sys

import numpy as np
from safetensors.numpy import save_file

out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2] / "layers/testdata/golden"
B, S, D, F = 2, 7, 5, 3
M32 = 0xFFFFFFFF


def mix(x):
    """Wellons' lowbias32."""
    x = (x ^ x >> 16) * 0x7FEB352D & M32
    x = (x ^ x >> 15) * 0x846CA68B & M32
    return x ^ x >> 16


def uniform(seed, place, index):
    """The draw of element `index` at `place` of a step, in [0,1)."""
    key = mix(seed ^ (place + 1) * 0x9E3779B9 & M32)
    return (mix(index + key & M32) >> 8) / 2**24


def gelu(x):
    return np.array([0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x])


def expert(w, e, x):
    h = gelu(x @ w["experts.in.kernel"][e] + w["experts.in.bias"][e])
    return h @ w["experts.out.kernel"][e] + w["experts.out.bias"][e]


def softmax(logits):
    p = np.exp(logits - logits.max())
    return p / p.sum()


def groups(case):
    """The groups: lists of (row, position), None where a place is padding."""
    n = case.get("group", 0) or S
    if n < S:
        pieces = math.ceil(S / n)
        size = math.ceil(S / pieces)
        return [[(b, s) if s < S else None for s in range(i * size, (i + 1) * size)] for b in range(B) for i in range(pieces)]
    rows = max(r for r in range(1, B + 1) if B % r == 0 and r * S <= n)
    return [[(b, s) for b in range(first, first + rows) for s in range(S)] for first in range(0, B, rows)]


class Run:
    """One pass over a batch. `held` are the normalising sums of an earlier run, by token; `margin` is how clear every decision was."""

    def __init__(self, case, w, x, valid, training, held=None):
        self.case, self.w, self.x, self.valid, self.training, self.held = case, w, x, valid, training, held
        self.E, self.k = case["experts"], case["top_k"]
        self.y = np.zeros((B, S, D))
        self.load, self.dropped, self.choices, self.margin, self.sums = np.zeros(self.E), 0, 0, math.inf, {}
        self.chosen = -np.ones((B, S, self.k), np.int32)
        self.asked, self.chance, self.z, self.tokens = np.zeros(self.E), np.zeros(self.E), [], int(valid.sum())
        for g, places in enumerate(groups(case)):
            if case["router"] == "expert_choice" and training:
                self.experts_choose(g, places)
            else:
                self.tokens_choose(g, places)
        prototypes = self.k if case["router"] == "prototypes" else 1
        n = max(self.tokens, 1)
        self.balance = sum(self.asked[e] / n * self.chance[e] / n for e in range(self.E)) * (self.E / prototypes) / prototypes
        self.z = sum(self.z) / n / prototypes
        if case["router"] == "random" or case["router"] == "expert_choice" and training:
            self.balance = 1.0
        if case["router"] == "random":
            self.z = 0.0

    def seats(self, n):
        factor = self.case["capacity_factor"]
        return max(1, math.ceil(factor * n / self.E - 1e-9)) if factor else n

    def read(self, g, i, place, n):
        """What the router reads of the i-th place of group g: the token, with jitter while training."""
        x = self.x[place].copy()
        if self.training and self.case.get("jitter"):
            for d in range(D):
                u = uniform(self.case["seed"], (1 << 16) + 2 * self.case["layer"], (g * n + i) * D + d)
                x[d] *= 1 + self.case["jitter"] * (2 * u - 1)
        return x

    def parts(self, p):
        """Where each prototype's experts begin and end."""
        each = self.E // p
        return [(i * each, (i + 1) * each) for i in range(p)]

    def probabilities(self, g, i, place, n):
        """Softmax by prototype, [E], noted for the losses."""
        logits = self.read(g, i, place, n) @ self.w["router.kernel"]
        p = np.zeros(self.E)
        for low, high in self.parts(self.k if self.case["router"] == "prototypes" else 1):
            p[low:high] = softmax(logits[low:high])
            self.z.append(math.log(np.exp(logits[low:high]).sum()) ** 2)
        self.chance += p
        return p

    def wishes(self, g, i, place, n):
        """A token's list of (expert, gate, whether it is taken)."""
        router, k = self.case["router"], self.k
        if router == "random":
            key = mix(self.position(place) + (self.case["layer"] + 1) * 0x9E3779B9 & M32)
            return [((key % self.E + j * (self.E // k)) % self.E, 1 / k, True) for j in range(k)]
        p = self.probabilities(g, i, place, n)
        if router == "prototypes":
            order = []
            for low, high in self.parts(k):
                best = sorted(range(low, high), key=lambda e: -p[e])
                order.append(best[0])
                self.margin = min(self.margin, p[best[0]] - p[best[1]])
        else:
            best = sorted(range(self.E), key=lambda e: -p[e])
            order = best[:k]
            self.margin = min([self.margin] + [p[best[j]] - p[best[j + 1]] for j in range(min(k, self.E - 1))])
        gates = [p[e] for e in order]
        if router == "top2":
            gates = [v / sum(gates) for v in gates]
        if self.case.get("normalize"):
            self.sums[place] = sum(gates)
            gates = [v / (self.held or self.sums)[place] for v in gates]
        taken = [True] * k
        if router == "top2" and self.training and self.case.get("random_second"):
            u = uniform(self.case["seed"], (1 << 16) + 2 * self.case["layer"] + 1, g * n + i)
            taken[1] = 2 * gates[1] > u
            self.margin = min(self.margin, abs(2 * gates[1] - u))
        for e in order if router == "prototypes" else order[:1]:
            self.asked[e] += 1
        return list(zip(order, gates, taken))

    def position(self, place):
        return 3 * place[1] + 1

    def tokens_choose(self, g, places):
        n = len(places)
        wishes = {i: self.wishes(g, i, place, n) for i, place in enumerate(places) if place and self.valid[place]}
        free = [self.seats(n) if self.training else math.inf] * self.E
        for choice in range(self.k):
            for i, wish in wishes.items():
                e, gate, taken = wish[choice]
                if not taken:
                    continue
                self.load[e] += 1
                self.choices += 1
                if self.training:
                    if free[e] == 0:
                        self.dropped += 1
                        continue
                    free[e] -= 1
                self.chosen[places[i]][choice] = e
                self.y[places[i]] += gate * expert(self.w, e, self.x[places[i]])

    def experts_choose(self, g, places):
        n = len(places)
        p = {i: self.probabilities(g, i, place, n) for i, place in enumerate(places) if place and self.valid[place]}
        self.choices += len(p)
        picked = []
        for e in range(self.E):
            best = sorted(p, key=lambda i: -p[i][e])
            C = self.seats(n)
            if C < len(best):
                self.margin = min(self.margin, p[best[C - 1]][e] - p[best[C]][e])
            picked += [(e, i) for i in best[:C]]
        for i in p:
            self.sums[places[i]] = sum(p[i][e] for e, j in picked if j == i)
            self.dropped += not any(j == i for _, j in picked)
        for e, i in picked:
            gate = p[i][e]
            if self.case.get("normalize"):
                gate /= (self.held or self.sums)[places[i]]
            self.load[e] += 1
            self.y[places[i]] += gate * expert(self.w, e, self.x[places[i]])


def loss(run, cotangent):
    return float((run.y * cotangent).sum() + 0.7 * run.balance + 0.3 * run.z)


def gradients(case, w, x, valid, cotangent, base):
    """Central differences of the loss for every number of the tensors."""
    out, step = {}, 1e-5
    for name, tensor in [("x", x), *w.items()]:
        grad = np.zeros(tensor.shape)
        for at in np.ndindex(*tensor.shape):
            ends = []
            for sign in (1, -1):
                old = tensor[at]
                tensor[at] = old + sign * step
                ends.append(loss(Run(case, w, x, valid, True, base.sums), cotangent))
                tensor[at] = old
            grad[at] = (ends[0] - ends[1]) / (2 * step)
        out[name] = grad
    return out


CASES = {
    "moe_top1": dict(router="top1", experts=5, top_k=1, capacity_factor=1.0),
    "moe_top1_normalized": dict(router="top1", experts=5, top_k=1, capacity_factor=1.0, normalize=True),
    "moe_top1_pieces": dict(router="top1", experts=5, top_k=1, capacity_factor=1.0, group=3, jitter=0.2),
    "moe_top1_rows": dict(router="top1", experts=5, top_k=1, capacity_factor=1.0, group=17),
    "moe_top2_random": dict(router="top2", experts=5, top_k=2, capacity_factor=2.0, random_second=True, jitter=0.1),
    "moe_prototypes": dict(router="prototypes", experts=6, top_k=2, capacity_factor=1.5),
    "moe_prototypes_normalized": dict(router="prototypes", experts=6, top_k=3, capacity_factor=0, normalize=True),
    "moe_expert_choice": dict(router="expert_choice", experts=5, top_k=2, capacity_factor=1.0),
    "moe_expert_choice_normalized": dict(router="expert_choice", experts=5, top_k=2, capacity_factor=1.0, normalize=True, group=4),
    "moe_random": dict(router="random", experts=5, top_k=2, capacity_factor=1.5),
}


def draw(case, seed):
    r = np.random.default_rng(seed)
    E = case["experts"]
    kept = lambda v: v.astype(np.float32).astype(np.float64)
    w = {"router.kernel": kept(0.8 * r.standard_normal((D, E))),
         "experts.in.kernel": kept(r.standard_normal((E, D, F)) / 2), "experts.in.bias": kept(0.3 * r.standard_normal((E, F))),
         "experts.out.kernel": kept(r.standard_normal((E, F, D)) / 2), "experts.out.bias": kept(0.3 * r.standard_normal((E, D)))}
    x, cotangent = kept(r.standard_normal((B, S, D))), kept(r.standard_normal((B, S, D)))
    valid = np.ones((B, S), bool)
    valid[0, 5:], valid[1, 2] = False, False  # padding, and a hole
    return w, x, valid, cotangent


def main():
    out.mkdir(parents=True, exist_ok=True)
    for number, (name, case) in enumerate(CASES.items()):
        case |= {"layer": 3, "seed": 12345 + number}
        for seed in range(100 * number, 100 * number + 100):
            w, x, valid, cotangent = draw(case, seed)
            base = Run(case, w, x, valid, True)
            plain = Run(case, w, x, valid, False)
            drops = base.dropped > 0 or case["capacity_factor"] == 0
            if min(base.margin, plain.margin) > 2e-3 and drops:
                break
        else:
            raise SystemExit(f"{name}: no draw whose decisions are all clear")
        position = np.array([[base.position((b, s)) for s in range(S)] for b in range(B)], np.int32)
        tensors = {"x": x, "cotangent": cotangent, "valid": valid, "out.y": base.y, "out.inference": plain.y, "out.load": base.load}
        tensors |= {"out.losses": np.array([base.balance, base.z]), "out.counts": np.array([base.dropped, base.choices], float)}
        tensors |= {"w." + n: t for n, t in w.items()}
        tensors |= {"grad." + n: t for n, t in gradients(case, w, x, valid, cotangent, base).items()}
        files = {n: np.ascontiguousarray(t, np.float32) for n, t in tensors.items()}
        files |= {"position": position.astype(np.float32)}
        if not (case["router"] == "expert_choice"):
            files["out.chosen"] = base.chosen.astype(np.float32)
        save_file(files, out / f"{name}.safetensors", {"case": json.dumps(case), "script": "scripts/reference/moe_routers.py"})
        print(f"{name}: {base.dropped} of {base.choices} dropped, margin {base.margin:.3g}, balance {base.balance:.4f}, z {base.z:.4f}")


if __name__ == "__main__":
    main()
