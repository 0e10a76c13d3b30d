"""Values of independent implementations for the tests of src/stats.

    python -m venv venv
    venv/bin/pip install scipy==1.17.0 numpy==2.4.6 scikit-learn==1.8.0 astropy==7.2.0
    venv/bin/python tests/golden/statistics.py

writes statistics.json and performance.json beside itself. The Rust tests read only those.
"""
import json
import math
import pathlib
import warnings

import numpy as np
from astropy.stats import kuiper_two
from scipy import stats
from scipy.spatial.distance import jensenshannon
from scipy.stats import kstwo
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

warnings.simplefilter("ignore")


def samples(rng):
    yield "normal", rng.normal(size=300), rng.normal(0.2, 1, size=200)
    yield "equal sizes", rng.normal(size=150), rng.normal(0.5, 1, size=150)
    yield "integers", rng.integers(0, 9, 400).astype(float), rng.integers(1, 9, 77).astype(float)
    yield "poisson", rng.poisson(2, 250).astype(float), rng.poisson(3, 90).astype(float)
    yield "mostly zero", np.where(rng.random(300) < 0.6, 0, rng.normal(size=300)), np.where(
        rng.random(100) < 0.4, 0, rng.normal(size=100)
    )
    yield "pareto", rng.pareto(0.8, 500), 1.5 * rng.pareto(0.8, 400)
    yield "infinite", np.array([-math.inf, 0, 1, math.inf]), np.array([0.0, 1, 1, 2, math.inf])
    yield "constant", np.ones(50), np.ones(20)
    yield "small", np.array([0.99, 1.99]), np.array([1.0, 2, 3, 4])
    yield "scipy ties", np.repeat([2.0, 3, 4, 5], [3, 10, 5, 4])[:19], np.repeat([3.0, 4, 5, 6], [3, 4, 5, 4])
    yield "large", rng.normal(size=11000).round(2), rng.normal(0.02, 1, size=700).round(2)
    yield "linspace", np.linspace(1, 100, 100), np.linspace(1, 100, 110) + 20.1
    conover = [7.6, 8.4, 8.6, 8.7, 9.3, 9.9, 10.1, 10.6, 11.2]
    yield "conover", np.array(conover), np.array(
        [5.2, 5.7, 5.9, 6.5, 6.8, 8.2, 9.1, 9.8, 10.8, 11.3, 11.5, 12.3, 12.5, 13.4, 14.6]
    )
    yield "few", rng.normal(size=7), rng.normal(0.4, 1, size=12)
    yield "long window", rng.normal(size=40), rng.normal(0.05, 1.1, size=2500)
    yield "same values", rng.normal(size=60), rng.choice(np.arange(3.0), 80)
    yield "inside", np.linspace(-5, 5, 900), rng.normal(0.3, 1, size=400).clip(-4.9, 4.9)


def psi_edges(reference):
    ordered = np.sort(reference)
    edges = []
    for i in range(1, 10):
        x = ordered[math.ceil(i * len(ordered) / 10) - 1]
        if not edges or edges[-1] != x:
            edges.append(x)
    return edges


def bins(values, edges):
    counts = np.zeros(len(edges) + 1, dtype=int)
    for v in values:
        counts[sum(1 for e in edges if e < v)] += 1
    return counts


def encode(values):
    return ["inf" if v == math.inf else "-inf" if v == -math.inf else v for v in values]


def finite(x):
    """A number, or null where scipy has none."""
    return float(x) if np.isfinite(x) else None


def over_bins(reference, window):
    r, c = (bins(x, psi_edges(reference)) for x in (reference, window))
    b, m, n = len(r), len(reference), len(window)
    p, q = (r + 0.5) / (m + 0.5 * b), (c + 0.5) / (n + 0.5 * b)
    filled = (r + c) > 0
    table = np.array([r[filled], c[filled]])
    contingency = [
        stats.chi2_contingency(table, correction=False, lambda_=kind) if table.shape[1] > 1 else None
        for kind in ("pearson", "log-likelihood")
    ]
    chi, g = contingency
    return {
        "psi": float(np.sum((q - p) * np.log(q / p))),
        "kl": float(stats.entropy(q, p)),
        "chi_square": float(chi.statistic) if chi else 0.0,
        "chi_square_p": float(chi.pvalue) if chi else 1.0,
        "g_test": float(g.statistic) if g else 0.0,
        "g_test_p": float(g.pvalue) if g else 1.0,
        "jensen_shannon": float(jensenshannon(r / m, c / n, base=2)),
        "hellinger": float(np.linalg.norm(np.sqrt(r / m) - np.sqrt(c / n)) / math.sqrt(2)),
        "total_variation": float(np.abs(r / m - c / n).sum() / 2),
        "l_infinity": float(np.abs(r / m - c / n).max()),
    }


