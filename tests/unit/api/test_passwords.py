"""Passwords: right or wrong, stale or fresh, and random ones that can be read out loud."""

import re

from api.passwords import Passwords, one_time_password

CHEAP = Passwords(memory_kib=64)


def test_a_hash_is_argon2id_and_salted() -> None:
    one, other = CHEAP.hash("correct horse"), CHEAP.hash("correct horse")
    assert one.startswith("$argon2id$") and one != other


def test_only_the_right_password_is_right() -> None:
    kept = CHEAP.hash("correct horse")
    assert CHEAP.verify(kept, "correct horse").is_right
    assert not CHEAP.verify(kept, "Correct horse").is_right
    assert not CHEAP.verify(None, "correct horse").is_right
    assert not CHEAP.verify("not a hash", "correct horse").is_right


def test_hashes_with_other_parameters_are_stale() -> None:
    kept = CHEAP.hash("correct horse")
    assert not CHEAP.verify(kept, "correct horse").is_stale
    assert Passwords(memory_kib=128).verify(kept, "correct horse").is_stale


def test_one_time_passwords_have_no_letters_that_look_alike() -> None:
    made = {one_time_password() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"([a-hjkmnp-z2-9]{4}-){3}[a-hjkmnp-z2-9]{4}", password) for password in made)
