"""Times in a page: the words of `words` inside `<time>` elements that the browser keeps fresh.

Templates are given one `Say` per request, which carries the reader and the request's `now`. Pure.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from api.pages import words
from api.pages.facts import Reader
from api.pages.reasons import Part


@dataclass(frozen=True, slots=True)
class Say:
    """How one request's page says times."""

    reader: Reader
    now: datetime

    @property
    def stamp(self) -> str:
        """Return the server's time, by which the browser corrects a clock of its own that is wrong."""
        return self.now.astimezone(UTC).isoformat(timespec="milliseconds")

    def ago(self, at: datetime) -> Markup:
        """Say an age that ticks: "40 s ago"."""
        return _time(at, "ago", words.age(at, self.now, self.reader.zone))

    def since(self, at: datetime) -> Markup:
        """Say a growing length: "13 h"."""
        return _time(at, "since", words.duration((self.now - at).total_seconds()))

    def moment(self, at: datetime) -> Markup:
        """Say when: "yesterday 20:10"."""
        return _time(at, "moment", words.moment(at, self.now, self.reader.zone))

    def when(self, at: datetime) -> Markup:
        """Say when, shorter: "9:14" for today."""
        return _time(at, "when", words.when(at, self.now, self.reader.zone))

    def clock(self, at: datetime) -> Markup:
        """Say a time of day: "9:14"."""
        return Markup('<time datetime="{}">{}</time>').format(_iso(at), words.clock(at, self.reader.zone))

    def left(self, due_at: datetime, target_seconds: float) -> Markup:
        """Say what is left of a response target; turns loud by class when overdue."""
        return Markup('<time datetime="{}" data-say="left" data-target="{}"{}>{}</time>').format(
            _iso(due_at),
            int(target_seconds),
            Markup(' class="overdue"') if due_at < self.now else "",
            words.left(due_at, self.now, target_seconds, self.reader.zone),
        )

    def part(self, part: Part) -> Markup:
        """Say a piece of a reason."""
        if part.at is None:
            return Markup("{}").format(part.text)
        form = {"age": self.ago, "moment": self.moment, "since": self.since, "when": self.when}[part.form]
        return Markup("{}{}").format(part.text, form(part.at))

    def local(self, zone: str) -> Markup:
        """Say the time of day where somebody lives; the browser keeps it going."""
        return Markup('<time datetime="{}" data-say="local" data-zone="{}">{}</time>').format(
            _iso(self.now), zone, words.clock(self.now, ZoneInfo(zone))
        )

    def day(self, at: date) -> str:
        """Say a date: "4 Mar 1948"."""
        return words.day(at)

    def years(self, born: date, zone: str) -> int:
        """Return the age in years, on the day it is where the patient lives."""
        return words.years(born, self.now.astimezone(ZoneInfo(zone)).date())


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(at: datetime, form: str, text: str) -> Markup:
    return Markup('<time datetime="{}" data-say="{}">{}</time>').format(_iso(at), form, text)
