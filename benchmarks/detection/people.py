"""People: who is monitored in one run, what is usual for each, which devices they have, and on which days they measure."""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.catalogue import HOUR, Catalogue
from devices.vitals import COLUMN, VITALS

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class People:
    """P patients; row p of every array belongs together."""

    #: (P,) place of the cohort in the catalogue
    cohort: NDArray[np.intp]
    #: names of the cohorts
    cohorts: tuple[str, ...]
    #: P tuples of programme names
    programmes: list[tuple[str, ...]]
    #: (P,) place of the time zone
    zone: NDArray[np.intp]
    #: names of the zones
    zones: tuple[str, ...]
    #: (P, vitals) usual morning value, canonical unit
    usual: Floats
    #: (P, vitals) SD of single readings about the usual value, days included
    spread: Floats
    #: (P, vitals) what evening readings differ by
    evening: Floats
    #: P sets of names of devices
    devices: list[frozenset[str]]
    #: (P,) adherence that each person tends to, when well
    adherence: Floats
    #: (P,) kg a clinician set, NaN where none did
    dry_weight: Floats
    #: (P,) 1 or 2: the SpO2 scale a clinician set
    spo2_scale: NDArray[np.int8]
    #: (zones, days + 2) microseconds since 1970 UTC of local midnight of each day, from the day before the first
    midnight: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.cohort)

    def midnight_of(self, patient: NDArray[np.intp], day: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return (n,) local midnight of a patient's day, by the clock that holds at noon."""
        times: NDArray[np.int64] = self.midnight[self.zone[patient], day + 1]
        return times


def draw_people(catalogue: Catalogue, patients: int, adherence: float, seed: int) -> People:
    """Draw the patients of a run; adherence changes nothing else about them."""
    stated, random = catalogue.people, np.random.default_rng([seed, 1])
    tables: list[dict[str, Any]] = stated["cohort"]
    cohort = np.sort(np.arange(patients) * 1.0 / patients)
    cohort_row = np.searchsorted(np.cumsum([table["share"] for table in tables])[:-1], cohort, side="right")
    usual, spread, evening = (np.full((patients, len(VITALS)), np.nan) for _ in range(3))
    for name, vital in stated["vital"].items():
        column, drawn = COLUMN[name], random.standard_normal(patients)
        for place, table in enumerate(tables):
            mine = cohort_row == place
            special = table["usual"].get(name, {})
            usual[mine, column] = special.get("mean", vital["mean"]) + drawn[mine] * special.get("between", vital["between"])
        day, reading = vital.get("day", 0.0), vital.get("reading", 0.0)
        spread[:, column] = np.hypot(np.hypot(day, reading), vital.get("wanders", 0.0))
        evening[:, column] = vital.get("evening", 0.0)
    _within(usual)
    devices = [_devices(tables[row], random) for row in cohort_row]
    zones = tuple(stated["study"]["zones"])
    lean = random.standard_normal(patients)
    return People(
        cohort=cohort_row,
        cohorts=tuple(table["name"] for table in tables),
        programmes=[tuple(tables[row]["programmes"]) for row in cohort_row],
        zone=random.integers(0, len(zones), patients),
        zones=zones,
        usual=usual,
        spread=spread,
        evening=evening,
        devices=devices,
        adherence=_adherence(adherence, lean * stated["habits"]["adherence_between"]),
        dry_weight=_dry_weight(tables, cohort_row, usual[:, COLUMN["body_weight"]], random),
        spo2_scale=_scales(tables, cohort_row, usual[:, COLUMN["spo2"]], random),
        midnight=_midnights(zones, stated["study"]["starts"], stated["study"]["days"]),
    )


def _within(usual: Floats) -> None:
    """Keep usual values where people can live with them: nobody's usual value lies in an emergency band."""
    for name, least, most in (
        ("heart_rate", 52, 100),
        ("spo2", 89, 99),
        ("respiratory_rate", 10, 24),
        ("systolic_bp", 96, 158),
        ("diastolic_bp", 55, 95),
        ("body_weight", 45, 150),
        ("blood_glucose", 95, 175),
        ("fev1", 0.6, 3.0),
        ("fvc", 1.3, 4.5),
        ("peak_flow", 100, 480),
    ):
        np.clip(usual[:, COLUMN[name]], least, most, out=usual[:, COLUMN[name]])
    usual[:, COLUMN["fvc"]] = np.maximum(usual[:, COLUMN["fvc"]], usual[:, COLUMN["fev1"]] * 1.3)


def _devices(table: dict[str, Any], random: np.random.Generator) -> frozenset[str]:
    return frozenset(habit["device"] for habit in table["habits"] if random.random() < habit["share"])


def _adherence(wanted: float, lean: Floats) -> Floats:
    """Return each person's, within 0.15 and 0.99, with the wanted mean."""
    found = np.clip(wanted + lean, 0.15, 0.99)
    for _ in range(20):
        found = np.clip(found + wanted - found.mean(), 0.15, 0.99)
    return found


def _dry_weight(tables: list[dict[str, Any]], cohort: NDArray[np.intp], weight: Floats, random: np.random.Generator) -> Floats:
    found = np.full(len(cohort), np.nan)
    draws, errors = random.random(len(cohort)), random.standard_normal(len(cohort))
    for place, table in enumerate(tables):
        if "dry_weight" in table:
            mine = (cohort == place) & (draws < table["dry_weight"]["share"])
            found[mine] = np.round(weight[mine] + errors[mine] * table["dry_weight"]["error"], 1)
    return found


def _scales(
    tables: list[dict[str, Any]], cohort: NDArray[np.intp], spo2: Floats, random: np.random.Generator
) -> NDArray[np.int8]:
    scale, draws = np.ones(len(cohort), np.int8), random.random(len(cohort))
    for place, table in enumerate(tables):
        if "scale_2" in table:
            stated = table["scale_2"]
            scale[(cohort == place) & (spo2 < stated["below"]) & (draws < stated["share"])] = 2
    return scale


def _midnights(zones: tuple[str, ...], first: dt.date, days: int) -> NDArray[np.int64]:
    def midnight(zone: str, day: dt.date) -> int:
        noon = dt.datetime.combine(day, dt.time(12), ZoneInfo(zone))
        return int(noon.timestamp()) * 1_000_000 - 12 * HOUR

    return np.array([[midnight(zone, first + dt.timedelta(day)) for day in range(-1, days + 1)] for zone in zones], np.int64)


def measuring_days(people: People, days: int, run_days: float, seed: int) -> NDArray[np.bool_]:
    """Return (P, days): on which days each person measures; missed days come in runs of this mean length."""
    random = np.random.default_rng([seed, 2])
    miss = 1 - people.adherence
    # a two-state chain whose long-run share of missed days is `miss`
    length = np.maximum(run_days, miss / (1 - miss) / 0.95)
    to_miss, to_measure = miss / (1 - miss) / length, 1 / length
    draws = random.random((days, len(people)))
    found = np.empty((len(people), days), bool)
    state = draws[0] < people.adherence
    found[:, 0] = state
    for day in range(1, days):
        state = np.where(state, draws[day] >= to_miss, draws[day] < to_measure)
        found[:, day] = state
    return found
