"""The demonstration: twenty made-up patients, two weeks of their lives, and somebody to look after them.

The past goes the way of every reading, in batches through decoding, rules and alerts, with the time it would have been; only
the broker is left out. The last half hour is left to the devices, which send it over MQTT as soon as they connect.
"""

import json
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from psycopg import Connection

from alerts.actions import acknowledge
from alerts.engine import Engine
from alerts.queries import list_open
from alerts.rules import load_rules
from api.accounts import open_account
from api.demo_team import gather_team, leave_past
from api.enrolment import DeviceSecrets, describe, enrol
from api.passwords import Passwords, one_time_password
from care.programme_files import load_programmes
from care.queries import find_staff_by_email
from database.pool import connect
from devices.simulator.habits import Measured, measure
from devices.simulator.keeping import Keeping, write_measurement
from devices.simulator.people import Person, demo_people
from ingest.broker import EmbeddedBroker
from ingest.commit import Committer
from ingest.inbox import Inbox
from ingest.message import Message
from ingest.mqtt import BrokerAddress, Subscriber
from ingest.queries import extend_path
from messaging.queries import withhold_pending

EMAIL: Final = "demo@wardlight.example"

#: how much past is written, and how much of the latest is left to the devices to send
PAST: Final = timedelta(days=14)
LEFT_TO_DEVICES: Final = timedelta(minutes=30)
#: how far back a device that measures every minute goes: a patch is worn for days, not weeks
PATCH_PAST: Final = timedelta(days=2)
#: a demonstration that was off for longer begins its troubles anew
ANEW: Final = timedelta(hours=12)

#: length of a batch of the past: an hour, and near the present short enough for lateness to be what it would have been
_BATCH: Final = timedelta(hours=1)
_FINE_BATCH: Final = timedelta(minutes=10)
_FINE_FOR: Final = timedelta(hours=8)
#: how long the past's coordinator takes to acknowledge an alert, and up to when
_REACTION: Final = timedelta(minutes=25)
_ATTENDED_UNTIL: Final = timedelta(hours=3)

_HISTORY_BOOT: Final = "history"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Demo:
    """What a data folder remembers of its demonstration."""

    #: password of EMAIL
    password: str
    #: when the troubles of its people are counted from, ISO 8601
    began_at: str
    #: whether the past is written
    has_past: bool = False


def load_demo(data_dir: Path) -> Demo | None:
    """Return what a folder remembers; None where there never was a demonstration."""
    try:
        return Demo(**json.loads((data_dir / "demo.json").read_text()))
    except FileNotFoundError:
        return None


def seed(data_dir: Path, url: str, broker: EmbeddedBroker, say: Callable[[str], None]) -> tuple[str, str]:
    """Have the demonstration's people, devices and past; return e-mail address and password of its coordinator.

    Writes what is missing alone, so a second start takes a moment. The troubles of its people begin anew after half a day.
    """
    started = time.monotonic()
    now = datetime.now(UTC)
    demo = load_demo(data_dir) or Demo(one_time_password(), now.isoformat())
    if demo.has_past and now - datetime.fromisoformat(demo.began_at) > ANEW:
        demo = Demo(demo.password, now.isoformat(), has_past=True)
    _save(data_dir, demo)
    people = demo_people()
    with connect(url) as conn:
        staff = find_staff_by_email(conn, EMAIL)
        if staff is None:
            staff, _ = open_account(
                conn,
                Passwords(),
                email=EMAIL,
                name="Demo coordinator",
                role="administrator",
                zone="America/New_York",
                by=None,
                now=now,
                password=demo.password,
            )
        described = (describe(person, staff.id) for person in people)
        enrol(conn, described, now - PAST - timedelta(days=1), now, load_programmes())
        gather_team(conn, staff, now)
        conn.commit()
        secrets = DeviceSecrets.of(data_dir)
        devices = {person.device_of(one) for person in people for one in person.instruments}
        broker.credentials.add_many({device: secrets.of_device(device) for device in sorted(devices)})
        if not demo.has_past:
            _open_session(broker.url())
            began = datetime.fromisoformat(demo.began_at)
            count = _write_past(conn, people, began, staff.id)
            leave_past(conn, began - _ATTENDED_UNTIL, now)
            _save(data_dir, Demo(demo.password, demo.began_at, has_past=True))
            say(f"demo: {len(people)} made-up patients with {count:,} measurements ({time.monotonic() - started:.0f} s)")
    return EMAIL, demo.password


def _open_session(mqtt_url: str) -> None:
    """Have the broker keep a session for ingest, as it would have all the time: a missing one means that messages were lost."""
    subscriber = Subscriber(BrokerAddress.parse(mqtt_url), Inbox(), on_session=lambda _present: None)
    subscriber.start()
    subscriber.subscribed.wait(10)
    subscriber.stop()


def _save(data_dir: Path, demo: Demo) -> None:
    path = data_dir / "demo.json"
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(demo), file)
    new.replace(path)


def _write_past(conn: Connection[Any], people: Sequence[Person], began: datetime, staff_id: int) -> int:
    """Commit the past batch by batch, each at the time it would have been; return how many measurements that were."""
    committer = Committer(Engine(load_rules(None)))
    keeping: dict[str, Keeping] = defaultdict(lambda: Keeping(_HISTORY_BOOT))
    end = began - LEFT_TO_DEVICES
    past = sorted(
        (one.time_us, person.number, person.device_of(one.instrument), one) for person, one in _past(people, began, end)
    )
    place = written = 0
    for now in _ends(began - PAST, end):
        until = _us(now)
        messages = []
        while place < len(past) and past[place][0] < until:
            time_us, _, device, one = past[place]
            messages.append(_message(keeping[device], device, one, time_us))
            place += 1
        with conn.transaction():
            conn.execute("SET LOCAL synchronous_commit = off")
            outcome = committer.commit(conn, messages, now)
            extend_path(conn, now, _BATCH * 2)
        committer.committed(outcome)
        written += len(messages)
        if now < end - _ATTENDED_UNTIL:
            _attend(conn, staff_id, now)
        withhold_pending(conn, "the past of a demonstration: nobody was told", now)
        conn.commit()
    return written


def _past(people: Sequence[Person], began: datetime, end: datetime) -> Iterator[tuple[Person, Measured]]:
    for person in people:
        episodes = person.episodes(_us(began))
        for one in person.instruments:
            reach = PATCH_PAST if 0 < one.every <= 1 else PAST
            for measured in measure(person.physique, [one], episodes, person.where(), _us(began - reach), _us(end)):
                yield person, measured


def _message(keeping: Keeping, device: str, one: Measured, time_us: int) -> Message:
    seq = keeping.add(write_measurement(time_us, one.values, user_slot=one.instrument.user_slot))
    payload = keeping.take(time_us, 1)
    assert payload is not None
    keeping.acknowledge(_HISTORY_BOOT, seq)
    return Message(0, 0, f"wardlight/v1/{device}/readings".encode(), payload, retained=False, received=time_us + 2_000_000)


def _ends(start: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the moments at which batches of the past are committed, the last one at its end."""
    moment = start
    while moment < end:
        moment = min(moment + (_FINE_BATCH if moment >= end - _FINE_FOR else _BATCH), end)
        yield moment


def _attend(conn: Connection[Any], staff_id: int, now: datetime) -> None:
    """Acknowledge what has been open for a while, as somebody would have."""
    for alert in list_open(conn):
        if alert.acknowledged_at is None and now - alert.opened_at >= _REACTION:
            acknowledge(conn, alert.public_id, staff_id, alert.opened_at + _REACTION)


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
