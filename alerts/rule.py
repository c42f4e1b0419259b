"""Rule: one versioned row of data that says which readings need a person, and how soon.

The noun behind the files that a clinician signs off (`alerts/rules/*.toml`). Holds no limit of its own and judges nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import timedelta
from typing import Any, Final, Literal

Severity = Literal["high", "medium", "low"]
Category = Literal["clinical", "adherence", "technical"]

#: the programme that every patient is in
ANY: Final = "any"
SEVERITIES: Final[tuple[Severity, ...]] = ("high", "medium", "low")
CATEGORIES: Final[tuple[Category, ...]] = ("clinical", "adherence", "technical")
OPERATORS: Final = {"<": "below", "<=": "at or below", ">": "above", ">=": "at or above"}
#: kinds that judge readings: a number per reading against a limit
READING_KINDS: Final = ("threshold", "change", "slope", "baseline", "score", "composite")
KINDS: Final = (*READING_KINDS, "silence", "doubt", "adherence", "technical", "questionnaire")
Kind = Literal[
    "threshold",
    "change",
    "slope",
    "baseline",
    "score",
    "composite",
    "silence",
    "doubt",
    "adherence",
    "technical",
    "questionnaire",
]
Direction = Literal["high", "low"]
#: numbers about a patient that clinicians set and no baseline moves
REFERENCES: Final = ("dry_weight", "spo2_scale")
#: what a change is counted from: a daily value of the window, the middle of them, their mean in standard deviations, or a
#: reference
AGAINST: Final = ("least", "greatest", "median", "mean", "deviation", "dry_weight")
#: which readings of a day are compared: all of them, or the first within its part of the day
DAILY: Final = ("every", "first")
METHODS: Final = ("robust", "least_squares")
#: of a baseline: spreads away from the usual, the difference in the vital's own unit, or the sum of small drifts; of a score:
#: all points, or the most in one parameter
MEASURES: Final = ("spread", "difference", "drift", "total", "single")
SCORES: Final = ("news2",)
#: what NEWS2 counts beside consciousness
NEWS2_VITALS: Final = ("respiratory_rate", "spo2", "oxygen_flow", "systolic_bp", "heart_rate", "body_temperature")
FAULTS: Final = ("battery", "clock", "gap", "implausible")
#: whether a patient's own limit may stand in for a rule's: never; only a stricter one; or a looser one too, on a clinician's
#: order with an end
OVERRIDES: Final = ("locked", "tighten", "order")


_SPANS: Final = ("response", "for_", "max_gap", "fresh_for", "recheck", "window", "half_life", "within")


@dataclass(frozen=True, slots=True)
class When:
    """One condition of a composite rule: a vital against a limit, or what another rule is judged on against that rule's."""

    #: vital it looks at, None where it looks at a rule
    vital: str | None = None
    #: the other rule
    rule: str | None = None
    #: "<", "<=", ">" or ">=" (of a vital)
    op: str | None = None
    #: in the vital's canonical unit
    limit: float | None = None
    #: what a device flags with a pulse: "irregular_pulse"
    flag: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of one version; docs/rules.md has a row for each field."""

    #: name in alerts, tests and logs: lower case words joined by underscores, never reused for another meaning
    name: str
    #: raised with every change of meaning, so that an old alert still names what judged it
    version: int
    #: what it judges; docs/rules.md tells each
    kind: Kind
    #: what a nurse calls it
    title: str
    #: high and medium are sent, low is shown only; high stays until a person acts
    severity: Severity
    #: how soon a person should have looked, counted from opening
    response: timedelta
    #: the sentence on the worklist; docs/rules.md lists what is filled in
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
    #: vital it judges; None for what judges several
    vital: str | None = None
    #: "<", "<=", ">" or ">="
    op: str | None = None
    #: the limit, in `unit`
    limit: float | None = None
    #: UCUM unit of limit and hysteresis
    unit: str | None = None
    #: how long readings must keep breaching, or how long a clean repeat is waited for (doubt)
    for_: timedelta = field(default=timedelta(0), metadata={"key": "for"})
    #: how many breaching readings it takes, in a row or among the last `of`
    readings: int = 1
    #: among how many readings that many must breach; 0 is in a row
    of: int = 0
    #: how far past the limit a reading must be to end a firing condition
    hysteresis: float = 0.0
    #: two breaching readings further apart than this do not count as one stretch
    max_gap: timedelta = timedelta(0)
    #: an older reading is late at arrival
    fresh_for: timedelta = timedelta(0)
    #: how many of its intervals a device may miss (silence)
    missed: float = 0.0
    #: how much worse than what was announced last a reading must be to be announced again; 0 is never
    step: float = 0.0
    #: how long its page may wait while the patient rests and measures again; 0 is not at all
    recheck: timedelta = timedelta(0)
    #: whether a patient's own limit may stand in for `limit`
    override: Literal["locked", "tighten", "order"] = "locked"
    #: how far back it looks: whole days (change, slope, adherence)
    window: timedelta = timedelta(0)
    #: what it is compared with (change)
    against: str | None = None
    #: which readings of a day are compared (change, slope, baseline)
    daily: str = "every"
    #: part of the patient's local day in which readings are compared, "HH:MM" (change, slope, baseline)
    day_from: str = "00:00"
    day_until: str = "24:00"
    #: how many days of the window must have a value (change, slope)
    least_days: int = 1
    #: how a slope is fitted
    method: str | None = None
    #: what of a baseline or a score is judged
    measure: str | None = None
    #: after how long a day's weight in a baseline is half
    half_life: timedelta = timedelta(0)
    #: a baseline is believed after so many days and readings
    learn_days: int = 0
    learn_readings: int = 0
    #: into how many parts of a day a baseline is kept apart
    parts: int = 1
    #: the smallest spread that is believed, in the vital's unit (baseline, deviation)
    least_spread: float = 0.0
    #: the part of a day's distance that is not counted as drift, in spreads (baseline)
    allowance: float = 0.0
    #: fixed limit in the vital's unit while a baseline is not learned; None judges nothing then
    fallback: float | None = None
    #: which score
    score: str | None = None
    #: conditions (composite)
    when: tuple[When, ...] = ()
    #: how many of them must hold: "all", "any" or a number (composite)
    need: str | int = "all"
    #: an input older than this counts no more (composite, score)
    within: timedelta = timedelta(0)
    #: what is wrong with a device (technical)
    fault: str | None = None
    #: name of the questionnaire whose score is judged (questionnaire)
    questionnaire: str | None = None

    @property
    def direction(self) -> Direction | None:
        """Which way its vital breaches; None where there is no such thing."""
        return None if self.op is None else "high" if self.op in (">", ">=") else "low"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The vitals that it names itself."""
        if self.kind == "score":
            return NEWS2_VITALS
        named = (self.vital, *("heart_rate" if one.flag else one.vital for one in self.when))
        return tuple(dict.fromkeys(name for name in named if name is not None))

    @property
    def number_source(self) -> str:
        """The source of its main number."""
        return next((self.source[key] for key in ("limit", "when", "missed", "for") if key in self.source), "")

    def applies_to(self, programmes: Sequence[str]) -> bool:
        """Whether it judges a patient of these programmes.

        >>> UNJUDGED.applies_to(["copd"])
        True
        """
        if any(name in programmes for name in self.unless):
            return False
        return ANY in self.programmes or any(name in programmes for name in self.programmes)

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Rule":
        """Return the rule that `as_json` was made of, this or an earlier release's; fields that are no more are left out.

        >>> Rule.from_json(UNJUDGED.as_json()) == UNJUDGED
        True
        """
        values: dict[str, Any] = {}
        for spec in fields(cls):
            key = spec.metadata.get("key", spec.name)
            if key not in given:
                continue
            value = given[key]
            if spec.name == "when":
                value = tuple(When(**one) for one in value)
            elif spec.name in _SPANS:
                value = timedelta(seconds=value)
            values[spec.name] = tuple(value) if isinstance(value, list) else value
        return cls(**values)

    def as_json(self) -> dict[str, Any]:
        """Return every field under its name in the file, durations in seconds."""
        given: dict[str, Any] = {}
        for spec in fields(self):
            value = getattr(self, spec.name)
            if isinstance(value, timedelta):
                value = value.total_seconds()
            if spec.name == "when":
                value = [asdict(one) for one in self.when]
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
