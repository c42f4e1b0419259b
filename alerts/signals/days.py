"""Days: what a vital was on each of the last days, and how today compares: changes over days, and slopes.

The memory holds a value for each of so many local days. Readings are compared with the days before their own, never with their
own day; where only the first reading of a day's part counts (a morning weight), the others are not compared at all.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.rule import REFERENCES
from alerts.signals.signal import DAY_US, Readings, Told, starts_of
from alerts.state import put_memory, take_memory
from devices.vitals import VITALS

_MINUTE: Final = 60_000_000
#: places to which a derived number is rounded, so that sums of decimals compare as people expect
PLACES: Final = 4


@dataclass(frozen=True, slots=True)
class Measure:
    """One way of comparing a day with those before it."""

    #: "least", "greatest", "median", "mean", "deviation", a reference, or "robust" and "least_squares" for a slope
    against: str
    #: days that are looked back on
    window: int
    #: days of them that must have a value
    least_days: int
    #: smallest spread that is believed, of a deviation
    least_spread: float = 0.0


@dataclass(frozen=True)
class Days:
    """Daily values of one vital, and what rules make of them; a `Signal`."""

    #: column of the vital
    vital: int
    #: only the first reading of the day's part counts
    is_first: bool
    #: the part of the local day that counts, minutes since midnight, the end excluded
    start: int
    end: int
    #: one for each output
    measures: tuple[Measure, ...]

    @property
    def kept(self) -> int:
        """Days in the memory: one more than the longest window, for the day that is not over."""
        return max(measure.window for measure in self.measures) + 1

    @property
    def dtype(self) -> np.dtype[np.void]:
        """The newest day, the sum and count of its readings, and (value, minute since 1970 UTC) of it and the days before."""
        days = ("value", "<f4", (self.kept,)), ("minute", "<i4", (self.kept,))
        return np.dtype([("day", "<i4"), *days] if self.is_first else [("day", "<i4"), ("sum", "<i8"), ("count", "<i4"), *days])

    @property
    def inputs(self) -> tuple[int, ...]:
        """The vital."""
        return (self.vital,)

    @property
    def reach(self) -> int:
        """The days kept, and one for a day's length."""
        return (self.kept + 1) * DAY_US

    @property
    def outputs(self) -> int:
        """One for each measure."""
        return len(self.measures)

    def seen(self, memory: NDArray[np.void]) -> None:
        """Return None: one vital alone feeds it."""

    def follow(self, memory: NDArray[np.void], readings: Readings) -> Told:
        """Compare readings with the days before theirs."""
        n, value = len(readings.time), readings.column(self.vital)
        said = np.full((n, self.outputs), np.nan)
        numbers: list[dict[str, NDArray[np.float64]]] = [{} for _ in self.measures]
        rows = np.flatnonzero(~np.isnan(value) & (readings.minute >= self.start) & (readings.minute < self.end))
        patient = readings.patient[rows]
        # the clocks go back at midnight in some zones: the day that has begun goes on
        day = np.maximum.accumulate((patient << 32) + np.maximum(readings.day[rows], memory["day"][patient])) & 0xFFFFFFFF
        if self.is_first:
            fresh = np.zeros(len(rows), bool)
            fresh[starts_of(patient, day)] = True
            fresh &= memory["day"][patient] != day
            rows, patient, day = rows[fresh], patient[fresh], day[fresh]
        if not len(rows):
            return Told(said, tuple(numbers))
        history = _History.of(self, memory, patient, day, readings.time[rows], value[rows])
        group = np.repeat(np.arange(len(history.start)), np.diff(np.append(history.start, len(rows))))
        for place, measure in enumerate(self.measures):
            compared = history.compare(measure, value[rows], readings.references[readings.row[rows]], group)
            said[rows, place] = np.round(compared.pop("signal"), PLACES)
            for name, found in compared.items():
                numbers[place][name] = np.full(n, np.nan)
                numbers[place][name][rows] = found
        history.remember(self, memory)
        return Told(said, tuple(numbers))


