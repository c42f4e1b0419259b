"""Baseline: what is usual for this patient, and how far a reading is from it.

The usual value is an exponentially weighted mean of days, the spread a mean absolute deviation, both moved by clipped steps, so
that one odd day hardly counts. Learned once a day (or part of a day) from readings that breach nothing; an episode, its own
included, is never learned. A slow drift is summed up over days (CUSUM) against the usual value.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from alerts.signals.days import PLACES
from alerts.signals.signal import Readings, Told, starts_of
from alerts.state import put_memory, take_memory
from devices.vitals import VITALS

#: a day counts for no more than so many spreads, in the usual value and in a drift
_CLIP: Final = 3.0
#: a normal distribution's standard deviation, of its mean absolute deviation
_NORMAL: Final = 1.2533
#: deviations are summed in whole thousandths of the chart's precision, so that the order of adding does not matter
_FINE: Final = 1000
#: what a breach of the fallback limit counts as, in the rule's own unit
FALLBACK: Final = 99.0


@dataclass(frozen=True, slots=True)
class Distance:
    """One way of telling how far from the usual a reading is."""

    #: "spread", "difference" or "drift"
    measure: str
    #: +1 where high values breach, −1 where low ones do
    sign: float
    #: how far away counts as an episode, in the measure's own unit; positive
    limit: float
    #: fixed limit while nothing is learned, in the vital's unit; None says nothing then
    fallback: float | None = None
    #: the reading breaches the fallback only beyond it, not at it
    is_strict: bool = False


@dataclass(frozen=True)
class Baseline:
    """What is usual of one vital; a `Signal`."""

    #: column of the vital
    vital: int
    #: only the first reading of the day's part counts
    is_first: bool
    #: the part of the local day that counts, minutes since midnight, the end excluded
    start: int
    end: int
    #: days after which a day's weight is half
    half_life: float
    #: days and readings after which it is believed
    learn_days: int
    learn_readings: int
    #: smallest spread that is believed, in the vital's unit
    least_spread: float
    #: parts of a day kept apart
    parts: int
    #: the part of a day's distance that is no drift, in spreads
    allowance: float
    #: one for each output
    distances: tuple[Distance, ...]

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The day and part that is not over with its sums, and for each part the usual value, spread, days and readings."""
        fields: list[Any] = [
            ("day", "<i4"), ("part", "u1"), ("sum", "<i8"), ("count", "<i4"), ("away", "<i8"),
            ("usual", "<f4", (self.parts,)), ("spread", "<f4", (self.parts,)),
            ("days", "<u2", (self.parts,)), ("readings", "<u4", (self.parts,)),
        ]  # fmt: skip
        if self.follows_drift:
            fields += [("all_sum", "<i8"), ("all_count", "<i4"), ("up", "<f4"), ("down", "<f4")]
        return np.dtype(fields)

    @property
    def inputs(self) -> tuple[int, ...]:
        """The vital."""
        return (self.vital,)

    @property
    def reach(self) -> None:
        """All of history."""
        return

    @property
    def outputs(self) -> int:
        """One for each distance."""
        return len(self.distances)

    @property
    def follows_drift(self) -> bool:
        """Whether a rule judges drift."""
        return any(one.measure == "drift" for one in self.distances)

    def guard(self, measure: str) -> float:
        """Return how far away an episode begins by this measure, beyond all where no rule judges it."""
        return min((one.limit for one in self.distances if one.measure == measure), default=np.inf)

    def seen(self, memory: NDArray[np.void]) -> None:
        """Return None: one vital alone feeds it."""

    def follow(self, memory: NDArray[np.void], readings: Readings) -> Told:
        """Tell how far from the usual each reading is, and learn from those that may be learned."""
        n, value = len(readings.time), readings.column(self.vital)
        said = np.full((n, self.outputs), np.nan)
        usual, spread, days, learned = (np.full(n, np.nan) for _ in range(4))
        rows = np.flatnonzero(~np.isnan(value) & (readings.minute >= self.start) & (readings.minute < self.end))
        patient = readings.patient[rows]
        part = readings.minute[rows] * self.parts // (24 * 60)
        # the clocks go back at midnight in some zones: the part of the day that has begun goes on
        known = memory["day"][patient].astype(np.int64) * self.parts + memory["part"][patient]
        bin_ = np.maximum.accumulate((patient << 40) + np.maximum(readings.day[rows] * self.parts + part, known)) & 0xFFFFFFFFFF
        if self.is_first:
            fresh = np.zeros(len(rows), bool)
            fresh[starts_of(patient, bin_)] = True
            fresh &= known != bin_
            rows, patient, bin_ = rows[fresh], patient[fresh], bin_[fresh]
        for chosen, start in _steps(patient, bin_):
            there = rows[chosen]
            who, which = patient[chosen][start], bin_[chosen][start]
            group = np.repeat(np.arange(len(start)), np.diff(np.append(start, len(chosen))))
            held = take_memory(memory, who)
            self._turn(held, which)
            told = self._tell(held, value[there], group, start, readings.learns[readings.row[there], self.vital])
            put_memory(memory, who, held)
            said[there], usual[there], spread[there], days[there], learned[there] = told
        told_of = {"value": value, "usual": usual, "spread": spread, "days": days, "learned": learned}
        return Told(said, tuple(told_of for _ in self.distances))

    def _turn(self, held: NDArray[np.void], which: NDArray[np.int64]) -> None:
        """Learn the days (or parts) that are over, and begin the new ones."""
        day, part = which // self.parts, (which % self.parts).astype(np.uint8)
        over = np.flatnonzero((held["day"] != day) | (held["part"] != part))
        if not len(over):
            return
        ended = take_memory(held, over)
        if self.follows_drift:
            self._follow_drift(ended)
        self._learn(ended)
        ended["day"], ended["part"] = day[over], part[over]
        for name in ("sum", "count", "away", *(("all_sum", "all_count") if self.follows_drift else ())):
            ended[name] = 0
        put_memory(held, over, ended)

    def _learn(self, ended: NDArray[np.void]) -> None:
        """Move the usual value and the spread by what was learned in a day that is over."""
        row = np.arange(len(ended))
        part, count = ended["part"], ended["count"]
        days = ended["days"][row, part].astype(np.int64)
        usual, spread = (ended[name][row, part].astype(np.float64) for name in ("usual", "spread"))
        some = count > 0
        mean = ended["sum"] / np.maximum(count, 1) / self._scale
        away = ended["away"] / np.maximum(count, 1) / self._scale / _FINE * _NORMAL
        weight = np.maximum(1 - 2 ** (-1 / self.half_life), 1 / (days + 1))
        width = np.where(days >= 3, _CLIP * np.maximum(spread, self.least_spread), np.inf)
        step = np.clip(mean - usual, -width, width)
        ended["usual"][row, part] = np.where(some, np.where(days == 0, mean, usual + weight * step), usual)
        gain = np.maximum(1 - 2 ** (-1 / self.half_life), 1 / np.maximum(days, 1))
        ended["spread"][row, part] = np.where(some & (days > 0), spread + gain * (away - spread), spread)
        ended["days"][row, part] = np.minimum(days + some, 60_000)
        ended["readings"][row, part] = np.minimum(ended["readings"][row, part].astype(np.int64) + count, 4_000_000_000)

    def _follow_drift(self, ended: NDArray[np.void]) -> None:
        mean = ended["all_sum"] / np.maximum(ended["all_count"], 1) / self._scale
        up, down = self._drifted(ended, mean)
        some = ended["all_count"] > 0
        ended["up"], ended["down"] = np.where(some, up, ended["up"]), np.where(some, down, ended["down"])

    def _drifted(self, held: NDArray[np.void], mean: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the drifts upwards and downwards with one day more, in spreads; none while nothing is learned."""
        spread = np.maximum(held["spread"][:, 0], self.least_spread)
        away = np.where(self._is_learned(held, np.zeros(len(held), np.uint8)), (mean - held["usual"][:, 0]) / spread, 0.0)
        away, most = np.clip(away, -_CLIP, _CLIP), 2 * self.guard("drift")
        up = np.clip(held["up"] + away - self.allowance, 0.0, most)
        return up, np.clip(held["down"] - away - self.allowance, 0.0, most)

    def _is_learned(self, held: NDArray[np.void], part: NDArray[np.uint8]) -> NDArray[np.bool_]:
        row = np.arange(len(held))
        is_learned: NDArray[np.bool_] = (held["days"][row, part] >= self.learn_days) & (
            held["readings"][row, part] >= self.learn_readings
        )
        return is_learned

    def _tell(
        self, held: NDArray[np.void], value: NDArray[np.float64], group: NDArray[np.intp], start: NDArray[np.intp],
        learns: NDArray[np.bool_],
    ) -> tuple[NDArray[np.float64], ...]:  # fmt: skip
        """Return what is said of m readings, one day (or part) a patient; the usual value, spread, days, whether learned.

        `group` (m,) is the row of each reading in `held`, whose sums they are added to where they may be learned.
        """
        row, part = np.arange(len(held)), held["part"]
        usual, days = held["usual"][row, part].astype(np.float64)[group], held["days"][row, part][group]
        raw = held["spread"][row, part].astype(np.float64)
        spread = np.maximum(raw, self.least_spread)[group]
        learned = self._is_learned(held, part)[group]
        whole = np.rint(value * self._scale).astype(np.int64)
        if self.follows_drift:
            held["all_sum"] += np.add.reduceat(whole, start)
            held["all_count"] += np.diff(np.append(start, len(group))).astype(np.int32)
            # a day is judged as a whole: at its one reading, else once it is over
            up, down = held["up"].astype(np.float64), held["down"].astype(np.float64)
            if self.is_first:
                up, down = self._drifted(held, held["all_sum"] / held["all_count"] / self._scale)
        distance = {"difference": value - usual, "spread": (value - usual) / spread}
        said = np.empty((len(value), self.outputs))
        for place, one in enumerate(self.distances):
            found = (up if one.sign > 0 else -down)[group] if one.measure == "drift" else distance[one.measure]
            before = np.full(len(value), np.nan)
            if one.fallback is not None:
                beyond = one.sign * (value - one.fallback)
                before = np.where((beyond > 0) | ((beyond == 0) & (not one.is_strict)), one.sign * FALLBACK, 0.0)
            said[:, place] = np.round(np.where(learned, found, before), PLACES)
        episode = np.logical_or.reduce([learned & (np.abs(away) >= self.guard(name)) for name, away in distance.items()])
        if self.follows_drift:
            episode |= learned & (np.maximum(held["up"], held["down"]) >= self.guard("drift"))[group]
        take = learns & ~episode
        fine = np.rint(usual * self._scale * _FINE).astype(np.int64)
        away = np.abs(whole * _FINE - fine)
        most = np.where((days >= 3) & (raw[group] > 0), np.rint(_CLIP * spread * self._scale * _FINE), 1 << 50).astype(np.int64)
        held["sum"] += np.add.reduceat(np.where(take, whole, 0), start)
        held["count"] += np.add.reduceat(take.astype(np.int32), start)
        held["away"] += np.add.reduceat(np.where(take & (days > 0), np.minimum(away, most), 0), start)
        return said, usual, spread, days.astype(np.float64), learned.astype(np.float64)

    @property
    def _scale(self) -> float:
        return 10.0 ** VITALS[self.vital].decimals


def _steps(patient: NDArray[np.intp], bin_: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Yield rows of each patient's first day (or part), then of the second, …, with the first row of each patient."""
    start = starts_of(patient, bin_)
    if not len(start):
        return
    owner = patient[start]
    first = starts_of(owner)
    rank = np.arange(len(start)) - np.repeat(first, np.diff(np.append(first, len(start))))
    size = np.diff(np.append(start, len(patient)))
    if not rank.any():
        yield np.arange(len(patient)), start
        return
    order = np.argsort(np.repeat(rank, size), kind="stable")
    ends = np.cumsum(np.bincount(np.repeat(rank, size)))
    for step, end in enumerate(ends.tolist()):
        rows = order[0 if step == 0 else int(ends[step - 1]) : end]
        yield rows, starts_of(patient[rows])
