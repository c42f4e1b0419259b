"""One alert's page: why it is there, told by `alerts.explain` in the reader's zone and units, and what can be done."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from alerts.alert import DISPOSITIONS
from alerts.explain import explain
from alerts.rejudge import tell
from alerts.rejudging import rejudge_alert
from alerts.stories import load_story
from alerts.triage import queries as triage
from alerts.triage.ledger import ENDS, KINDS, list_entries
from api.access import SignedIn, record
from api.pages import queries
from api.pages.frame import reader_of, show
from api.pages.reaching_pages import load_reaching
from api.pages.reasons import describe, name_of, value_text
from api.pages.worklist import marks, quiet_name
from api.problems import not_found
from api.transaction import Now, Transaction
from care.queries import list_staff
from devices.vitals import COLUMN, VITALS

router = APIRouter(include_in_schema=False)

#: rows of the ledger about one alert, and how far back
_MOST: Final = 100
_LONG: Final = timedelta(days=400)
#: parts of the explanation that the page tells in its own way
_TOLD_BELOW: Final = ("What happened", "Not shown or not sent", "The ladder", "Who was told")


@dataclass(frozen=True, slots=True)
class Part:
    """A heading of the explanation with the lines under it."""

    heading: str
    lines: tuple[str, ...]


@router.get("/alerts/{public_id}")
def alert_page(
    request: Request, public_id: str, who: SignedIn, conn: Transaction, now: Now, *, rejudge: bool = False
) -> Response:
    """Explain one alert; with `rejudge`, judge its readings again too."""
    alert, story = queries.find_alert(conn, public_id), load_story(conn, public_id)
    if alert is None or story is None:
        raise not_found("alert")
    record(conn, who, "read_alert", f"alert/{public_id}", now)
    reader, since = reader_of(who), now - _LONG
    alert_id = story.alert.id
    ledger = [
        *list_entries(conn, is_current=True, since=since, limit=_MOST, alert_id=alert_id),
        *list_entries(conn, is_current=False, since=since, limit=_MOST, alert_id=alert_id),
    ]
    silences = triage.load_silences(conn, [alert.patient_id]).get(alert.patient_id, [])
    again = (
        tell(rejudge_alert(conn, story.alert), lambda at: f"{at.astimezone(reader.zone):%d %b %Y %H:%M:%S}") if rejudge else []
    )
    lines = explain(story, reader.zone, lambda vital, value: value_text(vital, value, reader))
    return show(
        request,
        conn,
        who,
        now,
        "alert.html",
        active="/",
        alert=alert,
        reason=describe(alert, reader, queries.load_newest(conn, alert, now)),
        marks=list(marks([alert], [], [], now)),
        person=queries.load_people(conn, [alert.patient_id])[alert.patient_id],
        told=[part for part in in_parts(lines) if part.heading not in _TOLD_BELOW],
        again=again,
        happenings=queries.load_alert_story(conn, alert_id, reader),
        notices=story.notices,
        ledger=ledger,
        kinds=KINDS,
        ends=ENDS,
        silences=[
            (one, f"{one.direction} {name_of(VITALS[COLUMN[one.vital]])}")
            for one in silences
            if (one.vital, one.direction) == (alert.subject, alert.direction)
        ],
        quiet=quiet_name(alert),
        colleagues=[each for each in list_staff(conn) if each.disabled_at is None],
        dispositions=DISPOSITIONS.items(),
        reaching=load_reaching(conn, public_id, who, now),
        main_act=True,
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