def over_ranks(reference, window):
    m, n = len(reference), len(window)
    ks = stats.ks_2samp(reference, window, method="auto")
    u = stats.mannwhitneyu(window, reference, alternative="two-sided", method="auto")
    cvm = stats.cramervonmises_2samp(reference, window, method="auto")
    kuiper, kuiper_p = kuiper_two(reference, window)
    several = len(np.unique(np.concatenate([reference, window]))) > 1
    ad = stats.anderson_ksamp([reference, window], variant="midrank") if several and m + n > 3 else None
    w1 = stats.wasserstein_distance(reference, window) if np.isfinite([*reference, *window]).all() else math.nan
    return {
        "ks": float(ks.statistic),
        "ks_p": float(ks.pvalue),
        "kuiper": float(kuiper),
        "kuiper_p": float(kuiper_p),
        "mann_whitney": float(u.statistic) / (m * n),
        "mann_whitney_p": finite(u.pvalue),
        "cramer_von_mises": float(cvm.statistic),
        "cramer_von_mises_p": float(cvm.pvalue),
        "anderson_darling": float(ad.statistic) if ad else None,
        "anderson_darling_p": float(ad.pvalue) if ad else None,
        "wasserstein": finite(w1),
        "deviation": finite(np.std(reference)) if np.isfinite(reference).all() else None,
    }


def statistics(rng):
    pairs = [
        {"name": name, "reference": encode(r.tolist()), "window": encode(w.tolist())}
        | over_bins(r, w)
        | over_ranks(r, w)
        for name, r, w in samples(rng)
    ]
    law = [
        {"n": n, "d": d, "sf": float(kstwo.sf(d, n))}
        for n in (5, 30, 100, 140, 141, 500, 5000, 100000, 2000000, 1000000000)
        for d in (0.3 / math.sqrt(n), 0.8 / math.sqrt(n), 1.2 / math.sqrt(n), 1.6 / math.sqrt(n), 2.5 / math.sqrt(n))
        if d < 1
    ]
    return {"pairs": pairs, "kstwo": law}


def ece(y, p):
    place = np.searchsorted(np.linspace(0, 1, 11)[1:-1], p)
    return sum(abs(y[place == b].sum() - p[place == b].sum()) for b in range(10)) / len(y)


def delong(y, p):
    """AUC and its standard error by the structural components, pair by pair."""
    pos, neg = p[y == 1], p[y == 0]
    psi = (pos[:, None] > neg[None, :]) + 0.5 * (pos[:, None] == neg[None, :])
    v10, v01 = psi.mean(axis=1), psi.mean(axis=0)
    return psi.mean(), math.sqrt(v10.var(ddof=1) / len(pos) + v01.var(ddof=1) / len(neg))


def binary(rng, name, n, prior, digits):
    y = (rng.random(n) < prior).astype(int)
    x = math.log(prior / (1 - prior)) + 1.2 * y + rng.normal(0, 1.3, n)
    p = (1 / (1 + np.exp(-x))).round(digits)
    said = (p >= 0.3).astype(int)
    logit = np.log(np.clip(p, 1e-6, 1 - 1e-6) / (1 - np.clip(p, 1e-6, 1 - 1e-6)))
    slope = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10000).fit(logit[:, None], y).coef_[0, 0]
    _, error = delong(y, p)
    tn, fp, fn, tp = metrics.confusion_matrix(y, said).ravel()
    return {
        "name": name,
        "outcomes": y.tolist(),
        "probabilities": p.tolist(),
        "threshold": 0.3,
        "accuracy": metrics.accuracy_score(y, said),
        "precision": metrics.precision_score(y, said),
        "recall": metrics.recall_score(y, said),
        "specificity": metrics.recall_score(y, said, pos_label=0),
        "f1": metrics.f1_score(y, said),
        "mcc": metrics.matthews_corrcoef(y, said),
        "log_loss": metrics.log_loss(y, np.clip(p, 1e-15, 1 - 1e-15)),
        "brier": metrics.brier_score_loss(y, p),
        "roc_auc": metrics.roc_auc_score(y, p),
        "roc_auc_error": error,
        "gini": 2 * metrics.roc_auc_score(y, p) - 1,
        "average_precision": metrics.average_precision_score(y, p),
        "ece": ece(y, p),
        "calibration_slope": slope,
        "business_value": (10 * tp - 3 * fp + tn - 20 * fn) / n,
        "accuracy_interval": [float(b) for b in stats.binomtest(int(tp + tn), n).proportion_ci(method="wilson")],
    }


