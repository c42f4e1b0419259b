"""Passwords: argon2id, hashed here and nowhere else.

The parameters are the first choice of the OWASP password storage cheat sheet (46 MiB, one pass, one lane); a hash made with
others is renewed when its owner next signs in. At most a few are computed at once, so that a flood of logins cannot
take the machine's memory. Never sees an account: which hash belongs to whom is the caller's knowledge.
"""

import secrets
from dataclasses import dataclass
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

#: shortest and longest password that a person may choose
SHORTEST: Final = 12
LONGEST: Final = 256

_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a password turned out to be."""

    #: it is the right one
    is_right: bool
    #: the hash was made with other parameters and should be renewed
    is_stale: bool


class Passwords:
    """Hashes and verifies passwords; one per process."""

    def __init__(self, *, memory_kib: int = 47_104, passes: int = 1, lanes: int = 1, at_once: int = 4) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=lanes)
        self._gate = BoundedSemaphore(at_once)
        # compared against for accounts that do not exist, so that they take as long as real ones
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))

    def hash(self, password: str) -> str:
        """Return the argon2id hash to keep."""
        with self._gate:
            return self._hasher.hash(password)

    def verify(self, kept: str | None, password: str) -> Verdict:
        """Compare with the kept hash; None (no such account, or no password yet) takes as long and is never right."""
        with self._gate:
            try:
                self._hasher.verify(kept or self._nobody, password[:LONGEST])
            except (VerificationError, InvalidHashError):
                return Verdict(is_right=False, is_stale=False)
        return Verdict(is_right=kept is not None, is_stale=kept is not None and self._hasher.check_needs_rehash(kept))


def one_time_password() -> str:
    """Return a new random password to be shown once, such as "k7fq-2mxh-9ptw-c4ea" (79 bits)."""
    letters = [secrets.choice(_ALPHABET) for _ in range(16)]
    return "-".join("".join(letters[start : start + 4]) for start in range(0, 16, 4))
