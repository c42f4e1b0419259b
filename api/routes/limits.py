"""A patient's own limits and references: what holds, whose it is, and who may set what (`care.limits`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from alerts.bounds import bounds_of, settable
from alerts.rules import RuleSet
from api.access import SignedIn, Viewer, record
from api.clinic import Clinic, OwnClinic
from api.documented import Line, PathId, Time, problems
from api.engine import rules_in_force
from api.outside import OUTSIDE
from api.problems import Problem, not_found
from api.routes.patients import load_patient, read_patient
from api.routes.programmes import Reason
from api.transaction import Now, Transaction
from care.limits import ORDERING, Allowed, Bounds, Current, Refused, may_end, may_set
from care.patient import Patient
from care.plan import queries
from care.plan.own import OwnLimit, OwnReference

router = APIRouter(prefix="/patients/{public_id}", tags=["limits"])

RuleName = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,80}$", examples=["spo2_low_copd"])]
ReferenceName = Literal["dry_weight", "spo2_scale"]
LimitOut = Annotated[OwnLimit, OUTSIDE]
ReferenceOut = Annotated[OwnReference, OUTSIDE]

#: lowest and highest value of a reference, canonical unit
_REFERENCES: Final = {"dry_weight": (20.0, 350.0), "spo2_scale": (1.0, 2.0)}


class NewLimit(BaseModel):
    """The limit a rule shall judge this patient by."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"limit": 86, "until": "2026-12-20T00:00:00Z", "reason": "usual 87 at rest; Dr. on call"}
        },
    )
    limit: float = Field(allow_inf_nan=False, ge=-1e6, le=1e6, description="in the rule's unit")
    until: Time | None = Field(None, description="the first moment it no longer holds; a looser limit needs one")
    reason: Line


class NewReference(BaseModel):
    """A number about the patient that rules refer to."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"value": 81.5, "reason": "at discharge, no oedema"}}
    )
    value: float = Field(allow_inf_nan=False, ge=0, le=1000, description="kg, or the number of the NEWS2 scale")
    reason: Line


@dataclass(frozen=True, slots=True)
class LimitSeen:
    """One rule's limit and the patient's own."""

    #: what the rule says
    bounds: Bounds
    #: what holds now in its place, null where the rule's own does
    own: LimitOut | None


@router.get("/limits", responses=problems(404))
def list_limits(request: Request, public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> list[LimitSeen]:
    """List the limits that judge a patient, each with the patient's own where one holds."""
    patient = read_patient(conn, public_id, who, now, "limits")
    return limits_of(rules_in_force(request, conn), patient, queries.list_limits(conn, patient.id), now)


