"""A patient's page in words: who this is, who it could be mistaken for, how the devices are, and the table of readings.

Pure view-models; the drawing is made in `charts`, the story in `timeline`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from api.pages.facts import Mark, Reader
from api.pages.reasons import name_of, value_text
from api.pages.words import duration
from devices.device import Device
from devices.measurement import Measurement
from devices.units import accepted_units, display
from devices.vitals import COLUMN, VITALS

#: languages as they are named in English; others are shown by their code
LANGUAGES: Final = {
    "ar": "Arabic", "de": "German", "en": "English", "es": "Spanish", "fr": "French", "ht": "Haitian Creole", "it": "Italian",
    "ko": "Korean", "pl": "Polish", "pt": "Portuguese", "ru": "Russian", "tl": "Tagalog", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
CONTACT_MODES: Final = {
    "call": "phone call",
    "text": "text",
    "call_or_text": "phone call or text",
    "none": "no calls, no texts",
}
PRONOUNS: Final = {"female": "she", "male": "he"}
#: a device clock that is further off is worth a word
_CLOCK_OFF: Final = 5.0
_BATTERY_LOW: Final = 20

#: what staff may type in, and how a person writes its units
ENTERED: Final = (
    "systolic_bp", "diastolic_bp", "heart_rate", "spo2", "body_temperature", "body_weight", "blood_glucose", "respiratory_rate",
    "peak_flow",
)  # fmt: skip
_UNIT_WORDS: Final = {
    "mm[Hg]": "mmHg", "/min": "/min", "Cel": "°C", "[degF]": "°F", "[lb_av]": "lb", "[stone_av]": "stone", "kg": "kg", "%": "%",
    "mg/dL": "mg/dL", "mmol/L": "mmol/L", "L/min": "L/min", "kPa": "kPa",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """One vital of the entry form."""

    name: str
    title: str
    #: (UCUM, as written) with the reader's own first
    units: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Value:
    """One reading in the table."""

    #: name of the vital; two where a pressure stands as one
    vital: str
    title: str
    text: str
    is_suspect: bool
    #: who marked it wrong and why, None where nobody did
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement in the table."""

    key: str
    measured_at: datetime
    received_at: datetime
    #: where it comes from: a device, or "staff"
    source: str
    values: tuple[Value, ...]
    #: what else came with it: "irregular pulse", "lying", "arrived 6 h later"
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """One device on the page."""

    public_id: str
    title: str
    #: when it was last heard, None for never
    seen_at: datetime | None
    #: "silent", "late", "offline", "on time", "heard", "never heard", "revoked"
    state: str
    #: battery and clock
    facts: tuple[str, ...]
    is_bad: bool

    @property
    def is_missed(self) -> bool:
        """Say whether its readings are missing."""
        return self.state in ("silent", "late", "never heard")


def entry_fields(reader: Reader) -> list[Field]:
    """Return the fields of the entry form, each with the reader's own unit first."""
    fields = []
    for name in ENTERED:
        vital = VITALS[COLUMN[name]]
        own = display(vital, reader.units, reader.glucose_unit).unit
        units = [(unit, _UNIT_WORDS[unit]) for unit in accepted_units(vital) if unit in _UNIT_WORDS]
        fields.append(Field(name, vital.title, tuple(sorted(units, key=lambda unit: unit[1] != own))))
    return fields


def table(measured: Sequence[Measurement], marks: Mapping[tuple[str, str], Mark], reader: Reader) -> list[Row]:
    """Return the rows of the table of readings."""
    rows = []
    for one in measured:
        values = [
            Value(
                name, name_of(VITALS[COLUMN[name]]), value_text(VITALS[COLUMN[name]], value, reader), name in one.suspect, mark
            )
            for name, value in one.values.items()
            for mark in [marks.get((one.key, name))]
        ]
        source = {"staff": "entered by staff", "patient": "said by patient"}.get(one.source, one.device)
        rows.append(Row(one.key, one.measured_at, one.received_at, source, tuple(_paired(values)), _notes(one)))
    return sorted(rows, key=lambda row: row.measured_at, reverse=True)


def device_lines(devices: Sequence[Device], now: datetime) -> list[DeviceLine]:
    """Return the devices of a patient, the worst first."""
    lines = []
    for device in devices:
        facts = []
        if device.battery is not None:
            facts.append(f"battery {device.battery} %{', low' if device.battery < _BATTERY_LOW else ''}")
        if device.clock_offset is not None:
            off = abs(device.clock_offset)
            side = "ahead" if device.clock_offset > 0 else "behind"
            facts.append(f"clock {duration(off)} {side}" if off >= _CLOCK_OFF else "clock right")
        if device.expected_every is not None:
            facts.append(f"a reading every {duration(device.expected_every.total_seconds())}")
        seen = device.last_received_at
        late = seen is not None and device.expected_every is not None and now - seen > device.expected_every
        state = (
            "revoked" if device.revoked_at else "never heard" if seen is None else "silent" if device.silent
            else "late" if late else "offline" if device.online is False else "on time" if device.expected_every else "heard"
        )  # fmt: skip
        is_bad = state in ("silent", "late", "never heard") or (device.battery is not None and device.battery < _BATTERY_LOW)
        title = " ".join(part for part in (device.kind.replace("_", " ").capitalize(), device.model) if part)
        lines.append(DeviceLine(device.public_id, title, seen, state, tuple(facts), is_bad))
    return sorted(lines, key=lambda line: not line.is_bad)


def _paired(values: Sequence[Value]) -> list[Value]:
    """Say systolic and diastolic as one pressure, unless something is said of only one of them."""
    by_name = {value.vital: value for value in values}
    high, low = by_name.get("systolic_bp"), by_name.get("diastolic_bp")
    if not high or not low or (high.mark, high.is_suspect) != (low.mark, low.is_suspect):
        return list(values)
    text = f"{high.text.split()[0]}/{low.text}"
    pair = Value(f"{high.vital} {low.vital}", "Blood pressure", text, high.is_suspect, high.mark)
    return [pair if value is high else value for value in values if value is not low]


def _notes(one: Measurement) -> tuple[str, ...]:
    notes = [flag.replace("_", " ") for flag in one.flags]
    delay = one.received_at - one.measured_at
    if delay > timedelta(minutes=15):
        notes.append(f"arrived {duration(delay.total_seconds())} later")
    if one.consciousness is not None:
        notes.append(f"consciousness {one.consciousness}")
    context = (one.original or {}).get("context")
    if isinstance(context, Mapping):
        notes += [str(word)[:40] for word in context.values()]
    if one.user_slot is not None:
        notes.append(f"user {one.user_slot}")
    return tuple(notes)
