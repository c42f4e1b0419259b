"""Deadlines: takes the steps of ladders that are due, and the replies that are overdue, and writes whom that pages.

Called by `work` in a transaction of its own; any number of workers may: rows are claimed with SKIP LOCKED, and one that
somebody holds is taken the next moment. Decides nothing: that are `plan.py` and `pages.py`. Sends nothing: that is the outbox.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import Connection

from alerts.escalation import pages, queries
from alerts.escalation.crews import load_crews
from alerts.escalation.ladder_data import WORDS, Word, word_of
from alerts.escalation.pages import Due, Why
from alerts.escalation.plan import Crew, Standing, Taken, take
from alerts.escalation.queries import DueReply, DueStep
from alerts.queries import add_events, notify
from care.team import Reach
from messaging.notice import Planned
from messaging.queries import add_notices, wake

#: steps taken in one transaction
AT_ONCE: Final = 500
#: unanswered reminders until an alert that was taken on is paged from the first step again
MOST_REMINDERS: Final = 2
#: what stands for "nobody knows until when"
NEVER: Final = datetime.fromisoformat("9999-01-01T00:00:00+00:00")

#: how patients will be told of an unstaffed time
_PATIENT_CHANNEL: Final = "sms"

next_due = queries.next_due


def run_due(conn: Connection[Any], now: datetime) -> int:
    """Take what is due, in one transaction; return how many rows were looked at, AT_ONCE where there may be more."""
    with conn.transaction():
        dead, _ = queries.hasten_dead(conn, now, AT_ONCE)
        steps = queries.claim_due(conn, now, AT_ONCE)
        replies = queries.claim_replies(conn, now, AT_ONCE)
        if steps or replies:
            _Round(conn, load_crews(conn, {step.team_id for step in steps} | {None}, now), now).take(steps, replies)
    return dead + len(steps) + len(replies)


def page(conn: Connection[Any], due: Sequence[Due], now: datetime) -> None:
    """Page people at once, in the caller's transaction: for what does not wait for a deadline."""
    around = _Round(conn, load_crews(conn, {None}, now), now, due=list(due))
    around.write_pages()
    add_notices(conn, around.notices, now)


