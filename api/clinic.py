"""What a clinic works by: programme templates, questionnaires, what holds for limits; read once, for the application."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from alerts.rules import RuleSet
from api.settings import Settings
from care.limit_files import load_policy
from care.limits import LimitPolicy
from care.programme import Programme, check_rules
from care.programme_files import load_programmes
from care.questionnaire import Questionnaire
from care.questionnaire_files import load_questionnaires


@dataclass(frozen=True, slots=True)
class Clinic:
    """The data that a clinician signs off, beside the rules."""

    #: by name
    programmes: Mapping[str, Programme]
    #: by name
    questionnaires: Mapping[str, Questionnaire]
    #: what holds for every patient's own limit
    policy: LimitPolicy


def load_clinic(settings: Settings, rules: RuleSet) -> Clinic:
    """Return what the clinic works by, its programmes checked against the rules. Raises care.programme.ProgrammeError.

    Shipped programmes beside rules of the clinic's own are taken as they are: their names may differ.
    """
    programmes = load_programmes(settings.programmes_dir)
    if settings.programmes_dir or not settings.rules_dir:
        check_rules(programmes.values(), {rule.name: rule.programmes for rule in rules.rules})
    return Clinic(programmes, load_questionnaires(), load_policy())


def clinic(request: Request) -> Clinic:
    """Return what this process works by."""
    found: Clinic = request.app.state.clinic
    return found


OwnClinic = Annotated[Clinic, Depends(clinic)]
