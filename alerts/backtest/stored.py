"""Stored: history from the database, as a backtest plays it. Reads only, in the caller's transaction."""

import dataclasses
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from psycopg import Connection

from alerts.backtest import queries
from alerts.backtest.queries import Known
from alerts.backtest.trial import Material, Trial, run_trial
from alerts.edits import table_of
from alerts.moments import to_us
from alerts.overlay import overlay
from alerts.rule import Rule
from alerts.rule_files import make_rule
from alerts.rules import RuleSet
from devices.recording import load_history

#: measurements that are played while somebody waits for the answer; more is for the command line
MOST: Final = 400_000
#: rules that learn have this much time before what is counted
WARM_UP: Final = timedelta(days=60)


def load_material(conn: Connection[Any], known: Known, since: datetime, until: datetime) -> Material:
    """Return what came in of these patients until a time, warm-up included; what began since then is counted."""
    history = load_history(conn, known.cohort.patient_id, since - WARM_UP)
    history = history.take(history.received_at < to_us(until))
    return Material(known.cohort, history, queries.list_verdicts(conn, known.cohort, since, until), since, until)


class TooMuch(Exception):
    """More history than is played while somebody waits; the message says how much, and the way out."""


def try_rule(conn: Connection[Any], live: RuleSet, candidate: Rule, since: datetime, until: datetime) -> tuple[Trial, Known]:
    """Play a changed rule beside what is live, on everybody it judges. Raises TooMuch."""
    known = queries.list_cohort(conn)
    judged = [row for row, names in enumerate(known.cohort.programmes) if candidate.applies_to(names)]
    known = dataclasses.replace(known, cohort=known.cohort.take(np.array(judged, np.intp)))
    material = _bounded(conn, known, since, until)
    return run_trial(material, live, overlay(live, [candidate])), known


def try_limit(
    conn: Connection[Any], live: RuleSet, rule: Rule, limit: float, patient: str, since: datetime, until: datetime
) -> Trial:
    """Play a patient's readings as if a rule had had this limit for them all along. Raises TooMuch and RuleError."""
    table = table_of(rule) | {"limit": limit, "source": {**rule.source, "limit": "a patient's own limit, tried"}}
    candidate = make_rule(f"rule {rule.name!r}", table)
    known = queries.list_cohort(conn, [patient])
    material = _bounded(conn, known, since, until)
    return run_trial(material, live, overlay(live, [candidate]), cohort=known.cohort.without_limits_of(rule.name))


def _bounded(conn: Connection[Any], known: Known, since: datetime, until: datetime) -> Material:
    count = queries.count_measurements(conn, known.cohort, since - WARM_UP, until)
    if count > MOST:
        raise TooMuch(
            f"{count:,} measurements are too many to wait for, at most {MOST:,} are played here: choose fewer days, "
            "or use `wardlight rules backtest`"
        )
    return load_material(conn, known, since, until)
