"""PSI and KS of windows against the reference of their own hours, for tests/it/season.rs.

    python -m venv venv
    venv/bin/pip install numpy==2.4.6 pandas==2.3.3 scipy==1.17.0 tzdata==2025.3
    venv/bin/python tests/golden/season.py

writes season/reference.csv, season/window.csv and season/lines.json beside itself. The law of a window
is spelt out row by row: pandas finds the local hours (the clocks of Oslo go back within the window),
fractions weigh the rows, scipy compares. The Rust test runs the binary over both files and reads the
JSON.
"""
import json
import pathlib
from fractions import Fraction

import numpy as np
import pandas as pd
from scipy import stats

ZONE, LEAST = "Europe/Oslo", 100
HERE = pathlib.Path(__file__).parent / "season"


def rows(rng, start, hours, per_hour):
    """Rows whose level follows the local hour; rush hours of Monday are rich, the others are not."""
    out = []
    for hour in pd.date_range(start, periods=hours, freq="h", tz="UTC"):
        local = hour.tz_convert(ZONE)
        rush = local.weekday() == 0 and local.hour in (7, 8)
        n = rng.poisson(per_hour * (8 if rush else 0.3 if local.hour < 5 else 1))
        level = 30 + 25 * (local.hour in (7, 8, 16)) + (10 if local.weekday() >= 5 else 0)
        for second in np.sort(rng.integers(0, 3600, n)):
            x = "" if rng.random() < 0.03 else int(np.clip(rng.normal(level, 6), 0, 99).round())
            out.append((int(hour.timestamp()) + int(second), x))
    return out


def frame(rows):
    data = pd.DataFrame(rows, columns=["at", "x"])
    data["x"] = pd.to_numeric(data["x"], errors="coerce")
    # A slot is a whole hour of UTC, named by the local hour that it begins in.
    local = pd.to_datetime(data["at"] // 3600 * 3600, unit="s", utc=True).dt.tz_convert(ZONE)
    data["slot"] = local.dt.weekday * 24 + local.dt.hour
    return data


def pool(slot, reference):
    """Places of the rows that a slot is judged against, and what they are."""
    own = reference.index[reference["slot"] == slot]
    if len(own) >= LEAST:
        return own, "slot"
    hour = reference.index[reference["slot"] % 24 == slot % 24]
    if len(hour) >= LEAST:
        return hour, "hour"
    return reference.index, "all"


def mixture(window, reference):
    """Whole rows per distinct value and of those without one, and the shares that stood back."""
    weights, fell = {}, {"slot": 0, "hour": 0, "all": 0}
    for slot, n in window["slot"].value_counts().sort_index().items():
        places, what = pool(slot, reference)
        fell[what] += int(n)
        for place in places:
            weights[place] = weights.get(place, 0) + Fraction(int(n), len(window) * len(places))
    heaviest = max(weights.values())
    values = np.sort(reference["x"].dropna().unique())
    by_value = {x: Fraction(0) for x in values}
    absent = Fraction(0)
    for place, weight in weights.items():
        weight = Fraction(int(weight / heaviest * 2**32 + Fraction(1, 2)), 2**32)
        x = reference["x"].iloc[place]
        if np.isnan(x):
            absent += weight
        else:
            by_value[x] += weight
    whole, exact, given = [], Fraction(0), 0
    for sum_ in [*(by_value[x] for x in values), absent]:
        exact += sum_
        upto = int(exact + Fraction(1, 2))
        whole.append(upto - given)
        given = upto
    return values, np.array(whole[:-1]), whole[-1], fell


def psi(values, mixed, absent, window, reference):
    ordered = np.sort(reference["x"].dropna())
    edges = sorted({ordered[-(-i * len(ordered) // 10) - 1] for i in range(1, 10)})
    r = [mixed[np.searchsorted(edges, values, side="left") == b].sum() for b in range(len(edges) + 1)]
    x = window["x"].dropna().to_numpy()
    c = [(np.searchsorted(edges, x, side="left") == b).sum() for b in range(len(edges) + 1)]
    missing = int(window["x"].isna().sum())
    if absent or missing:
        r, c = [*r, absent], [*c, missing]
    r, c = np.array(r, float), np.array(c, float)
    p = (r + 0.5) / (r.sum() + 0.5 * len(r))
    q = (c + 0.5) / (c.sum() + 0.5 * len(c))
    return float(((q - p) * np.log(q / p)).sum())


def main():
    rng = np.random.default_rng(20261025)
    reference, window = rows(rng, "2026-10-05", 14 * 24, 9), rows(rng, "2026-10-25", 36, 25)
    window[0] = (int(pd.Timestamp("2026-10-25", tz="UTC").timestamp()), window[0][1])
    HERE.mkdir(exist_ok=True)
    for name, data in [("reference", reference), ("window", window)]:
        text = "at,x\n" + "".join(f"{at},{x}\n" for at, x in data)
        (HERE / f"{name}.csv").write_text(text)
    reference, window = frame(reference), frame(window)
    lines = []
    start = pd.Timestamp("2026-10-25", tz="UTC")
    for end in pd.date_range(start + pd.Timedelta("6h"), periods=11, freq="3h"):
        first = int((end - pd.Timedelta("6h")).timestamp())
        part = window[(window["at"] >= first) & (window["at"] < int(end.timestamp()))]
        values, mixed, absent, fell = mixture(part, reference)
        expanded = np.repeat(values, mixed)
        lines.append({
            "end": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "events": len(part),
            "psi": psi(values, mixed, absent, part, reference),
            "ks": float(stats.ks_2samp(expanded, part["x"].dropna()).statistic),
            "reference_events": int(mixed.sum() + absent),
            "slots": int(part["slot"].nunique()),
            "hour_of_day": fell["hour"] / len(part),
            "pooled": fell["all"] / len(part),
        })
    (HERE / "lines.json").write_text(json.dumps(lines, indent=1) + "\n")


main()
