"""Drifts and warnings of River's detectors for the tests of src/detect.

    python -m venv venv && venv/bin/pip install river==0.26.1 numpy==2.4.6
    venv/bin/python tests/golden/detectors.py > tests/golden/detectors.json

River is BSD 3-Clause, Copyright (c) 2020, the river developers; the sequences named `documented`
are those of its docstrings. The Rust tests read only the JSON file.
"""
import json
import random

import numpy as np
import river
from river import drift


def sequences():
    rng = random.Random(42)
    yield "documented bits", rng.choices([0, 1], k=1000) + rng.choices([0, 1], k=1000, weights=[0.3, 0.7])
    rng = random.Random(12345)
    yield "documented levels", rng.choices([0, 1], k=1000) + rng.choices(range(4, 8), k=1000)
    rng = np.random.default_rng(20261101)
    rates = np.concatenate([np.full(1500, 0.05), np.linspace(0.05, 0.3, 1000), np.full(1000, 0.3), np.full(1500, 0.08)])
    yield "errors", (rng.random(len(rates)) < rates).astype(int).tolist()
    yield "rare errors", (rng.random(4000) < np.repeat([0.002, 0.02], 2000)).astype(int).tolist()
    yield "no errors", [0] * 300
    walk = np.concatenate([rng.normal(0, 1, 1500), rng.normal(0.7, 1, 1500), rng.normal(0.7, 3, 1000)])
    yield "normal", [round(float(x), 3) for x in walk]
    yield "large", [round(float(x), 1) for x in rng.normal(1e6, 50, 1000)] + [round(float(x), 1) for x in rng.normal(1.0001e6, 50, 500)]


CASES = [
    ("adwin", drift.ADWIN, {}),
    ("adwin", drift.ADWIN, {"delta": 0.2, "clock": 1, "min_window_length": 1, "grace_period": 1}),
    ("adwin", drift.ADWIN, {"delta": 0.01, "clock": 7, "max_buckets": 2, "min_window_length": 10, "grace_period": 100}),
    ("page-hinkley", drift.PageHinkley, {}),
    ("page-hinkley", drift.PageHinkley, {"threshold": 10, "mode": "up", "min_instances": 100}),
    ("page-hinkley", drift.PageHinkley, {"threshold": 8, "mode": "down", "delta": 0.05, "alpha": 0.99}),
    ("ddm", drift.binary.DDM, {}),
    ("ddm", drift.binary.DDM, {"warm_start": 100, "warning_threshold": 1.5, "drift_threshold": 2}),
    ("eddm", drift.binary.EDDM, {}),
    ("eddm", drift.binary.EDDM, {"alpha": 0.8, "beta": 0.75}),
    ("eddm", drift.binary.EDDM, {"warm_start": 10}),
    ("hddm-a", drift.binary.HDDMA, {}),
    ("hddm-a", drift.binary.HDDMA, {"two_sided_test": True, "drift_confidence": 0.01, "warning_confidence": 0.05}),
    ("hddm-w", drift.binary.HDDMW, {}),
    ("hddm-w", drift.binary.HDDMW, {"two_sided_test": True, "lambda_val": 0.01, "drift_confidence": 0.01, "warning_confidence": 0.05}),
]

BINARY = {"ddm", "eddm", "hddm-a", "hddm-w"}


def state(name, detector):
    """What the detector keeps, as far as it can be seen."""
    if name == "adwin":
        return [detector.width, detector.total, detector.variance]
    if name == "page-hinkley":
        return [detector._x_mean.get(), detector._sum_increase, detector._sum_decrease]
    return None


def run(name, kind, options, values):
    detector = kind(**options)
    drifts, warnings, states = [], [], []
    for i, x in enumerate(values):
        detector.update(x)
        if detector.drift_detected:
            drifts.append(i)
        elif getattr(detector, "warning_detected", False):
            warnings.append(i)
        if i % 250 == 249 and not detector.drift_detected and state(name, detector):
            states.append([i, *state(name, detector)])
    return {"detector": name, "options": options, "drifts": drifts, "warnings": warnings, "states": states}


def main():
    all_values = dict(sequences())
    cases = []
    for name, kind, options in CASES:
        for sequence, values in all_values.items():
            if name in BINARY and set(values) - {0, 1}:
                continue
            cases.append({"sequence": sequence, **run(name, kind, options, values)})
    print(json.dumps({"river": river.__version__, "sequences": all_values, "cases": cases}))


main()
