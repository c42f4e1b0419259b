"""Lifecycle and routing against a plain reference on the real database: I5–I11 and I13, whatever happens in whatever order.

`make test` runs some hundred steps, `make prove` at least 10,000, with the seed and the steps printed; `LIFECYCLE_SEED=n` runs
one again. Two planted faults show that the machine can fail.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from tests.clusters import Cluster
from tests.stories.lifecycle.check import comparable, load_states, measured
from tests.stories.lifecycle.house import House, machine_rules
from tests.stories.lifecycle.machine import PATIENT, START, VALUES, Clinic, Violated

PROVE = os.environ.get("PROVE") == "1"
STEPS = 10_000 if PROVE else 250
#: the short form says the same thing every time; the long one looks for something new
SHORT_SEED = 7


@pytest.fixture
def house(plain_cluster: Cluster, tmp_path: Path) -> Iterator[House]:
    with plain_cluster.fresh_database() as url:
        opened = House(url, machine_rules(tmp_path))
        Clinic.house = opened
        Clinic.counted = Counter()
        yield opened
        opened.close()
        opened.owner.close()


def run(number: int, examples: int, *, shrink: bool = False) -> None:
    """Run some examples of up to fifty steps each."""
    machine = seed(number)(type("Seeded", (Clinic,), {}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.generate, Phase.shrink] if shrink else [Phase.generate],
            report_multiple_bugs=False,
            print_blob=False,
        ),
    )


@pytest.mark.proof
def test_i5_i6_i7_i8_i9_i10_i11_i13_hold_over_any_order_of_events(house: House) -> None:
    first = int(os.environ.get("LIFECYCLE_SEED") or (random.randrange(1_000_000) if PROVE else SHORT_SEED))
    started, number = time.monotonic(), first
    print(f"\nlifecycle: seed {first}, at least {STEPS:,} steps", flush=True)
    while Clinic.counted["steps"] < STEPS:
        run(number, 20 if PROVE else 3, shrink=PROVE)
        number += 1
        told = ", ".join(f"{count:,} {what}" for what, count in sorted(Clinic.counted.items()))
        print(f"lifecycle: {time.monotonic() - started:,.0f} s, seed {number - 1} done: {told}", flush=True)
    print(f"lifecycle: {Clinic.counted['steps']:,} steps, {Clinic.counted['checks']:,} checks, 0 violations", flush=True)
    assert Clinic.counted["readings out of order"] and Clinic.counted["restart"] and Clinic.counted["duplicate"]


#: (patient, values, seconds after the start at which it was measured)
MEASURED = st.lists(st.tuples(PATIENT, VALUES, st.integers(0, 6 * 3600)), min_size=3, max_size=14)


@pytest.mark.proof
def test_i6_any_order_of_the_same_readings_ends_in_the_same_readings_and_state(house: House) -> None:
    @settings(max_examples=150 if PROVE else 5, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(readings=MEASURED, data=st.data())
    def same(readings: list[tuple[int, dict[str, float], int]], data: st.DataObject) -> None:
        order = data.draw(st.permutations(range(len(readings))))
        again = data.draw(st.lists(st.sampled_from(range(len(readings))), max_size=4))
        cuts = data.draw(st.lists(st.integers(0, len(readings)), max_size=3).map(sorted))
        in_time = sorted(range(len(readings)), key=lambda place: readings[place][2])
        plain = ended(house, readings, in_time, [], [*range(len(readings))])
        assert ended(house, readings, list(order), again, cuts) == plain

    same()


def ended(
    house: House, readings: list[tuple[int, dict[str, float], int]], order: list[int], again: list[int], cuts: list[int]
) -> tuple[Any, ...]:
    """Return what is stored and known in the end of readings that arrive in an order, in batches, some of them again."""
    house.open(START, hours=False, on_call=True)
    now = START + timedelta(hours=6)
    made = [house.reading(patient, values, START + timedelta(seconds=at), now) for patient, values, at in readings]
    lot = [made[place] for place in (*order, *again)]
    for begin, end in pairwise([0, *cuts, len(lot)]):
        if lot[begin:end]:
            house.take(lot[begin:end], now)
    house.restart()
    return measured(house), {patient: comparable(state) for patient, state in load_states(house).items()}


def broken(first: int, tries: int = 12) -> str:
    """Run until something is wrong, and return what."""
    for number in range(first, first + tries):
        try:
            run(number, 10)
        except Violated as error:
            return str(error)
    return ""


def test_the_machine_finds_a_silence_that_mutes_what_is_more_severe(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from alerts.triage import decide  # noqa: PLC0415

    whole = dict(decide._RANK)
    monkeypatch.setattr(decide, "_RANK", dict.fromkeys(whole, 0))
    assert "I13" in broken(1)


def test_the_machine_finds_a_worse_reading_that_nobody_is_told_of(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from alerts import lifecycle  # noqa: PLC0415

    def deaf(step: Any, *_: Any) -> Any:
        return step

    monkeypatch.setattr(lifecycle, "worsen", deaf)
    assert "I13" in broken(1)
