"""People: the twenty patients of the demonstration (`people.toml`), and as many more as a test asks for; all are made up."""

import tomllib
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from devices.simulator.episodes import Episode
from devices.simulator.habits import Instrument
from devices.simulator.physiology import Physique

_HOUR_US: Final = 3_600_000_000
_PRESSURES: Final = ("systolic_bp", "diastolic_bp", "heart_rate")
_PATCHED: Final = ("heart_rate", "spo2", "respiratory_rate", "body_temperature")

#: what stands in people's homes; makers and models are made up
INSTRUMENTS: Final = {
    "scale": Instrument("scale", "Plumb S2", ("body_weight",), (6.9,), missed=0.08),
    "household_scale": Instrument("scale", "Plumb S2", ("body_weight",), (6.9,), missed=0.08, shared="demo-household-scale"),
    "cuff": Instrument("cuff", "Halyard BP3", _PRESSURES, (7.4, 19.6), missed=0.12, twice=True),
    "oximeter": Instrument("oximeter", "Ember O1", ("spo2", "heart_rate"), (8.0, 13.5, 20.0), missed=0.1),
    "thermometer": Instrument("thermometer", "Wren T1", ("body_temperature",), (8.2, 20.2), missed=0.15),
    "glucometer": Instrument("glucometer", "Tally G5", ("blood_glucose",), (7.0, 12.0, 18.0, 22.0), missed=0.15),
    "sensor": Instrument("sensor", "Tally C2", ("cgm_glucose",), every=5, missed=0.02),
    "spirometer": Instrument("spirometer", "Reed P2", ("peak_flow", "fev1", "fvc"), (8.6,), missed=0.2),
    "patch": Instrument("patch", "Lantern P1", _PATCHED, every=1, missed=0.02),
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """An episode that a person of the demonstration is in."""

    #: a key of devices.simulator.episodes.COURSES
    kind: str
    #: hours before the demonstration starts
    hours_ago: float
    #: share of the usual size
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class Person:
    """One made-up patient with a body, instruments and habits."""

    #: from 1; names devices and nothing else
    number: int
    name: str
    birth_date: date
    #: "female", "male" or "other"
    sex: str
    #: the clinic's own number
    record_number: str
    #: what a nurse would say of them
    about: str
    programmes: tuple[str, ...]
    address: str
    access_note: str
    emergency_number: str
    #: E.164, of the range kept free for fiction
    phone: str
    language: str
    #: "call", "text", "call_or_text" or "none"
    contact_mode: str
    #: name of the time zone
    zone: str
    physique: Physique
    instruments: tuple[Instrument, ...]
    troubles: tuple[Trouble, ...] = ()

    def device_of(self, instrument: Instrument) -> str:
        """Return the public id of the device that an instrument is; nothing in it tells who the person is."""
        return instrument.shared or f"demo-{self.number:02}-{instrument.kind}"

    def episodes(self, now_us: int) -> tuple[Episode, ...]:
        """Return what the person is in, for a demonstration that starts now (microseconds since 1970 UTC)."""
        return tuple(Episode(one.kind, now_us - round(one.hours_ago * _HOUR_US), one.strength) for one in self.troubles)

    def where(self) -> ZoneInfo:
        """Return the person's time zone."""
        return ZoneInfo(self.zone)


@cache
def demo_people() -> tuple[Person, ...]:
    """Return the twenty patients of the demonstration."""
    rows = tomllib.loads(Path(__file__).with_name("people.toml").read_text(encoding="utf-8"))["person"]
    return tuple(_person(number, f"WL-{1000 + 37 * number}", number, row) for number, row in enumerate(rows, start=1))


def make_people(count: int, seed: int) -> tuple[Person, ...]:
    """Return this many people, those of the demonstration first; the same seed makes the same people."""
    return demo_people()[:count] + tuple(_make(number, seed) for number in range(len(demo_people()) + 1, count + 1))


def _person(number: int, record_number: str, seed: int, row: dict[str, Any]) -> Person:
    instruments = (INSTRUMENTS[name] for name in row["instruments"])
    return Person(
        number=number,
        name=row["name"],
        birth_date=row["born"],
        sex=row["sex"],
        record_number=record_number,
        about=row["about"],
        programmes=tuple(row["programmes"]),
        address=row["address"],
        access_note=row.get("access_note", ""),
        emergency_number="911",
        phone=f"+1202555{100 + number % 100:04}",  # a hundred are kept free, so of very many people some share one
        language=row["language"],
        contact_mode=row["contact_mode"],
        zone=row["zone"],
        physique=Physique(seed, **row["body"]),
        instruments=tuple(replace(one, user_slot=row.get("slot")) if one.shared else one for one in instruments),
        troubles=tuple(Trouble(**one) for one in row.get("troubles", ())),
    )


_FIRST: Final = "Ada Bruno Celia Dmitri Esther Felix Greta Hugo Iris Jonas Kofi Lena Marta Nils Olga Pedro".split()  # noqa: SIM905
_LAST: Final = "Arkwright Bellamy Castellan Drummond Everhart Fenwick Gallow Hathersage Ironside Jessop Kestrel".split()  # noqa: SIM905
_ZONES: Final = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles")
_KINDS: Final[tuple[tuple[str, tuple[str, ...], dict[str, float]], ...]] = (
    ("heart_failure", ("scale", "cuff", "oximeter"), {}),
    ("copd", ("oximeter", "spirometer", "thermometer"), {"spo2": 92.0, "fev1": 1.3, "fvc": 2.5, "peak_flow": 220.0}),
    ("hypertension", ("cuff",), {"systolic_bp": 139.0, "diastolic_bp": 85.0}),
    ("diabetes", ("glucometer", "cuff"), {"blood_glucose": 132.0, "meal_rise": 65.0}),
    ("diabetes", ("sensor",), {"blood_glucose": 132.0, "meal_rise": 65.0}),
    ("hospital_at_home", ("patch",), {}),
)


def _make(number: int, seed: int) -> Person:
    chance = Random(f"{seed} {number}")  # noqa: S311 - repeatable on purpose, nothing secret
    programme, instruments, body = chance.choice(_KINDS)
    row = {
        "name": f"{chance.choice(_FIRST)} {chance.choice(_LAST)}",
        "born": date(1935, 1, 1) + timedelta(days=chance.randrange(60 * 365)),
        "sex": chance.choice(("female", "male")),
        "about": "Made up",
        "programmes": (programme,),
        "address": f"{chance.randrange(1, 200)} Long Street, Lantern Bay",
        "zone": chance.choice(_ZONES),
        "language": "en",
        "contact_mode": "call_or_text",
        "instruments": instruments,
        "body": {"heart_rate": chance.gauss(71, 6), "body_weight": max(45.0, chance.gauss(78, 14)), **body},
    }
    return _person(number, f"SIM-{seed}-{number}", seed * 100_003 + number, row)
