"""What `driftd replay` must say about the rows beside this file, by independent implementations.

    python -m venv venv
    venv/bin/pip install scipy==1.17.0 numpy==2.4.6 scikit-learn==1.8.0 astropy==7.2.0
    venv/bin/python tests/golden/replay/write.py

makes the rows (reference.csv, live.csv, live.jsonl, outcomes.csv) from a fixed seed, reads them back, and
writes vectors.json: for each model, series, statistic and window its score and support, and where they
are published its p-value and 95 % interval. A score is exact, unless `error` says how far driftd's may be
from it: a number, or "interval" where the interval that driftd prints must hold it (it prints none where
its score is exact).
"""

import json
import warnings

import distribution
import performance
import quality
import rows

warnings.simplefilter("ignore")


def vectors():
    reference, live = rows.read("reference.csv"), rows.read("live.csv")
    outcomes = {row["id"]: row for row in rows.read("outcomes.csv")}
    for end, window in rows.windows(live):
        for source in (distribution, quality):
            for series, statistic, found in source.vectors(reference, window):
                yield {"model": "trips", "series": series, "statistic": statistic, "end": end} | found
        for model, found in (
            ("trips", quality.volume(window, outcomes)),
            ("trips", performance.regression(window, outcomes)),
            ("errors", performance.residuals(reference, window, outcomes)),
            ("coarse", performance.binary(window, outcomes, "coarse")),
            ("fine", performance.binary(window, outcomes, "fine")),
            ("kinds", performance.multiclass(window, outcomes)),
        ):
            for statistic, values in found:
                yield {"model": model, "series": "model", "statistic": statistic, "end": end} | values
    for end, window in rows.windows(rows.read_lines("live.jsonl")):
        for series, statistic, found in quality.of_lines(window):
            yield {"model": "lines", "series": series, "statistic": statistic, "end": end} | found


def main():
    rows.make()
    lines = [json.dumps(vector, default=float) for vector in vectors()]
    (rows.HERE / "vectors.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


main()
