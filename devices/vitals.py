"""The table of vitals: what each is called, coded, measured in, and believed within.

Every room reads this table; nothing else repeats a unit, a code or a plausible range. A vital's place in `VITALS`
is its column in a batch and its bit in `measurement.suspect`, so rows are only ever appended.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Vital:
    """One kind of measurement."""

    #: name in payloads, rules and columns
    name: str
    #: what a nurse calls it
    title: str
    #: short form for tight places
    short: str
    #: LOINC codes, the first is the main one (US Core asks for two on pulse oximetry)
    loinc: tuple[str, ...]
    #: canonical UCUM unit that values are stored in
    unit: str
    #: unit as a person reads it
    shown_unit: str
    #: plausible range, inclusive, canonical unit; outside it a value is kept and marked suspect (engineering judgement)
    low: float
    high: float
    #: decimals of the chart's precision, canonical unit
    decimals: int


#: Codes and ranges: LOINC 2.78, UCUM, and the plausibility list of the clinical defaults (docs/vitals.md).
VITALS: Final = (
    Vital("heart_rate", "Heart rate", "HR", ("8867-4",), "/min", "/min", 20, 300, 0),
    Vital("spo2", "Oxygen saturation", "SpO₂", ("59408-5", "2708-6"), "%", "%", 50, 100, 0),
    Vital("respiratory_rate", "Respiratory rate", "RR", ("9279-1",), "/min", "/min", 3, 80, 0),
    Vital("body_temperature", "Temperature", "Temp", ("8310-5",), "Cel", "°C", 30, 43, 1),
    Vital("systolic_bp", "Systolic pressure", "Sys", ("8480-6",), "mm[Hg]", "mmHg", 50, 300, 0),
    Vital("diastolic_bp", "Diastolic pressure", "Dia", ("8462-4",), "mm[Hg]", "mmHg", 20, 200, 0),
    Vital("body_weight", "Weight", "Weight", ("29463-7",), "kg", "kg", 20, 350, 1),
    Vital("blood_glucose", "Blood glucose", "Glucose", ("41653-7",), "mg/dL", "mg/dL", 10, 1000, 0),
    Vital("cgm_glucose", "Glucose, sensor", "CGM", ("99504-3",), "mg/dL", "mg/dL", 10, 1000, 0),
    Vital("peak_flow", "Peak flow", "PEF", ("33452-4",), "L/min", "L/min", 30, 900, 0),
    Vital("fev1", "FEV1", "FEV1", ("20150-9",), "L", "L", 0.2, 8, 2),
    Vital("fvc", "FVC", "FVC", ("19868-9",), "L", "L", 0.2, 10, 2),
    Vital("oxygen_flow", "Oxygen flow", "O₂", ("3151-8",), "L/min", "L/min", 0, 60, 1),
    Vital("steps", "Steps", "Steps", ("41950-7",), "{steps}", "steps", 0, 100_000, 0),
)

#: column and suspect bit of each vital by name
COLUMN: Final = {vital.name: column for column, vital in enumerate(VITALS)}

#: codes of `consciousness`, the one vital without a number (ACVPU of NEWS2)
CONSCIOUSNESS: Final = ("A", "C", "V", "P", "U")
