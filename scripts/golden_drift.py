#!/usr/bin/env python3
"""Runs reference drift detectors over many series and writes down where they raise the alarm.

Page-Hinkley: PyPI river 0.26.1. CUSUM: the formula in the module's documentation, in exact rational
arithmetic with a square root to 50 digits, written here independently of the Rust code.
The result, protocol/src/drift/golden/drift.json, is committed; the Rust tests read it and need no Python.

    python3 -m venv VENV && VENV/bin/pip install river==0.26.1
    VENV/bin/python scripts/golden_drift.py
"""

import datetime
import decimal
import importlib.metadata
import json
import pathlib
import random
from fractions import Fraction

from river import drift

TARGET = pathlib.Path(__file__).resolve().parent.parent / "protocol/src/drift/golden/drift.json"
decimal.getcontext().prec = 50


def page_hinkley(rng):
    out = []
    for index in range(40):
        mode = ["down", "up", "both"][index % 3]
        before, after = rng.choice([0.2, 0.5, 0.9]), rng.choice([0.1, 0.5, 0.95])
        turn, length = rng.randrange(0, 80), rng.randrange(60, 200)
        levels = rng.random() < 0.3
        values = []
        for step in range(length):
            p = before if step < turn else after
            values.append(round(rng.gauss(p, 0.3), 3) if levels else float(rng.random() < p))
        # The setting for outcomes, then others, so that every parameter matters somewhere.
        lam, delta, least, alpha = (5, 0.1, 10, 0.9999) if index < 20 else (
            rng.choice([1, 3, 8]), rng.choice([0.005, 0.05, 0.2]), rng.choice([1, 5, 30]), rng.choice([1.0, 0.99]))
        detector = drift.PageHinkley(min_instances=least, delta=delta, threshold=lam, alpha=alpha, mode=mode)
        alarms = []
        for step, value in enumerate(values):
            detector.update(value)
            if detector.drift_detected:
                alarms.append(step)
        out.append({"direction": mode, "lambda": lam, "delta": delta, "min_observations": least,
                    "forgetting": alpha, "values": values, "alarms": alarms})
    return out


def cusum(rng):
    out = []
    for index in range(40):
        p = Fraction(rng.choice([300_000, 700_000, 900_000, 1_000_000]), 10**6)
        error = Fraction(rng.choice([0, 10_000, 50_000]), 10**6)
        sigma = rng.choice([0, 2, 3.18, 20])
        authors = rng.randrange(1, 6)
        noise = Fraction(round(sigma * sigma * authors * 10**6), 10**6)
        turn, size = rng.randrange(0, 20), rng.choice([0, 5, 40, 300])
        after = rng.choice([float(p), 0.1, float(p) - 0.2])
        rows, sums, total = [], [], Fraction(0)
        for step in range(30):
            rate = float(p) if step < turn else after
            true = sum(rng.random() < rate for _ in range(size))
            spread = float(noise) ** 0.5
            s, f = true + round(rng.gauss(0, spread)), size - true + round(rng.gauss(0, spread))
            n = max(s + f, 0)
            u = (1 - p) * s - p * f
            v = n * p * (1 - p) + noise * ((1 - p) ** 2 + p**2) + (n * error) ** 2
            z = Fraction(0)
            if v > 0:
                root = (decimal.Decimal(v.numerator) / decimal.Decimal(v.denominator)).sqrt()
                z = max(Fraction(-3), min(Fraction(3), u / Fraction(root)))
            total = max(Fraction(0), total - z - Fraction(1, 2))
            rows.append([s, f])
            sums.append(float(total))
        out.append({"rate_micros": int(p * 10**6), "standard_error_micros": int(error * 10**6),
                    "noise_variance_micros": int(noise * 10**6), "counts": rows, "sums": sums})
    return out


def main():
    version = importlib.metadata.version("river")
    assert version == "0.26.1", version
    golden = {
        "oracle": f"river {version}",
        "date": datetime.date.today().isoformat(),
        "page_hinkley": page_hinkley(random.Random(1)),
        "cusum": cusum(random.Random(2)),
    }
    TARGET.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print("alarms:", [len(entry["alarms"]) for entry in golden["page_hinkley"]])
    print("series above 6:", sum(max(entry["sums"]) > 6 for entry in golden["cusum"]))


if __name__ == "__main__":
    main()
