"""A stored measurement as people look at it: values by name, what is doubtful, and what a person marked wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, Self

from devices.codecs.instant import microseconds

Source = Literal["device", "patient", "staff"]
#: `measurement.source` by its number
SOURCES: Final[tuple[Source, ...]] = ("device", "patient", "staff")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class MeasurementKey:
    """What tells one measurement from all others; its text is what the outside sees."""

    #: public id of the device
    device: str
    device_time: datetime
    seq: int
    boot: int

    def __str__(self) -> str:
        return f"{self.device}~{microseconds(self.device_time)}~{self.seq}~{self.boot}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the key in a text; raise ValueError where there is none.

        >>> str(MeasurementKey.parse("cuff-7~1795438800000000~1042~77"))
        'cuff-7~1795438800000000~1042~77'
        """
        try:
            device, time, seq, boot = text.rsplit("~", 3)
            return cls(device, _EPOCH + timedelta(microseconds=int(time)), int(seq), int(boot))
        except (ValueError, OverflowError):
            raise ValueError("not the key of a measurement") from None


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one device reported at one time."""

    #: text of its MeasurementKey
    key: str
    #: public id of the device
    device: str
    #: None where it belongs to nobody
    patient_id: int | None
    #: as the device said
    device_time: datetime
    #: corrected: what rules judge on
    measured_at: datetime
    #: when it arrived
    received_at: datetime
    #: None where the device has no slots
    user_slot: int | None
    source: Source
    #: canonical value by name of the vital, in the order of VITALS; those marked wrong too
    values: Mapping[str, float]
    #: vitals that are implausible
    suspect: tuple[str, ...]
    #: vitals that a person marked wrong
    wrong: tuple[str, ...]
    #: A C V P U, None where absent
    consciousness: str | None
    flags: tuple[str, ...]
    #: {vital: {"value", "unit"}} as sent where converted, {"context": {…}}
    original: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest value of one vital of one patient that nobody marked wrong."""

    #: canonical
    value: float
    measured_at: datetime
    is_suspect: bool


@dataclass(frozen=True, slots=True)
class Spread:
    """The values of one vital within one stretch of time, canonical."""

    mean: float
    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """One stretch of time of a chart; vitals that nobody measured in it are missing."""

    #: start of the stretch
    at: datetime
    values: Mapping[str, Spread]
    #: vitals of which one value is implausible
    suspect: tuple[str, ...]


class ReadingUnknown(LookupError):
    """There is no such measurement, it is nobody's, or it holds no such vital."""
