"""`wardlight device …`: let a device in, give it to a patient, shut it out, try it.

Two places know a device: the database, whose it is, and the broker's password file, what its secret is. The database comes
first when one is let in and last when one is shut out, so that whatever fails in between, nothing speaks that should not.
"""

import re
import secrets
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from psycopg import Connection

from alerts.engine import Engine
from alerts.reassigned import judge_reassigned
from alerts.rules import load_rules
from api.exits import CommandError, NotReady
from api.queries import add_audit
from api.running import need_broker, need_database
from api.settings import Settings
from care.patient import Patient
from care.queries import find_patient_by_record_number
from database.pool import connect
from devices import queries
from devices.device import AssignmentOverlaps, Device, DeviceExists
from devices.simulator.publish import ask_for_answer
from ingest.broker import embedded_credentials, watched_credentials
from ingest.credentials import CredentialsError, PasswordFile, new_secret
from ingest.mqtt import BrokerAddress

#: what `--every` may be written in
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}

#: seconds to wait for the application's answer to an empty message
_ANSWER = 15.0


def add_device(
    settings: Settings,
    device_id: str,
    *,
    kind: str,
    model: str,
    codec: str,
    every: str | None,
    patient: str | None,
    slot: int | None,
    gateway: str | None = None,
) -> list[str]:
    """Add a device and let it in; return what to tell, its secret included. Raises CommandError."""
    settings = need_database(settings)
    expected_every = parse_every(every) if every else None
    now = datetime.now(UTC)
    with connect(settings.database_url) as conn:
        whose = _find_patient(conn, patient) if patient else None
        through = _find_device(conn, gateway) if gateway else None
        try:
            added = queries.add_device(conn, device_id, kind, model=model, codec=codec, expected_every=expected_every, now=now)
        except DeviceExists as error:
            raise CommandError(f"{error}: `wardlight device rotate {device_id}` gives it a new secret") from error
        except ValueError as error:
            raise CommandError(str(error)) from error
        if through is not None:
            queries.set_gateway(conn, added.id, through.id)
        if whose is not None:
            _assign(conn, added, whose, slot, now)
        add_audit(conn, staff_id=None, action="add_device", object=f"device/{device_id}", now=now, detail={"by": "command"})
    if codec != "native":
        return [f"{device_id} is known; it speaks through a gateway and needs no secret of its own"]
    secret = new_secret()
    try:
        credentials_of(settings).add(device_id, secret)
    except CredentialsError as error:
        raise CredentialsError(f"{device_id} is known, but the broker does not let it in yet: {error}") from error
    return [
        f"{device_id} may connect" + (f", and measures patient {patient} from now on" if patient else ""),
        f"  user name and client id  {device_id}",
        f"  secret                   {secret}   (shown this once)",
        f"  publishes at QoS 1 to    wardlight/v1/{device_id}/readings   (docs/mqtt.md)",
    ]


def claim_device(settings: Settings, device_id: str, *, patient: str, slot: int | None, since: datetime | None) -> str:
    """Assign a device to a patient, with what it measured for nobody since then; return what to tell. Raises CommandError."""
    now = datetime.now(UTC)
    start = since.replace(tzinfo=UTC) if since is not None and since.tzinfo is None else since or now
    if start > now:
        raise CommandError("--since lies in the future: leave it out to begin now")
    engine = Engine(load_rules(Path(settings.rules_dir) if settings.rules_dir else None))
    with connect(need_database(settings).database_url) as conn:
        device, whose = _find_device(conn, device_id), _find_patient(conn, patient)
        claimed = (
            queries.claim_unattributed(conn, device.id, slot, whose.id, since=start, until=now, assigned_by=None, now=now)
            if start < now
            else []
        )
        claimed.append(_assign(conn, device, whose, slot, now))
        judge_reassigned(conn, engine, claimed, now)
        add_audit(conn, staff_id=None, action="claim_device", object=f"device/{device_id}", now=now, detail={"by": "command"})
    moved = sum(one.measurements for one in claimed)
    return f"{device_id} measures patient {patient} from now on; {moved} earlier measurements are theirs now"


def rotate_device(settings: Settings, device_id: str) -> str:
    """Give a device a new secret; return what to tell. Raises CommandError for one that is unknown or revoked."""
    settings = need_database(settings)
    with connect(settings.database_url) as conn:
        device = _find_device(conn, device_id)
        if device.revoked_at is not None:
            raise CommandError(f"{device_id} is revoked for good: add it under another id")
    secret = new_secret()
    credentials_of(settings).add(device_id, secret)
    return f"{device_id} has the secret {secret} (shown this once); its connection under the old one is cut"


def revoke_device(settings: Settings, device_id: str) -> str:
    """Shut a device out, the broker first; return what to tell. Raises CommandError for one that is unknown."""
    settings = need_database(settings)
    now = datetime.now(UTC)
    with connect(settings.database_url) as conn:
        device = _find_device(conn, device_id)
        if device.codec == "native":
            credentials_of(settings).revoke(device_id)
        queries.revoke_device(conn, device_id, now)
        add_audit(conn, staff_id=None, action="revoke_device", object=f"device/{device_id}", now=now, detail={"by": "command"})
    return f"{device_id} is shut out"


