"""Values of independent implementations for the tests of src/stats.

    python -m venv venv && venv/bin/pip install scipy==1.17.0 numpy==2.4.6
    venv/bin/python tests/golden/statistics.py > tests/golden/statistics.json

The Rust tests read only the JSON file.
"""
import json
import math

import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon
from scipy.stats import kstwo


def samples(rng):
    yield "normal", rng.normal(size=300), rng.normal(0.2, 1, size=200)
    yield "equal sizes", rng.normal(size=150), rng.normal(0.5, 1, size=150)
    yield "integers", rng.integers(0, 9, 400).astype(float), rng.integers(1, 9, 77).astype(float)
    yield "poisson", rng.poisson(2, 250).astype(float), rng.poisson(3, 90).astype(float)
    yield "mostly zero", np.where(rng.random(300) < 0.6, 0, rng.normal(size=300)), np.where(
        rng.random(100) < 0.4, 0, rng.normal(size=100)
    )
    yield "pareto", rng.pareto(0.8, 500), 1.5 * rng.pareto(0.8, 400)
    yield "infinite", np.array([-math.inf, 0, 1, math.inf]), np.array([0.0, 1, 1, 2, math.inf])
    yield "constant", np.ones(50), np.ones(20)
    yield "small", np.array([0.99, 1.99]), np.array([1.0, 2, 3, 4])
    yield "scipy ties", np.repeat([2.0, 3, 4, 5], [3, 10, 5, 4])[:19], np.repeat([3.0, 4, 5, 6], [3, 4, 5, 4])
    yield "large", rng.normal(size=11000).round(2), rng.normal(0.02, 1, size=700).round(2)
    yield "linspace", np.linspace(1, 100, 100), np.linspace(1, 100, 110) + 20.1


def psi_edges(reference):
    ordered = np.sort(reference)
    edges = []
    for i in range(1, 10):
        x = ordered[math.ceil(i * len(ordered) / 10) - 1]
        if not edges or edges[-1] != x:
            edges.append(x)
    return edges


def bins(values, edges):
    counts = np.zeros(len(edges) + 1, dtype=int)
    for v in values:
        counts[sum(1 for e in edges if e < v)] += 1
    return counts


def encode(values):
    return ["inf" if v == math.inf else "-inf" if v == -math.inf else v for v in values]


def main():
    rng = np.random.default_rng(20261101)
    cases = []
    for name, reference, window in samples(rng):
        r, c = (bins(x, psi_edges(reference)) for x in (reference, window))
        b, m, n = len(r), len(reference), len(window)
        p, q = (r + 0.5) / (m + 0.5 * b), (c + 0.5) / (n + 0.5 * b)
        filled = (r + c) > 0
        table = np.array([r[filled], c[filled]])
        chi = stats.chi2_contingency(table, correction=False) if table.shape[1] > 1 else None
        ks = stats.ks_2samp(reference, window, method="auto")
        cases.append(
            {
                "name": name,
                "reference": encode(reference.tolist()),
                "window": encode(window.tolist()),
                "psi": float(np.sum((q - p) * np.log(q / p))),
                "ks": float(ks.statistic),
                "ks_p": float(ks.pvalue),
                "chi_square": float(chi.statistic) if chi else 0.0,
                "chi_square_p": float(chi.pvalue) if chi else 1.0,
                "jensen_shannon": float(jensenshannon(r / m, c / n, base=2)),
            }
        )
    law = [
        {"n": n, "d": d, "sf": float(kstwo.sf(d, n))}
        for n in (5, 30, 100, 140, 141, 500, 5000, 100000)
        for d in (0.3 / math.sqrt(n), 0.8 / math.sqrt(n), 1.2 / math.sqrt(n), 1.6 / math.sqrt(n), 2.5 / math.sqrt(n))
        if d < 1
    ]
    print(json.dumps({"pairs": cases, "kstwo": law}))


main()
