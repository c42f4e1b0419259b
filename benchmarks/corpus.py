"""The corpus: what 1,000 patients' devices send, interleaved, seeded, each measurement with its own sequence and time."""

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.load import Publisher, native_payload, publish_frame

PATIENTS: Final = 1_000
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
        times = np.repeat(np.linspace(start, end, count // self.patients).astype(np.int64), self.patients)
        return self._frames(times * _SECOND)

    def paced(self, count: int, start: float, rate: float) -> Sent:
        """Return `count` frames, every patient in turn, measured one after the other at this rate from `start` on."""
        times = start + np.arange(count) / rate
        return self._frames((times * _SECOND).astype(np.int64))

    def _frames(self, times: np.ndarray) -> Sent:
        count = len(times)
        if count % self.patients:
            raise ValueError(f"{count} frames are not the same number for each of {self.patients} patients")
        self.made += count
        patient = np.arange(count) % self.patients
        seq = self._next_seq + np.arange(count) // self.patients
        self._next_seq = int(seq[-1]) + 1
        columns = []
        for name, (unit, _, _, within, decimals) in _PHYSIOLOGY.items():
            drawn = self._random.normal(self._means[name][patient], within)
            if name == "spo2":
                drawn = np.minimum(drawn, 100)
            columns.append([(name, (value, unit)) for value in np.round(drawn, decimals).tolist()])
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
