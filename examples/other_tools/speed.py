"""River and scipy beside driftd on the same data, in one run.

    python -m venv venv && venv/bin/pip install river==0.26.1 scipy==1.17.0 numpy==2.4.6
    venv/bin/python examples/other_tools/speed.py

The same standard normal values go through scipy's KS test and a PSI in numpy, through River's detectors one by
one, and through `cargo run --release --no-default-features --example side_by_side`, which this command builds
and starts: it reads the values, and prints nanoseconds. Compare the ratios.
"""

import pathlib
import subprocess
import tempfile
import time

import numpy as np
from river import drift
from scipy import stats

ROOT = pathlib.Path(__file__).parents[2]
REFERENCE, WINDOW, ERRORS = 20_000, 10_000, 100_000


def nanoseconds(work, per, rounds=7):
    took = []
    for _ in range(rounds):
        start = time.perf_counter_ns()
        work()
        took.append((time.perf_counter_ns() - start) / per)
    return sorted(took)[rounds // 2]


def psi(edges, shares, window):
    q = (np.bincount(np.searchsorted(edges, window), minlength=10) + 0.5) / (len(window) + 5)
    return np.sum((q - shares) * np.log(q / shares))


def through(make, values):
    detector = make()
    for value in values:
        detector.update(value)


def ratio(theirs, ours):
    return f"{theirs / ours:,.0f}" if theirs > 10 * ours else f"{theirs / ours:.1f}"


def main():
    rng = np.random.default_rng(1)
    reference, window = rng.normal(size=REFERENCE), rng.normal(size=WINDOW)
    errors = (rng.random(ERRORS) < 0.05).astype(float).tolist()
    edges = np.quantile(reference, np.arange(1, 10) / 10, method="inverted_cdf")
    shares = (np.bincount(np.searchsorted(edges, reference), minlength=10) + 0.5) / (REFERENCE + 5)
    theirs = {
        "ks": nanoseconds(lambda: stats.ks_2samp(reference, window, method="asymp"), 1),
        "psi": nanoseconds(lambda: psi(edges, shares, window), 1),
        "adwin": nanoseconds(lambda: through(drift.ADWIN, errors), ERRORS, 3),
        "page-hinkley": nanoseconds(lambda: through(drift.PageHinkley, errors), ERRORS, 3),
        "ddm": nanoseconds(lambda: through(drift.binary.DDM, errors), ERRORS, 3),
        "hddm-w": nanoseconds(lambda: through(drift.binary.HDDMW, errors), ERRORS, 3),
    }
    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder) / name for name in ("reference", "window", "errors")]
        for file, values in zip(files, (reference, window, errors)):
            file.write_text("\n".join(map(repr, map(float, values))))
        command = ["cargo", "run", "-q", "--release", "--no-default-features", "--example", "side_by_side", "--"]
        done = subprocess.run(command + files, cwd=ROOT, capture_output=True, text=True, check=True)
    print("| | scipy, numpy or River, ns | driftd, ns | ratio |\n|---|---|---|---|")
    for line in done.stdout.splitlines():
        name, what, ours = line.split("\t")
        print(f"| {what} | {theirs[name]:,.0f} | {float(ours):,.0f} | {ratio(theirs[name], float(ours))} |")


main()
