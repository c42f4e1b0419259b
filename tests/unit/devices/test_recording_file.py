"""Recorded readings from files: what is read, how it is grouped and moved in time, and what a bad line says."""

import gzip
from pathlib import Path

import pytest

from devices.recording_file import (
    Recorded,
    RecordingError,
    in_time_order,
    read_recording,
    shift_to_end,
    shift_to_start,
    survey,
)

MINUTE = 60_000_000
ICU = """patient,minute,vital,value,unit,died
icu-1,7,heart_rate,73,/min,0
icu-1,7,spo2,97.5,%,0
icu-1,9,heart_rate,75,/min,0
icu-2,7,x,1,,1
"""


def write(folder: Path, text: str, name: str = "recording.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_minutes_count_from_the_start_and_lines_of_one_time_are_one_measurement(tmp_path: Path) -> None:
    assert list(read_recording(write(tmp_path, ICU))) == [
        Recorded("icu-1", 7 * MINUTE, {"heart_rate": (73.0, "/min"), "spo2": (97.5, "%")}),
        Recorded("icu-1", 9 * MINUTE, {"heart_rate": (75.0, "/min")}),
        Recorded("icu-2", 7 * MINUTE, {"x": (1.0, "")}),
    ]


def test_gzip_is_known_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "recording"
    path.write_bytes(gzip.compress(ICU.encode()))
    assert survey(read_recording(path)).readings == 4


def test_local_times_need_a_zone(tmp_path: Path) -> None:
    path = write(tmp_path, "patient,local_time,vital,value,unit\na,2026-07-01 08:00:00,cgm_glucose,153,mg/dL\n")
    (berlin,) = read_recording(path, "Europe/Berlin")
    (utc,) = read_recording(path, "UTC")
    assert utc.time_us - berlin.time_us == 120 * MINUTE
    with pytest.raises(RecordingError, match=r"line 2: local_time needs a time zone"):
        list(read_recording(path))
    with pytest.raises(RecordingError, match="no time zone 'Mars/Base'"):
        list(read_recording(path, "Mars/Base"))


def test_json_lines_hold_one_value_or_many(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        '{"patient":"a","time":"1970-01-01T00:01:00Z","vital":"spo2","value":97,"unit":"%"}\n\n'
        '{"patient":"a","time":"1970-01-01T00:01:00Z","values":{"heart_rate":{"value":"LO","unit":"/min"}}}\n',
    )
    assert list(read_recording(path)) == [Recorded("a", MINUTE, {"spo2": (97, "%"), "heart_rate": ("LO", "/min")})]


def test_a_vital_that_comes_twice_is_not_lost(tmp_path: Path) -> None:
    path = write(tmp_path, "patient,minute,vital,value,unit\na,1,spo2,97,%\na,1,spo2,96,%\na,1,heart_rate,70,/min\n")
    assert [dict(one.values) for one in read_recording(path)] == [
        {"spo2": (97.0, "%")},
        {"spo2": (96.0, "%"), "heart_rate": (70.0, "/min")},
    ]


def test_each_patient_ends_or_starts_now(tmp_path: Path) -> None:
    path = write(tmp_path, ICU)
    found = survey(read_recording(path))
    assert (found.readings, found.measurements, sorted(found.patients)) == (4, 3, ["icu-1", "icu-2"])
    assert found.patients["icu-1"].vitals == {"heart_rate", "spo2"}
    now = 1_000 * MINUTE
    ended = in_time_order(read_recording(path), shift_to_end(found, now))
    assert [(one.patient, (one.time_us - now) // MINUTE) for one in ended] == [("icu-1", -2), ("icu-1", 0), ("icu-2", 0)]
    started = in_time_order(read_recording(path), shift_to_start(found, now))
    assert [(one.patient, (one.time_us - now) // MINUTE) for one in started] == [("icu-1", 0), ("icu-2", 0), ("icu-1", 2)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("patient,vital,value\n", "no column unit, time or local_time or minute"),
        ("patient,minute,vital,value,unit\na,1,spo2\n", "line 2: 3 cells where the header has 5"),
        ("patient,minute,vital,value,unit\n,1,spo2,97,%\n", "line 2: no patient"),
        ("patient,minute,vital,value,unit\na,1,spo2,97,%\na,x,spo2,97,%\n", "line 3: minute 'x' is not a number"),
        ("patient,minute,vital,value,unit\na,,spo2,97,%\n", "line 2: no time"),
        ("patient,minute,vital,value,unit\na,1,,97,%\n", "line 2: no vital"),
        ("patient,minute,vital,value,unit\na,1,spo2,,%\n", "line 2: no value for spo2"),
        ("patient,time,vital,value,unit\na,2026-01-01 08:00,spo2,97,%\n", "line 2: time '2026-01-01 08:00' is not a time with"),
        ("{not json}\n", "line 1: not JSON"),
        ('{"patient":"a","minute":1,"values":[]}\n', "line 1: no vital"),
        ('{"patient":"a","minute":1,"values":{"spo2":97}}\n', "line 1: values is not"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(RecordingError, match=message) as caught:
        list(read_recording(path))
    assert str(path) in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for content in (b"\xff\xfe\x00", gzip.compress(b"patient,minute")[:-4]):
        path = tmp_path / "broken"
        path.write_bytes(content)
        with pytest.raises(RecordingError, match="broken"):
            list(read_recording(path))
    with pytest.raises(RecordingError, match="absent"):
        list(read_recording(tmp_path / "absent"))
