"""Simulated people: believable, and the same every time."""

import datetime as dt
import statistics
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.simulator.episodes import COURSES, Episode, add_up
from devices.simulator.habits import Instrument, Measured, measure
from devices.simulator.people import INSTRUMENTS, Person, demo_people, make_people
from devices.simulator.physiology import Physique, noise, read_vitals
from devices.units import accepted_units
from devices.vitals import COLUMN, VITALS

NOW = 1_795_438_800_000_000
HOUR = 3_600_000_000
DAY = 24 * HOUR
BERLIN = ZoneInfo("Europe/Berlin")
PATCH = INSTRUMENTS["patch"]
CUFF = INSTRUMENTS["cuff"]


def run(
    person: Physique, *instruments: Instrument, days: int = 3, episodes: tuple[Episode, ...] = (), often: float = 1.0
) -> list[Measured]:
    return list(measure(person, instruments, episodes, BERLIN, NOW - days * DAY, NOW, often))


def of(measured: list[Measured], vital: str) -> list[float]:
    return [one.values[vital] for one in measured if vital in one.values]


@given(st.integers(0, 10**6), st.integers(0, 4 * 10**15), st.floats(0, 23.99), st.sampled_from(sorted(COURSES)))
def test_whoever_whenever_every_value_is_plausible_and_as_precise_as_a_chart(
    seed: int, time_us: int, hour: float, kind: str
) -> None:
    shift = add_up([Episode(kind, time_us - 2 * HOUR)], time_us)
    for name, value in read_vitals(Physique(seed), COLUMN, time_us, hour, shift).items():
        vital = VITALS[COLUMN[name]]
        assert vital.low <= value <= vital.high
        assert value == round(value, vital.decimals)


@given(st.integers(0, 99), st.text(max_size=5), st.floats(-1e4, 1e4))
def test_noise_stays_between_its_edges_and_repeats(seed: int, channel: str, position: float) -> None:
    assert -1 <= noise(seed, channel, position) <= 1
    assert noise(seed, channel, position) == noise(seed, channel, position)
    assert noise(seed, channel, position) == pytest.approx(noise(seed, channel, position + 1e-6), abs=1e-4)


def test_any_stretch_of_time_gives_the_same_as_the_whole() -> None:
    whole = run(Physique(7), PATCH, CUFF)
    again = [
        one
        for hour in range(72)
        for one in measure(Physique(7), [PATCH, CUFF], (), BERLIN, NOW - (72 - hour) * HOUR, NOW - (71 - hour) * HOUR)
    ]
    assert whole == again
    assert whole != run(Physique(8), PATCH, CUFF)


def test_the_day_has_a_rhythm() -> None:
    measured = run(Physique(7), PATCH, days=5)
    hour = {id(one): dt.datetime.fromtimestamp(one.time_us / 1e6, BERLIN).hour for one in measured}
    night = [one for one in measured if 3 <= hour[id(one)] < 6]
    evening = [one for one in measured if 16 <= hour[id(one)] < 19]
    for vital, least in (("body_temperature", 0.4), ("heart_rate", 8), ("respiratory_rate", 0.8)):
        assert statistics.mean(of(evening, vital)) - statistics.mean(of(night, vital)) > least


def test_vitals_move_together() -> None:
    measured = run(Physique(7), PATCH)
    assert statistics.correlation(of(measured, "heart_rate"), of(measured, "respiratory_rate")) > 0.5
    cuffs = run(Physique(7), CUFF, days=90)
    assert statistics.correlation(of(cuffs, "systolic_bp"), of(cuffs, "diastolic_bp")) > 0.4
    assert all(one.values["systolic_bp"] - one.values["diastolic_bp"] > 15 for one in cuffs)


def test_people_measure_when_people_do() -> None:
    cuffs = run(Physique(7), CUFF, days=60)
    hours = [dt.datetime.fromtimestamp(one.time_us / 1e6, BERLIN).hour for one in cuffs]
    assert set(hours) <= {6, 7, 8, 9, 19, 20, 21}
    per_day = len(cuffs) / 60
    assert 3.0 < per_day < 4.0, "two occasions, two each, some missed"
    gaps = sorted(after.time_us - before.time_us for before, after in pairwise(cuffs))
    assert 40_000_000 <= gaps[0] <= 110_000_000


