"""One alert's page: why it is there, told by `alerts.explain` in the reader's zone and units, and what can be done."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import Response

from alerts.alert import DISPOSITIONS
from alerts.explain import explain
from alerts.queries import find_story
from api.access import SignedIn, record
from api.pages import queries
from api.pages.frame import reader_of, show
from api.pages.reaching_pages import load_reaching
from api.pages.reasons import describe, value_text
from api.problems import not_found
from api.transaction import Now, Transaction

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Part:
    """A heading of the explanation with the lines under it."""

    heading: str
    lines: tuple[str, ...]


@router.get("/alerts/{public_id}")
def alert_page(request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now) -> Response:
    """Explain one alert."""
    alert, story = queries.find_alert(conn, public_id), find_story(conn, public_id)
    if alert is None or story is None:
        raise not_found("alert")
    record(conn, who, "read_alert", f"alert/{public_id}", now)
    reader = reader_of(who)
    lines = explain(story, reader.zone, lambda vital, value: value_text(vital, value, reader))
    return show(
        request,
        conn,
        who,
        now,
        "alert.html",
        active="/",
        alert=alert,
        reason=describe(alert, reader),
        person=queries.load_people(conn, [alert.patient_id])[alert.patient_id],
        told=in_parts(lines),
        dispositions=DISPOSITIONS.items(),
        reaching=load_reaching(conn, public_id, who, now),
    )


def in_parts(lines: list[str]) -> list[Part]:
    """Cut the explanation at its headings, the lines that are not indented.

    >>> in_parts(["Alert a: Low", "  Why.", "What happened:", "  Opened."])
    [Part(heading='Low', lines=('Why.',)), Part(heading='What happened', lines=('Opened.',))]
    """
    parts: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith(" "):
            parts[-1][1].append(line.strip())
        else:
            heading = line.split(": ", 1)[1] if line.startswith("Alert ") and ": " in line else line.removesuffix(":")
            parts.append((heading, []))
    return [Part(heading, tuple(under)) for heading, under in parts]
