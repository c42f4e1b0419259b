"""`wardlight replay`: recorded readings through real MQTT, sent as devices send, and counted at the far end.

Every patient of the recording gets a patient and a device here. The broker is told nothing but devices' own messages, and
every measurement is kept and sent again until the application acknowledges it, so the count must add up.
"""

import re
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from psycopg import Connection
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from api.enrolment import Enrolled, Instrumented, enrol
from api.exits import Code, CommandError
from api.fleet import let_in, open_fleet
from api.queries import count_alerts_since, count_readings_of
from api.running import need_broker, need_database
from api.settings import Settings
from api.stopping import stop_on_signals
from care.patient import PatientFacts
from database.pool import connect
from devices.recording_file import (
    Recorded,
    RecordingError,
    Survey,
    in_time_order,
    read_recording,
    shift_to_end,
    shift_to_start,
    survey,
)

#: measurements in one message after an outage, and in a replayed one
_MOST: Final = 500
#: seconds without any acknowledgement after which the replay gives up
PATIENCE: Final = 120.0
#: assignments of recorded devices begin here, so that any recording fits, however often it is replayed
_SINCE: Final = datetime(2015, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of the readings of a replay."""

    #: readings in the recording
    recorded: int
    stored: int
    #: of the stored ones
    suspect: int
    quarantined: int
    #: readings that arrived again
    duplicate: int

    @property
    def adds_up(self) -> bool:
        """Whether every reading was stored or is in quarantine, each once."""
        return self.recorded == self.stored + self.quarantined


def replay(settings: Settings, file: Path, *, live: bool, speed: float, zone: str | None) -> int:
    """Send a recording and count; return the exit code. Raises CommandError for a recording that cannot be read."""
    settings = need_broker(need_database(settings))
    console = Console(highlight=False, soft_wrap=True)
    try:
        with console.status(f"reading {file.name}"):
            found = survey(read_recording(file, zone))
    except RecordingError as error:
        raise CommandError(str(error)) from error
    if not found.patients:
        raise CommandError(f"{file} holds no reading")
    held = f"{found.readings:,} readings in {found.measurements:,} measurements of {len(found.patients)} patients"
    console.print(f"{file.name}: {held}")
    stop = stop_on_signals()
    names = {patient: _device_id(patient) for patient in found.patients}
    began = datetime.now(UTC)
    with connect(settings.database_url) as conn:
        keys = enrol(conn, (_describe(patient, found, names[patient]) for patient in found.patients), _SINCE, began)
        conn.commit()
        before = count_readings_of(conn, sorted(names.values()))
    done = _send(settings, file, found, names, stop, live=live, speed=speed, zone=zone)
    if stop.is_set() and not done:
        return Code.INTERRUPTED
    with connect(settings.database_url) as conn:
        counted = _count(conn, found, names, before)
        _tell(console, conn, counted, sorted(keys.values()), began)
    if not done:
        raise CommandError(
            f"nothing was acknowledged for {PATIENCE:.0f} s, so not everything arrived: is `wardlight ingest` running and "
            "connected? `wardlight doctor` tries the parts"
        )
    return Code.DONE if counted.adds_up else Code.FAILED


def _send(
    settings: Settings,
    file: Path,
    found: Survey,
    names: Mapping[str, str],
    stop: threading.Event,
    *,
    live: bool,
    speed: float,
    zone: str | None,
) -> bool:
    """Send everything; return whether everything was acknowledged."""
    keys = let_in(settings, names.values())
    boot = f"r{secrets.token_hex(6)}"
    now_us = time.time_ns() // 1000
    shifts = (shift_to_start if live else shift_to_end)(found, now_us)
    recording = in_time_order(read_recording(file, zone), shifts)
    with open_fleet(settings, most=_MOST) as fleet, _progress() as progress:
        for name in names.values():
            fleet.add(name, keys.of_device(name), boot, room=max(span.measurements for span in found.patients.values()))
        task = progress.add_task("acknowledged", total=found.measurements)
        heard_at, heard = time.monotonic(), 0
        due = _at_pace(recording, now_us, speed) if live else iter(recording)
        waiting = next(due, None)
        while not stop.is_set():
            while waiting is not None and (not live or waiting.time_us <= time.time_ns() // 1000):
                fleet.measure(names[waiting.patient], waiting.time_us, waiting.values)
                waiting = next(due, None)
            fleet.turn(0.1)
            progress.update(task, completed=fleet.tally.acknowledged)
            if fleet.tally.acknowledged != heard or not fleet.held():
                heard_at, heard = time.monotonic(), fleet.tally.acknowledged
            if waiting is None and not fleet.held():
                return True
            if time.monotonic() - heard_at > PATIENCE:
                return False
    return False


def _at_pace(recording: list[Recorded], start_us: int, speed: float) -> Iterator[Recorded]:
    """Yield a recording that starts now with its times drawn together, `speed` times faster than recorded."""
    for one in recording:
        yield Recorded(one.patient, start_us + round((one.time_us - start_us) / speed), one.values)


def _progress() -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())


def _count(conn: Connection[Any], found: Survey, names: Mapping[str, str], before: Any) -> Counted:
    after = count_readings_of(conn, sorted(names.values()))
    stored, suspect, duplicate, quarantined = (now - then for now, then in zip(after, before, strict=True))
    return Counted(found.readings, stored, suspect, quarantined, duplicate)


def _tell(console: Console, conn: Connection[Any], counted: Counted, patients: list[int], began: datetime) -> None:
    mark = "=" if counted.adds_up else "≠"
    console.print(
        f"in {counted.recorded:,} {mark} stored {counted.stored:,} (of which suspect {counted.suspect:,}) "
        f"+ quarantined {counted.quarantined:,}; arrived again and recognised as duplicates: {counted.duplicate:,}"
    )
    opened = count_alerts_since(conn, patients, began - timedelta(seconds=1))
    console.print(f"alerts opened: {sum(count for *_, count in opened):,}")
    for rule, lateness, count in opened:
        console.print(f"  {count:>6,}  {rule}, {lateness}")


def _describe(patient: str, found: Survey, device: str) -> Enrolled:
    vitals = found.patients[patient].vitals
    programmes = ("diabetes",) if vitals & {"blood_glucose", "cgm_glucose"} and len(vitals) == 1 else ()
    facts = PatientFacts(f"REC-{patient}", f"Recorded {patient}", programmes=programmes, is_synthetic=True)
    return Enrolled(facts, [Instrumented(device, "recording")])


def _device_id(patient: str) -> str:
    """Return the device of a recorded patient: the same one each time, and one that MQTT can carry."""
    plain = re.sub(r"[^A-Za-z0-9-]+", "-", patient)[:32].strip("-")
    return f"replay-{plain}-{blake2b(patient.encode(), digest_size=4).hexdigest()}"
