"""The rows that driftd and these scripts read: made once from a fixed seed, and read back."""

import csv
import json
import pathlib

import numpy as np

HERE = pathlib.Path(__file__).parent
START, HOUR, ROWS, WINDOWS, REFERENCE = 1_767_225_600, 3600, 600, 2, 2400
CLASSES = ["a", "b", "c", "d"]


def snapped(values, known):
    """Each value's nearest one of `known`."""
    known = np.unique(known)
    place = np.clip(np.searchsorted(known, values), 1, len(known) - 1)
    return np.where(values - known[place - 1] < known[place] - values, known[place - 1], known[place])


def features(rng, n, shift):
    """fare: heavy ties; meter: whole numbers; distance: all distinct, with a tail; humidity: with rows
    without a value; weight: tenths; level: of few values; sensor: tenths, which stick for a while."""
    return {
        "fare": 2.5 * rng.poisson(4 + shift, n),
        "meter": rng.normal(200 + 30 * shift, 60, n).round(),
        "distance": rng.lognormal(1 + 0.5 * shift, 1, n),
        "humidity": rng.normal(0, 1 + shift, n).round(9),
        "weight": rng.normal(3 + 0.2 * shift, 0.8, n).round(1),
        "level": rng.integers(0, 6, n).astype(float),
        "sensor": rng.normal(20, 8, n).round(1),
        "city": rng.choice(
            ["Oslo", "Bergen", "Bodø", "Hamar"], n, p=[0.5, 0.3 - 0.2 * shift, 0.15 + 0.2 * shift, 0.05]
        ),
    }


def with_gaps(rng, column, holes):
    text = [str(x) for x in column.tolist()]
    for hole, share in holes.items():
        for i in np.flatnonzero(rng.random(len(text)) < share):
            text[i] = hole
    return text


def texts(rng, columns, holes, city):
    told = {name: [str(x) for x in column.tolist()] for name, column in columns.items()}
    told["humidity"] = with_gaps(rng, columns["humidity"], holes)
    told["city"] = with_gaps(rng, columns["city"], city)
    return told


def told_probabilities(rng, fraud):
    x = -0.9 + 1.2 * fraud + rng.normal(0, 1.3, len(fraud))
    return 1 / (1 + np.exp(-x))


def predictions(rng, demand, fraud, kind):
    n = len(demand)
    fine = told_probabilities(rng, fraud)
    scores = rng.normal(size=(n, 4)) + 1.5 * np.eye(4)[kind]
    share = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    said = np.maximum(demand * rng.lognormal(0, 0.3, n) + rng.normal(0, 0.5, n), 0)
    return {
        "demand": said,
        "coarse": told_probabilities(rng, fraud).round(2).clip(0.01, 0.99),
        "fine": fine,
        "kind": np.array(CLASSES)[share[:, :3].argmax(axis=1)],
    } | {f"p_{name}": share[:, i] for i, name in enumerate(CLASSES)}


def truths(rng, n):
    demand = rng.lognormal(2, 0.7, n)
    demand[rng.random(n) < 0.02] = 0
    return demand, (rng.random(n) < 0.3).astype(int), rng.choice(4, n, p=[0.5, 0.3, 0.15, 0.05])


def told_and_true(rng, n, shift):
    """Predictions and outcomes whose errors differ from one another; some are right to the digit."""
    truth = rng.lognormal(2, 0.7, n)
    error = np.where(rng.random(n) < 0.1, 0, rng.normal(0.3 * shift, 1 + shift, n))
    return {"told": (truth + error).tolist(), "truth": truth.tolist()}


def write(name, columns):
    with open(HERE / name, "w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(columns)
        out.writerows(zip(*columns.values()))


def make():
    rng = np.random.default_rng(20261126)
    reference = features(rng, REFERENCE, 0)
    holes = {"": 0.03, "NaN": 0.02}
    # Of a generator of their own: what it draws changes nothing else.
    errors = np.random.default_rng(20261127)
    pairs = told_and_true(errors, REFERENCE, 0)
    write("reference.csv", texts(rng, reference, holes, {"": 0.02}) | pairs)
    n = ROWS * WINDOWS
    live = features(rng, n, 0.4)
    for name in ("fare", "weight"):
        live[name] = snapped(live[name], reference[name])
    # Between the whole numbers of the reference, no two alike.
    live["meter"] += np.where(rng.random(n) < 0.5, rng.random(n), 0)
    live["meter"] = np.where(live["meter"] % 1 == 0, snapped(live["meter"], reference["meter"]), live["meter"])
    # A producer of single precision tells its tenths with all their digits.
    live["weight"] = live["weight"].astype(np.float32).astype(float)
    live["level"][ROWS:] = 3.0
    live["sensor"][:40] = 20.05
    demand, fraud, kind = truths(rng, n)
    told = texts(rng, live, holes | {"n/a": 0.01}, {"": 0.03, "Narvik": 0.04})
    ids = [f"r{i}" for i in range(n)]
    at = START + np.arange(n) * HOUR // ROWS
    said = {name: column.tolist() for name, column in predictions(rng, demand, fraud, kind).items()}
    pairs = told_and_true(errors, n, 0.4)
    write("live.csv", {"id": ids, "at": at.tolist()} | told | said | {"told": pairs["told"]})
    known = np.flatnonzero(rng.random(n) < 0.9)
    late = at + rng.lognormal(5, 1.2, n).clip(1, 3000).round().astype(int)
    order = known[np.argsort(late[known], kind="stable")]
    outcomes = {
        "id": [ids[i] for i in order],
        "at": late[order].tolist(),
        "demand": demand[order].tolist(),
        "fraud": fraud[order].tolist(),
        "truth": [pairs["truth"][i] for i in order],
        "kind": np.array(CLASSES)[kind[order]].tolist(),
    }
    write("outcomes.csv", outcomes)
    with open(HERE / "live.jsonl", "w") as file:
        for i in range(n):
            fare = float(live["fare"][i])
            row = {"id": ids[i], "at": int(at[i]), "fare": fare, "city": str(live["city"][i])}
            if i % 17 == 0:
                row["fare"] = None
            if i % 40 == 1:
                row["fare"] = ["not", "a", "number"]
            if i % 29 == 2:
                del row["city"]
            if i % 23 == 3:
                row["city"] = None
            file.write(json.dumps(row) + "\n")


def read(name):
    with open(HERE / name, newline="") as file:
        return list(csv.DictReader(file))


def read_lines(name):
    return [json.loads(line) for line in (HERE / name).read_text().splitlines()]


def windows(rows):
    """(end, rows) of every hour."""
    for i in range(WINDOWS):
        end = START + (i + 1) * HOUR
        yield end, [row for row in rows if end - HOUR <= int(row["at"]) < end]
