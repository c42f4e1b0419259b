"""Questionnaire: questions that patients answer about how they are, the points of each answer, and what needs a person at once.

Pure: data and the score of an answer. Which score needs a person is a rule's work (`alerts/questionnaire.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Question:
    """One question; the place of an answer in the list is its points."""

    #: name in answers, lower case words joined by underscores
    name: str
    #: as it is asked
    text: str
    #: from no trouble to the most
    answers: tuple[str, ...]
    #: answers of at least this many points are a red flag; None where none is
    red_flag_from: int | None = None


@dataclass(frozen=True, slots=True)
class Questionnaire:
    """One questionnaire of one version."""

    #: the name of its file
    name: str
    #: raised with every change of meaning
    version: int
    #: what staff call it
    title: str
    #: where questions and points come from
    source: str
    #: in the order in which they are asked
    questions: tuple[Question, ...]

    @property
    def most(self) -> int:
        """The highest score there is."""
        return sum(len(question.answers) - 1 for question in self.questions)


@dataclass(frozen=True, slots=True)
class Scored:
    """What some answers come to."""

    #: sum of the points
    score: int
    #: questions whose answer needs a person at once
    red_flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """One answered questionnaire, as it is kept."""

    #: random id that the outside sees
    public_id: str
    #: key of the patient
    patient_id: int
    #: name of the questionnaire
    questionnaire: str
    #: its version
    version: int
    #: when the patient answered
    answered_at: datetime
    #: when it reached us
    received_at: datetime
    #: sum of the points
    score: int
    #: questions whose answer needs a person at once
    red_flags: tuple[str, ...]
    #: points by question
    answers: Mapping[str, int]
    #: name of who wrote it down, None where the patient answered
    recorded_by: str | None


class AnswersRefused(ValueError):
    """The answers do not fit the questionnaire; the message says which and the way out."""


def score(questionnaire: Questionnaire, answers: Mapping[str, int]) -> Scored:
    """Return what answers (points by question) come to. Every question is answered once. Raises AnswersRefused."""
    known = {question.name: question for question in questionnaire.questions}
    if unknown := sorted(set(answers) - set(known)):
        raise AnswersRefused(f"{questionnaire.name} has no question {unknown[0]!r}; it asks {', '.join(known)}")
    for name, question in known.items():
        if name not in answers:
            raise AnswersRefused(f"the question {name!r} is not answered; answer all of {', '.join(known)}")
        if not 0 <= answers[name] < len(question.answers):
            raise AnswersRefused(f"the answer to {name!r} is none of 0 to {len(question.answers) - 1}")
    flagged = tuple(
        question.name
        for question in questionnaire.questions
        if question.red_flag_from is not None and answers[question.name] >= question.red_flag_from
    )
    return Scored(sum(answers.values()), flagged)