@dataclass(frozen=True, slots=True, eq=False)
class _History:
    """Days of some patients, remembered ones and those of a batch, one after the other."""

    #: only the first reading of a day counts, so that the batch's days are what they will stay
    is_first: bool
    #: (g,) first row of each day of the batch
    start: NDArray[np.intp]
    #: (e,) patient, day, value and minute of every day, by patient and day
    patient: NDArray[np.intp]
    day: NDArray[np.int64]
    value: NDArray[np.float64]
    minute: NDArray[np.int64]
    #: (g,) which of them the batch's days are
    place: NDArray[np.intp]
    #: (g,) sum and count of each of the batch's days, in whole steps of the chart's precision
    sum: NDArray[np.int64]
    count: NDArray[np.int64]

    @classmethod
    def of(
        cls, days: Days, memory: NDArray[np.void], patient: NDArray[np.intp], day: NDArray[np.int64], time: NDArray[np.int64],
        value: NDArray[np.float64],
    ) -> "_History":  # fmt: skip
        """Gather what is remembered of these patients and what a batch adds."""
        scale = 10.0 ** VITALS[days.vital].decimals
        start = starts_of(patient, day)
        owner, own_day = patient[start], day[start]
        total = np.add.reduceat(np.rint(value * scale).astype(np.int64), start)
        count = np.diff(np.append(start, len(patient)))
        minute = time[start] // _MINUTE
        goes_on = memory["day"][owner] == own_day
        if not days.is_first and goes_on.any():
            total = total + np.where(goes_on, memory["sum"][owner], 0)
            count = count + np.where(goes_on, memory["count"][owner], 0)
            minute = np.where(goes_on, memory["minute"][owner, 0], minute)
        means = total / count / scale
        who = np.unique(owner)
        held = take_memory(memory, who)
        old_row, age = np.nonzero(held["minute"] != 0)
        old_day = held["day"][old_row] - age
        first_day = own_day[starts_of(owner)]
        keep = old_day < first_day[old_row]
        old_row, age, old_day = old_row[keep], age[keep], old_day[keep]
        known = _chart(held["value"][old_row, age], days)
        everyone, every = np.concatenate([who[old_row], owner]), np.concatenate([old_day, own_day])
        order = np.lexsort((every, everyone))
        place = np.empty(len(order), np.intp)
        place[order] = np.arange(len(order))
        values = np.concatenate([known, _chart(means.astype(np.float32), days)])[order]
        minutes = np.concatenate([held["minute"][old_row, age].astype(np.int64), minute])[order]
        place = place[len(old_row) :]
        return cls(days.is_first, start, everyone[order], every[order], values, minutes, place, total, count)

    def before(self, window: int, *, own: bool = False) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.int64]]:
        """Return (g, window) values of the days before each of the batch's, NaN where none, their places and ages in days."""
        index = self.place[:, None] - np.arange(0 if own else 1, window + 1)
        inside = np.maximum(index, 0)
        age = self.day[self.place][:, None] - self.day[inside]
        there = (index >= 0) & (self.patient[inside] == self.patient[self.place][:, None]) & (age <= window)
        return np.where(there, self.value[inside], np.nan), inside, age

    def compare(
        self, measure: Measure, value: NDArray[np.float64], references: NDArray[np.float64], group: NDArray[np.intp]
    ) -> dict[str, NDArray[np.float64]]:
        """Return the signal at each of the batch's readings, and the numbers it rests on."""
        if measure.against in REFERENCES:
            reference = references[:, REFERENCES.index(measure.against)]
            return {"signal": value - reference, "value": value, "against": reference}
        if measure.against in ("robust", "least_squares"):
            values, _, age = self.before(measure.window, own=self.is_first)
            known = ~np.isnan(values)
            enough = known.sum(axis=1) >= measure.least_days
            fitted = np.where(enough, _slope(measure.against, values, age), np.nan)
            return {
                "signal": fitted[group],
                "slope": fitted[group],
                "value": value,
                "days": known.sum(axis=1)[group].astype(np.float64),
            }
        values, places, _ = self.before(measure.window)
        count = (~np.isnan(values)).sum(axis=1)
        enough = count >= measure.least_days
        told = {"value": value, "days": count[group].astype(np.float64)}
        if measure.against in ("least", "greatest"):
            sign = 1.0 if measure.against == "least" else -1.0
            which = np.argmin(np.where(np.isnan(values), np.inf, sign * values), axis=1)
            there = (np.arange(len(which)), which)
            against = np.where(enough, values[there], np.nan)
            told["at"] = np.where(enough, self.minute[places[there]] * float(_MINUTE), np.nan)[group]
        elif measure.against == "median":
            against = np.where(enough, _median(values), np.nan)
        else:
            against = np.where(enough, _sum(values) / np.maximum(count, 1), np.nan)
        told["against"] = against[group]
        told["signal"] = value - against[group]
        if measure.against == "deviation":
            spread = np.sqrt(_sum((values - against[:, None]) ** 2) / np.maximum(count - 1, 1))
            spread = np.maximum(spread, measure.least_spread)
            told["spread"] = spread[group]
            told["signal"] = told["signal"] / spread[group]
        return told

    def remember(self, days: Days, memory: NDArray[np.void]) -> None:
        """Keep the newest days of each patient of the batch."""
        last = np.append(starts_of(self.patient[self.place])[1:], len(self.place)) - 1
        owner = self.patient[self.place[last]]
        newest = _History(
            self.is_first, self.start[last], self.patient, self.day, self.value, self.minute, self.place[last], self.sum[last],
            self.count[last],
        )  # fmt: skip
        values, places, age = newest.before(days.kept - 1, own=True)
        row, column = np.nonzero(~np.isnan(values))
        kept = np.zeros(len(owner), days.dtype)
        kept["day"] = self.day[newest.place]
        kept["value"][row, age[row, column]] = values[row, column]
        kept["minute"][row, age[row, column]] = self.minute[places[row, column]]
        if not days.is_first:
            kept["sum"], kept["count"] = newest.sum, newest.count
        put_memory(memory, owner, kept)


