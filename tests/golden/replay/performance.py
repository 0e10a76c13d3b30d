"""Metrics over matched pairs, straight from the rows."""

import math
import pathlib
import sys

import numpy as np
from scipy import stats
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from rows import CLASSES

sys.path.append(str(pathlib.Path(__file__).parents[1]))
from intervals import averaged, delta, ece_interval, mcc, r2_interval  # noqa: E402

THRESHOLD = 0.3
VALUES = {"true_positive": 10, "false_positive": -3, "true_negative": 1, "false_negative": -20}


def pairs(window, outcomes, column, truth):
    met = [(row, outcomes[row["id"]]) for row in window if row["id"] in outcomes]
    return [row[column] for row, _ in met], [outcome[truth] for _, outcome in met]


def mean_of(terms):
    """A mean with its normal interval."""
    half = stats.norm.ppf(0.975) * np.std(terms, ddof=1) / math.sqrt(len(terms))
    mean = float(np.mean(terms))
    return {"score": mean, "interval": [mean - half, mean + half], "support": len(terms)}


def share(hits, n):
    low, high = stats.binomtest(int(hits), int(n)).proportion_ci(method="wilson")
    return {"score": hits / n, "interval": [low, high], "support": n}


def regression(window, outcomes):
    said, was = (np.array(side, float) for side in pairs(window, outcomes, "demand", "demand"))
    error, n = said - was, len(was)
    valued = was != 0
    squares = mean_of(error**2)
    yield {"kind": "mae"}, mean_of(np.abs(error))
    yield {"kind": "mse"}, squares
    root = {key: np.sqrt(squares[key]).tolist() for key in ("score", "interval")}
    yield {"kind": "rmse"}, root | {"support": n}
    yield {"kind": "mean_error"}, mean_of(error)
    yield {"kind": "mape"}, mean_of(np.abs(error[valued]) / was[valued])
    yield {"kind": "msle"}, mean_of((np.log1p(said) - np.log1p(was)) ** 2)
    yield {"kind": "r2"}, {"score": metrics.r2_score(was, said), "interval": r2_interval(said, was), "support": n}
    for options in ({}, {"quantile": 0.9}):
        q = options.get("quantile", 0.5)
        loss = np.where(was > said, q * (was - said), (1 - q) * (said - was))
        yield {"kind": "pinball"} | options, mean_of(loss)
        exact = np.quantile(np.abs(error), q, method="inverted_cdf")
        found = {"score": exact, "error": 0.004 * exact, "support": n}
        yield {"kind": "error_quantile"} | options, found


def residuals(reference, window, outcomes):
    """The distance of the errors from those of the reference: to what lies within its cells."""
    before = np.array([float(row["told"]) - float(row["truth"]) for row in reference])
    said, was = (np.array(side, float) for side in pairs(window, outcomes, "told", "truth"))
    distance = stats.ks_2samp(before, said - was).statistic
    yield {"kind": "error_ks"}, {"score": distance, "error": 0.02, "support": len(was)}


def near_pairs(p, y):
    """Share of pairs of both classes that a grid of 128 cells per factor two may not tell apart, and
    which are no ties."""
    distance = np.minimum(p, 1 - p)
    pos, neg = y == 1, y == 0
    a, b = distance[pos][:, None], distance[neg][None, :]
    near = (np.abs(a - b) <= np.minimum(a, b) / 128) & ((p[pos] < 0.5)[:, None] == (p[neg] < 0.5)[None, :])
    return float(np.mean(near & (p[pos][:, None] != p[neg][None, :])))


def slope(p, y):
    logit = np.log(p / (1 - p))
    return LogisticRegression(C=np.inf, tol=1e-10, max_iter=10000).fit(logit[:, None], y).coef_[0, 0]


def ece(p, y):
    place = np.searchsorted(np.linspace(0, 1, 11)[1:-1], p)
    score = sum(abs(y[place == b].sum() - p[place == b].sum()) for b in range(10)) / len(y)
    return {"score": score, "interval": ece_interval(score, place, y), "support": len(y)}


