"""Where a cluster lies and whom it runs as, tried on real folders."""

import os
import pwd
from pathlib import Path

import pytest

from database.placement import Account, ServerError, choose_account, is_reachable, place, remove_cluster
from tests.parts import lacking

STRANGER = Account(54321, 54321)
MYSELF = Account(os.geteuid(), os.getegid())


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    return folder


def test_a_closed_folder_stops_a_stranger_and_not_its_owner(closed: Path) -> None:
    assert not is_reachable(closed / "x", STRANGER)
    assert is_reachable(closed / "x", MYSELF)


def test_an_open_folder_stops_nobody() -> None:
    assert is_reachable(Path("/tmp/x"), STRANGER)


def test_an_account_that_can_get_there_has_its_cluster_in_the_data_folder(tmp_path: Path) -> None:
    cluster = place(tmp_path / "data", MYSELF)
    assert cluster == (tmp_path / "data/cluster").resolve()
    assert not (tmp_path / "data/cluster").is_symlink()
    assert cluster.stat().st_mode & 0o777 == 0o700
    assert place(tmp_path / "data", MYSELF) == cluster


def test_a_home_elsewhere_is_linked_and_removed_with_the_link(tmp_path: Path) -> None:
    cluster = place(tmp_path / "data", MYSELF, home=tmp_path / "home")
    assert cluster.parent == (tmp_path / "home").resolve()
    assert place(tmp_path / "data", MYSELF, home=tmp_path / "home") == cluster
    remove_cluster(tmp_path / "data")
    assert not cluster.exists()
    assert not (tmp_path / "data/cluster").is_symlink()


def test_a_link_to_nothing_is_an_error_and_never_an_empty_database(tmp_path: Path) -> None:
    place(tmp_path / "data", MYSELF, home=tmp_path / "home").rmdir()
    with pytest.raises(ServerError, match="which is gone: restore it, or remove the link"):
        place(tmp_path / "data", MYSELF, home=tmp_path / "home")


def test_root_opens_no_folder_of_anybodys(closed: Path) -> None:
    if os.geteuid() != 0:
        lacking("only root gives files away")
    cluster = place(closed / "data", STRANGER)
    try:
        assert (closed / "data/cluster").is_symlink()
        assert cluster.stat().st_uid == STRANGER.uid
        assert is_reachable(cluster / "x", STRANGER)
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        remove_cluster(closed / "data")


def test_the_account_is_the_folders_owner_for_root_and_oneself_for_others(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        assert choose_account(tmp_path) == MYSELF
        return
    nobody = pwd.getpwnam("nobody")
    os.chown(tmp_path, nobody.pw_uid, nobody.pw_gid)
    assert choose_account(tmp_path / "not/yet/there") == Account(nobody.pw_uid, nobody.pw_gid)
