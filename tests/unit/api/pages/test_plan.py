"""A patient's plan in words."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from api.pages.facts import Reader
from api.pages.plan import (
    asked_lines,
    glucose_bands,
    limit_lines,
    missing_references,
    pressure_words,
    reference_lines,
    with_own_limits,
)
from care.adherence import Adherence
from care.glucose import GlucoseSummary
from care.limits import Bounds
from care.plan.own import OwnLimit, OwnReference, Prescribed
from care.pressure import HomePressure
from care.programme_files import load_programmes

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)
SPO2 = Bounds("spo2_low", "Low oxygen", "<", 90, "%", 0, "order", 50, 100, "spo2", 85)
FEVER = Bounds("fever", "Fever", ">=", 38.1, "°C", 1, "tighten", 30, 43, "body_temperature", 40)
LOCKED = Bounds("spo2_emergency", "Dangerous", "<=", 85, "%", 0, "locked", 50, 100, "spo2")
US = Reader("x", ZoneInfo("UTC"), "us", "mg/dL")


def own(limit: float, starts_at: datetime, ends_at: datetime | None = None) -> OwnLimit:
    return OwnLimit("a", 1, "spo2_low", limit, starts_at, ends_at, limit < 90, 2, "Lee", "clinician", "usual 87", None, None)


def test_limits_say_whose_they_are_and_own_ones_come_first() -> None:
    lines = limit_lines([(LOCKED, None), (FEVER, None), (SPO2, own(88, NOW, NOW + DAY))])
    assert [line.rule for line in lines] == ["spo2_low", "fever", "spo2_emergency"]
    first, fever, locked = lines
    assert (first.usual, first.own, first.is_loosening, first.who, first.step) == ("< 90 %", "< 88 %", True, "Lee", "1")
    assert (fever.usual, fever.about, fever.step) == ("≥ 38.1 °C", "Temperature · only stricter", "0.1")
    assert locked.is_locked


def test_charts_are_drawn_with_the_limit_that_holds() -> None:
    rules = [{"name": "spo2_low", "limit": 90}, {"name": "fever", "limit": 38.1}]
    order, lasting, past = own(88, NOW - DAY, NOW + DAY), own(92, NOW - 2 * DAY), own(80, NOW - 9 * DAY, NOW - 8 * DAY)
    assert with_own_limits(rules, [order, lasting, past], NOW)[0]["limit"] == 88
    assert with_own_limits(rules, [order, lasting, past], NOW + DAY)[0]["limit"] == 92
    assert with_own_limits(rules, [past], NOW) == rules


def test_what_is_asked_says_how_often_whose_it_is_and_both_numbers() -> None:
    def asked(measure: str, every: timedelta, programme: str | None, *at: str) -> Prescribed:
        return Prescribed("p", 1, measure, every, at, programme, NOW, None, "Lee", "")

    kept = [Adherence("body_weight", 3, 6, 1, 0, date.min, date.min), Adherence("spo2", 0, 0, 0, 2, date.min, date.min)]
    programmes = load_programmes()
    weight, spo2, steps = asked_lines(
        [asked("body_weight", DAY, "heart_failure", "07:00"), asked("spo2", 3 * DAY, None), asked("steps", DAY, "own")],
        kept,
        programmes,
    )
    assert (weight.often, weight.whose, weight.kept, weight.left_out) == (
        "every day at 07:00", "Heart failure", "3 of 6 days", "1 paused",
    )  # fmt: skip
    assert weight.is_low and not spo2.is_low
    assert (spo2.often, spo2.whose, spo2.kept) == ("every 3 days", "agreed with the patient", "")
    assert spo2.left_out == "2 in which our own path was down" and (steps.whose, steps.kept) == ("own", "")


def test_references_are_said_in_the_readers_unit_and_missing_ones_are_asked_for() -> None:
    def reference(name: str, value: float) -> OwnReference:
        return OwnReference("r", 1, name, value, NOW, None, "Lee", "", None, None)  # type: ignore[arg-type]

    told = reference_lines([reference("spo2_scale", 2), reference("dry_weight", 80), reference("dry_weight", 90)], US, NOW)
    assert [(title, value) for _, title, value in told] == [("Dry weight", "176.4 lb"), ("SpO₂ scale of NEWS2", "2")]
    failing = [load_programmes()["heart_failure"]]
    assert missing_references(failing, []) and not missing_references(failing, ["dry_weight"])


def test_summaries_in_words() -> None:
    week = HomePressure(24, 24, 7, None, 136, 80, is_elevated=True, shortfall="")
    assert pressure_words(week) == "136/80 mmHg, elevated"
    bands = glucose_bands(GlucoseSummary(9, 0.01, 0.03, 0.7, 0.2, 0.06, 150, 0.3, 6.9, 0.9, is_enough=True))
    assert [band.share for band in bands] == [6, 20, 70, 3, 1]
    assert bands[-1].start + bands[-1].width == 100
