"""Body: what a device would truly measure: usual values, days, hours and weekdays, what befalls, and noise."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.befalls import Change
from benchmarks.detection.catalogue import DAY, HOUR, MINUTE, Catalogue
from benchmarks.detection.people import Floats, People
from benchmarks.detection.rounds import DEVICES, Rounds
from devices.vitals import COLUMN, VITALS

#: a value that is reached whatever is usual varies by this share of the usual noise
_CALM: Final = 0.5
_CGM: Final = COLUMN["cgm_glucose"]


def days_of(people: People, rounds: Rounds, days: int) -> tuple[NDArray[np.intp], Floats]:
    """Return (n,) local day, 0 the first, and (n,) local hour."""
    since = rounds.time - people.midnight[people.zone[rounds.patient], 1]
    day = np.clip(since // DAY, -1, days).astype(np.intp)
    hour = (rounds.time - people.midnight_of(rounds.patient, np.minimum(day, days))) / HOUR
    return day, hour


def draw_body(catalogue: Catalogue, people: People, seed: int) -> dict[str, Floats]:
    """Return (P, days + 2) by vital: what each day differs by from the person's usual value, from the day before the first."""
    random, days = np.random.default_rng([seed, 6]), catalogue.study["days"] + 2
    found = {}
    for name, vital in catalogue.people["vital"].items():
        path = _path(vital.get("day", 0.0), vital.get("stays", 0.0), (len(people), days), random)
        if "wanders" in vital:
            path += _path(vital["wanders"], vital["wanders_stays"], (len(people), days), random)
        if "weekday" in vital:
            monday = (catalogue.study["starts"].weekday() - 1 + np.arange(days)) % 7
            path += np.array(vital["weekday"])[monday]
        found[name] = path
    for name, vital in catalogue.people["vital"].items():
        for other, share in vital.get("follows", {}).items():
            found[name] = found[name] * (1 - share) + share * found[other]
    return found


def _path(spread: float, stays: float, shape: tuple[int, int], random: np.random.Generator) -> Floats:
    noise = random.standard_normal(shape)
    path = np.empty(shape)
    path[:, 0] = noise[:, 0]
    for day in range(1, shape[1]):
        path[:, day] = stays * path[:, day - 1] + np.sqrt(1 - stays**2) * noise[:, day]
    return path * spread


def values_of(
    catalogue: Catalogue,
    people: People,
    body: Mapping[str, Floats],
    changes: list[Change],
    rounds: Rounds,
    random: np.random.Generator,
) -> Floats:
    """Return (n, vitals) what is measured by devices that work and are used well, NaN where a device measures no such thing."""
    state = np.full((len(rounds), len(VITALS)), np.nan)
    noise = np.zeros_like(state)
    day, hour = days_of(people, rounds, catalogue.study["days"])
    phase = np.clip((hour - 8.0) / 11.0, 0.0, 1.0)
    for place, device in enumerate(DEVICES):
        rows = np.flatnonzero(rounds.device == place)
        for name in _measured_by(catalogue.people["cohort"], device):
            vital, column, patient = catalogue.people["vital"][name], COLUMN[name], rounds.patient[rows]
            if name == "cgm_glucose":
                state[rows, column] = _sugar(vital, people, rounds.take(rows), random)
                continue
            state[rows, column] = (
                people.usual[patient, column]
                + body[name][patient, day[rows] + 1]
                + people.evening[patient, column] * phase[rows]
            )
            noise[rows, column] = random.standard_normal(len(rows)) * vital["reading"]
            for other, share in vital.get("follows", {}).items():
                noise[rows, column] = noise[rows, column] * (1 - share) + share * noise[rows, COLUMN[other]]
            low, high = vital.get("lowest", -np.inf), vital.get("highest", np.inf)
            state[rows, column] = np.clip(state[rows, column] + noise[rows, column], low, high) - noise[rows, column]
    calm = _apply(changes, rounds, state)
    values: Floats = state + noise * calm
    values[:, _CGM] *= 1 + _sensor(catalogue.people["vital"]["cgm_glucose"], rounds, random)
    np.minimum(values[:, COLUMN["spo2"]], 100.0, out=values[:, COLUMN["spo2"]])
    return values


def _measured_by(cohorts: list[dict[str, Any]], device: str) -> tuple[str, ...]:
    return next((tuple(habit["vitals"]) for cohort in cohorts for habit in cohort["habits"] if habit["device"] == device), ())


