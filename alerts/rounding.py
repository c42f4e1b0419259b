"""Rounding: a stored value at the precision of a chart, as a nurse would round it: half up, in decimal.

Pure numpy. A value lies in the database as a 4-byte float, so 38.05 comes back as 38.04999924, which is still a half. Python's
own `round` is binary and goes to even (`round(38.05, 1)` is 38.0, `round(92.5)` is 92).
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: what a half may lack by being stored in 4 bytes, in units of the last decimal kept: 350 kg to 0.1 kg lacks 0.00015
_LACKS: Final = 0.0005


def half_up(values: ArrayLike, decimals: ArrayLike) -> NDArray[np.float64]:
    """Return values rounded half up to `decimals` (an integer, or one a column); NaN stays.

    >>> half_up(np.float32([38.05, 38.04, 92.5, 91.5]), [1, 1, 0, 0]).tolist()
    [38.1, 38.0, 93.0, 92.0]
    """
    scale = 10.0 ** np.asarray(decimals, np.float64)
    rounded: NDArray[np.float64] = np.floor(np.asarray(values, np.float64) * scale + (0.5 + _LACKS)) / scale
    return rounded
