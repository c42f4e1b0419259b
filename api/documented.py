"""How OpenAPI describes what may go wrong, and the text that requests may carry.

Every refusal that a route can answer with stands in its documentation; a fuzzer holds the application to it.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Final
from zoneinfo import available_timezones

from fastapi import FastAPI, Path
from fastapi.openapi.utils import get_openapi
from pydantic import AfterValidator, AwareDatetime, StringConstraints

from devices.vitals import COLUMN

_WORDS: Final = {
    400: "the request is not readable, or addressed to a host this server does not answer for",
    401: "nobody is signed in",
    403: "not allowed to this viewer, or sent by a page of another site",
    404: "there is no such thing",
    405: "this address does not take this method",
    409: "in conflict with what is already there",
    413: "the request is too large",
    422: "something in the request is not as documented; `errors` names each place",
    503: "the database or the broker does not answer; Retry-After says when to try again",
}

_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "description": "ends in a word that a programme can switch on"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "what is wrong and the way out; never the data that was sent"},
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the documentation of these refusals, beside those that any route behind the gate may answer with."""
    return {status: _documented(status) for status in sorted({400, 401, 403, 413, 422, 503, *statuses})}


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document: FastAPI's own, with how to sign in and without its own shape of a refusal."""
    if app.openapi_schema is None:
        document = get_openapi(
            title="Wardlight",
            version=app.version,
            description="Remote patient monitoring: patients, their devices and readings, and the alerts that need a person.",
            routes=app.routes,
        )
        parts = document.setdefault("components", {})
        for name in ("HTTPValidationError", "ValidationError"):
            parts.get("schemas", {}).pop(name, None)
        parts["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "an API token; administrators make them"},
            "session": {
                "type": "apiKey",
                "in": "cookie",
                "name": "wardlight",
                "description": "with X-CSRF-Token in unsafe requests",
            },
        }
        for path, operations in document["paths"].items():
            for operation in operations.values():
                operation["security"] = [{"token": []}, {"session": []}] if path.startswith("/api/") else []
        app.openapi_schema = document
    return app.openapi_schema


def names(app: FastAPI) -> frozenset[str]:
    """Return the name of every field and parameter that requests may have, and of every vital."""
    if not hasattr(app.state, "names"):
        document = describe(app)
        schemas = document["components"].get("schemas", {}).values()
        operations = [operation for path in document["paths"].values() for operation in path.values()]
        found = {name for schema in schemas for name in schema.get("properties", ())}
        found |= {parameter["name"] for operation in operations for parameter in operation.get("parameters", ())}
        app.state.names = frozenset(found | set(COLUMN))
    known: frozenset[str] = app.state.names
    return known


def _documented(status: int) -> dict[str, Any]:
    example = {"type": "/problems/…", "title": "…", "status": status, "detail": _WORDS[status]}
    return {
        "description": _WORDS[status],
        "content": {"application/problem+json": {"schema": _PROBLEM, "example": example}},
    }


def _check_printable(text: str) -> str:
    if any(not (char.isprintable() or char == "\n") for char in text):
        raise ValueError("control characters are not text")
    return text.strip()


def _check_zone(zone: str) -> str:
    if zone not in available_timezones():
        raise ValueError("this is no time zone of the IANA database, such as America/Chicago")
    return zone


def _check_century(time: datetime) -> datetime:
    if not 1900 <= time.year <= 2200:
        raise ValueError("this time is not within the years 1900 to 2200")
    return time.astimezone(UTC)


#: text that a person wrote; no control characters
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000), AfterValidator(_check_printable)]
#: such text that must be there
Remark = Annotated[Text, StringConstraints(min_length=1)]
#: text of one short line that must be there
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_check_printable)]
#: lower-case word such as a programme's name
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
#: IANA time zone
Zone = Annotated[str, StringConstraints(max_length=60), AfterValidator(_check_zone)]
#: a time with its offset
Time = Annotated[AwareDatetime, AfterValidator(_check_century)]
#: random id of ours, in a body
RandomId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}$")]
#: random id of ours, in an address
PathId = Annotated[str, Path(pattern=r"^[0-9a-f]{24}$", examples=["3f0c9a52b7d14e8896a1c2d4"])]
#: what a device is called at the broker, in an address
DeviceId = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", examples=["scale-7f3a"])]