def _apply(changes: list[Change], rounds: Rounds, state: Floats) -> Floats:
    """Move values by what befalls; return (n, vitals) the share of the noise that remains."""
    calm = np.ones_like(state)
    starts = np.searchsorted(rounds.patient, np.arange(rounds.patient.max(initial=0) + 2))
    for change in sorted(changes, key=lambda one: one.is_to):
        if change.patient + 1 >= len(starts):
            continue
        low, high = starts[change.patient], starts[change.patient + 1]
        times = rounds.time[low:high]
        rows = slice(low + np.searchsorted(times, change.start), low + np.searchsorted(times, change.end + change.fade))
        share = grown(change, rounds.time[rows])
        if change.is_to:
            state[rows, change.vital] += share * (change.size - state[rows, change.vital])
            calm[rows, change.vital] = np.minimum(calm[rows, change.vital], 1 - (1 - _CALM) * share)
        else:
            state[rows, change.vital] += share * change.size
    return calm


def grown(change: Change, time: NDArray[np.int64]) -> Floats:
    """Return (n,) how much of a change is there, 0 to 1.

    >>> grown(Change(0, 0, 0, 10, 0, 1.0, False, "late"), np.array([5]))
    array([0.25])
    """
    passed = (time - change.start) / (change.end - change.start)
    inside = np.clip(passed, 0.0, 1.0)
    share = {
        "linear": inside,
        "late": inside**2,
        "plateau": np.minimum(1.0, 3 * inside),
        "spell": np.minimum(1.0, 10 * inside),
        "hill": np.minimum(1.0, np.minimum(5 * inside, 5 * (1 - inside))),
    }[change.shape]
    fading = np.clip((change.end + change.fade - time) / max(change.fade, 1), 0.0, 1.0)
    found: Floats = np.where(passed > 1.0, share * fading, share)
    return found


def _sugar(vital: Mapping[str, Any], people: People, rounds: Rounds, random: np.random.Generator) -> Floats:
    """Return (n,) glucose through the day: unequal meals and a slow wandering, within the stable range."""
    if not len(rounds):
        return np.zeros(0)
    first = people.midnight[people.zone[rounds.patient], 1]
    minutes = (rounds.time - first) / MINUTE
    day = (minutes // 1440).astype(int)
    meals = np.stack([random.standard_normal((len(people), day.max() + 2, 3)) for _ in range(2)])
    own = vital["meal"] + random.standard_normal(len(people)) * vital["meal_between"]
    found = people.usual[rounds.patient, _CGM].copy()
    for back in (0, 1):
        for meal, hour in enumerate((7.9, 12.9, 18.9)):
            on = np.maximum(day - back, 0)
            start = (day - back) * 1440 + hour * 60 + 25 * meals[0, rounds.patient, on, meal]
            size = own[rounds.patient] * np.exp(0.25 * meals[1, rounds.patient, on, meal])
            since = np.clip(minutes - start, 0, 600) / vital["peak"]
            found += size * since * np.exp(1 - since)
    found += 7 * np.sin(2 * np.pi * minutes / 210 + 6.0 * meals[0, rounds.patient, day, 0])
    return np.clip(found, vital["lowest"], vital["highest"])


def _sensor(vital: Mapping[str, Any], rounds: Rounds, random: np.random.Generator) -> Floats:
    """Return (n,) a sensor's error as a share of its value: it stays for a while, and begins anew with each person."""
    error, noise = np.zeros(len(rounds)), random.standard_normal(len(rounds))
    rows = np.flatnonzero(rounds.device == DEVICES.index("cgm"))
    if not len(rows):
        return error
    stays = vital["error_stays"]
    starts = np.flatnonzero(np.append(True, np.diff(rounds.patient[rows]) != 0))
    own = np.split(rows, starts[1:])
    longest = max(len(one) for one in own)
    drawn = np.zeros((len(own), longest))
    for place, one in enumerate(own):
        drawn[place, : len(one)] = noise[one]
    path = np.empty_like(drawn)
    path[:, 0] = drawn[:, 0]
    for step in range(1, longest):
        path[:, step] = stays * path[:, step - 1] + np.sqrt(1 - stays**2) * drawn[:, step]
    for place, one in enumerate(own):
        error[one] = path[place, : len(one)] * vital["error"]
    return error
