"""Lifecycle and routing against a plain reference on the real database: I5–I11 and I13, whatever happens in whatever order.

`make test` runs some hundred steps, `make prove` at least 10,000, with the seed and the steps printed; `LIFECYCLE_SEED=n` runs
one again. Two planted faults show that the machine can fail.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.clusters import Cluster
from tests.stories.lifecycle.house import House, machine_rules
from tests.stories.lifecycle.machine import Clinic, Violated

PROVE = os.environ.get("PROVE") == "1"
STEPS = 10_000 if PROVE else 250


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
    first = int(os.environ.get("LIFECYCLE_SEED") or random.randrange(1_000_000))
    started, number = time.monotonic(), first
    print(f"\nlifecycle: seed {first}, at least {STEPS:,} steps", flush=True)
    while Clinic.counted["steps"] < STEPS:
        run(number, 20 if PROVE else 3, shrink=PROVE)
        number += 1
        told = ", ".join(f"{count:,} {what}" for what, count in sorted(Clinic.counted.items()))
        print(f"lifecycle: {time.monotonic() - started:,.0f} s, seed {number - 1} done: {told}", flush=True)
    print(f"lifecycle: {Clinic.counted['steps']:,} steps, {Clinic.counted['checks']:,} checks, 0 violations", flush=True)
    assert Clinic.counted["readings out of order"] and Clinic.counted["restart"] and Clinic.counted["duplicate"]


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
