"""Splits of changes by segment, out of rows and exact fractions, for the tests of src/stats.

    python3 tests/golden/attribution.py

writes attribution.json beside itself. Nothing but the standard library; the Rust tests read only
the file.
"""
import json
import math
import pathlib
import random
from fractions import Fraction

HALF = Fraction(1, 2)


def rows(rng, shares, means, n, missing=0.0):
    names = list(shares)
    for _ in range(n):
        name = rng.choices(names, [shares[name] for name in names])[0]
        value = None if rng.random() < missing else round(rng.gauss(means[name], 1.0), 1) + 0.0
        yield (None if name == "-" else name), value


def values(data):
    return [x for _, x in data if x is not None]


def share(data, holds):
    return Fraction(sum(1 for row in data if holds(row)), len(data))


def split(reference, window, indicator):
    """The change of the mean of an indicator over rows, by segment."""
    before, now = share(reference, indicator), share(window, indicator)
    known = sorted({name for name, _ in reference if name is not None})
    mix = within = Fraction(0)
    parts = {}
    for name in known:
        then = [row for row in reference if row[0] == name]
        here = [row for row in window if row[0] == name]
        a, b = Fraction(len(then), len(reference)), Fraction(len(here), len(window))
        v = share(then, indicator)
        w = share(here, indicator) if here else v
        parts[name] = ((b - a) * (v - before), b * (w - v))
        mix, within = mix + parts[name][0], within + parts[name][1]
    # Row by row: those of no segment, and those of segments that the reference lacks.
    rest = sum(
        (Fraction(int(indicator(row))) - before) / len(window) for row in window if row[0] not in known
    ) - sum((Fraction(int(indicator(row))) - before) / len(reference) for row in reference if row[0] is None)
    assert mix + within + rest == now - before
    if all(row[0] in known for row in reference + window):
        plain = Fraction(0)
        for name in known:
            then = [row for row in reference if row[0] == name]
            here = [row for row in window if row[0] == name]
            a, b = Fraction(len(then), len(reference)), Fraction(len(here), len(window))
            plain += (b - a) * share(then, indicator)
        assert plain == mix, "the reference's own mean adds nothing"
    return now - before, mix, within, rest, parts


def ks(reference, window):
    """The lowest place of the largest distance, and its split."""
    reference = [row for row in reference if row[1] is not None]
    window = [row for row in window if row[1] is not None]
    best = None
    for point in sorted(set(values(reference))):
        for sign, holds in (("<", lambda row: row[1] < point), ("<=", lambda row: row[1] <= point)):
            distance = abs(share(window, holds) - share(reference, holds))
            if best is None or distance > best[0]:
                best = (distance, f"{sign} {point:g}", sign, point)
    _, label, sign, point = best
    holds = (lambda row: row[1] < point) if sign == "<" else (lambda row: row[1] <= point)
    return label, share(reference, holds), share(window, holds), split(reference, window, holds)


def psi(reference, window):
    """Terms of the bins at the deciles, and the split by the logarithms of the whole."""
    ordered = sorted(values(reference))
    edges = []
    for i in range(1, 10):
        x = ordered[math.ceil(Fraction(i * len(ordered), 10)) - 1]
        if not edges or edges[-1] != x:
            edges.append(x)

    def place(x):
        return len(edges) + 1 if x is None else sum(1 for edge in edges if edge < x)

    absent = any(x is None for _, x in reference + window)
    bins = len(edges) + 1 + int(absent)
    m, n = len(reference) + HALF * bins, len(window) + HALF * bins
    terms, total = [], [0.0, 0.0, 0.0, 0.0]
    for b in range(bins):
        p = (sum(1 for row in reference if place(row[1]) == b) + HALF) / m
        q = (sum(1 for row in window if place(row[1]) == b) + HALF) / n
        log = math.log(q / p)
        terms.append(float(q - p) * log)
        # Half a row per bin on both sides is of no segment.
        known = sorted({name for name, _ in reference if name is not None})
        mix = within = Fraction(0)
        for name in known:
            then = [row for row in reference if row[0] == name]
            here = [row for row in window if row[0] == name]
            a, c = len(then) / m, len(here) / n
            v = share(then, lambda row: place(row[1]) == b)
            w = share(here, lambda row: place(row[1]) == b) if here else v
            mix += (c - a) * (v - p)
            within += c * (w - v)
        for i, part in enumerate((q - p, mix, within, q - p - mix - within)):
            total[i] += float(part) * log
    return terms, total


def case(name, reference, window):
    label, before, now, (change, mix, within, rest, parts) = ks(reference, window)
    terms, total = psi(reference, window)
    return {
        "name": name,
        "reference": reference,
        "window": window,
        "ks": {
            "at": label,
            "reference": float(before),
            "window": float(now),
            "split": [float(x) for x in (change, mix, within, rest)],
            "parts": {name: [float(x) for x in terms] for name, terms in parts.items()},
        },
        "psi": {"terms": terms, "split": total},
    }


def main():
    rng = random.Random(20260101)
    means = {"a": 0.0, "b": 2.0, "c": -1.0, "d": 4.0, "-": 1.0}
    warmer = {name: mean + 0.7 for name, mean in means.items()}
    old = {"a": 5, "b": 3, "c": 2}
    grown = {"a": 1, "b": 8, "c": 1}
    some = {"a": 5, "b": 3, "c": 1, "-": 1}
    new = {"a": 4, "b": 2, "d": 2, "-": 3}
    cases = [
        case("mix", list(rows(rng, old, means, 400)), list(rows(rng, grown, means, 300))),
        case("within", list(rows(rng, old, means, 400)), list(rows(rng, old, warmer, 300))),
        case("new and none", list(rows(rng, some, means, 350)), list(rows(rng, new, warmer, 200))),
        case("missing", list(rows(rng, some, means, 300, 0.1)), list(rows(rng, new, means, 260, 0.3))),
    ]
    path = pathlib.Path(__file__).with_name("attribution.json")
    path.write_text(json.dumps({"cases": cases}) + "\n")


main()