def binary(window, outcomes, column):
    p, y = pairs(window, outcomes, column, "fraud")
    p, y = np.array(p, float), np.array(y, int)
    said, n = (p >= THRESHOLD).astype(int), len(y)
    table = metrics.confusion_matrix(y, said)
    tn, fp, fn, tp = (int(x) for x in table.ravel())
    rarer = int(min(y.sum(), n - y.sum()))
    yield {"kind": "accuracy"}, share(tp + tn, n)
    yield {"kind": "precision"}, share(tp, tp + fp)
    yield {"kind": "recall"}, share(tp, tp + fn)
    yield {"kind": "specificity"}, share(tn, tn + fp)
    overlap = share(tp, tp + fp + fn)
    of_overlap = [2 * end / (1 + end) for end in overlap["interval"]]
    yield {"kind": "f1"}, overlap | {"score": metrics.f1_score(y, said), "interval": of_overlap}
    phi = {"score": metrics.matthews_corrcoef(y, said), "interval": delta(mcc(2), table, -1)}
    yield {"kind": "mcc"}, phi | {"support": n}
    worth = np.where(said == 1, np.where(y == 1, 10, -3), np.where(y == 1, -20, 1))
    yield {"kind": "business_value"} | VALUES, mean_of(worth)
    given = np.clip(np.where(y == 1, p, 1 - p), 1e-15, 1 - 1e-15)
    yield {"kind": "log_loss"}, mean_of(-np.log(given))
    yield {"kind": "brier"}, mean_of((p - y) ** 2)
    yield {"kind": "ece"}, ece(p, y)
    auc, open_pairs = metrics.roc_auc_score(y, p), near_pairs(p, y)
    error = {"error": open_pairs / 2} if open_pairs else {}
    twice = {"error": open_pairs} if open_pairs else {}
    inside = {"error": "interval"} if open_pairs else {}
    yield {"kind": "roc_auc"}, {"score": auc, "support": rarer} | error
    yield {"kind": "gini"}, {"score": 2 * auc - 1, "support": rarer} | twice
    precision = metrics.average_precision_score(y, p)
    yield {"kind": "average_precision"}, {"score": precision, "support": int(y.sum())} | inside
    yield {"kind": "calibration_slope"}, {"score": slope(p, y), "support": rarer, "error": 0.001}


def multiclass(window, outcomes):
    said, was = pairs(window, outcomes, "kind", "kind")
    told = np.array([pairs(window, outcomes, f"p_{name}", "kind")[0] for name in CLASSES], float).T
    n, y = len(was), np.array([CLASSES.index(name) for name in was])
    right = share(sum(a == b for a, b in zip(said, was)), n)
    yield {"kind": "accuracy"}, right
    names = sorted({*said, *was})
    table = metrics.confusion_matrix(was, said, labels=names)
    sides = {"precision": table.sum(axis=0), "recall": table.sum(axis=1)}
    sides["f1"] = sides["precision"] + sides["recall"]
    for kind, score in (
        ("precision", metrics.precision_score),
        ("recall", metrics.recall_score),
        ("f1", metrics.f1_score),
    ):
        for options in ({}, {"average": "micro"}, {"average": "weighted"}):
            average = options.get("average", "macro")
            value = score(was, said, average=average, zero_division=0)
            if average == "micro" or (kind, average) == ("recall", "weighted"):
                interval = right["interval"]
            else:
                interval = delta(averaged(kind, average, sides[kind] > 0), table, 0)
            yield {"kind": kind} | options, {"score": value, "interval": interval, "support": n}
    phi = {"score": metrics.matthews_corrcoef(was, said), "interval": delta(mcc(len(names)), table, -1)}
    yield {"kind": "mcc"}, phi | {"support": n}
    yield {"kind": "log_loss"}, mean_of(-np.log(np.clip(told[np.arange(n), y], 1e-15, 1 - 1e-15)))
    yield {"kind": "brier"}, mean_of(((told - np.eye(4)[y]) ** 2).sum(axis=1))
    auc = metrics.roc_auc_score(y, told, multi_class="ovr", average="macro")
    error = np.mean([near_pairs(told[:, i], (y == i).astype(int)) / 2 for i in range(4)])
    yield {"kind": "roc_auc"}, {"score": auc, "support": n, "error": float(error)}
