"""Escalation under random schedules, restarts and clocks that change: nobody is paged early, late, twice or not at all.

`make test` runs a few worlds, `make prove` a thousand. A seed that is printed can be run again alone: SEED=17.
"""

import os
import random
from typing import Any

import pytest
from psycopg import Connection
from psycopg_pool import ConnectionPool

from alerts.engine import Engine
from alerts.rules import load_rules
from database.pool import connect, open_pool
from tests.stories.escalation.run import Outcome, Run, clear
from tests.stories.escalation.world import make_world

SCHEDULES = 1000 if os.environ.get("PROVE") == "1" else 8


def run_worlds(url: str, seeds: range, fault: str = "") -> Outcome:
    """Run the worlds of some seeds, saying how far it is."""
    total = Outcome()
    engine = Engine(load_rules())
    with open_pool(url, max_size=6) as pool, connect(url, role=None, autocommit=True) as owner:
        for done, seed in enumerate(seeds, 1):
            clear(owner)
            one = run_world(pool, engine, seed, fault)
            total.pages += one.pages
            total.deliveries += one.deliveries
            total.deaths += one.deaths
            total.steps += one.steps
            total.worst_page = max(total.worst_page, one.worst_page)
            total.worst_delivery = max(total.worst_delivery, one.worst_delivery)
            total.faults += [f"seed {seed}: {what}" for what in one.faults]
            if done % 50 == 0 or done == len(seeds):
                print(f"  {done}/{len(seeds)} schedules: {total.words()}", flush=True)
    return total


def run_world(pool: ConnectionPool[Connection[Any]], engine: Engine, seed: int, fault: str) -> Outcome:
    return Run(pool, engine, make_world(seed), fault=fault).run()


@pytest.mark.proof
def test_i10_i11_nobody_is_paged_early_late_twice_or_not_at_all(plain_database_url: str) -> None:
    first = int(os.environ.get("SEED") or random.randrange(1_000_000))
    count = 1 if os.environ.get("SEED") else SCHEDULES
    print(f"\nescalation: {count} schedules from seed {first}", flush=True)
    outcome = run_worlds(plain_database_url, range(first, first + count))
    assert outcome.faults == []
    assert outcome.worst_page <= 5 and outcome.worst_delivery <= 5
    if count > 1:
        assert outcome.pages > count and outcome.deaths > 0 and outcome.steps > 0


def test_the_proof_notices_a_page_that_nobody_expected(plain_database_url: str) -> None:
    outcome = run_worlds(plain_database_url, range(3), fault="deaf")
    assert any("early or extra" in fault for fault in outcome.faults)
