"""Settings are read once, and what cannot be understood is refused by name."""

from pathlib import Path

import pytest

from api.settings import Settings, SettingsError, load_settings


def test_nothing_set_gives_the_defaults() -> None:
    assert load_settings({"HOME": "/root"}) == Settings()


def test_values_are_converted() -> None:
    found = load_settings({"WARDLIGHT_HTTP_PORT": "9000", "WARDLIGHT_DEMO": "yes", "WARDLIGHT_DATA_DIR": "/srv/wardlight"})
    assert (found.http_port, found.demo, found.data_dir) == (9000, True, Path("/srv/wardlight"))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("WARDLIGHT_HTTP_PORT", "eighty", "WARDLIGHT_HTTP_PORT is 'eighty'; write a whole number"),
        ("WARDLIGHT_DEMO", "maybe", "write 1 or 0"),
        ("WARDLIGHT_LOG_LEVEL", "loud", "write one of: debug, info"),
        ("WARDLIGHT_LOG_FORMAT", "xml", "write one of: auto"),
        ("WARDLIGHT_MQTT_READER", "fast", "write one of: bulk"),
        ("WARDLIGHT_DATABSE_URL", "postgresql://", "nobody knows the setting WARDLIGHT_DATABSE_URL"),
        ("WARDLIGHT_HTTP_PORT_FILE", "/run/port", "nobody knows the setting WARDLIGHT_HTTP_PORT_FILE"),
        ("WARDLIGHT_DATABASE_URL_FILE", "/nowhere", "which cannot be read"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        load_settings({name: value})


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://u:s@db/wardlight\n")
    assert load_settings({"WARDLIGHT_DATABASE_URL_FILE": str(tmp_path / "url")}).database_url == "postgresql://u:s@db/wardlight"
