"""Programme: a template of what a patient with one condition is asked to measure, what judges it, and what they are told.

The noun behind `care/programmes/*.toml`, which a clinician signs off. Enrolling lays it out for one patient (`care/plan`).
Names rules and holds none: the limits stand in the rule set.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from care.pressure import Protocol

#: texts that messaging may ask a programme for, and what each is there to say
TEXTS: Final = {
    "welcome": "the first text after enrolment",
    "reminder": "that something is to be measured today",
    "missed": "that nothing has come in",
    "recheck": "rest, and measure again",
}
#: longest text, so that it stays one message (care-exempt texts in the United States: 160 characters)
LONGEST_TEXT: Final = 160


@dataclass(frozen=True, slots=True)
class Prescription:
    """Something that patients of a programme are asked to measure."""

    #: a vital; systolic_bp stands for the whole pressure measurement
    measure: str
    #: how often
    every: timedelta
    #: when in the patient's day, such as "07:00"; empty is at any hour
    at: tuple[str, ...]
    #: how it is done, in words for the patient
    how: str
    #: where the frequency comes from
    source: str


@dataclass(frozen=True, slots=True)
class DefaultReference:
    """A number about the patient that rules of a programme refer to."""

    #: "dry_weight" (kg) or "spo2_scale" (1 or 2)
    name: str
    #: what holds until somebody sets it; None where a person has to
    value: float | None
    #: what is asked of whom at enrolment
    ask: str
    #: where it comes from
    source: str


@dataclass(frozen=True, slots=True)
class Programme:
    """One programme of one version; docs/programmes.md tells each."""

    #: name that rules select by, lower case words joined by underscores; the name of its file
    name: str
    #: raised with every change of meaning; an enrolment keeps the one it was laid out by
    version: int
    #: what staff call it
    title: str
    #: names of the rules that judge its patients beside those for everybody
    rules: tuple[str, ...]
    #: what is to be measured
    schedule: tuple[Prescription, ...]
    #: neutral sentences for messages, by key of TEXTS
    texts: Mapping[str, str] = field(hash=False)
    #: questionnaires that its patients answer, by name
    questionnaires: tuple[str, ...] = ()
    #: numbers about the patient that its rules refer to
    references: tuple[DefaultReference, ...] = ()
    #: how a week of home blood pressure is averaged; None where it is not
    pressure_protocol: Protocol | None = None


class ProgrammeError(Exception):
    """A programme file cannot be used; the message names file, field and the way out."""


def check_rules(programmes: Iterable[Programme], known: Mapping[str, tuple[str, ...]]) -> None:
    """Check that every rule a programme names exists and judges its patients.

    `known` holds, by rule, the programmes it applies to. Raises ProgrammeError.
    """
    for programme in programmes:
        for name in programme.rules:
            where = f"{programme.name}.toml: rules"
            if name not in known:
                raise ProgrammeError(
                    f"{where}: no rule is called {name!r}; correct it, or take it out in a folder "
                    "of your own (WARDLIGHT_PROGRAMMES_DIR)"
                )
            if programme.name not in known[name]:
                raise ProgrammeError(
                    f"{where}: the rule {name!r} is not for {programme.name!r}; add it to the rule's programmes"
                )
