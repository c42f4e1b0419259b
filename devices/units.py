"""Units: every accepted UCUM unit of each vital becomes the canonical one here, and the canonical one what a person reads.

Codecs convert with this table on the way in, screens and messages with `shown` on the way out. It never guesses: a unit
that is not in the table is refused, and the reading is quarantined instead of stored under the wrong number.
"""

from dataclasses import dataclass
from typing import Final, Literal

from devices.vitals import VITALS, Vital

#: kilograms in an avoirdupois pound (exact, international yard and pound agreement of 1959)
_POUND: Final = 0.45359237
#: mg/dL of glucose in one mmol/L (molar mass 180.1559 g/mol)
_MMOL: Final = 18.01559
#: mm[Hg] in one kPa (UCUM: m[Hg] is 133.322 kPa)
_KPA: Final = 1 / 0.133322

_PER_MINUTE: Final = {"/min": (1.0, 0.0), "1/min": (1.0, 0.0), "/s": (60.0, 0.0)}
_PRESSURE: Final = {"mm[Hg]": (1.0, 0.0), "kPa": (_KPA, 0.0)}
_GLUCOSE: Final = {"mg/dL": (1.0, 0.0), "mmol/L": (_MMOL, 0.0), "g/L": (100.0, 0.0)}
_VOLUME: Final = {"L": (1.0, 0.0), "mL": (0.001, 0.0)}
_FLOW: Final = {"L/min": (1.0, 0.0), "L/s": (60.0, 0.0), "mL/min": (0.001, 0.0)}

#: accepted units of each vital: canonical = value · factor + offset
_ACCEPTED: Final[dict[str, dict[str, tuple[float, float]]]] = {
    "heart_rate": _PER_MINUTE | {"{beats}/min": (1.0, 0.0)},
    "spo2": {"%": (1.0, 0.0)},
    "respiratory_rate": _PER_MINUTE | {"{breaths}/min": (1.0, 0.0)},
    "body_temperature": {"Cel": (1.0, 0.0), "[degF]": (5 / 9, -160 / 9), "K": (1.0, -273.15)},
    "systolic_bp": _PRESSURE,
    "diastolic_bp": _PRESSURE,
    "body_weight": {"kg": (1.0, 0.0), "[lb_av]": (_POUND, 0.0), "[stone_av]": (14 * _POUND, 0.0), "g": (0.001, 0.0)},
    "blood_glucose": _GLUCOSE,
    "cgm_glucose": _GLUCOSE,
    "peak_flow": _FLOW,
    "fev1": _VOLUME,
    "fvc": _VOLUME,
    "oxygen_flow": _FLOW,
    "steps": {"{steps}": (1.0, 0.0), "1": (1.0, 0.0)},
}

#: (vital name, unit as sent) → (factor, offset) with canonical = value · factor + offset; UCUM writes the litre L or l
CONVERSION: Final[dict[tuple[str, str], tuple[float, float]]] = {
    (name, spelling): pair
    for name, units in _ACCEPTED.items()
    for unit, pair in units.items()
    for spelling in {unit, unit.replace("L", "l")}
}


class UnknownUnit(Exception):
    """A unit that this vital is never measured in; the message names both and the accepted ones."""


def convert(vital: Vital, value: float, unit: str) -> float:
    """Return the value in the vital's canonical unit; raise UnknownUnit where the unit is not one of its own.

    >>> from devices.vitals import COLUMN
    >>> round(convert(VITALS[COLUMN["body_weight"]], 180.0, "[lb_av]"), 3)
    81.647
    """
    pair = CONVERSION.get((vital.name, unit))
    if pair is None:
        raise UnknownUnit(f"{vital.name} cannot be in {unit[:40]!r}; it is sent in {' or '.join(accepted_units(vital))}")
    factor, offset = pair
    return value * factor + offset


def accepted_units(vital: Vital) -> list[str]:
    """Return the units a vital may be sent in, canonical first."""
    return list(_ACCEPTED[vital.name])


System = Literal["metric", "us"]
GlucoseUnit = Literal["mg/dL", "mmol/L"]


@dataclass(frozen=True, slots=True)
class Display:
    """How one viewer sees one vital: shown number = canonical · factor + offset, rounded to decimals."""

    #: unit as a person reads it
    unit: str
    factor: float
    offset: float
    decimals: int

    def number(self, value: float) -> float:
        """Return a canonical value in the shown unit, rounded to what is shown."""
        return round(value * self.factor + self.offset, self.decimals)


@dataclass(frozen=True, slots=True)
class Shown:
    """One value as it stands on a screen."""

    text: str
    unit: str


_PLAIN: Final = {vital.name: Display(vital.shown_unit, 1.0, 0.0, vital.decimals) for vital in VITALS}
_US: Final = {
    "body_temperature": Display("°F", 9 / 5, 32.0, 1),
    "body_weight": Display("lb", 1 / _POUND, 0.0, 1),
}
_MOLAR: Final = Display("mmol/L", 1 / _MMOL, 0.0, 1)


def display(vital: Vital, system: System, glucose_unit: GlucoseUnit) -> Display:
    """Return how a viewer with these preferences sees a vital; charts and limits use it so that they agree with `shown`."""
    if vital.unit == "mg/dL" and glucose_unit == "mmol/L":
        return _MOLAR
    if system == "us":
        return _US.get(vital.name, _PLAIN[vital.name])
    return _PLAIN[vital.name]


def shown(vital: Vital, value: float, system: System = "metric", glucose_unit: GlucoseUnit = "mg/dL") -> Shown:
    """Return a canonical value as text and unit for a viewer.

    >>> from devices.vitals import COLUMN
    >>> shown(VITALS[COLUMN["body_temperature"]], 38.5, "us")
    Shown(text='101.3', unit='°F')
    """
    how = display(vital, system, glucose_unit)
    return Shown(f"{how.number(value) + 0.0:.{how.decimals}f}", how.unit)
