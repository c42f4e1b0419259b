"""The corpus: what 1,000 patients' devices send, interleaved, seeded, each measurement with its own sequence and time."""

import time
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.load import Publisher, native_payload, publish_frame
from devices.batch import NO_SLOT, Batch
from devices.vitals import COLUMN, VITALS

PATIENTS: Final = 1_000
#: patients more, whose devices send nothing of themselves
QUIET: Final = 60
#: what every patient is enrolled in, so that more than eight rules look at each measurement
PROGRAMMES: Final = ("copd", "heart_failure", "hypertension")
BOOT: Final = "b7k2-3f90-1d"
#: as long as ours, so that the peer's messages have the same size
PEER_PREFIX: Final = b"wardlight/v0/"
_SECOND: Final = 1_000_000

#: vital → (unit, mean of a person's means, spread between people, spread within a person, decimals)
_PHYSIOLOGY: Final = {
    "heart_rate": ("/min", 74.0, 6.0, 4.0, 0),
    "spo2": ("%", 97.0, 0.5, 0.7, 0),
    "respiratory_rate": ("/min", 15.0, 1.0, 1.0, 0),
    "body_temperature": ("Cel", 36.8, 0.1, 0.15, 1),
    "systolic_bp": ("mm[Hg]", 126.0, 6.0, 5.0, 0),
    "diastolic_bp": ("mm[Hg]", 78.0, 4.0, 3.0, 0),
}


def device_name(place: int) -> str:
    """Return the MQTT name of the device of the patient at this place, from 0."""
    return f"bench{place:05}"


@dataclass(frozen=True, slots=True)
class Sent:
    """Frames that were made, and what they add up to."""

    frames: list[bytes]
    #: sequence number of the first ones
    first_seq: int
    #: sum of their sequence numbers
    seq_sum: int

    def for_peer(self) -> list[bytes]:
        """Return the same frames under the topics that the peer listens to, and ingest does not."""
        return [frame.replace(b"wardlight/v1/", PEER_PREFIX, 1) for frame in self.frames]


class Corpus:
    """Makes frames; one per run, since sequences go on from one set of frames to the next."""

    def __init__(self, patients: int = PATIENTS, seed: int = 1) -> None:
        self._random = np.random.default_rng(seed)
        self.patients = patients
        self._next_seq = 1
        #: frames made so far
        self.made = 0
        self._means = {
            name: self._random.normal(mean, between, patients) for name, (_, mean, between, _, _) in _PHYSIOLOGY.items()
        }

    def between(self, count: int, start: float, end: float) -> Sent:
        """Return `count` frames, every patient in turn, measured at whole seconds, evenly over these times (since 1970)."""
        times = np.repeat(np.linspace(start, end, self._each(count)).astype(np.int64), self.patients)
        return self._frames(times * _SECOND)

    def paced(self, count: int, start: float, rate: float) -> Sent:
        """Return `count` frames, every patient in turn, measured one after the other at this rate from `start` on."""
        times = start + np.arange(self._each(count) * self.patients) / rate
        return self._frames((times * _SECOND).astype(np.int64))

    def batch(self, count: int) -> Batch:
        """Return `count` measurements as ingest hands them to judgement, every patient in turn, a minute between two of one."""
        patient = np.arange(count) % self.patients
        times = 1_700_000_000 * _SECOND + np.arange(count) // self.patients * 60 * _SECOND
        values = np.full((count, len(VITALS)), np.nan, np.float32)
        for name, drawn in self._draw(patient).items():
            values[:, COLUMN[name]] = drawn
        return Batch(
            device_id=patient.astype(np.int32) + 1,
            patient_id=patient.astype(np.int32) + 1,
            user_slot=np.full(count, NO_SLOT, np.int16),
            device_time=times,
            measured_at=times,
            received_at=times,
            boot=np.ones(count, np.int32),
            seq=np.arange(count) // self.patients + 1,
            values=values,
            suspect=np.zeros(count, np.int32),
            consciousness=np.zeros(count, np.uint8),
            source=np.zeros(count, np.int16),
            flags=[()] * count,
            original=[None] * count,
        )

    def _each(self, count: int) -> int:
        """Return how many frames each patient sends; raise ValueError where they cannot all send the same number."""
        if count % self.patients:
            raise ValueError(f"{count} frames are not the same number for each of {self.patients} patients")
        return count // self.patients

    def _draw(self, patient: NDArray[np.intp]) -> dict[str, NDArray[np.float64]]:
        """Return values around each patient's own means, in canonical units."""
        drawn = {}
        for name, (_, _, _, within, decimals) in _PHYSIOLOGY.items():
            values = np.round(self._random.normal(self._means[name][patient], within), decimals)
            drawn[name] = np.minimum(values, 100) if name == "spo2" else values
        return drawn

    def _frames(self, times: NDArray[np.int64]) -> Sent:
        count = len(times)
        self.made += count
        patient = np.arange(count) % self.patients
        seq = self._next_seq + np.arange(count) // self.patients
        self._next_seq = int(seq[-1]) + 1
        columns = [
            [(name, (value, _PHYSIOLOGY[name][0])) for value in values.tolist()] for name, values in self._draw(patient).items()
        ]
        topics = [f"wardlight/v1/{device_name(place)}/readings" for place in range(self.patients)]
        frames = [
            publish_frame(topics[who], native_payload(BOOT, number, at, dict(values)), place % 65_535 + 1)
            for place, (who, number, at, *values) in enumerate(
                zip(patient.tolist(), seq.tolist(), times.tolist(), *columns, strict=True)
            )
        ]
        return Sent(frames, int(seq[0]), int(seq.sum()))


def push_paced(publisher: Publisher, frames: list[bytes], start: float, rate: float, tick: float = 0.004) -> float:
    """Send frames at the rate they were made for; return by how many seconds the latest group left too late."""
    done, behind = 0, 0.0
    while done < len(frames):
        due = min(int((time.time() - start) * rate), len(frames))
        if due > done:
            behind = max(behind, time.time() - (start + done / rate))
            publisher.send(frames[done:due])
            done = due
        time.sleep(tick)
    return behind
