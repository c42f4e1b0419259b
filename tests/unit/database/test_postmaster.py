"""Reading postmaster.pid, whole, half written and stale."""

import os
from pathlib import Path

import pytest

from database.postmaster import Postmaster, is_serving, read_postmaster


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        ("words\n", None),
        ("123\n", Postmaster(123, "", "")),
        ("123\n/data\n1712346200\n5432\n/socket\n\n 8826964 65536\nready   \n", Postmaster(123, "/socket", "ready")),
    ],
)
def test_read(tmp_path: Path, text: str | None, expected: Postmaster | None) -> None:
    if text is not None:
        (tmp_path / "postmaster.pid").write_text(text)
    assert read_postmaster(tmp_path) == expected


def test_a_process_id_with_a_new_owner_is_no_server(tmp_path: Path) -> None:
    assert not is_serving(os.getpid(), str(tmp_path))


def test_nor_is_one_that_nobody_has() -> None:
    assert not is_serving(2**22 + 1, "/data")
