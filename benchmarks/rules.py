"""P6: how many times a second one core holds a reading against a rule, in the batches that ingest makes.

The goal is for the rules that hold a vital against a limit; beside it the same with every shipped rule, changes, personal
baselines and scores included, each of which counts as one evaluation however much it remembers.
"""

import time
from statistics import median

import numpy as np

from alerts.evaluate import evaluate
from alerts.people import People
from alerts.rules import RuleSet, load_rules
from alerts.state import States
from benchmarks.corpus import PROGRAMMES, Corpus
from benchmarks.figures import Figure
from devices.batch import Batch

_GOAL = 5e6
#: rows in a batch: the least that the goal speaks of, a busy moment, a backlog
BATCHES = (100, 1_000, 5_000)


def measure(rounds: int, seconds: float) -> Figure:
    """Judge batches of each size for so long in every round, sizes and rules interleaved, and return P6."""
    everything = load_rules()
    plain = RuleSet(everything.of_kind("threshold"))
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for size in BATCHES:
            found.setdefault(f"in_batches_of_{size}", []).append(_judge(plain, size, seconds))
            found.setdefault(f"every_kind_in_batches_of_{size}", []).append(_judge(everything, size, seconds))
    rates = {name: median(each) for name, each in found.items()}
    value = rates[f"in_batches_of_{BATCHES[1]}"]
    return Figure(
        "P6",
        f"rule evaluations on one core, batches of {BATCHES[1]:,}",
        value,
        "evaluations/s",
        f"the goal of {_GOAL:,.0f} evaluations/s",
        value / _GOAL,
        ">= 1.0 at every batch of 100 and more",
        min(rates[f"in_batches_of_{size}"] for size in BATCHES) >= _GOAL,
        rates,
    )


def _judge(rules: RuleSet, size: int, seconds: float) -> float:
    """Return evaluations per second of processor time."""
    corpus = Corpus()
    patients = corpus.patients
    people = People.plain(rules.mask([PROGRAMMES] * patients))
    states = States.empty(patients, rules.layout)
    batch, seen = corpus.batch(size), 0
    patient = np.arange(size) % patients
    present, place = np.unique(patient, return_inverse=True)
    evaluations, spent = 0, 0.0
    while spent < seconds:
        # a batch judges the patients that it touches, one step of time further each
        current = _later(batch, seen)
        began = time.process_time()
        before = states.take(present)
        result = evaluate(rules, before, people.take(present), place, current)
        states.put(present, result.after)
        spent += time.process_time() - began
        evaluations += result.evaluations
        seen += 1
    return evaluations / spent


def _later(batch: Batch, steps: int) -> Batch:
    later = batch.take(np.arange(len(batch)))
    later.measured_at[:] += steps * 3_600_000_000
    return later
