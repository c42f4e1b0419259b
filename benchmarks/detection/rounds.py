"""Rounds: which devices are used by whom at which true moment, before anything is known of the values.

Regular rounds by habit and adherence, what a patient measures because an emergency is felt, less what falls into stays
elsewhere.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.befalls import Befallen
from benchmarks.detection.catalogue import DAY, HOUR, MINUTE, SECOND, Catalogue
from benchmarks.detection.people import People, measuring_days

#: devices by their place in `Rounds.device`
DEVICES: Final = ("scale", "cuff", "oximeter", "breath", "thermometer", "spirometer", "meter", "cgm")
_ILL: Final = 3 * DAY


@dataclass(frozen=True, slots=True, eq=False)
class Rounds:
    """n measurements by patient and true time."""

    #: (n,) row of the patient
    patient: NDArray[np.intp]
    #: (n,) place in DEVICES
    device: NDArray[np.int8]
    #: (n,) int64 microseconds
    time: NDArray[np.int64]
    #: (n,) bool: repeats the one before
    again: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.patient)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Rounds":
        """Return those of these rows."""
        return Rounds(self.patient[rows], self.device[rows], self.time[rows], self.again[rows])

    def ordered(self) -> tuple["Rounds", NDArray[np.intp]]:
        """Return them by patient and time, and the order."""
        order = np.lexsort((self.time, self.patient))
        return self.take(order), order


def joined(parts: list[Rounds]) -> Rounds:
    """Return all of them, unordered."""
    return Rounds(
        np.concatenate([part.patient for part in parts]).astype(np.intp),
        np.concatenate([part.device for part in parts]).astype(np.int8),
        np.concatenate([part.time for part in parts]).astype(np.int64),
        np.concatenate([part.again for part in parts]).astype(bool),
    )


def draw_rounds(
    catalogue: Catalogue, people: People, befallen: Befallen, seed: int
) -> tuple[Rounds, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the rounds, which days were meant to be measured, and which were paused, both (P, days)."""
    habits, days = catalogue.people["habits"], int(catalogue.study["days"])
    measured = measuring_days(people, days, habits["missed_run_days"], seed)
    random = np.random.default_rng([seed, 5])
    _lessen(people, befallen, measured, habits["ill_missed"], random)
    lean = {name: random.standard_normal(len(people)) * habits[name]["between"] for name in ("morning", "noon", "evening")}
    parts = []
    for place, table in enumerate(catalogue.people["cohort"]):
        for habit in table["habits"]:
            who = np.array(
                [row for row in np.flatnonzero(people.cohort == place) if habit["device"] in people.devices[row]], np.intp
            )
            row, day = np.nonzero(measured[who])
            patient, device = who[row], DEVICES.index(habit["device"])
            for at in habit["at"]:
                if at == "every 5 min":
                    patient, day = np.repeat(patient, 288), np.repeat(day, 288)
                    offset = np.tile(np.arange(288) * 5 * MINUTE, len(patient) // 288)
                    parts.append(_rounds(people, patient, day, offset, device))
                    continue
                kept = random.random(len(patient)) >= habits["skipped"]
                hour = habits[at]["hour"] + lean[at][patient] + random.standard_normal(len(patient)) * habits[at]["day"]
                first = _rounds(people, patient[kept], day[kept], (hour[kept] * HOUR).astype(np.int64), device)
                parts.append(first)
                for _ in range(1, habit["readings"]):
                    seconds = random.uniform(*habits["pair_seconds"], len(first))
                    parts.append(
                        Rounds(first.patient, first.device, first.time + (seconds * SECOND).astype(np.int64), ~first.again)
                    )
    parts.append(_felt(catalogue, people, befallen, random))
    rounds = joined(parts)
    rounds, _ = _shifted(rounds, befallen).ordered()
    paused = _paused(people, befallen, days)
    return rounds.take(_is_home(rounds, befallen)), measured, paused


def _rounds(people: People, patient: NDArray[np.intp], day: NDArray[np.intp], offset: NDArray[np.int64], device: int) -> Rounds:
    time = people.midnight_of(patient, day) + offset
    return Rounds(patient, np.full(len(patient), device, np.int8), time, np.zeros(len(patient), bool))


def _lessen(people: People, befallen: Befallen, measured: NDArray[np.bool_], times: float, random: np.random.Generator) -> None:
    """Drop some of the days before turning points: the ill measure less."""
    for episode in befallen.episodes:
        first = people.midnight[people.zone[episode.patient], 1]
        days = np.arange((episode.turning - _ILL - first) // DAY, (episode.turning - first) // DAY + 1)
        days = days[(days >= 0) & (days < measured.shape[1])]
        miss = 1 - people.adherence[episode.patient]
        dropped = random.random(len(days)) < (times - 1) * miss / (1 - miss)
        if episode.scenario.band is None:
            measured[episode.patient, days[dropped]] = False


def _felt(catalogue: Catalogue, people: People, befallen: Befallen, random: np.random.Generator) -> Rounds:
    """Return what patients measure because they feel an emergency, and measure again some minutes later."""
    tables, found = catalogue.people["cohort"], []
    for episode in befallen.episodes:
        band = episode.scenario.band
        if band is None or random.random() >= episode.scenario.felt:
            continue
        held = people.devices[episode.patient]
        device = next(
            habit["device"]
            for habit in tables[people.cohort[episode.patient]]["habits"]
            if band.vital in habit["vitals"] and habit["device"] in held
        )
        at = episode.onset + int((episode.turning - episode.onset) * random.uniform(0.15, 0.6))
        found.append((episode.patient, DEVICES.index(device), at, False))
        if random.random() < catalogue.people["habits"]["repeats"]:
            found.append((episode.patient, DEVICES.index(device), at + int(random.uniform(2, 8) * MINUTE), True))
    columns = list(zip(*found, strict=True)) or [(), (), (), ()]
    return Rounds(
        np.array(columns[0], np.intp), np.array(columns[1], np.int8), np.array(columns[2], np.int64), np.array(columns[3], bool)
    )


def _shifted(rounds: Rounds, befallen: Befallen) -> Rounds:
    """Return the rounds with those of travellers at other hours."""
    time = rounds.time.copy()
    for one in befallen.spoilt:
        if one.fault == "hours":
            inside = (rounds.patient == one.patient) & (rounds.time >= one.start) & (rounds.time < one.end)
            inside &= rounds.device != DEVICES.index("cgm")
            time[inside] += int(one.amount * HOUR)
    return Rounds(rounds.patient, rounds.device, time, rounds.again)


def _spans(befallen: Befallen) -> list[tuple[int, int, int]]:
    away = [(one.patient, one.start, one.end) for one in befallen.spoilt if one.fault == "absence"]
    return away + [(one.patient, one.turning, one.back) for one in befallen.episodes if one.back > one.turning]


def _is_home(rounds: Rounds, befallen: Befallen) -> NDArray[np.bool_]:
    home = np.ones(len(rounds), bool)
    starts = np.searchsorted(rounds.patient, np.arange(rounds.patient.max(initial=0) + 2))
    for patient, start, end in _spans(befallen):
        if patient + 1 < len(starts):
            low, high = starts[patient], starts[patient + 1]
            times = rounds.time[low:high]
            home[low + np.searchsorted(times, start) : low + np.searchsorted(times, end)] = False
    return home


def _paused(people: People, befallen: Befallen, days: int) -> NDArray[np.bool_]:
    paused = np.zeros((len(people), days), bool)
    for patient, start, end in _spans(befallen):
        first = people.midnight[people.zone[patient], 1]
        paused[patient, max((start - first) // DAY, 0) : max((end - first) // DAY + 1, 0)] = True
    return paused