def multiclass(rng):
    names = np.array(["a", "b", "c", "d"])
    y = rng.choice(4, 400, p=[0.5, 0.3, 0.15, 0.05])
    x = rng.normal(size=(400, 4)) + 1.5 * np.eye(4)[y]
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    said = p[:, :3].argmax(axis=1)
    averages = {
        f"{name}({average})": score(y, said, average=average, zero_division=0)
        for name, score in (
            ("precision", metrics.precision_score),
            ("recall", metrics.recall_score),
            ("f1", metrics.f1_score),
        )
        for average in ("macro", "micro", "weighted")
    }
    return {
        "classes": names.tolist(),
        "outcomes": names[y].tolist(),
        "predictions": names[said].tolist(),
        "probabilities": p.tolist(),
        "accuracy": metrics.accuracy_score(y, said),
        "mcc": metrics.matthews_corrcoef(y, said),
        "log_loss": metrics.log_loss(y, p),
        "brier": float(((p - np.eye(4)[y]) ** 2).sum(axis=1).mean()),
        "roc_auc": metrics.roc_auc_score(y, p, multi_class="ovr", average="macro"),
        **averages,
    }


def mean_interval(terms):
    half = stats.norm.ppf(0.975) * np.std(terms, ddof=1) / math.sqrt(len(terms))
    return [float(np.mean(terms) - half), float(np.mean(terms) + half)]


def regression(rng):
    y = rng.lognormal(2, 0.7, 500)
    p = y * rng.lognormal(0, 0.3, 500) + rng.normal(0, 0.5, 500)
    p = np.maximum(p, 0)
    e = p - y
    over = np.where(e > 0, 0.1 * e, -0.9 * e)
    return {
        "outcomes": y.tolist(),
        "predictions": p.tolist(),
        "mae": metrics.mean_absolute_error(y, p),
        "mse": metrics.mean_squared_error(y, p),
        "rmse": metrics.root_mean_squared_error(y, p),
        "mean_error": float(e.mean()),
        "mape": metrics.mean_absolute_percentage_error(y, p),
        "msle": metrics.mean_squared_log_error(y, p),
        "r2": metrics.r2_score(y, p),
        "pinball": metrics.mean_pinball_loss(y, p, alpha=0.5),
        "pinball(0.9)": metrics.mean_pinball_loss(y, p, alpha=0.9),
        "error_quantile": float(np.quantile(np.abs(e), 0.5, method="inverted_cdf")),
        "error_quantile(0.95)": float(np.quantile(np.abs(e), 0.95, method="inverted_cdf")),
        "mae_interval": mean_interval(np.abs(e)),
        "mse_interval": mean_interval(e**2),
        "mape_interval": mean_interval(np.abs(e) / y),
        "msle_interval": mean_interval((np.log1p(p) - np.log1p(y)) ** 2),
        "pinball(0.9)_interval": mean_interval(over),
    }


def performance(rng):
    return {
        "binary": [
            binary(rng, "common", 600, 0.4, 12),
            binary(rng, "rare", 5000, 0.01, 12),
            binary(rng, "two digits", 800, 0.3, 2),
        ],
        "multiclass": multiclass(rng),
        "regression": regression(rng),
    }


def main():
    here = pathlib.Path(__file__).parent
    rng = np.random.default_rng(20261101)
    for name, values in (("statistics", statistics(rng)), ("performance", performance(rng))):
        (here / f"{name}.json").write_text(json.dumps(values, default=float) + "\n")


main()
