"""95 % intervals of metrics by other ways than driftd's, for the tests of src/stats/metrics.

    python -m venv venv && venv/bin/pip install numpy==2.4.6 scipy==1.17.0 scikit-learn==1.8.0
    venv/bin/python -P tests/golden/intervals.py > tests/golden/intervals.json

(-P: statistics.py beside it is not the one of the library.) The Rust tests read only the JSON file.

Of confusion matrices: scikit-learn's metrics, differentiated numerically by the weights of all cells, and the
whole covariance matrix of a multinomial. Of roc_auc: DeLong's placement values, pair by pair.
"""
import json
import math
import warnings

import numpy as np
from scipy import stats
from sklearn import metrics

warnings.simplefilter("ignore")
Z = stats.norm.ppf(0.975)
OF_CLASS = {"precision": metrics.precision_score, "recall": metrics.recall_score, "f1": metrics.f1_score}


def pairs_of(k):
    return np.repeat(np.arange(k), k), np.tile(np.arange(k), k)


def averaged(name, average, defined):
    """The mean over classes as a function of the cells' weights; classes that the counts leave undefined are 0."""
    k = len(defined)
    was, said = pairs_of(k)

    def of(weights):
        by_class = OF_CLASS[name](was, said, labels=range(k), average=None, sample_weight=weights, zero_division=0)
        outcomes = weights.reshape(k, k).sum(axis=1)
        share = np.full(k, 1 / k) if average == "macro" else outcomes / outcomes.sum()
        return float(np.sum(np.where(defined, by_class * share, 0)))

    return of


def mcc(k):
    was, said = pairs_of(k)
    return lambda weights: metrics.matthews_corrcoef(was, said, sample_weight=weights)


def softened(counts):
    """Half a right pair more of each class, and half a wrong one spread over the others."""
    k = len(counts)
    return counts + np.where(np.eye(k) == 1, 0.5, 0.5 / (k - 1))


def derivative(metric, shares, cell):
    """Central differences at three steps, so extrapolated that an error of the sixth order is left."""
    at = np.arange(len(shares)) == cell
    slope = lambda step: (metric(shares + step * at) - metric(shares - step * at)) / (2 * step)
    one, two, four = (slope(times * 0.01 * shares[cell]) for times in (1, 2, 4))
    return (64 * one - 20 * two + four) / 45


def delta(metric, counts, least):
    """The interval of a metric of the weights of all cells, row by row."""
    value, soft = metric(counts.ravel().astype(float)), softened(counts).ravel()
    n = soft.sum()
    shares = soft / n
    gradient = np.array([derivative(metric, shares, cell) for cell in range(len(soft))])
    covariance = (np.diag(shares) - np.outer(shares, shares)) / n
    half = Z * math.sqrt(gradient @ covariance @ gradient)
    return [max(value - half, least), min(value + half, 1)]


def confusion(name, counts):
    """Rows are outcomes, columns predictions."""
    counts = np.array(counts)
    k = len(counts)
    hits, outcomes, said = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    case = {"name": name, "counts": counts.tolist(), "mcc": delta(mcc(k), counts, -1)}
    for kind, of in (("precision", said), ("recall", outcomes), ("f1", said + outcomes)):
        for average in ("macro", "weighted"):
            case[f"{kind}({average})"] = delta(averaged(kind, average, of > 0), counts, 0)
    wilson = stats.binomtest(int(hits.sum()), int(counts.sum())).proportion_ci(method="wilson")
    case["recall(weighted)"] = [wilson.low, wilson.high]
    return case


def confusions(rng):
    yield confusion("two", [[61, 12], [7, 20]])
    yield confusion("rare", [[940, 21], [14, 25]])
    yield confusion("worse than guessing", [[3, 22], [30, 5]])
    yield confusion("all right", [[70, 0, 0], [0, 25, 0], [0, 0, 5]])
    yield confusion("all wrong", [[0, 12], [9, 0]])
    yield confusion("three", [[50, 6, 4], [8, 30, 2], [1, 3, 16]])
    yield confusion("one never predicted", [[50, 6, 0], [8, 30, 0], [4, 3, 0]])
    yield confusion("one never came", [[50, 6, 2], [8, 30, 1], [0, 0, 0]])
    yield confusion("few", [[2, 1, 0, 0], [0, 3, 0, 1], [1, 0, 0, 0], [0, 0, 0, 2]])
    share = 1 / np.arange(1, 13)
    table = 0.3 * np.outer(share, share) / share.sum() + 0.7 * np.diag(share)
    yield confusion("twelve", rng.multinomial(900, (table / table.sum()).ravel()).reshape(12, 12))


