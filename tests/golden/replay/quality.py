"""Shares of rows that are absent, wrong, new or stuck; volume, coverage and delay."""

import math

import numpy as np

import distribution
from distribution import ABSENT, numbers

NUMBERS = [*distribution.NUMBERS, "sensor"]


def rates(window, name):
    n = len(window)
    share = lambda *texts: sum(row[name] in texts for row in window) / n
    yield "missing_rate", share(*ABSENT)
    yield "null_rate", 0.0
    yield "nan_rate", share("NaN")
    yield "type_error_rate", share("n/a")


def spike(reference, window):
    """Largest share of values strictly between two neighbours of the reference, beyond its own there
    (none: the reference is whole)."""
    known = np.unique(reference)
    between = window[~np.isin(window, known)]
    places = np.bincount(np.searchsorted(known, between), minlength=len(known) + 1)
    return places.max() / len(window)


def of_numbers(reference, window):
    """(statistic, score) of one column of numbers; for whole references."""
    out = np.mean((window < reference.min()) | (window > reference.max()))
    yield "out_of_range_rate", out
    yield "constant_feature", float(len(set(window)) == 1 and len(set(reference)) > 1)


def vectors(reference, window):
    for name in [*NUMBERS, "city"]:
        for statistic, share in rates(window, name):
            yield f"features.{name}", {"kind": statistic}, {"score": share, "support": len(window)}
    for name in NUMBERS:
        frozen, values = numbers(reference, name), numbers(window, name)
        for statistic, score in of_numbers(frozen, values):
            yield f"features.{name}", {"kind": statistic}, {"score": score, "support": len(values)}
        if len(np.unique(frozen)) <= 1000:
            found = {"score": spike(frozen, values), "support": len(values)}
            yield f"features.{name}", {"kind": "new_spike"}, found
    known = {row["city"] for row in reference}
    named = [row["city"] for row in window if row["city"] not in ABSENT]
    new = np.mean([name not in known for name in named])
    yield "features.city", {"kind": "new_category_rate"}, {"score": new, "support": len(named)}


def of_lines(window):
    """JSON tells null, absent and wrong apart."""
    n = len(window)
    for name in ("fare", "city"):
        null = sum(name in row and row[name] is None for row in window)
        wrong = sum(isinstance(row.get(name), list) for row in window)
        absent = sum(name not in row for row in window)
        for statistic, count in (
            ("null_rate", null),
            ("type_error_rate", wrong),
            ("missing_rate", null + wrong + absent),
        ):
            yield f"features.{name}", {"kind": statistic}, {"score": count / n, "support": n}


def volume(window, outcomes):
    """`outcomes` by id."""
    met = [int(outcomes[row["id"]]["at"]) - int(row["at"]) for row in window if row["id"] in outcomes]
    n = len(window)
    yield {"kind": "event_rate"}, {"score": n / 3600, "support": n}
    yield {"kind": "outcome_coverage"}, {"score": len(met) / n, "support": n}
    for options in ({}, {"quantile": 0.95}):
        rank = math.ceil(options.get("quantile", 0.5) * len(met))
        found = {"score": sorted(met)[rank - 1], "error": "interval", "support": len(met)}
        yield {"kind": "outcome_delay"} | options, found