def test_a_demonstration_in_a_hurry_measures_more_often() -> None:
    assert 50 * 3 < len(run(Physique(7), CUFF, often=30)) < 61 * 3
    assert len(run(Physique(7), PATCH, often=2)) > 1.9 * len(run(Physique(7), PATCH))


@pytest.mark.parametrize(
    ("kind", "vital", "crossed"),
    [
        ("desaturation", "spo2", lambda value: value < 90),
        ("fever", "body_temperature", lambda value: value >= 38.1),
        ("hypertensive_crisis", "systolic_bp", lambda value: value >= 180),
        ("hypoglycaemia", "cgm_glucose", lambda value: value < 70),
    ],
)
def test_an_episode_crosses_its_limit_and_passes(kind: str, vital: str, crossed: object) -> None:
    assert callable(crossed)
    instrument = Instrument("probe", "", (vital,), every=10)
    course = COURSES[kind]
    end = NOW - 2 * DAY + int((course.onset + course.hold + course.decline) * HOUR)
    measured = run(Physique(7), instrument, episodes=(Episode(kind, NOW - 2 * DAY),))
    assert not any(crossed(one.values[vital]) for one in measured if one.time_us < NOW - 2 * DAY or one.time_us >= end)
    assert any(crossed(one.values[vital]) for one in measured)


def test_weight_creeps_up() -> None:
    measured = run(Physique(7), INSTRUMENTS["scale"], days=8, episodes=(Episode("weight_gain", NOW - 5 * DAY),))
    weights = of(measured, "body_weight")
    assert weights[-1] - weights[0] > 2.2


def test_silence_is_silent() -> None:
    measured = run(Physique(7), PATCH, episodes=(Episode("silence", NOW - DAY),))
    assert max(one.time_us for one in measured) < NOW - DAY


def test_the_twenty_of_the_demonstration() -> None:
    people = demo_people()
    assert len(people) == 20
    names = [person.name for person in people]
    assert sorted(names).count("James Porter") == 2
    assert len(set(names)) == 19
    assert len({person.record_number for person in people}) == 20
    assert all(person.phone.startswith("+120255501") and len(person.phone) == 12 for person in people)
    assert {trouble.kind for person in people for trouble in person.troubles} == set(COURSES)
    slots = [(person.device_of(one), one.user_slot) for person in people for one in person.instruments]
    assert len(set(slots)) == len(slots)
    assert [slot for slot in slots if slot[1] is not None] == [("demo-household-scale", 1), ("demo-household-scale", 2)]
    for person in people:
        assert person.where().key == person.zone
        for word in person.name.lower().split():
            assert not any(word in person.device_of(one) for one in person.instruments)


def test_somebody_is_in_trouble_within_the_first_minute() -> None:
    walter = demo_people()[0]
    first = next(measure(walter.physique, walter.instruments, walter.episodes(NOW), walter.where(), NOW, NOW + 60_000_000))
    assert first.values["spo2"] < 88


def test_more_people_are_made_up_the_same_way_each_time() -> None:
    people = make_people(60, seed=3)
    assert people == make_people(60, seed=3)
    assert people[:20] == demo_people()
    assert people[30] != make_people(60, seed=4)[30]
    assert len({person.record_number for person in people}) == 60
    assert make_people(5, seed=1) == demo_people()[:5]


@pytest.mark.parametrize("person", make_people(40, seed=2), ids=lambda person: f"person-{person.number}")
def test_nobody_is_in_danger_without_a_trouble(person: Person) -> None:
    for one in measure(person.physique, person.instruments, (), person.where(), NOW - 2 * DAY, NOW):
        for name, value in one.values.items():
            vital = VITALS[COLUMN[name]]
            assert vital.low < value <= vital.high
            assert accepted_units(vital)[0] == vital.unit
        assert one.values.get("spo2", 99) > 87
        assert one.values.get("systolic_bp", 99) < 180
        assert one.values.get("body_temperature", 36.6) < 38