def _chart(values: NDArray[np.float32], days: Days) -> NDArray[np.float64]:
    """Return stored values at the precision they are compared with: a mean keeps two decimals more than the chart."""
    decimals = VITALS[days.vital].decimals + (0 if days.is_first else 2)
    return np.asarray(np.round(values.astype(np.float64), decimals), np.float64)


def _sum(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum over each row of what is there, always in the same order."""
    total: NDArray[np.float64] = np.where(np.isnan(values), 0.0, values).cumsum(axis=1)[:, -1]
    return total


def _median(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median of what is there in each row, NaN where nothing is."""
    ordered = np.sort(values, axis=1)
    count = (~np.isnan(values)).sum(axis=1)
    row = np.arange(len(values))
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    return np.asarray((ordered[row, low] + ordered[row, np.minimum(high, values.shape[1] - 1)]) / 2, np.float64)


def _slope(method: str, values: NDArray[np.float64], age: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the change in a day that fits each row best: by least squares, or the median of all pairs (Theil, Sen)."""
    known = ~np.isnan(values)
    day = np.where(known, -age.astype(np.float64), np.nan)
    count = np.maximum(known.sum(axis=1), 1)
    if method == "robust":
        one, other = np.triu_indices(values.shape[1], 1)
        return _median((values[:, one] - values[:, other]) / (day[:, one] - day[:, other]))
    from_mean, away = day - (_sum(day) / count)[:, None], values - (_sum(values) / count)[:, None]
    fitted: NDArray[np.float64] = _sum(from_mean * away) / np.maximum(_sum(from_mean**2), 1e-9)
    return fitted
