"""Logs tell where something failed and never in the error's own words, which may quote a patient's data."""

import subprocess
import sys

import pytest

_FAIL = """
import logging, structlog
from api.logs import configure_logs
from api.settings import load_settings
configure_logs(load_settings({{"WARDLIGHT_LOG_FORMAT": "{form}"}}), "test")
try:
    raise ValueError("canary-183-Adeyemi")
except ValueError:
    structlog.get_logger().exception("ours_failed")
    logging.getLogger("library").exception("theirs failed")
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_an_exception_is_told_by_type_and_place_alone(form: str) -> None:
    said = subprocess.run([sys.executable, "-c", _FAIL.format(form=form)], capture_output=True, text=True, check=True).stderr
    assert "canary" not in said
    assert "ours_failed" in said and "theirs failed" in said
    assert said.count("ValueError") == 2 and said.count("<string>:7 <module>") == 2
