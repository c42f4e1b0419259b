"""Identity: the numbers by which a measurement is recognised when it is delivered again.

They are stored in the unique index for years, so they never depend on Python's hash, the process or the platform.
"""

import struct
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from devices.decoded import Decoded

_LARGEST_BOOT: Final = 2**31 - 1


@lru_cache(maxsize=65536)
def boot_hash(boot: str) -> int:
    """Return the number from 1 to 2³¹−1 that stands for a boot in the measurement table (0 means no sequence).

    >>> boot_hash("k3f9")
    1643950123
    """
    digest = blake2b(boot.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % _LARGEST_BOOT + 1


def content_hash(decoded: Decoded) -> int:
    """Return a 63-bit number of what was measured, for measurements without a sequence of their own.

    The same values of the same user give the same number in whatever order they were sent; time, battery, flags and the
    unit they came in do not matter.
    """
    parts = [struct.pack(">hH", decoded.user_slot, decoded.consciousness)]
    parts += [
        struct.pack(">Bd", column, value + 0.0) for column, value in sorted(zip(decoded.columns, decoded.values, strict=True))
    ]
    return int.from_bytes(blake2b(b"".join(parts), digest_size=8).digest(), "big") >> 1
