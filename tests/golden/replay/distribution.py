"""Distances of a window from the reference, straight from both columns of raw values."""

import bisect
import math

import numpy as np
from astropy.stats import kuiper_two
from scipy import stats
from scipy.spatial.distance import jensenshannon

ABSENT = ("", "NaN", "n/a")
NUMBERS = ["fare", "meter", "distance", "humidity", "weight", "level"]
# More than 1,000 distinct values: driftd keeps quantiles, so that ranks have an interval.
COMPRESSED = ["distance", "humidity"]
BINNED = [
    {"kind": "psi"},
    {"kind": "psi", "bins": 20},
    {"kind": "psi", "smoothing": 0.1},
    {"kind": "kl"},
    {"kind": "jensen_shannon"},
    {"kind": "hellinger"},
    {"kind": "total_variation"},
    {"kind": "l_infinity"},
    {"kind": "chi_square"},
    {"kind": "g_test"},
]


def numbers(rows, name):
    dtype = np.float32 if name == "weight" else np.float64
    return np.array([row[name] for row in rows if row[name] not in ABSENT], dtype=dtype).astype(float)


def quantile_edges(reference, bins):
    ordered, edges = np.sort(reference), []
    for i in range(1, bins):
        x = ordered[-(-i * len(ordered) // bins) - 1]
        if not edges or edges[-1] != x:
            edges.append(x)
    return edges


def counts(values, edges):
    held = [0] * (len(edges) + 1)
    for value in values:
        held[bisect.bisect_left(edges, value)] += 1
    return held


def tables(reference, window, name, bins=10):
    """Rows per bin of both sides; those without a value are one more bin where there are any."""
    if name == "city":
        names = sorted({row[name] for row in reference} - set(ABSENT))
        held = [[sum(row[name] == city for row in rows) for city in names] for rows in (reference, window)]
        new = [sum(row[name] not in (*names, *ABSENT) for row in rows) for rows in (reference, window)]
        if any(new):
            held = [side + [more] for side, more in zip(held, new)]
    else:
        edges = quantile_edges(numbers(reference, name), bins)
        held = [counts(numbers(rows, name), edges) for rows in (reference, window)]
    absent = [sum(row[name] in ABSENT for row in rows) for rows in (reference, window)]
    if any(absent):
        held = [side + [more] for side, more in zip(held, absent)]
    return np.array(held[0]), np.array(held[1])


def binned(statistic, r, c):
    m, n, b = r.sum(), c.sum(), len(r)
    kind, s = statistic["kind"], statistic.get("smoothing", 0.5)
    p, q = (r + s) / (m + s * b), (c + s) / (n + s * b)
    filled = (r + c) > 0
    if kind in ("chi_square", "g_test"):
        law = "pearson" if kind == "chi_square" else "log-likelihood"
        test = stats.chi2_contingency(np.array([r[filled], c[filled]]), correction=False, lambda_=law)
        return {"score": test.statistic, "p_value": test.pvalue}
    value = {
        "psi": lambda: np.sum((q - p) * np.log(q / p)),
        "kl": lambda: stats.entropy(q, p),
        "jensen_shannon": lambda: jensenshannon(r / m, c / n, base=2),
        "hellinger": lambda: np.linalg.norm(np.sqrt(r / m) - np.sqrt(c / n)) / math.sqrt(2),
        "total_variation": lambda: np.abs(r / m - c / n).sum() / 2,
        "l_infinity": lambda: np.abs(r / m - c / n).max(),
    }
    return {"score": value[kind]()}


def ranked(reference, window):
    m, n = len(reference), len(window)
    ks = stats.ks_2samp(reference, window, method="auto")
    u = stats.mannwhitneyu(window, reference, alternative="two-sided", method="auto")
    cvm = stats.cramervonmises_2samp(reference, window, method="auto")
    ad = stats.anderson_ksamp([reference, window], variant="midrank")
    kuiper, _ = kuiper_two(reference, window)
    w1 = stats.wasserstein_distance(reference, window)
    yield {"kind": "ks"}, {"score": ks.statistic, "p_value": ks.pvalue}
    yield {"kind": "kuiper"}, {"score": kuiper}
    yield {"kind": "mann_whitney"}, {"score": u.statistic / (m * n), "p_value": u.pvalue}
    yield {"kind": "cramer_von_mises"}, {"score": cvm.statistic, "p_value": cvm.pvalue}
    yield {"kind": "anderson_darling"}, {"score": ad.statistic, "p_value": ad.pvalue}
    # Between two points of the reference nothing is known but counts: values on the points are exact.
    yield {"kind": "wasserstein"}, {"score": w1, "error": "interval"}
    yield {"kind": "wasserstein", "normed": True}, {"score": w1 / np.std(reference), "error": "interval"}


def vectors(reference, window):
    for name in [*NUMBERS, "city"]:
        series = f"features.{name}"
        for statistic in BINNED:
            if name == "city" and "bins" in statistic:
                continue
            r, c = tables(reference, window, name, statistic.get("bins", 10))
            yield series, statistic, binned(statistic, r, c) | {"support": len(window)}
        if name == "city":
            continue
        values = numbers(window, name)
        for statistic, found in ranked(numbers(reference, name), values):
            if name in COMPRESSED:
                found = {"score": found["score"], "error": "interval"}
            yield series, statistic, found | {"support": len(values)}
