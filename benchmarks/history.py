"""P7: how long a backtest takes: one rule over a patient-year of minutes, and over a clinic's 90 days."""

import time
from dataclasses import replace
from statistics import median
from typing import Final

import numpy as np

from alerts.backtest.cohort import Cohort
from alerts.backtest.play import play
from alerts.rules import RuleSet, load_rules
from benchmarks.corpus import PROGRAMMES, Corpus
from benchmarks.figures import Figure
from devices.batch import Batch
from devices.vitals import COLUMN

_YEAR_GOAL: Final = 0.050
_CLINIC_GOAL: Final = 2.0
_MINUTE: Final = 60_000_000
_DAY: Final = 24 * 60 * _MINUTE
#: (patients, measurements of each, microseconds between two): a year of minutes; 90 days at ten a day
_YEAR: Final = (1, 365 * 24 * 60, _MINUTE)
_CLINIC: Final = (1_000, 90 * 10, _DAY // 10)
_RULE: Final = "pulse_high"


def measure(rounds: int) -> Figure:
    """Play both histories in every round, in turns, and return P7."""
    rules = load_rules()
    one = RuleSet((replace(rules.by_name[_RULE], programmes=("any",), unless=()),))
    histories = {"year": _history(*_YEAR), "clinic": _history(*_CLINIC)}
    found: dict[str, list[float]] = {"year": [], "clinic": [], "clinic by all rules": []}
    alerts: dict[str, int] = {}
    for _ in range(rounds):
        for name, history in histories.items():
            found[name].append(_play(one, history, name, alerts))
        found["clinic by all rules"].append(_play(rules, histories["clinic"], "clinic by all rules", alerts))
    took = {name: median(each) for name, each in found.items()}
    return Figure(
        "P7",
        "backtest of one rule over a patient-year of 1-minute vitals",
        1000 * took["year"],
        "ms",
        f"the goal of {1000 * _YEAR_GOAL:.0f} ms",
        took["year"] / _YEAR_GOAL,
        f"< 1.0, and 90 days of 1,000 patients at 10 readings a day < {_CLINIC_GOAL:.0f} s",
        took["year"] < _YEAR_GOAL and took["clinic"] < _CLINIC_GOAL and min(alerts.values()) > 0,
        {
            "measurements_of_the_year": len(histories["year"]),
            "alerts_of_the_year": alerts["year"],
            "measurements_of_the_clinic": len(histories["clinic"]),
            "seconds_of_the_clinic": took["clinic"],
            "alerts_of_the_clinic": alerts["clinic"],
            "seconds_of_the_clinic_by_all_rules": took["clinic by all rules"],
            "alerts_of_the_clinic_by_all_rules": alerts["clinic by all rules"],
        },
    )


def _play(rules: RuleSet, history: Batch, name: str, alerts: dict[str, int]) -> float:
    """Return the seconds of processor time that a play takes."""
    cohort = Cohort.of(history, PROGRAMMES)
    began = time.process_time()
    alerts[name] = len(play(rules, cohort, history).alerts)
    return time.process_time() - began


def _history(patients: int, each: int, apart: int) -> Batch:
    """Return what these patients measured, as it lies in the database, with a fast pulse for half a day every 30 days."""
    count = patients * each
    made = Corpus(patients).batch(count)
    at = 1_700_000_000_000_000 + np.arange(count) // patients * apart
    made = replace(made, device_time=at, measured_at=at, received_at=at + 1_000_000)
    lain = made.take(np.argsort(made.patient_id, kind="stable"))
    lain.values[(lain.measured_at // _MINUTE) % (30 * 24 * 60) < 720, COLUMN["heart_rate"]] = 128
    return lain
