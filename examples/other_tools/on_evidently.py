"""What Evidently's own functions say.

python -m venv venv && venv/bin/pip install evidently==0.7.23 pandas==2.3.3
venv/bin/python examples/other_tools/on_evidently.py
"""

import numpy as np
import pandas as pd
from evidently.legacy.calculations.stattests.chisquare_stattest import _chi_stat_test
from evidently.legacy.calculations.stattests.g_stattest import _g_stat_test
from evidently.legacy.calculations.stattests.jensenshannon import _jensenshannon
from evidently.legacy.calculations.stattests.psi import _psi
from evidently.legacy.calculations.stattests.wasserstein_distance_norm import _wasserstein_distance_norm
from evidently.legacy.core import ColumnType

NUMBER, NAME = ColumnType.Numerical, ColumnType.Categorical


def chi_square(rng, runs=400):
    print("chi-square, one law, rejections at 5 %, reference of 1,000 rows:")
    for n in (100, 1000, 5000):
        draw = lambda size: pd.Series(rng.integers(0, 6, size).astype(str))
        hits = sum(_chi_stat_test(draw(1000), draw(n), NAME, 0.05)[1] for _ in range(runs))
        print(f"  window of {n}: {100 * hits / runs:.0f} %")


def g_of_other_sizes(rng):
    draw = lambda size: pd.Series(rng.integers(0, 6, size).astype(str))
    try:
        print("g_test of 1,000 and 500 rows:", _g_stat_test(draw(1000), draw(500), NAME, 0.05))
    except ValueError as error:
        print("g_test of 1,000 and 500 rows: ValueError,", str(error).splitlines()[0][:90])


def pooled_bins(rng):
    reference, window = pd.Series(rng.normal(size=1000)), pd.Series(rng.normal(2, 1, 1000))
    print(f"PSI of a shift by 2 sd: {_psi(reference, window, NUMBER, 0.1)[0]:.4f}")
    print(
        "  with 10, 30, 100 bins:",
        [round(float(_psi(reference, window, NUMBER, 0.1, n)[0]), 4) for n in (10, 30, 100)],
    )
    window.iloc[0] = 1e6
    print(f"  with one value of 1e6 in the window: {_psi(reference, window, NUMBER, 0.1)[0]:.4f}")


def tenths(rng, runs=200):
    print("alarms at 0.1, one normal law, reference and window of n rows (PSI, Jensen-Shannon, Wasserstein / sd):")
    for n in (100, 300, 3000):
        share = []
        for test in (_psi, _jensenshannon, _wasserstein_distance_norm):
            draw = lambda: pd.Series(rng.normal(size=n))
            share.append(f"{100 * sum(test(draw(), draw(), NUMBER, 0.1)[1] for _ in range(runs)) / runs:.0f} %")
        print(f"  n = {n}: {', '.join(share)}")


rng = np.random.default_rng(1)
chi_square(rng)
g_of_other_sizes(rng)
pooled_bins(rng)
tenths(rng)
