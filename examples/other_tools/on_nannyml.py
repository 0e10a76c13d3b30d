"""What NannyML's own methods and thresholds say.

python3.12 -m venv venv && venv/bin/pip install nannyml==0.13.1 pandas==2.3.3 statsmodels==0.15.0
venv/bin/python examples/other_tools/on_nannyml.py
"""

import warnings

import numpy as np
import pandas as pd
from nannyml.chunk import SizeBasedChunker
from nannyml.drift.univariate.methods import KolmogorovSmirnovStatistic
from nannyml.thresholds import StandardDeviationThreshold
from scipy import stats

warnings.simplefilter("ignore")


def ks():
    threshold = StandardDeviationThreshold()
    return KolmogorovSmirnovStatistic(chunker=SizeBasedChunker(1000), threshold=threshold)


def equal_width(rng):
    n = 20_000
    for name, reference, window in (
        ("Pareto(0.8) times 1.5", rng.pareto(0.8, n), 1.5 * rng.pareto(0.8, n)),
        ("lognormal(2) times 1.5", rng.lognormal(0, 2, n), 1.5 * rng.lognormal(0, 2, n)),
    ):
        method = ks()
        method._fit(pd.Series(reference))
        theirs, exact = method._calculate(pd.Series(window)), stats.ks_2samp(reference, window).statistic
        print(f"KS of {name}: {theirs:.3f}, exact {exact:.3f}")


def three_deviations(rng, references=100, chunks=12, rows=200):
    """Ten chunks of the reference make the threshold; then chunks of the same law."""
    hits, streams = 0, 0
    for _ in range(references):
        reference = rng.normal(size=10 * rows)
        method = ks()
        method._fit(pd.Series(reference))
        own = np.array([method._calculate(pd.Series(chunk)) for chunk in reference.reshape(10, rows)])
        _, upper = StandardDeviationThreshold().thresholds(own)
        alarms = [method._calculate(pd.Series(rng.normal(size=rows))) > upper for _ in range(chunks)]
        hits, streams = hits + sum(alarms), streams + any(alarms)
    print(
        f"mean + 3 sd over 10 chunks of the reference, one law: {100 * hits / references / chunks:.1f} % of chunks alarm, "
        f"{100 * streams / references:.0f} % of streams within {chunks} chunks"
    )


rng = np.random.default_rng(1)
equal_width(rng)
three_deviations(rng)
