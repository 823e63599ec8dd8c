"""Reference of datasets/clean's n-gram model: interpolated modified Kneser-Ney, by the book, in plain dictionaries.

    python scripts/reference/kneser_ney.py    # writes datasets/clean/testdata/kneser_ney.json.gz; no package needed

Chen and Goodman, "An empirical study of smoothing techniques for language modeling" (1999), section 3 and equations 26 to
30: three discounts per order from the counts of counts, continuation counts for the lower orders, the lowest order
interpolated with the uniform distribution over the closed vocabulary (symbols, end, unknown). A sequence begins with one
begin mark; n-grams that begin with it keep their raw counts. An order's discounts are 0.5, 1, 1.5 where n-grams
counted once, twice or three times are missing or a discount would not be positive.
"""

import collections
import gzip
import json
import math
import pathlib
import random

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "datasets" / "clean" / "testdata" / "kneser_ney.json.gz"
BEGIN, END, UNKNOWN = "begin", "end", "unknown"


class Model:
    def __init__(self, order, sequences):
        self.order = order
        padded = [(BEGIN, *s, END) for s in sequences]
        self.vocabulary = sorted({x for s in sequences for x in s}) + [END, UNKNOWN]
        raw = [collections.Counter() for _ in range(order + 1)]
        for s in padded:
            for n in range(1, order + 1):
                for i in range(len(s) - n + 1):
                    raw[n][s[i : i + n]] += 1
        self.counts = [None] * (order + 1)
        for n in range(1, order + 1):
            if n == order:
                counts = dict(raw[n])
            else:
                before = collections.defaultdict(set)
                for gram in raw[n + 1]:
                    before[gram[1:]].add(gram[0])
                counts = {g: raw[n][g] if g[0] == BEGIN else len(before[g]) for g in raw[n]}
            counts.pop((BEGIN,), None)  # never predicted
            self.counts[n] = counts
        self.discounts = [None] + [self.discount(self.counts[n]) for n in range(1, order + 1)]
        self.after = collections.defaultdict(dict)
        for n in range(1, order + 1):
            for gram, c in self.counts[n].items():
                self.after[gram[:-1]][gram[-1]] = c

    @staticmethod
    def discount(counts):
        n1, n2, n3, n4 = (sum(1 for c in counts.values() if c == k) for k in (1, 2, 3, 4))
        if not (n1 and n2 and n3):
            return 0.5, 1.0, 1.5
        y = n1 / (n1 + 2 * n2)
        d = 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3
        return d if min(d) > 0 else (0.5, 1.0, 1.5)

    def prob(self, context, symbol):
        """P(symbol | context): context is a tuple that may begin with BEGIN and has fewer than order symbols."""
        lower = self.prob(context[1:], symbol) if context else 1 / len(self.vocabulary)
        after = self.after.get(context)
        if not after:
            return lower
        d1, d2, d3 = self.discounts[len(context) + 1]
        take = lambda c: 0.0 if c == 0 else d1 if c == 1 else d2 if c == 2 else d3
        total = sum(after.values())
        ones = sum(1 for c in after.values() if c == 1)
        twos = sum(1 for c in after.values() if c == 2)
        more = sum(1 for c in after.values() if c >= 3)
        gamma = (d1 * ones + d2 * twos + d3 * more) / total
        c = after.get(symbol, 0)
        return (c - take(c)) / total + gamma * lower

    def context(self, text):
        """The last order-1 symbols of a text that begins with BEGIN, unknown ones marked."""
        known = [x if x in self.vocabulary else UNKNOWN for x in text]
        padded = [BEGIN] + known
        return tuple(padded[max(0, len(padded) - self.order + 1) :]) if self.order > 1 else ()


def chain(rng, symbols, length):
    """A sequence with habits: each symbol prefers a few after it."""
    out = [rng.choice(symbols)]
    for _ in range(length - 1):
        out.append(symbols[(symbols.index(out[-1]) * 3 + rng.choice([0, 1, 1, 2, 5])) % len(symbols)] if rng.random() < 0.8 else rng.choice(symbols))
    return out


def main():
    rng = random.Random(11)
    text = (ROOT / "datasets" / "text" / "testdata" / "lines.txt").read_text("utf-8").split("\n")[:-1]
    corpora = {
        "chain": [chain(rng, [3, 5, 8, 13, 21, 34, 55, 89, 144, 2_000_000_011, 0], rng.randint(1, 40)) for _ in range(61)],
        "runes": [[ord(c) for c in line] for line in text],
        "tiny": [[7, 7, 9], [], [9]],
    }
    out = []
    for name, sequences in corpora.items():
        for order in (1, 2, 3, 4):
            model = Model(order, sequences)
            symbols = model.vocabulary[:-2]
            queries = []
            for _ in range(150):
                seen = rng.choice(sequences)
                cut = rng.randint(0, len(seen))
                context = rng.choice([seen[:cut], seen[:cut], seen[:cut] + [rng.choice(symbols)], [rng.choice(symbols) for _ in range(rng.randint(0, 5))], seen[:cut] + [1_000_000], [1_000_000] + seen[:1]])[-6:]
                symbol = rng.choice([seen[cut] if cut < len(seen) else END, rng.choice(symbols), rng.choice(symbols), END, UNKNOWN])
                p = model.prob(model.context(context), symbol)
                number = {END: -1, UNKNOWN: 999_999_999}.get(symbol, symbol)
                queries.append([context, number, math.log(p)])
            total = sum(model.prob(model.context(sequences[0][:2]), x) for x in model.vocabulary)
            assert abs(total - 1) < 1e-12, total
            out.append({"name": f"{name} {order}", "order": order, "corpus": name, "queries": queries, "discounts": model.discounts[1:]})
    data = json.dumps({"corpora": corpora, "models": out}, separators=(",", ":"))
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_bytes(gzip.compress(data.encode(), 9, mtime=0))
    print(OUT.name, OUT.stat().st_size, "bytes", sum(len(m["queries"]) for m in out), "queries")


if __name__ == "__main__":
    main()
