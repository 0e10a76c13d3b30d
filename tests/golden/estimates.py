"""Estimates without outcomes by NannyML, scikit-learn and plain numpy, for the tests of
src/stats/estimate and src/reference.

    python3.12 -m venv venv        # NannyML asks for Python 3.9 to 3.12
    venv/bin/pip install nannyml==0.13.1 scikit-learn==1.9.1 numpy==2.4.6 pandas==3.1.1 statsmodels==0.15.0
    venv/bin/python -P tests/golden/estimates.py

writes estimates.json beside itself (-P: statistics.py beside it is not the one of the library). The Rust tests read only that.
"""
import json
import math
import os
import pathlib
import warnings

import numpy as np
import pandas as pd
from sklearn import metrics
from sklearn.isotonic import IsotonicRegression

warnings.simplefilter("ignore")

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
import nannyml as nml  # noqa: E402

METRICS = ["accuracy", "precision", "recall", "specificity", "f1", "roc_auc"]
WORTH = {"true_positive": 5.0, "false_positive": -2.0, "true_negative": 0.25, "false_negative": -7.5}


def rows(rng, n, shift, steep, digits):
    """Outcomes follow one law of x; `steep` other than 1.5 says it wrongly."""
    x = rng.normal(shift, 1.2, n)
    y = (rng.random(n) < 1 / (1 + np.exp(0.5 - 1.5 * x))).astype(int)
    p = (1 / (1 + np.exp(0.5 - steep * x))).round(digits)
    return pd.DataFrame({"p": p, "said": (p >= 0.5).astype(int), "y": y})


def nannyml(reference, window):
    estimator = nml.CBPE(
        problem_type="classification_binary", y_pred_proba="p", y_pred="said", y_true="y",
        metrics=METRICS, chunk_number=1,
    )
    estimator.fit(reference)
    table = estimator.estimate(window.drop(columns=["y"])).filter(period="analysis").to_df()
    return bool(estimator.needs_calibration), {m: float(table[(m, "value")].iloc[-1]) for m in METRICS}


def band(value, moved):
    """Either count of positives moved by 1.96 deviations; moves of the metric add up as squares."""
    return [
        value - math.sqrt(sum(min(0.0, m - value) ** 2 for m in moved)),
        value + math.sqrt(sum(max(0.0, m - value) ** 2 for m in moved)),
    ]


def deviation(reference, p, c, chosen):
    """Of the positives among the chosen rows: outcomes vary, and so did those of the reference's
    rows with the same probability that c was learnt from."""
    total = 0.0
    for at in np.unique(p[chosen]):
        here, share = (p[chosen] == at).sum(), c[p == at][0]
        known = max((reference.p == at).sum(), 1)
        total += here * share * (1 - share) + here**2 * share * (1 - share) / known
    return math.sqrt(total)


def plain(reference, p, said, c):
    """Sums over rows with probability p, class `said` and calibrated probability c."""
    cells = lambda a, b: (a, said.sum() - a, (1 - said).sum() - b, b)  # noqa: E731
    a, b = (c * said).sum(), (c * (1 - said)).sum()
    da, db = (1.959963984540054 * deviation(reference, p, c, said == side) for side in (1, 0))

    def mcc(tp, fp, tn, fn):
        return (tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))

    def worth(tp, fp, tn, fn):
        pairs = zip((tp, fp, tn, fn), WORTH.values())
        return sum(n * w for n, w in pairs) / len(p)

    def accuracy(tp, fp, tn, fn):
        return (tp + tn) / len(p)

    def recall(tp, fp, tn, fn):
        return tp / (tp + fn)

    found = {}
    for name, metric in (("mcc", mcc), ("business_value", worth), ("accuracy", accuracy), ("recall", recall)):
        value = metric(*cells(a, b))
        moved = [metric(*cells(a + s * da, b)) for s in (-1, 1)] + [metric(*cells(a, b + s * db)) for s in (-1, 1)]
        found[name] = value
        found[f"{name}_interval"] = band(value, moved)
    y = np.r_[np.ones(len(p)), np.zeros(len(p))]
    found["roc_auc"] = metrics.roc_auc_score(y, np.r_[p, p], sample_weight=np.r_[c, 1 - c])
    return found


def draws_of_auc(rng, reference, p, c, n):
    """Deviation of the realised area from the expected one, when outcomes of the window and of the
    reference's rows with the same probabilities are drawn anew."""
    at, place = np.unique(p, return_inverse=True)
    share = np.array([c[p == x][0] for x in at])
    known = np.array([(reference.p == x).sum() for x in at])
    y, twice, found = np.r_[np.ones(len(p)), np.zeros(len(p))], np.r_[p, p], []
    for _ in range(n):
        drawn = (rng.binomial(known, share) / known)[place]
        expected = metrics.roc_auc_score(y, twice, sample_weight=np.r_[drawn, 1 - drawn])
        found.append(metrics.roc_auc_score(rng.random(len(c)) < c, p) - expected)
    return float(np.std(found))


def case(rng, name, n, m, shift, steep, digits):
    reference, window = rows(rng, n, 0.3, steep, digits), rows(rng, m, shift, steep, digits)
    calibrates, theirs = nannyml(reference, window)
    isotonic = IsotonicRegression(out_of_bounds="clip").fit(reference.p, reference.y)
    p, said = window.p.to_numpy(), window.said.to_numpy()
    c = isotonic.predict(p) if calibrates else p
    return {
        "name": name,
        "reference": {key: reference[key].tolist() for key in ("p", "said", "y")},
        "window": {key: window[key].tolist() for key in ("p", "said", "y")},
        "calibrates": calibrates,
        "nannyml": theirs,
        "plain": plain(reference, p, said, c),
        "auc_deviation": draws_of_auc(rng, reference, p, c, 2000) if set(p) <= set(reference.p) else None,
        "realised_accuracy": float((window.said == window.y).mean()),
    }


def isotonic(rng):
    """Ties, falling stretches, weights as repeated rows."""
    found = []
    for n, digits in ((1, 2), (7, 1), (60, 1), (400, 2), (400, 6)):
        x = rng.random(n).round(digits)
        y = (rng.random(n) < np.abs(np.sin(3 * x))).astype(int)
        at = np.r_[np.linspace(-0.1, 1.1, 49), x[:20]]
        fitted = IsotonicRegression(out_of_bounds="clip").fit(x, y)
        found.append({"x": x.tolist(), "y": y.tolist(), "at": at.tolist(), "fitted": fitted.predict(at).tolist()})
    return found


def main():
    rng = np.random.default_rng(20261126)
    values = {
        "worth": WORTH,
        "isotonic": isotonic(rng),
        "cases": [
            case(rng, "two digits", 4000, 2000, -0.2, 2.4, 2),
            case(rng, "six digits", 6000, 3000, -0.2, 2.4, 6),
            case(rng, "three digits", 5000, 1500, 0.9, 0.6, 3),
        ],
    }
    path = pathlib.Path(__file__).parent / "estimates.json"
    path.write_text(json.dumps(values, default=float) + "\n")


main()
