"""Simulate: one seeded run of people, what befalls them and what their devices send, as the batch that judgement takes.

Pure: the same catalogue, seed, prevalence and adherence give the same readings, bit for bit. Knows no rule.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.befalls import Befallen, Episode, draw_befallen
from benchmarks.detection.body import draw_body, values_of
from benchmarks.detection.catalogue import DAY, Catalogue
from benchmarks.detection.people import Floats, People, draw_people
from benchmarks.detection.rounds import DEVICES, Rounds, draw_rounds, joined
from benchmarks.detection.spoil import arrivals, repeats_of, spoil_devices, spoil_readings, surprised
from devices.batch import NO_SLOT, Batch
from devices.decoded import PULSE_PRESSURE
from devices.vitals import COLUMN, VITALS


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """One run: what was measured, and what was true."""

    people: People
    befallen: Befallen
    #: n measurements by patient and measured_at; `patient_id` is the row of the patient plus one
    batch: Batch
    #: (n,) row of the patient
    patient: NDArray[np.intp]
    #: (P, days) bool: no readings were expected
    paused: NDArray[np.bool_]
    #: days of the run
    days: int

    @property
    def episodes(self) -> list[Episode]:
        """The true episodes."""
        return self.befallen.episodes

    @property
    def patient_days(self) -> int:
        """Days of monitoring, stays in hospital and elsewhere left out."""
        return int((~self.paused).sum())

    def adherence(self) -> float:
        """Return days with a reading over days on which readings were expected."""
        day = (self.batch.measured_at - self.people.midnight[self.people.zone[self.patient], 1]) // DAY
        seen = np.zeros_like(self.paused)
        inside = (day >= 0) & (day < self.days)
        seen[self.patient[inside], day[inside]] = True
        return float((seen & ~self.paused).sum() / (~self.paused).sum())


def simulate(catalogue: Catalogue, seed: int, per_year: float, adherence: float, patients: int | None = None) -> History:
    """Return the run of one seed at so many episodes per patient-year and this adherence."""
    days = int(catalogue.study["days"])
    people = draw_people(catalogue, patients or int(catalogue.study["patients"]), adherence, seed)
    befallen = draw_befallen(catalogue, people, per_year, seed)
    rounds, _, paused = draw_rounds(catalogue, people, befallen, seed)
    body = draw_body(catalogue, people, seed)
    random = np.random.default_rng([seed, 7])
    values = values_of(catalogue, people, body, befallen.changes, rounds, random)
    spoil_readings(catalogue, people, rounds, values, random)
    again = repeats_of(rounds, surprised(catalogue, people, rounds, values, random), random)
    repeated = values_of(catalogue, people, body, befallen.changes, again, random)
    rounds, order = joined([rounds, again]).ordered()
    values = np.concatenate([values, repeated])[order]
    off = spoil_devices(befallen, rounds, values)
    arrive = arrivals(catalogue.people["network"], people, rounds, days, random)
    return _history(people, befallen, rounds, values, off, arrive, paused, days)


def _history(
    people: People,
    befallen: Befallen,
    rounds: Rounds,
    values: Floats,
    off: NDArray[np.int64],
    arrive: NDArray[np.int64],
    paused: NDArray[np.bool_],
    days: int,
) -> History:
    measured = rounds.time + off
    order = np.lexsort((measured, rounds.patient))
    rounds, measured, arrive = rounds.take(order), measured[order], arrive[order]
    decimals = np.array([vital.decimals for vital in VITALS])
    values = np.rint(values[order] * 10.0**decimals) / 10.0**decimals
    n = len(rounds)
    batch = Batch(
        device_id=(rounds.patient * len(DEVICES) + rounds.device + 1).astype(np.int32),
        patient_id=(rounds.patient + 1).astype(np.int32),
        user_slot=np.full(n, NO_SLOT, np.int16),
        device_time=measured,
        measured_at=measured,
        received_at=arrive,
        boot=np.ones(n, np.int32),
        seq=np.arange(1, n + 1),
        values=values.astype(np.float32),
        suspect=suspect_of(values),
        consciousness=np.zeros(n, np.uint8),
        source=np.zeros(n, np.int16),
        flags=[()] * n,
        original=[None] * n,
    )
    return History(people, befallen, batch, rounds.patient, paused, days)


def suspect_of(values: Floats) -> NDArray[np.int32]:
    """Return (n,) the suspect bits that decoding gives: outside a vital's range, and pressures that nearly meet."""
    low, high = np.array([vital.low for vital in VITALS]), np.array([vital.high for vital in VITALS])
    doubted = (values < low) | (values > high)
    near = values[:, COLUMN["systolic_bp"]] - values[:, COLUMN["diastolic_bp"]] <= PULSE_PRESSURE
    doubted[near, COLUMN["systolic_bp"]] = doubted[near, COLUMN["diastolic_bp"]] = True
    found: NDArray[np.int32] = (doubted @ (1 << np.arange(len(VITALS), dtype=np.int32))).astype(np.int32)
    return found
