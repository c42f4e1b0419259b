"""P5: from the publishing of a measurement that needs a person until each of twenty screens holds the patient's new row.

Everything runs as in production: a steady 5,000 measurements a second through broker, ingest and database, and once a second
a patient who has been quiet until then sends a dangerously low oxygen saturation.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from api.access import cookie_name
from api.queries import add_session
from api.settings import Settings
from api.tokens import hash_token, new_token
from benchmarks.corpus import BOOT, PATIENTS, QUIET, Corpus, device_name, push_paced
from benchmarks.figures import Figure, percentile
from benchmarks.load import Publisher, native_payload, publish_frame
from benchmarks.programs import Program, ingest, running, serve
from benchmarks.stage import SQL, BenchmarkFailed, Stage

RATE: Final = 5_000.0
WATCHERS: Final = 20
_GOAL_MS: Final = 100.0
#: seconds before the first message, and seconds of the steady stream before the first alert
_LEAD: Final = 1.0
_WARM_UP: Final = 3
#: a new row that has not come after this long counts as lost
_PATIENCE: Final = 10.0
_DANGEROUS: Final = {"spo2": (82.0, "%"), "heart_rate": (104.0, "/min")}


def measure(stage: Stage, corpus: Corpus, alerts: int) -> Figure:
    """Let so many patients need somebody, one a second, at most QUIET of them in a run, and return P5."""
    names = [device_name(place) for place in range(PATIENTS, PATIENTS + QUIET)][:alerts]
    patients = dict(stage.owner.execute(SQL["patients_of"], {"names": names}).fetchall())
    expected = {(who, patients[name]) for who in range(WATCHERS) for name in names}
    stage.empty()
    with ingest(stage), serve(stage) as address, _watching(stage, address) as watchers:
        sent = _publish(stage, corpus, names)
        deadline = time.monotonic() + _PATIENCE
        while expected - (seen := _seen(watchers)).keys() and time.monotonic() < deadline:
            time.sleep(0.1)
    if missing := expected - seen.keys():
        raise BenchmarkFailed(f"{len(missing)} of {len(expected)} new rows did not reach their screen; {watchers.last_words()}")
    delays = [(seen[who, patients[name]] - sent[name]) * 1000 for who in range(WATCHERS) for name in names]
    p99 = percentile(delays, 0.99)
    return Figure(
        "P5",
        f"one alert a second within {RATE:,.0f} messages/s, until each of {WATCHERS} screens holds the new row",
        p99,
        "ms, p99",
        f"the goal of {_GOAL_MS:.0f} ms",
        p99 / _GOAL_MS,
        "< 1.0",
        p99 < _GOAL_MS,
        {
            "p50_ms": percentile(delays, 0.5),
            "p90_ms": percentile(delays, 0.9),
            "worst_ms": max(delays),
            "rows_awaited": len(delays),
        },
    )


def _publish(stage: Stage, corpus: Corpus, names: list[str]) -> dict[str, float]:
    """Publish the steady stream with one alarming measurement a second inside; return when each of those was sent."""
    count = int(RATE * (_WARM_UP + len(names) + 1)) // corpus.patients * corpus.patients
    start = time.time() + _LEAD + count * 20e-6
    frames = corpus.paced(count, start, RATE).frames
    sent: dict[str, float] = {}
    with Publisher(stage.broker.url("load")) as publisher:
        time.sleep(max(start - time.time(), 0))
        done = 0
        for place, name in enumerate(names):
            until = int((_WARM_UP + place) * RATE)
            push_paced(publisher, frames[done:until], start + done / RATE, RATE)
            done, sent[name] = until, time.time()
            payload = native_payload(BOOT, 1, int(sent[name] * 1e6), _DANGEROUS)
            publisher.send([publish_frame(f"wardlight/v1/{name}/readings", payload, 1)])
        push_paced(publisher, frames[done:], start + done / RATE, RATE)
    return sent


@contextmanager
def _watching(stage: Stage, address: str) -> Iterator[Program]:
    """Sign the watchers in and let them watch."""
    cookies, now = [], datetime.now(UTC)
    for (staff_id,) in stage.owner.execute(SQL["add_staff"], {"count": WATCHERS}).fetchall():
        token = new_token()
        ends = now + timedelta(hours=1)
        add_session(stage.owner, token_hash=hash_token(token), staff_id=staff_id, csrf=new_token(), now=now, expires_at=ends)
        cookies.append(f"{cookie_name(Settings())}={token}")
    with running(["benchmarks.watchers", address, *cookies]) as program:
        program.await_word("watching")
        yield program


def _seen(watchers: Program) -> dict[tuple[int, str], float]:
    """Return when each row was on each screen: (watcher, patient's public id) → seconds since 1970."""
    rows = [line.split() for _, line in list(watchers.said)]
    return {(int(row[0]), row[1]): float(row[2]) for row in rows if len(row) == 3 and row[0].isdecimal()}
