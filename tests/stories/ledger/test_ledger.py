"""The ledger: what simulated devices measured, against what is stored and judged, while everything around ingest breaks.

`make test` runs the short form, `make prove` the long one (100 devices, 210,000 measurements, 20 kills, 5 crashes of the
database, about 8 minutes). `python -m tests.stories.ledger --seed N` runs the same plan again.
"""

import os
import random
from pathlib import Path

import pytest

from tests.stories.ledger.check import Verdict
from tests.stories.ledger.plan import CRASHING, LONG, SHORT, SMALL, Size
from tests.stories.ledger.run import prove

pytestmark = pytest.mark.usefixtures("mosquitto")


def run(folder: Path, size: Size, reader: str = "bulk", fault: str | None = None) -> Verdict:
    """Run under a seed of the day, which is printed."""
    seed = random.randrange(10_000)
    print(
        f"\nledger: {size.devices} devices, {size.measurements:,} measurements, seed {seed}, {reader}, {size.blows}", flush=True
    )
    verdict = prove(folder, size, seed, reader=reader, fault=fault, say=lambda line: print(line, flush=True))
    print(verdict.summary(), flush=True)
    return verdict


@pytest.mark.proof
def test_i1_i2_i3_nothing_is_lost_stored_twice_or_judged_twice(tmp_path: Path) -> None:
    verdict = run(tmp_path, LONG if os.environ.get("PROVE") == "1" else SHORT)
    assert verdict.faults() == []
    assert verdict.stored == verdict.measured and verdict.judged == verdict.attributed > 0


def test_i1_i2_a_broker_that_crashes_loses_nothing_of_devices_with_a_sequence(tmp_path: Path) -> None:
    assert run(tmp_path, CRASHING, "callbacks").faults() == []


def test_i1_the_ledger_finds_an_acknowledgement_before_its_commit(tmp_path: Path) -> None:
    verdict = run(tmp_path, SMALL, fault="acknowledge-before-commit")
    assert verdict.lost > verdict.lost_plain > 0, "what the broker and what the devices let go of too early is gone"
    assert verdict.stored == verdict.measured - verdict.lost
    assert (verdict.stored_twice, verdict.invented, verdict.altered, verdict.patients_judged_twice) == (0, 0, 0, 0)


def test_i2_the_ledger_finds_a_double_judgement(tmp_path: Path) -> None:
    verdict = run(tmp_path, SMALL, fault="judge-twice")
    assert verdict.patients_judged_twice > 0 and verdict.judged > verdict.attributed
    assert (verdict.lost, verdict.stored_twice, verdict.invented, verdict.altered) == (0, 0, 0, 0)
