"""Rounding: a stored value at the precision of a chart, as a nurse would round it: half up, in decimal.

Pure numpy. A value lies in the database as a 4-byte float, so 38.05 comes back as 38.04999924: what was written is found
first, and rounded then. Python's own `round` is binary and goes to even (`round(38.05, 1)` is 38.0, `round(92.5)` is 92).
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: decimals in which a value was written: the most that a 4-byte float tells apart up to 800, far above 300 mm[Hg]
_WRITTEN: Final = 4


def half_up(values: ArrayLike, decimals: ArrayLike) -> NDArray[np.float64]:
    """Return values rounded half up to `decimals` (0–4, an integer or one a column); NaN stays.

    >>> half_up(np.float32([38.05, 38.04, 92.5, 91.5]), [1, 1, 0, 0]).tolist()
    [38.1, 38.0, 93.0, 92.0]
    """
    written = np.rint(np.asarray(values, np.float64) * 10.0**_WRITTEN)
    places = np.asarray(decimals, np.float64)
    rounded: NDArray[np.float64] = np.floor(written / 10.0 ** (_WRITTEN - places) + 0.5) / 10.0**places
    return rounded
