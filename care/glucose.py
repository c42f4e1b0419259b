"""Sensor glucose over two weeks: time in each band, mean, variation, the estimate of HbA1c, and how much of it was worn.

Pure numpy. Bands are of whole mg/dL: values are rounded first (10.0 mmol/L is 180). Published with the share of time worn,
since the figures of a sensor that was hardly worn say little (Diabetes Care 42:1593).
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: lowest whole mg/dL of each band after the first; bands: very low, low, in range, high, very high (Diabetes Care 42:1593)
BAND_EDGES: Final = (54, 70, 181, 251)
#: days that are looked at, and the least share of them that must be worn (Diabetes Care 42:1593)
DAYS: Final = 14
LEAST_WEAR: Final = 0.70
#: mg/dL in one mmol/L
_PER_MMOL: Final = 18.01559


@dataclass(frozen=True, slots=True)
class GlucoseSummary:
    """What a sensor showed."""

    #: readings
    readings: int
    #: share of readings in each band: below 54, 54–69, 70–180, 181–250, above 250 mg/dL
    very_low: float
    low: float
    in_range: float
    high: float
    very_high: float
    #: mg/dL
    mean: float
    #: coefficient of variation, a share
    variation: float
    #: glucose management indicator, % (Tidepool summary/types/util.go)
    gmi: float
    #: share of the time worn, by the sensor's own interval
    worn: float
    #: enough was worn for the figures to mean something
    is_enough: bool


def summarise(
    values: NDArray[np.float64], times_us: NDArray[np.int64], span: timedelta = timedelta(days=DAYS)
) -> GlucoseSummary | None:
    """Return the summary of readings (n,) mg/dL at times (n,) µs in any order, None where there are none."""
    if not len(values):
        return None
    whole = np.floor(values + 0.5)
    shares = np.bincount(np.digitize(whole, BAND_EDGES), minlength=len(BAND_EDGES) + 1) / len(whole)
    mean = float(whole.mean())
    times = np.unique(times_us)
    every = _interval(times)
    worn = min(1.0, len(np.unique(times // every)) * every / (span // timedelta(microseconds=1)))
    return GlucoseSummary(
        readings=len(whole),
        very_low=float(shares[0]),
        low=float(shares[1]),
        in_range=float(shares[2]),
        high=float(shares[3]),
        very_high=float(shares[4]),
        mean=mean,
        variation=float(whole.std() / mean) if mean else 0.0,
        gmi=gmi(mean),
        worn=worn,
        is_enough=worn >= LEAST_WEAR,
    )


def gmi(mean: float) -> float:
    """Return the glucose management indicator, %, of a mean in mg/dL.

    >>> round(gmi(154.0), 1)
    7.0
    """
    return 0.09148 * (12.71 + 4.70587 * mean / _PER_MMOL) + 2.152


def _interval(times_us: NDArray[np.int64]) -> int:
    """Return the sensor's own interval, µs: the middle gap between readings, from one minute to a quarter of an hour."""
    if len(times_us) < 3:
        return 300_000_000
    middle = float(np.median(np.diff(times_us)))
    return int(min(max(round(middle / 60e6), 1), 15)) * 60_000_000
