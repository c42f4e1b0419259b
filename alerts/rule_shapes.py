"""Rule shapes: which fields belong to which kind of rule, and what a field may hold. Data for `alerts/rule_files.py`."""

from typing import Final

from alerts.rule import (
    AGAINST,
    CATEGORIES,
    DAILY,
    FAULTS,
    KINDS,
    MEASURES,
    METHODS,
    OPERATORS,
    OVERRIDES,
    SCORES,
    SEVERITIES,
)
from devices.vitals import COLUMN

#: fields that every kind has
_COMMON: Final = frozenset((
    "name", "version", "kind", "title", "severity", "response", "reason", "source", "programmes", "unless", "category",
    "emergency",
))  # fmt: skip
#: of a number per reading against a limit
_LIMIT: Final = ("op", "limit", "unit", "fresh_for")
_MAY: Final = frozenset(["for", "readings", "of", "hysteresis", "max_gap", "step", "recheck", "override"])
_DAYS: Final = frozenset(["daily", "day_from", "day_until"])

#: kind → the fields it needs beside the common ones
NEEDED: Final[dict[str, tuple[str, ...]]] = {
    "threshold": ("vital", *_LIMIT),
    "change": ("vital", *_LIMIT, "against"),
    "slope": ("vital", *_LIMIT, "window", "method", "least_days"),
    "baseline": ("vital", *_LIMIT, "measure", "half_life", "learn_days", "learn_readings", "least_spread"),
    "score": (*_LIMIT, "score", "measure", "within"),
    "composite": ("when", "need", "within", "fresh_for"),
    "silence": ("missed",),
    "doubt": ("for",),
    "adherence": ("window", "op", "limit", "unit"),
    "technical": ("fault", "op", "limit", "unit"),
    "questionnaire": ("questionnaire", "op", "limit", "unit"),
}
#: kind → the fields it may have beside those
_MORE: Final[dict[str, frozenset[str]]] = {
    "threshold": _MAY,
    "change": _MAY | _DAYS | {"window", "least_days", "least_spread"},
    "slope": _MAY | _DAYS,
    "baseline": _MAY | _DAYS | {"parts", "allowance", "fallback"},
    "score": _MAY,
    "composite": _MAY - {"hysteresis", "override"},
    "silence": frozenset(),
    "doubt": frozenset(),
    "adherence": frozenset({"vital"}),
    "technical": frozenset({"window", "hysteresis"}),
    "questionnaire": frozenset({"step"}),
}
#: kind → all its fields
ALLOWED: Final = {kind: _COMMON | set(NEEDED[kind]) | more for kind, more in _MORE.items()}

DURATIONS: Final = ("response", "for", "max_gap", "fresh_for", "recheck", "window", "half_life", "within")
#: fields that say a number: each needs a source
NUMBERS: Final = (
    *DURATIONS, "limit", "readings", "of", "hysteresis", "missed", "step", "least_days", "learn_days", "learn_readings",
    "parts", "least_spread", "allowance", "fallback", "day_from", "day_until", "when",
)  # fmt: skip
#: what a reason may have filled in
PLACES: Final = frozenset((
    "value", "limit", "vital", "device", "since", "expected", "change", "against", "at", "usual", "distance", "days", "slope",
    "score", "missing", "inputs", "conditions", "count", "of", "questionnaire",
))  # fmt: skip
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    "kind": KINDS,
    "severity": SEVERITIES,
    "category": CATEGORIES,
    "op": tuple(OPERATORS),
    "override": OVERRIDES,
    "vital": tuple(COLUMN),
    "against": AGAINST,
    "daily": DAILY,
    "method": METHODS,
    "measure": MEASURES,
    "score": SCORES,
    "fault": FAULTS,
    "flag": ("irregular_pulse",),
}
TYPES: Final[dict[str, tuple[type, ...]]] = {
    **dict.fromkeys(("version", "readings", "of", "least_days", "learn_days", "learn_readings", "parts"), (int,)),
    **dict.fromkeys(("limit", "hysteresis", "missed", "step", "least_spread", "allowance", "fallback"), (int, float)),
    "emergency": (bool,),
    "programmes": (list,),
    "unless": (list,),
    "when": (list,),
    "need": (str, int),
    "source": (dict,),
}
