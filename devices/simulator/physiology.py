"""Physiology: what the vitals of one person are at any moment, believably and repeatably.

A function of a seed and the time alone: any moment can be asked for in any order, and the same question has the same answer.
Vitals share their causes (time of day, activity, meals), so they move together. Made up for demonstrations and tests; the
shapes are textbook (day rhythm: temperature and pressure highest in the late afternoon, lowest before dawn; Refinetti & Menaker
1992, Millar-Craig 1978), the sizes engineering judgement. No model of any disease.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import cos, exp, pi
from typing import Final
from zlib import crc32

from devices.vitals import COLUMN, VITALS

#: local hour at which temperature, pulse and pressure are highest
_PEAK_HOUR: Final = 17.0
#: local hours of meals
_MEALS: Final = (7.5, 12.5, 18.5)
#: hours after a meal at which glucose is highest
_MEAL_PEAK: Final = 0.9


@dataclass(frozen=True, slots=True)
class Physique:
    """A person's usual values at rest, canonical units."""

    #: chooses the noise; two people with one seed breathe in step
    seed: int
    heart_rate: float = 70
    spo2: float = 97
    respiratory_rate: float = 15
    body_temperature: float = 36.6
    systolic_bp: float = 122
    diastolic_bp: float = 76
    body_weight: float = 75
    blood_glucose: float = 98
    #: how far glucose rises after a meal, mg/dL
    meal_rise: float = 35
    peak_flow: float = 420
    fev1: float = 2.6
    fvc: float = 3.4
    oxygen_flow: float = 0


def read_vitals(
    physique: Physique, names: Iterable[str], time_us: int, local_hour: float, shift: Mapping[str, float]
) -> dict[str, float]:
    """Return what an instrument shows of these vitals: canonical units, rounded as charts are.

    `time_us` is microseconds since 1970 UTC, `local_hour` the hour of the day where the person is (0 to 24), and `shift` what
    an episode adds to each vital.
    """
    hours = time_us / 3_600_000_000
    seed = physique.seed
    day = cos(2 * pi * (local_hour - _PEAK_HOUR) / 24)
    awake = 1.0 if 6.5 <= local_hour < 22.5 else 0.0
    activity = awake * (0.5 + 0.5 * noise(seed, "activity", hours / 1.5))
    stress = noise(seed, "stress", hours / 5)
    meal = sum(_meal((local_hour - at) % 24) for at in _MEALS)
    glucose = (
        physique.blood_glucose + physique.meal_rise * meal + 0.06 * physique.blood_glucose * noise(seed, "glucose", hours / 2)
    )
    true = {
        "heart_rate": physique.heart_rate + 4 * day + 14 * activity + 3 * stress,
        "spo2": physique.spo2 - 0.8 * (1 - awake) + 0.5 * noise(seed, "spo2", hours / 3),
        "respiratory_rate": physique.respiratory_rate + 2.5 * activity + 0.8 * stress,
        "body_temperature": physique.body_temperature + 0.35 * day + 0.1 * activity,
        "systolic_bp": physique.systolic_bp + 7 * day + 6 * activity + 6 * stress,
        "diastolic_bp": physique.diastolic_bp + 4 * day + 3 * activity + 4 * stress,
        "body_weight": physique.body_weight + 0.3 * day + 0.5 * noise(seed, "fluid", hours / 60),
        "blood_glucose": glucose,
        "cgm_glucose": glucose,
        "peak_flow": physique.peak_flow * (1 + 0.04 * day + 0.03 * noise(seed, "airway", hours / 20)),
        "fev1": physique.fev1 * (1 + 0.02 * day + 0.02 * noise(seed, "airway", hours / 20)),
        "fvc": physique.fvc * (1 + 0.01 * day + 0.02 * noise(seed, "airway", hours / 20)),
        "oxygen_flow": physique.oxygen_flow,
        "steps": max(0.0, (local_hour - 7) * 380 * (1 + 0.5 * stress)),
    }
    return {name: _show(name, true[name] + shift.get(name, 0.0) + _jitter(seed, name, time_us)) for name in names}


#: what an instrument's own inaccuracy adds, canonical units (home devices; engineering judgement)
_INACCURACY: Final = {
    "heart_rate": 3.0,
    "spo2": 0.6,
    "respiratory_rate": 0.8,
    "body_temperature": 0.08,
    "systolic_bp": 3.0,
    "diastolic_bp": 2.0,
    "body_weight": 0.08,
    "blood_glucose": 4.0,
    "cgm_glucose": 3.0,
    "peak_flow": 8.0,
    "fev1": 0.04,
    "fvc": 0.04,
}
#: no instrument shows less or more than this
_EDGES: Final = {"spo2": (40.0, 100.0), "steps": (0.0, 60_000.0), "oxygen_flow": (0.0, 15.0)}


def _jitter(seed: int, name: str, time_us: int) -> float:
    size = _INACCURACY.get(name)
    return 0.0 if size is None else size * (_chance(f"{seed} {name} {time_us} a") + _chance(f"{seed} {name} {time_us} b") - 1)


def _show(name: str, value: float) -> float:
    low, high = _EDGES.get(name, (0.0, 10_000.0))
    return float(round(min(max(value, low), high), VITALS[COLUMN[name]].decimals))


def _meal(hours_after: float) -> float:
    """Return the share of a meal's rise that is there so long after it; 1 at its peak."""
    share = hours_after / _MEAL_PEAK
    return share * exp(1 - share)


def noise(seed: int, channel: str, position: float) -> float:
    """Return a smooth random curve's value, −1 to 1; it takes about one unit of position to change its mind.

    >>> noise(1, "stress", 5.5) == noise(1, "stress", 5.5)
    True
    """
    knot = int(position // 1)
    part = position - knot
    smooth = part * part * (3 - 2 * part)
    before = _chance(f"{seed} {channel} {knot}")
    after = _chance(f"{seed} {channel} {knot + 1}")
    return 2 * (before + (after - before) * smooth) - 1


def _chance(what: str) -> float:
    """Return a number from 0 to 1 that depends on the text alone, the same on every machine."""
    return (crc32(what.encode()) * 2_654_435_761 % 2**32) / 2**32
