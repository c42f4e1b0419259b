"""Rule: one versioned row of data that says which readings need a person, and how soon.

The noun behind the files that a clinician signs off (`alerts/rules/*.toml`). Holds no limit of its own and judges nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any, Final, Literal

Severity = Literal["high", "medium", "low"]
Category = Literal["clinical", "adherence", "technical"]

#: the programme that every patient is in
ANY: Final = "any"
SEVERITIES: Final[tuple[Severity, ...]] = ("high", "medium", "low")
CATEGORIES: Final[tuple[Category, ...]] = ("clinical", "adherence", "technical")
OPERATORS: Final = {"<": "below", "<=": "at or below", ">": "above", ">=": "at or above"}
KINDS: Final = ("threshold", "silence", "doubt")
Direction = Literal["high", "low"]
#: whether a patient's own limit may stand in for a rule's: never; only a stricter one; or a looser one too, on a clinician's
#: order with an end
OVERRIDES: Final = ("locked", "tighten", "order")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of one version; docs/rules.md has a row for each field."""

    #: name in alerts, tests and logs: lower case words joined by underscores, never reused for another meaning
    name: str
    #: raised with every change of meaning, so that an old alert still names what judged it
    version: int
    #: "threshold" (a vital against a limit), "silence" (a device against its schedule) or "doubt" (a suspect value that
    #: nothing clean follows)
    kind: Literal["threshold", "silence", "doubt"]
    #: what a nurse calls it
    title: str
    #: high and medium are sent, low is shown only; high stays until a person acts
    severity: Severity
    #: how soon a person should have looked, counted from opening
    response: timedelta
    #: the sentence on the worklist; {value}, {limit}, {vital}, {device}, {since} and {expected} are filled in
    reason: str
    #: where each number comes from: field name → source
    source: dict[str, str]
    #: programmes whose patients it applies to; "any" is everybody
    programmes: tuple[str, ...] = (ANY,)
    #: programmes whose patients it leaves alone
    unless: tuple[str, ...] = ()
    #: whose queue an alert goes to
    category: Category = "clinical"
    #: belongs to the emergency band: sorted first, never waits for a recheck
    emergency: bool = False
    #: vital it judges (threshold)
    vital: str | None = None
    #: "<", "<=", ">" or ">=" (threshold)
    op: str | None = None
    #: the limit, in the vital's canonical unit (threshold)
    limit: float | None = None
    #: UCUM unit of limit and hysteresis (threshold)
    unit: str | None = None
    #: how long readings must keep breaching (threshold), or how long a clean repeat is waited for (doubt)
    for_: timedelta = field(default=timedelta(0), metadata={"key": "for"})
    #: how many breaching readings in a row it takes (threshold)
    readings: int = 1
    #: how far past the limit a reading must be to end a firing condition (threshold)
    hysteresis: float = 0.0
    #: two breaching readings further apart than this do not count as one stretch (threshold)
    max_gap: timedelta = timedelta(0)
    #: an older reading is late at arrival (threshold)
    fresh_for: timedelta = timedelta(0)
    #: how many of its intervals a device may miss (silence)
    missed: float = 0.0
    #: how much worse than what was announced last a reading must be to be announced again; 0 is never (threshold)
    step: float = 0.0
    #: how long its page may wait while the patient rests and measures again; 0 is not at all (threshold)
    recheck: timedelta = timedelta(0)
    #: whether a patient's own limit may stand in for `limit`
    override: Literal["locked", "tighten", "order"] = "locked"

    @property
    def direction(self) -> Direction | None:
        """Which way its vital breaches; None where there is no such thing."""
        return None if self.op is None else "high" if self.op in (">", ">=") else "low"

    @property
    def number_source(self) -> str:
        """The source of its main number."""
        return next((self.source[key] for key in ("limit", "missed", "for") if key in self.source), "")

    def applies_to(self, programmes: Sequence[str]) -> bool:
        """Whether it judges a patient of these programmes.

        >>> UNJUDGED.applies_to(["copd"])
        True
        """
        if any(name in programmes for name in self.unless):
            return False
        return ANY in self.programmes or any(name in programmes for name in self.programmes)

    def as_json(self) -> dict[str, Any]:
        """Return every field under its name in the file, durations in seconds."""
        given: dict[str, Any] = {}
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, timedelta):
                value = value.total_seconds()
            given[spec.metadata.get("key", spec.name)] = list(value) if isinstance(value, tuple) else value
        return given


#: What opens when judging itself failed: built in, since it must not depend on the files that may be at fault.
UNJUDGED: Final = Rule(
    name="unjudged",
    version=1,
    kind="silence",
    title="Readings not judged",
    severity="medium",
    response=timedelta(minutes=30),
    category="technical",
    reason="Readings were stored but could not be judged; they are tried again every minute.",
    source={"response": "engineering default"},
)
