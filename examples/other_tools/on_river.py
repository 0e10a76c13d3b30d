"""How often River's detectors alarm on a stream that never changes, and how soon on one that does.

    python -m venv venv && venv/bin/pip install river==0.26.1
    venv/bin/python examples/other_tools/on_river.py

Errors (0 or 1) at a rate of 5 %, then 10 %; defaults throughout.
"""

import random
import statistics

from river import drift

DETECTORS = {
    "DDM": drift.binary.DDM,
    "EDDM": drift.binary.EDDM,
    "HDDM_A": drift.binary.HDDMA,
    "HDDM_W": drift.binary.HDDMW,
    "ADWIN": drift.ADWIN,
    "PageHinkley": drift.PageHinkley,
}


def false_alarms(make, events=100_000):
    source, detector, alarms = random.Random(7), make(), 0
    for _ in range(events):
        detector.update(int(source.random() < 0.05))
        alarms += detector.drift_detected
    return 10_000 * alarms / events


def delay(make, runs=25, most=5_000):
    seen = []
    for seed in range(runs):
        source, detector = random.Random(seed), make()
        for _ in range(10_000):
            detector.update(int(source.random() < 0.05))
        for event in range(1, most + 1):
            detector.update(int(source.random() < 0.1))
            if detector.drift_detected:
                seen.append(event)
                break
    share = f"{100 * (runs - len(seen)) / runs:.0f} % never in {most:,}"
    return f"{statistics.median(seen):,.0f} events ({share})" if seen else share


for name, make in DETECTORS.items():
    print(f"{name}: {false_alarms(make):.1f} false alarms per 10,000 events; 5 % -> 10 % seen after {delay(make)}")
values, kswin, alarms = random.Random(7), drift.KSWIN(seed=7), 0
for _ in range(10_000):
    kswin.update(values.gauss(0, 1))
    alarms += kswin.drift_detected
print(f"KSWIN: {alarms} false alarms in 10,000 standard normal events")
