"""`wardlight user add` and `wardlight token create`: who may look, written by whoever may reach the database."""

from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

from api.accounts import open_account
from api.exits import CommandError
from api.passwords import LONGEST, SHORTEST, Passwords
from api.queries import add_audit, add_token
from api.records import Scope
from api.running import need_database
from api.settings import Settings
from api.tokens import hash_token, new_token
from care.queries import find_staff_by_email
from care.staff import EmailTaken, Role
from database.pool import connect


def add_user(settings: Settings, *, email: str, name: str, role: Role, zone: str, password: str | None) -> str | None:
    """Add a member of staff; return the one-time password, or None where a password was given.

    Raises CommandError for an e-mail address that is taken, a password too short or long, and an unknown time zone.
    """
    if zone not in available_timezones():
        raise CommandError(f"nobody knows the time zone {zone!r}: write one such as Europe/Berlin or America/New_York")
    if "@" not in email:
        raise CommandError(f"{email!r} is no e-mail address")
    if password is not None and not SHORTEST <= len(password) <= LONGEST:
        raise CommandError(f"a password has {SHORTEST} to {LONGEST} characters; this one has {len(password)}")
    with connect(need_database(settings).database_url) as conn:
        try:
            _, given = open_account(
                conn,
                Passwords(),
                email=email,
                name=name,
                role=role,
                zone=zone,
                by=None,
                now=datetime.now(UTC),
                password=password,
            )
        except EmailTaken as error:
            raise CommandError(f"{error}: disable or reset that account on the screen instead") from error
    return None if password is not None else given


def create_token(settings: Settings, *, name: str, scope: Scope, acts_for: str | None, days: int | None) -> str:
    """Return a new API token; it is shown this once. Raises CommandError when it names nobody to act for."""
    now = datetime.now(UTC)
    token = new_token()
    with connect(need_database(settings).database_url) as conn:
        staff = find_staff_by_email(conn, acts_for) if acts_for else None
        if acts_for and (staff is None or staff.disabled_at is not None):
            raise CommandError(f"nobody signs in as {acts_for!r}: add them with `wardlight user add`")
        if scope == "api" and staff is None:
            raise CommandError("a token of scope 'api' acts for a member of staff: name them with --for EMAIL")
        number = add_token(
            conn,
            token_hash=hash_token(token),
            name=name,
            scope=scope,
            staff_id=staff.id if staff else None,
            now=now,
            expires_at=now + timedelta(days=days) if days else None,
        )
        add_audit(conn, staff_id=None, action="add_token", object=f"token/{number}", now=now, detail={"by": "command"})
    return token
