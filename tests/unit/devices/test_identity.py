"""Numbers that recognise a measurement: stable for ever, whatever the process."""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from devices.decoded import Decoded
from devices.identity import boot_hash, content_hash


def test_the_numbers_never_change() -> None:
    assert boot_hash("k3f9") == 1_643_950_123
    assert content_hash(Decoded([71.0, 97.0], [0, 1])) == 1_593_702_766_909_455_439


def test_another_process_gives_the_same_number() -> None:
    code = "from devices.identity import boot_hash; print(boot_hash('Gerät'))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": "7"}
    )
    assert int(found.stdout) == boot_hash("Gerät")


@given(st.text())
def test_a_boot_is_a_positive_int32(boot: str) -> None:
    assert 1 <= boot_hash(boot) <= 2**31 - 1


@given(st.dictionaries(st.integers(0, 13), st.floats(-1e6, 1e6), min_size=1), st.integers(-1, 99))
def test_order_does_not_matter_and_content_does(values: dict[int, float], slot: int) -> None:
    columns = list(values)
    first = Decoded([values[column] for column in columns], list(columns), user_slot=slot)
    columns.reverse()
    turned = Decoded([values[column] for column in columns], columns, user_slot=slot, battery=3, time=5)
    assert content_hash(first) == content_hash(turned)
    assert 0 <= content_hash(first) < 2**63
    other = Decoded([value + 1.5 for value in turned.values], columns, user_slot=slot)
    assert content_hash(first) != content_hash(other)