@dataclass
class _Round:
    """What one call comes to, gathered and then written by bulk statements."""

    conn: Connection[Any]
    crews: Mapping[int | None, Crew]
    now: datetime
    due: list[Due] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    notices: list[tuple[int | None, Planned]] = field(default_factory=list)
    events: list[tuple[int, str, str]] = field(default_factory=list)
    unstaffed: dict[int, tuple[DueStep, datetime]] = field(default_factory=dict)

    def take(self, steps: list[DueStep], replies: list[DueReply]) -> None:
        for step in steps:
            self._step(step)
        asked = {reply.id: self._reply(reply) for reply in replies}
        self.write_pages()
        self._tell_patients()
        queries.advance(self.conn, self.rows)
        if asked:
            queries.remind_replies(self.conn, asked)
        if self.events:
            add_events(self.conn, self.events, self.now, None)
        add_notices(self.conn, self.notices, self.now)
        notify(self.conn, {step.alert_id for step in steps})

    def _step(self, step: DueStep) -> None:
        if step.closed_at is not None:
            self._write(step, ended_at=self.now, ended_how="closed", due_at=None)
        elif (step.phase == "reminding" and step.owner_id is not None) or (
            step.acknowledged_at is not None and max(step.acknowledged_at, step.touched_at or step.began_at) > step.began_at
        ):
            self._remind(step, step.owner_id)
        else:
            self._climb(step, Standing(step.step, step.taken, step.rounds), step.reason, step.began_at)

    def _climb(self, step: DueStep, standing: Standing, reason: str, began_at: datetime) -> None:
        crew, word = self.crews[step.team_id], word_of(step.severity, emergency=step.emergency)
        taken = take(crew, word, step.coordinator_id, standing, reason, self.now)
        why: Why = "exhausted" if taken.is_exhausted else "alert"
        for called in taken.called:
            self._call(step, called.staff_id, word, called.channels, called.reason, why)
        self.notices += [(step.alert_id, Planned("page", passed.who, "", "withheld", passed.reason)) for passed in taken.passed]
        if taken.unstaffed is not None:
            self.unstaffed.setdefault(step.patient_id, (step, taken.unstaffed.until or NEVER))
        if taken.is_exhausted:
            self._be_loud(step, word, taken)
        self._write(
            step, phase="paging", step=taken.standing.step, taken=taken.standing.taken, rounds=taken.standing.rounds,
            due_at=taken.due_at, reason=reason, began_at=began_at,
            exhausted_at=(step.exhausted_at or self.now) if taken.is_exhausted else None,
            held_until=taken.due_at if taken.is_held else None, paged_at=self.now if taken.called else step.paged_at,
        )  # fmt: skip

    def _be_loud(self, step: DueStep, word: Word, taken: Taken) -> None:
        """Nobody answered to the end of the ladder: the alert says so, and so does the operator's console, every time."""
        if step.exhausted_at is None:
            whom = f"{len(taken.called)} people" if len(taken.called) != 1 else "1 person"
            self.events.append((step.alert_id, "ladder exhausted", f"nobody has answered; {whom} paged until somebody does"))
        said = f"Wardlight: nobody answers an alert, {word}; everybody was paged {taken.standing.rounds} times"
        reason = "the ladder is exhausted: the operator is told every time"
        self.notices.append(
            (step.alert_id, Planned("console", "operator", said, "pending", reason, link=f"/alerts/{step.alert}"))
        )

    def _remind(self, step: DueStep, owner_id: int | None) -> None:
        word = word_of(step.severity, emergency=step.emergency)
        wait = self.crews[step.team_id].ladder.climbs[word].remind
        taken_on = step.acknowledged_at or step.began_at
        rests_since = max(taken_on, step.touched_at or taken_on)
        if step.phase != "reminding" or rests_since + wait > self.now:
            self._write(step, phase="reminding", rounds=0, due_at=max(rests_since + wait, self.now), exhausted_at=None)
        elif owner_id is None or step.rounds >= MOST_REMINDERS:
            reason = f"taken on and forgotten: {MOST_REMINDERS} reminders came to nothing"
            self._climb(step, Standing(), reason, self.now)
        else:
            minutes = int((self.now - rests_since).total_seconds() // 60)
            reason = f"taken on, and nothing has been written for {minutes} min"
            self._call(step, owner_id, word, (), reason, "reminder")
            self._write(step, rounds=step.rounds + 1, due_at=self.now + wait, paged_at=self.now)

    def _reply(self, reply: DueReply) -> datetime | None:
        """Ask for a physician's reply again; return when the next time is, None where it no longer matters."""
        if reply.closed_at is not None:
            return None
        word = word_of(reply.severity, emergency=reply.emergency)
        times = reply.reminded + 1
        for staff_id, reason in (
            (reply.asked_by, f"no reply from the physician in time, {times} times: call them, or call another"),
            (reply.physician_id, f"asked for a reply, {times} times"),
        ):
            if staff_id is not None:
                self.due.append(Due(reply.alert_id, reply.alert, reply.patient_id, staff_id, word, (), reason, "reply"))
        return self.now + reply.reply_within

    def _call(self, step: DueStep, staff_id: int, word: Word, channels: tuple[str, ...], reason: str, why: Why) -> None:
        self.due.append(Due(step.alert_id, step.alert, step.patient_id, staff_id, word, channels, reason, why))

    def _write(self, of: DueStep, /, **changed: Any) -> None:
        kept = asdict(of)
        names = ("alert_id", "phase", "step", "taken", "rounds", "due_at", "reason", "began_at", "exhausted_at", "paged_at")
        row = {name: kept[name] for name in names} | {"held_until": None, "ended_at": None, "ended_how": None}
        self.rows.append(row | changed)

    def write_pages(self) -> None:
        """Write one page for each person, or add to the one that waits."""
        people = self.crews[None].people
        by_person: dict[int, dict[int, Due]] = defaultdict(dict)
        for one in self.due:
            by_person[one.staff_id].setdefault(one.alert_id, one)
        if not by_person:
            return
        queries.lock_people(self.conn, by_person)
        last = queries.last_pages(self.conn, by_person)
        for staff_id, alerts in sorted(by_person.items()):
            self._page_person(people[staff_id], list(alerts.values()), last.get(staff_id))

    def _page_person(self, person: Reach, due: list[Due], last: pages.LastPage | None) -> None:
        word = pages.most_urgent(due)
        placed = pages.place(last, word, self.now)
        waiting = queries.lock_waiting_rows(self.conn, placed.joins) if placed.joins is not None else []
        if last is None or placed.joins is None or not waiting:
            send_at = placed.send_at if placed.joins is None else self.now
            page_id = queries.add_page(self.conn, person.staff_id, word, due, send_at, self.now)
            self.notices += pages.carriers(person, due, page_id, send_at)
            return
        page_id, most = placed.joins, WORDS[min(WORDS.index(word), WORDS.index(last.word))]
        queries.add_page_alerts(self.conn, page_id, due, self.now)
        alerts, patients = queries.count_page(self.conn, page_id, most, placed.send_at)
        said = pages.text(most, alerts, patients)
        queries.rewrite_waiting_rows(self.conn, waiting, said, f"{said}; for {person.name}", placed.send_at)
        self.notices += pages.merged(person, due, page_id, person.addresses[0][0] if person.addresses else "in_app")
        wake(self.conn)

    def _tell_patients(self) -> None:
        """Tell each patient once that nobody is reading, until when, and whom to call."""
        if not self.unstaffed:
            return
        told = queries.tell_unstaffed(self.conn, {key: until for key, (_, until) in self.unstaffed.items()}, self.now)
        for patient_id, until, number, zone in told:
            step, _ = self.unstaffed[patient_id]
            body = unstaffed_text(until, number, zone)
            reason = "nobody is on duty: the patient is to be told; texts and calls to patients are not set up yet"
            self.notices.append((step.alert_id, Planned(_PATIENT_CHANNEL, "patient", body, "withheld", reason)))


def unstaffed_text(until: datetime, emergency_number: str, zone: str) -> str:
    """Return what a patient is told in a time in which nobody is on duty; names nobody and no vital.

    >>> unstaffed_text(datetime.fromisoformat("2026-11-24T13:00:00+00:00"), "911", "America/Chicago")
    'Nobody reads your numbers until Tue 7:00. If you feel unwell call 911 now.'
    """
    number = emergency_number or "your emergency number"
    if until >= NEVER:
        return f"Nobody reads your numbers just now. If you feel unwell call {number} now."
    local = until.astimezone(ZoneInfo(zone))
    return f"Nobody reads your numbers until {local:%a} {local.hour}:{local.minute:02d}. If you feel unwell call {number} now."
