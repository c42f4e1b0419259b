"""Spoil: what use, devices and sensors do to true values: artefacts of single readings, lasting faults, clocks that are off."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.befalls import Befallen, Spoilt
from benchmarks.detection.catalogue import HOUR, MINUTE, SECOND, Catalogue
from benchmarks.detection.people import Floats, People
from benchmarks.detection.rounds import DEVICES, Rounds
from devices.vitals import COLUMN

#: two readings of one device closer than this are a pair
_PAIR: Final = 150 * SECOND


def spoil_readings(
    catalogue: Catalogue, people: People, rounds: Rounds, values: Floats, random: np.random.Generator
) -> NDArray[np.intp]:
    """Add the artefacts of single readings to values in place; return the rows that were spoilt.

    The second reading of a pair keeps half of what spoilt the first.
    """
    cohort_of = people.cohort[rounds.patient]
    spoilt = []
    per_patient = np.zeros((len(people), len(DEVICES)))
    np.add.at(per_patient, (rounds.patient, rounds.device), 1)
    for stated in catalogue.confounders:
        if stated["sort"] != "reading":
            continue
        device = DEVICES.index(stated["device"])
        expected = stated["per_year"] * catalogue.study["days"] / 365.25
        chance = expected / np.maximum(per_patient[rounds.patient, device], 1)
        draws = random.random(len(rounds))
        allowed = [place for place, name in enumerate(people.cohorts) if name in stated.get("cohorts", people.cohorts)]
        rows = np.flatnonzero((rounds.device == device) & (draws < chance) & np.isin(cohort_of, allowed))
        sign = random.choice([-1.0, 1.0], len(rows)) if stated.get("sign") == "both" else np.ones(len(rows))
        mates = _mates(rounds, rows)
        for name, ends in stated["change"].items():
            size = sign * random.uniform(*ends, len(rows))
            values[rows, COLUMN[name]] += size
            values[rows[mates] + 1, COLUMN[name]] += 0.5 * size[mates]
        spoilt.append(rows)
    return np.unique(np.concatenate(spoilt))


def _mates(rounds: Rounds, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return which rows are followed by the second reading of their pair."""
    after = np.minimum(rows + 1, len(rounds) - 1)
    same = (rounds.patient[after] == rounds.patient[rows]) & (rounds.device[after] == rounds.device[rows])
    found: NDArray[np.bool_] = same & (after > rows) & (rounds.time[after] - rounds.time[rows] < _PAIR)
    return found


def surprised(
    catalogue: Catalogue, people: People, rounds: Rounds, values: Floats, random: np.random.Generator
) -> NDArray[np.intp]:
    """Return the rows that people repeat since the value is not what they are used to."""
    habits = catalogue.people["habits"]
    expected = people.usual[rounds.patient] + 0.5 * people.evening[rounds.patient]
    odd = np.abs(values - expected) > habits["surprise"] * people.spread[rounds.patient]
    rows = np.flatnonzero(odd.any(axis=1) & (rounds.device != DEVICES.index("cgm")) & ~rounds.again)
    return rows[random.random(len(rows)) < habits["repeats"]]


def repeats_of(rounds: Rounds, rows: NDArray[np.intp], random: np.random.Generator) -> Rounds:
    """Return the measurements that repeat these, 2 to 8 minutes later."""
    later = rounds.time[rows] + (random.uniform(2, 8, len(rows)) * MINUTE).astype(np.int64)
    return Rounds(rounds.patient[rows], rounds.device[rows], later, np.ones(len(rows), bool))


def spoil_devices(befallen: Befallen, rounds: Rounds, values: Floats) -> NDArray[np.int64]:
    """Apply faults that last to values in place; return (n,) microseconds by which the device's clock is off."""
    off = np.zeros(len(rounds), np.int64)
    starts = np.searchsorted(rounds.patient, np.arange(rounds.patient.max(initial=0) + 2))
    for one in befallen.spoilt:
        if one.patient + 1 >= len(starts) or one.fault in ("absence", "hours"):
            continue
        low, high = starts[one.patient], starts[one.patient + 1]
        times = rounds.time[low:high]
        rows = np.arange(low + np.searchsorted(times, one.start), low + np.searchsorted(times, one.end))
        rows = rows[rounds.device[rows] == DEVICES.index(one.device)]
        if len(rows):
            _spoil(one, rows, values, off)
    return off


def _spoil(one: Spoilt, rows: NDArray[np.intp], values: Floats, off: NDArray[np.int64]) -> None:
    if one.fault == "clock":
        off[rows] = int(one.amount * HOUR)
    elif one.fault == "stuck":
        values[rows] = values[rows[0]]
    elif one.fault == "times":
        for name in one.change:
            values[rows, COLUMN[name]] *= one.amount
    elif one.fault == "add":
        for name, size in one.change.items():
            values[rows, COLUMN[name]] += size
    elif one.fault == "compression":
        depth = np.minimum(1.0, np.minimum(np.arange(len(rows)) + 1, np.arange(len(rows), 0, -1)) / 2)
        values[rows, COLUMN["cgm_glucose"]] *= 1 - one.amount * depth
    elif one.fault == "first_day":
        values[rows, COLUMN["cgm_glucose"]] *= 1 + one.amount
    else:
        raise ValueError(f"nobody knows the fault {one.fault!r}")


def arrivals(
    network: Mapping[str, Any], people: People, rounds: Rounds, days: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """Return (n,) when each measurement arrives: seconds later as a rule, hours or days later after an outage."""
    arrive = rounds.time + (random.uniform(*network["delay"], len(rounds)) * SECOND).astype(np.int64)
    starts = np.searchsorted(rounds.patient, np.arange(len(people) + 1))
    for patient in range(len(people)):
        own = slice(starts[patient], starts[patient + 1])
        first, time = people.midnight[people.zone[patient], 1], rounds.time[own]
        held = [
            (first + int(day) * 24 * HOUR + 6 * HOUR, int(random.exponential(network["late_hours"]) * HOUR) + HOUR)
            for day in np.flatnonzero(random.random(days) < network["late_share"])
        ]
        for _ in range(int(random.poisson(network["outages"] * days / 365.25))):
            begin = first + int(random.uniform(0, days) * 24 * HOUR)
            held.append((begin, int(random.uniform(*network["outage_days"]) * 24 * HOUR)))
        for begin, lasts in held:
            inside = own.start + np.arange(np.searchsorted(time, begin), np.searchsorted(time, begin + lasts))
            if not len(inside):
                continue
            array = np.arange(len(inside)) // network["array"]
            if random.random() < network["newest_first"]:
                array = array[-1] - array
            arrive[inside] = np.maximum(arrive[inside], begin + lasts + (1 + array) * SECOND)
    return arrive