def examine_device(settings: Settings, device_id: str, secret: str | None) -> tuple[list[str], bool]:
    """Return what is known of a device, and whether it works as far as can be told. Raises CommandError if it is unknown."""
    settings = need_database(settings)
    now = datetime.now(UTC)
    with connect(settings.database_url) as conn:
        device = _find_device(conn, device_id)
        current = [
            one for one in queries.list_assignments(conn, device_id=device.id) if one.ends_at is None or one.ends_at > now
        ]
    counts = (
        f"{device.readings_stored} stored ({device.readings_suspect} suspect), "
        f"{device.readings_duplicate} duplicate, {device.readings_quarantined} in quarantine"
    )
    whose = f"{len(current)} patient(s)" if current else "nobody: its readings wait under “Whose is this?”"
    lines = [
        f"{device_id}: {device.kind} {device.model}".rstrip(),
        f"  revoked        {f'since {device.revoked_at:%Y-%m-%d %H:%M} UTC' if device.revoked_at else 'no'}",
        f"  belongs to     {whose}",
        f"  last heard of  {_ago(device.last_received_at, now)}",
        f"  readings       {counts}",
    ]
    if device.battery is not None:
        lines.append(f"  battery        {device.battery} %")
    is_fine = device.revoked_at is None
    if device.codec == "native":
        is_known = device_id in credentials_of(settings).known()
        lines.append(
            f"  broker         {'lets it in' if is_known else 'has no secret of it: wardlight device rotate ' + device_id}"
        )
        is_fine = is_fine and is_known
    if secret is not None:
        said, answered = _try_path(settings, device_id, secret)
        lines.append(f"  whole path     {said}")
        is_fine = is_fine and answered
    return lines, is_fine


def parse_every(text: str) -> timedelta:
    """Return the length of time that a text such as "6h" or "1d" means; raises CommandError.

    >>> parse_every("36h")
    datetime.timedelta(days=1, seconds=43200)
    """
    match = re.fullmatch(r"(\d{1,5})([mhd])", text)
    if not match or not int(match[1]):
        raise CommandError(f"--every is {text!r}: write a number and m, h or d, such as 6h or 1d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def _find_device(conn: Connection[Any], device_id: str) -> Device:
    device = queries.find_device(conn, device_id)
    if device is None:
        raise CommandError(f"there is no device {device_id!r}: `wardlight device add {device_id}` adds it")
    return device


def _find_patient(conn: Connection[Any], record_number: str) -> Patient:
    patient = find_patient_by_record_number(conn, record_number)
    if patient is None:
        raise CommandError("there is no patient with that record number: add the patient on the screen or by the API first")
    return patient


def _assign(conn: Connection[Any], device: Device, patient: Patient, slot: int | None, now: datetime) -> Any:
    try:
        return queries.assign(conn, device.id, patient.id, user_slot=slot, starts_at=now, now=now)
    except (AssignmentOverlaps, ValueError) as error:
        raise CommandError(f"{device.public_id} cannot be given to that patient: {error}") from error


def credentials_of(settings: Settings) -> PasswordFile:
    """Return the devices of the broker in use: the one that a password file is set for, else the embedded one."""
    if settings.mqtt_password_file:
        return watched_credentials(Path(settings.mqtt_password_file), need_broker(settings).mqtt_url, settings.mqtt_ca_file)
    folder = settings.data_dir.absolute() / "mosquitto"
    if not folder.is_dir():
        raise NotReady(
            "no broker whose devices could be changed: set WARDLIGHT_MQTT_PASSWORD_FILE to its password file, "
            f"or start one with `wardlight up` over {settings.data_dir}"
        )
    return embedded_credentials(folder)


def _try_path(settings: Settings, device_id: str, secret: str) -> tuple[str, bool]:
    """Send an empty message as the device through the whole path; return what to tell, and whether it was answered."""
    address = BrokerAddress.parse(need_broker(settings).mqtt_url, settings.mqtt_ca_file)
    tls = ssl.create_default_context(cafile=settings.mqtt_ca_file or None) if address.tls else None
    boot = f"test-{secrets.token_hex(6)}"
    try:
        seconds = ask_for_answer(address.host, address.port, device_id, secret, boot, tls=tls, within=_ANSWER)
    except ConnectionRefusedError as error:
        return str(error), False
    except OSError as error:
        return f"nobody answers at {address.host}:{address.port} ({error})", False
    if seconds is None:
        return f"let in, but the application did not answer within {_ANSWER:.0f} s: is `wardlight ingest` running?", False
    return f"answered after {seconds:.1f} s", True


def _ago(moment: datetime | None, now: datetime) -> str:
    return "never" if moment is None else f"{int((now - moment).total_seconds() // 60)} minutes ago"
