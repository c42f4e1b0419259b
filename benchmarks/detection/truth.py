"""Truth: what of each episode was measured, and when it arrived: the most that a rule could know. Pure."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.befalls import Episode
from benchmarks.detection.catalogue import DAY, Band
from benchmarks.detection.simulate import History
from devices.vitals import COLUMN

#: a gradual episode counts as measured once a reading was taken in the later part of the time in which it can be found
_LATER = 0.5
#: tries to find a free place for a window
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Known:
    """What came in of one episode."""

    episode: Episode
    #: emergencies: when the first reading arrived that makes one (microseconds), None where none was taken
    arrived: int | None
    #: when that reading was measured, by the device's clock
    measured: int | None
    #: the others: a reading of a vital that it moves was taken in the later half of the time in which it can be found, and
    #: arrived before the lead
    is_measured: bool


def known_of(history: History) -> list[Known]:
    """Return what came in of every episode of a run."""
    starts = np.searchsorted(history.patient, np.arange(len(history.people) + 1))
    return [
        _known(history, episode, slice(starts[episode.patient], starts[episode.patient + 1])) for episode in history.episodes
    ]


def _known(history: History, episode: Episode, own: slice) -> Known:
    batch, band, deadline = history.batch, episode.scenario.band, episode.deadline
    times, arrive, values, suspect = batch.measured_at[own], batch.received_at[own], batch.values[own], batch.suspect[own]
    if band is not None:
        column = COLUMN[band.vital]
        inside = (times >= episode.onset) & (times <= episode.turning) & ~np.isnan(values[:, column])
        clean = suspect & (1 << column) == 0
        row = first_in_band(band, times, values[:, column].astype(float), inside & clean)
        if row is None:
            return Known(episode, None, None, is_measured=False)
        return Known(episode, int(arrive[row]), int(times[row]), is_measured=True)
    assert deadline is not None
    columns = [COLUMN[name] for name in episode.scenario.vitals]
    later = episode.onset + int(_LATER * (deadline - episode.onset))
    seen = (times >= later) & (arrive <= deadline) & (~np.isnan(values[:, columns])).any(axis=1)
    return Known(episode, None, None, is_measured=bool(seen.any()))


def elsewhere(history: History, seed: int) -> list[Known]:
    """Return each gradual episode moved to where nothing happens to the same patient: what is seen there is seen by chance."""
    random, first, length = np.random.default_rng([seed, 8]), history.people.midnight[:, 1].min(), history.days * DAY
    busy: dict[int, list[tuple[int, int]]] = {}
    for episode in history.episodes:
        busy.setdefault(episode.patient, []).append((episode.onset, episode.until))
    found = []
    for episode in history.episodes:
        if episode.deadline is None:
            continue
        lasts = episode.deadline - episode.onset
        for onset in (first + random.uniform(0, length - lasts, _TRIES)).astype(np.int64).tolist():
            if all(onset + lasts < begin or onset > end for begin, end in busy[episode.patient]):
                moved = onset - episode.onset
                there = replace(episode, onset=onset, turning=episode.turning + moved, until=onset + lasts)
                found.append(Known(there, None, None, is_measured=True))
                break
    return found


def first_in_band(band: Band, times: NDArray[np.int64], values: NDArray[np.float64], judged: NDArray[np.bool_]) -> int | None:
    """Return the row of the reading that makes an emergency: in the band, and for as long as the band asks for.

    >>> band = Band("cgm_glucose", 53.5, None, 10)
    >>> times, low = np.array([0, 5, 10, 15, 20]), np.array([50.0, 60.0, 50.0, 50.0, 50.0])
    >>> first_in_band(band, times, low, np.ones(5, bool))
    4
    """
    begun: int | None = None
    for row in np.flatnonzero(judged).tolist():
        value = values[row]
        is_in = (band.below is not None and value < band.below) or (band.above is not None and value > band.above)
        if not is_in:
            begun = None
            continue
        begun = int(times[row]) if begun is None else begun
        if times[row] - begun >= band.for_us:
            return row
    return None
