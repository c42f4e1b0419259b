"""Contact: what follows from attempts to speak with a patient, up to the decision whether somebody is sent to look.

Pure. Three failures in a row lead to the emergency contact, and from there to a decision that a person makes and signs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

Outcome = Literal["reached", "caregiver", "voicemail", "no_answer", "refused", "in_hospital", "wrong_number"]
Whom = Literal["patient", "emergency_contact"]
How = Literal["call", "text", "video", "visit"]
Decision = Literal["send", "do_not_send", "wait"]
Next = Literal["try_patient", "call_emergency_contact", "decide_welfare_check", "done"]

#: what came of an attempt → the words for it
OUTCOMES: Final[dict[Outcome, str]] = {
    "reached": "reached",
    "caregiver": "reached a caregiver",
    "voicemail": "left a message",
    "no_answer": "no answer",
    "refused": "refused to talk",
    "in_hospital": "is in hospital",
    "wrong_number": "wrong number",
}
#: outcomes after which nobody knows how the patient is
FAILED: Final[frozenset[str]] = frozenset({"voicemail", "no_answer", "wrong_number"})
#: failures in a row until the emergency contact is called
MOST_FAILURES: Final = 3
DECISIONS: Final[dict[Decision, str]] = {
    "send": "send somebody to look",
    "do_not_send": "do not send anybody",
    "wait": "wait, and try again",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to speak with somebody."""

    public_id: str
    #: "patient" or "emergency_contact"
    whom: Whom
    how: How
    outcome: Outcome
    note: str
    #: name of who tried
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WelfareCheck:
    """A person's decision whether somebody is sent to look after a patient."""

    public_id: str
    decision: Decision
    reason: str
    #: name of who decided
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NextContact:
    """What is to be done now, and why."""

    what: Next
    #: failures in a row so far
    failures: int
    reason: str


def next_contact(attempts: Sequence[Attempt], checks: Sequence[WelfareCheck]) -> NextContact:
    """Return what follows from the attempts and decisions about one patient, oldest first.

    >>> next_contact([], []).what
    'try_patient'
    """
    decided = checks[-1] if checks else None
    if decided is not None and decided.decision == "wait":
        attempts = [one for one in attempts if one.at > decided.at]
    failures, reached = 0, None
    tried_other = False
    for one in attempts:
        if one.outcome not in FAILED:
            failures, reached, tried_other = 0, one, False
        elif one.whom == "patient":
            failures, reached = failures + 1, None
        else:
            tried_other = True
    if decided is not None and decided.decision != "wait" and (not attempts or decided.at >= attempts[-1].at):
        return NextContact("done", failures, f"decided: {DECISIONS[decided.decision]}")
    if reached is not None:
        return NextContact("done", 0, f"{OUTCOMES[reached.outcome]} by {reached.by}")
    if failures < MOST_FAILURES:
        return NextContact("try_patient", failures, f"{failures} of {MOST_FAILURES} attempts failed")
    if not tried_other:
        return NextContact("call_emergency_contact", failures, f"{failures} attempts failed: call the emergency contact")
    reason = f"{failures} attempts and the emergency contact failed: decide whether somebody is sent to look"
    return NextContact("decide_welfare_check", failures, reason)