def delong(p, positive):
    """Area, variance, and the share of pairs with one and the same probability."""
    a, b = p[positive][:, None], p[~positive][None, :]
    wins = (a > b) + (a == b) / 2
    of_positives, of_negatives = wins.mean(axis=1), wins.mean(axis=0)
    variance = of_positives.var(ddof=1) / len(of_positives) + of_negatives.var(ddof=1) / len(of_negatives)
    return wins.mean(), variance, np.mean(a == b)


def roc_auc(rng):
    """Probabilities of two digits, which a grid of 128 cells per factor two tells apart."""
    n = 250
    y = rng.choice(3, n, p=[0.6, 0.3, 0.1])
    logit = rng.normal(size=(n, 3)) + 1.1 * np.eye(3)[y]
    p = np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)
    p = p.round(2).clip(0.02, 0.98)
    found = [delong(p[:, i], y == i) for i in range(3)]
    value = np.mean([area for area, _, _ in found])
    half = Z * np.mean([math.sqrt(variance) for _, variance, _ in found]) + np.mean([ties / 2 for *_, ties in found])
    return {"outcomes": y.tolist(), "probabilities": p.tolist(), "value": value, "interval": [value - half, value + half]}


def ece_interval(value, place, y):
    """Of |e| with e normal of deviation s: mean s sqrt(2 / pi), variance s^2 (1 - 2 / pi)."""
    mean, variance = 0, 0
    for b in np.unique(place):
        inside = place == b
        weight, share = inside.mean(), (y[inside].sum() + 2) / (inside.sum() + 4)
        s = math.sqrt(share * (1 - share) / inside.sum())
        mean += weight * stats.halfnorm.mean(scale=s)
        variance += weight**2 * stats.halfnorm.var(scale=s)
    beyond = (stats.halfnorm.ppf(0.95) - stats.halfnorm.mean()) / stats.halfnorm.std()
    half = mean + beyond * math.sqrt(variance)
    return [max(value - half, 0), min(value + half, 1)]


def ece(rng, name, n, tilt):
    """`tilt` is the power that the odds are said with."""
    q = rng.beta(0.8, 1.6, n)
    y = (rng.random(n) < q).astype(int)
    odds = (q / (1 - q)) ** tilt
    p = odds / (1 + odds)
    place = np.ceil(p * 10).clip(1, 10) - 1
    value = sum(abs(y[place == b].sum() - p[place == b].sum()) for b in range(10)) / n
    return {"name": name, "outcomes": y.tolist(), "probabilities": p.tolist(), "value": value,
            "interval": ece_interval(value, place, y)}


def r2_interval(said, was):
    squares = (said - was) ** 2
    half = Z * stats.sem(squares)
    ends = [1 - (np.mean(squares) + side * half) / np.var(was) for side in (1, -1)]
    return [ends[0], min(ends[1], 1)]


def r2(rng, name, n, noise):
    y = rng.normal(20, 3, n)
    p = y + noise * rng.standard_t(6, n)
    return {"name": name, "outcomes": y.tolist(), "predictions": p.tolist(), "value": metrics.r2_score(y, p),
            "interval": r2_interval(p, y)}


def main():
    rng = np.random.default_rng(20261127)
    print(json.dumps({
        "confusions": list(confusions(rng)),
        "roc_auc": roc_auc(rng),
        "ece": [ece(rng, "honest", 400, 1), ece(rng, "too sure", 400, 2), ece(rng, "few", 12, 1)],
        "r2": [r2(rng, "good", 200, 1.0), r2(rng, "worse than the mean", 200, 4.0), r2(rng, "two", 2, 1.0)],
    }, default=float))


if __name__ == "__main__":
    main()
