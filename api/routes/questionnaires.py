"""Questionnaires: what patients are asked, and what they answered. Answers are judged in the transaction that keeps them."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from alerts.questionnaire import judge_answer
from api.access import SignedIn, record
from api.clinic import OwnClinic
from api.documented import PathId, Time, Word, problems
from api.engine import Judging
from api.outside import OUTSIDE
from api.problems import Problem
from api.routes.patients import load_patient, read_patient
from api.transaction import Now, Transaction
from care import queries
from care.questionnaire import Answered, AnswersRefused, Questionnaire

router = APIRouter(tags=["questionnaires"])

AnsweredOut = Annotated[Answered, OUTSIDE]


class NewAnswer(BaseModel):
    """What a patient answered."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "questionnaire": "heart_failure_check",
                "answers": {"breath": 1, "lying_flat": 0, "swelling": 2, "dizzy": 0, "chest_pain": 0},
            }
        },
    )
    questionnaire: Word
    answers: dict[Word, Annotated[int, Field(ge=0, le=100)]] = Field(
        max_length=100, description="points by question: the place of the answer, from 0"
    )
    answered_at: Time | None = Field(None, description="left out, now")


@router.get("/questionnaires", responses=problems())
def list_questionnaires(who: SignedIn, clinic: OwnClinic) -> list[Questionnaire]:
    """List the questionnaires with their questions; the place of an answer in its list is its points."""
    return list(clinic.questionnaires.values())


@router.get("/patients/{public_id}/answers", responses=problems(404))
def list_answers(
    public_id: PathId, who: SignedIn, conn: Transaction, now: Now, limit: Annotated[int, Query(ge=1, le=500)] = 50
) -> list[AnsweredOut]:
    """List what a patient answered, the newest first."""
    return queries.list_answers(conn, read_patient(conn, public_id, who, now, "answers").id, limit=limit)


@router.post("/patients/{public_id}/answers", status_code=201, responses=problems(404, 409))
def add_answer(
    public_id: PathId, body: NewAnswer, who: SignedIn, conn: Transaction, now: Now, clinic: OwnClinic, engine: Judging
) -> AnsweredOut:
    """Keep what a patient answered; the score and red flags are judged at once."""
    patient = load_patient(conn, public_id)
    if (questionnaire := clinic.questionnaires.get(body.questionnaire)) is None:
        raise Problem(409, "unknown_questionnaire", "there is no such questionnaire; /api/v1/questionnaires lists them")
    answered_at = body.answered_at or now
    if answered_at > now + timedelta(minutes=10):
        raise Problem(409, "answers_refused", "nobody answered in the future; leave answered_at out for now")
    try:
        kept = queries.add_answer(conn, patient.id, questionnaire, body.answers, answered_at, by=who.staff_id, now=now)
    except AnswersRefused:
        detail = "answer every question once, with the place of one of its answers; /api/v1/questionnaires lists them"
        raise Problem(409, "answers_refused", detail) from None
    judge_answer(conn, engine.rules, engine.ruleset_id(conn), kept, questionnaire, patient.programmes, now)
    record(conn, who, "add_answer", f"patient/{public_id}", now, questionnaire=body.questionnaire)
    return kept