@router.get("/limits/history", responses=problems(404))
def list_limit_history(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> list[LimitOut]:
    """List every limit of their own that a patient ever had, the newest first, with who, why and when."""
    return queries.list_limits(conn, read_patient(conn, public_id, who, now, "limits").id)


@router.put("/limits/{rule}", responses=problems(404, 409))
def set_limit(
    request: Request,
    public_id: PathId,
    rule: RuleName,
    body: NewLimit,
    who: SignedIn,
    conn: Transaction,
    now: Now,
    clinic: OwnClinic,
) -> LimitSeen:
    """Set a patient's own limit from now on. A looser one is a clinician's order with an end."""
    patient = load_patient(conn, public_id)
    seen = _find(rules_in_force(request, conn), patient, queries.list_limits(conn, patient.id), rule, now)
    said = _judged(conn, clinic, patient, seen, body, who, now)
    if isinstance(said, Refused):
        raise Problem(409, "limit_refused", str(said))
    queries.add_limit(
        conn, patient.id, rule, body.limit,
        until=body.until, is_loosening=said.is_loosening, by=who.staff_id, reason=body.reason, now=now,
    )  # fmt: skip
    record(conn, who, "set_limit", f"patient/{public_id}", now, rule=rule, is_loosening=said.is_loosening)
    return _find(rules_in_force(request, conn), patient, queries.list_limits(conn, patient.id), rule, now)


@router.post("/limits/{rule}/end", responses=problems(404, 409))
def end_limit(
    request: Request, public_id: PathId, rule: RuleName, body: Reason, who: SignedIn, conn: Transaction, now: Now
) -> LimitSeen:
    """Take a patient's own limit back; the rule's holds again from now on."""
    patient = load_patient(conn, public_id)
    seen = _find(rules_in_force(request, conn), patient, queries.list_limits(conn, patient.id), rule, now)
    if seen.own is None:
        raise Problem(409, "limit_refused", "the patient has no limit of their own for this rule")
    current = Current(seen.own.limit, seen.own.set_by_id, seen.own.role)
    said = may_end(seen.bounds, current, role=who.role, staff_id=who.staff_id)
    if isinstance(said, Refused):
        raise Problem(409, "limit_refused", str(said))
    queries.end_limits(conn, patient.id, rule, by=who.staff_id, reason=body.reason, now=now)
    record(conn, who, "end_limit", f"patient/{public_id}", now, rule=rule)
    return LimitSeen(seen.bounds, None)


@router.get("/references", responses=problems(404))
def list_references(public_id: PathId, who: SignedIn, conn: Transaction, now: Now) -> list[ReferenceOut]:
    """List a patient's references, past ones too, the newest first."""
    return queries.list_references(conn, read_patient(conn, public_id, who, now, "references").id)


@router.put("/references/{name}", responses=problems(404, 409))
def set_reference(
    public_id: PathId, name: ReferenceName, body: NewReference, who: SignedIn, conn: Transaction, now: Now
) -> list[ReferenceOut]:
    """Set a reference from now on: the dry weight, or the SpO₂ scale of NEWS2. A clinician sets them."""
    patient = load_patient(conn, public_id)
    low, high = _REFERENCES[name]
    if not low <= body.value <= high or (name == "spo2_scale" and body.value != int(body.value)):
        raise Problem(409, "reference_refused", f"write a value from {low:g} to {high:g}; the scale is 1 or 2")
    if who.role != ORDERING and (name, body.value) != ("spo2_scale", 1.0):
        raise Problem(409, "reference_refused", "only a clinician may set this; ask one")
    queries.set_reference(conn, patient.id, name, body.value, by=who.staff_id, reason=body.reason, now=now)
    record(conn, who, "set_reference", f"patient/{public_id}", now, name=name)
    return queries.list_references(conn, patient.id)


@router.post("/references/{name}/end", responses=problems(404, 409))
def end_reference(
    public_id: PathId, name: ReferenceName, body: Reason, who: SignedIn, conn: Transaction, now: Now
) -> list[ReferenceOut]:
    """End a reference; rules that refer to it judge nothing, or by their default, until another is set."""
    patient = load_patient(conn, public_id)
    if who.role != ORDERING and name == "dry_weight":
        raise Problem(409, "reference_refused", "only a clinician may end this; ask one")
    if not queries.end_reference(conn, patient.id, name, by=who.staff_id, reason=body.reason, now=now):
        raise Problem(409, "reference_refused", "the patient has no such reference")
    record(conn, who, "end_reference", f"patient/{public_id}", now, name=name)
    return queries.list_references(conn, patient.id)


def limits_of(rules: RuleSet, patient: Patient, own: Sequence[OwnLimit], now: datetime) -> list[LimitSeen]:
    """Return every limit that judges a patient, with their own where one holds; `own` is the newest first."""
    holding: dict[str, OwnLimit] = {}
    for one in own:
        if one.starts_at <= now and (one.ends_at is None or now < one.ends_at):
            holding.setdefault(one.rule, one)
    return [LimitSeen(bounds, holding.get(bounds.rule)) for bounds in settable(rules, patient.programmes)]


def _find(rules: RuleSet, patient: Patient, own: Sequence[OwnLimit], rule: str, now: datetime) -> LimitSeen:
    known = rules.by_name.get(rule)
    if known is None or bounds_of(rules, known, patient.programmes) is None:
        raise not_found("rule with a limit")
    for seen in limits_of(rules, patient, own, now):
        if seen.bounds.rule == rule:
            return seen
    raise Problem(409, "limit_refused", "this rule does not judge the patient: it belongs to a programme they are not in")


def _judged(
    conn: Transaction, clinic: Clinic, patient: Patient, seen: LimitSeen, body: NewLimit, who: Viewer, now: datetime
) -> Allowed | Refused:
    own, vital = seen.own, seen.bounds.vital
    return may_set(
        seen.bounds,
        None if own is None else Current(own.limit, own.set_by_id, own.role),
        body.limit,
        role=who.role,
        until=body.until,
        reason=body.reason,
        usual=queries.find_usual(conn, patient.id, vital, now) if vital in clinic.policy.distance else None,
        policy=clinic.policy,
        now=now,
    )
