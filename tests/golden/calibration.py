"""Laws beyond noise floors, conformal p-values and overdispersion, for the tests of src/stats and src/detect.

    python -m venv venv && venv/bin/pip install scipy==1.17.0 numpy==2.4.6
    venv/bin/python tests/golden/calibration.py > tests/golden/calibration.json

The Rust tests read only the JSON file.
"""
import json
import math

import numpy as np
from scipy import optimize, special, stats


def noncentral():
    for k in (1, 2, 5, 9, 15, 40, 200, 999):
        for factor in (1.0, 1.3, 2.0):
            x = factor * stats.chi2.isf(0.01, k)
            nc = optimize.brentq(lambda nc: stats.ncx2.sf(x, k, nc) - 0.9, 1e-9, 40 * x, xtol=1e-10)
            yield {"freedom": k, "x": x, "noncentrality": nc}


def kuiper_sf(x):
    j = np.arange(1, 101)
    return float(2 * np.sum((4 * j**2 * x**2 - 1) * np.exp(-2 * j**2 * x**2)))


def points():
    """Scores that unchanged windows exceed with small probabilities, beside the 1 % point."""
    kuiper = lambda p: optimize.brentq(lambda x: kuiper_sf(x) - p, 0.8, 8)
    laws = [(f"chi2 {k}", True, 1.0, lambda p, k=k: stats.chi2.isf(p, k)) for k in (1, 4, 9, 15, 100)]
    laws.append(("kolmogorov", False, 0.5, lambda p: special.kolmogi(p)))
    laws.append(("kuiper", False, 0.5, kuiper))
    laws.append(("normal", False, 1.0, lambda p: stats.norm.isf(p)))
    for name, squared, unit, isf in laws:
        for level in (0.01, 1e-3, 1e-4, 1e-6):
            yield {"law": name, "squared": squared, "unit": unit, "floor": float(isf(0.01)), "level": level,
                   "point": float(isf(level))}


def conformal(rng):
    """Each score's rank among those before it, ties against it."""
    scores = np.round(rng.gamma(3, 0.01, 160), 3)
    p = [(1 + int(np.sum(scores[:i] >= scores[i]))) / (i + 1) for i in range(len(scores))]
    return {"scores": scores.tolist(), "p": p}


def capped(seen, ratio):
    """From the second window on at most four times the mean so far, or four."""
    seen.append(min(ratio, 4 * max(1, np.mean(seen))) if seen else ratio)


def overdispersion(windows):
    """Chi-square over its degrees of freedom of each window against all before it together, on average: over all
    bins, and at each cut below against above, the greatest of which counts less what chance makes of it."""
    cuts = range(1, len(windows[0]))
    found, whole, apart = [None], [], {cut: [] for cut in cuts}
    for last in range(1, len(windows)):
        table = np.array([np.sum(windows[:last], axis=0), windows[last]])
        for cut in cuts:
            two = np.array([[row[:cut].sum(), row[cut:].sum()] for row in table])
            if (two.sum(axis=0) > 0).all():
                capped(apart[cut], stats.chi2_contingency(two, correction=False).statistic)
            else:
                apart[cut].append(np.mean(apart[cut]) if apart[cut] else 0.0)
        table = table[:, table.sum(axis=0) > 0]
        result = stats.chi2_contingency(table, correction=False)
        capped(whole, result.statistic / result.dof)
        chance = 1 + 2 * math.sqrt(2 / len(whole))
        found.append(max(1, np.mean(whole), *(np.mean(apart[cut]) / chance for cut in cuts)))
    return found, [np.mean(whole), *(np.mean(apart[cut]) for cut in cuts)]


SHARES = np.array([0.3, 0.25, 0.2, 0.15, 0.08, 0.02, 0.0])


def dispersion(rng):
    windows = []
    for _ in range(60):
        day = SHARES * np.exp(rng.normal(0, 0.3, len(SHARES)) + rng.normal(0, 0.1) * np.arange(len(SHARES)))
        windows.append(rng.multinomial(rng.integers(100, 400), day / day.sum()))
    found, means = overdispersion(windows)
    return {"windows": [w.tolist() for w in windows], "found": found, "means": means}


def waves(rng):
    """Hours of days that differ: the overdispersion of stretches of 2, 4, 8 ... of them, each of four stretches and
    more, and at most twice that of the length before, which begins at that of single steps."""
    steps = []
    for _ in range(20):
        day = SHARES * np.exp(rng.normal(0, 0.1) * np.arange(len(SHARES)))
        steps += [rng.multinomial(rng.integers(100, 400), day / day.sum()) for _ in range(12)]
    found = {}
    for length in (2, 4, 8, 16, 32, 64):
        whole = [np.sum(steps[i:i + length], axis=0) for i in range(0, len(steps) - length + 1, length)]
        found[length] = overdispersion(whole)[0]
    greatest = {}
    for step in (1.0, 50.0):
        greatest[step] = []
        for now in range(1, len(steps) + 1):
            most = below = step
            for length, of in found.items():
                if now // length < 4:
                    break
                below = min(2 * below, of[now // length - 1])
                most = max(most, below)
            greatest[step].append(most)
    return {"steps": [s.tolist() for s in steps], "greatest": greatest}


def tails():
    """The greatest factor between two quantiles of a norm of normal variables: that of one direction alone."""
    for known, level in [(0.5, 0.01), (0.1, 1e-3), (0.01, 1e-3), (0.01, 1 / 2160), (1 / 30, 1e-4)]:
        factor = 1 + (stats.norm.isf(level) - stats.norm.isf(known)) / stats.norm.isf(known / 2)
        least = stats.norm.isf(level / 2) / stats.norm.isf(known / 2)
        yield {"known": known, "level": level, "factor": factor, "one_direction": least}


def main():
    rng = np.random.default_rng(20261126)
    print(json.dumps({
        "noncentral": list(noncentral()),
        "points": list(points()),
        "conformal": conformal(rng),
        "dispersion": dispersion(rng),
        "tails": list(tails()),
        "waves": waves(rng),
    }))


main()
