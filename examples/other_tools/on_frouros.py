"""What Frouros' own classes say.

python -m venv venv && venv/bin/pip install frouros==0.9.0
venv/bin/python examples/other_tools/on_frouros.py
"""

import time

import numpy as np
from frouros.detectors.data_drift import KuiperTest, PSI
from frouros.detectors.data_drift.streaming import IncrementalKSTest
from scipy import stats


def empty_bins():
    np.random.seed(31)
    reference, window = np.random.normal(0, 1, 100), np.random.normal(1, 1, 100)
    psi = PSI(num_bins=20)
    psi.fit(X=reference)
    print(f"PSI of the example in its documentation (a shift by 1 sd): {psi.compare(X=window)[0].distance:.2f}")


def kuiper(rng):
    reference, window = rng.normal(size=500), rng.normal(0, 1.5, 400)
    test = KuiperTest()
    test.fit(X=reference)
    theirs = test.compare(X=window)[0].statistic
    above = stats.ks_2samp(reference, window, alternative="greater").statistic
    below = stats.ks_2samp(reference, window, alternative="less").statistic
    print(
        f"Kuiper of a wider window: {theirs:.4f}; D+ + D- = {above + below:.4f}, the KS distance is {max(above, below):.4f}"
    )


def sorting(rng):
    for window in (1000, 10_000):
        test = IncrementalKSTest(window_size=window)
        test.fit(X=rng.normal(size=window))
        values = rng.normal(size=window + 50)
        for value in values[:window]:
            test.update(value=value)
        start = time.perf_counter()
        for value in values[window:]:
            test.update(value=value)
        print(f"IncrementalKSTest, window of {window}: {(time.perf_counter() - start) / 50 * 1e6:,.0f} us per event")


rng = np.random.default_rng(1)
empty_bins()
kuiper(rng)
sorting(rng)
