"""The patient way through a native payload: value by value, keeping what can be kept and naming what cannot.

`devices.codecs.native` comes here when its one-pass check says no: another accepted unit, an implausible value, flags, a
meter's LO, or something broken. Siblings of a broken value survive. Never raises anything but Unreadable.
"""

import json
import re
from typing import Any, Final

from msgspec import DecodeError
from msgspec.json import decode as decode_json

from devices.batch import NO_SLOT
from devices.codecs.instant import parse_time
from devices.decoded import MAX_MEASUREMENTS, Decoded, Fault, Unreadable, find_suspect
from devices.units import CONVERSION, accepted_units
from devices.vitals import COLUMN, CONSCIOUSNESS, VITALS

LONGEST_BOOT: Final = 64
LAST_SEQ: Final = 2**63 - 1
_DEEPEST: Final = 16
_MOST_WORDS: Final = 16
_MOST_VALUES: Final = 100
_WORD: Final = re.compile(r"[A-Za-z0-9_.:+-]{1,40}")

#: words that meters show outside their range, and the edge that stands for them: lowest and highest value a common meter
#: shows, canonical unit (glucose: Contour Next 20–600 mg/dL; sensor: Dexcom G6 40–400; ear thermometer: Braun IRT6520)
METER_EDGES: Final = {"blood_glucose": (20.0, 600.0), "cgm_glucose": (40.0, 400.0), "body_temperature": (34.0, 42.2)}
_METER_WORDS: Final = {"LO": 0, "LOW": 0, "HI": 1, "HIGH": 1}


def decode(payload: bytes) -> list[Decoded]:
    """Return the measurements of a native payload, faults included; raise Unreadable where there are none."""
    document = load_json(payload)
    if isinstance(document, dict):
        return [decode_element(document)]
    if not isinstance(document, list):
        raise Unreadable("wrong_shape")
    if not document:
        raise Unreadable("empty")
    if len(document) > MAX_MEASUREMENTS:
        raise Unreadable(
            "too_many", f"The message holds {len(document):,} measurements; at most {MAX_MEASUREMENTS:,} are read."
        )
    return [decode_element(element) for element in document]


def load_json(payload: bytes) -> Any:
    """Return the document in the bytes, NaN and Infinity as floats; raise Unreadable for what is not JSON or too deep."""
    try:
        document = decode_json(payload)  # five times as fast as the standard library, but strict
    except (DecodeError, RecursionError, ValueError):
        document = _load_tolerantly(payload)
    brackets = payload.count(b"{") + payload.count(b"[")
    if brackets > _DEEPEST and not _is_shallow(document, _DEEPEST):
        raise Unreadable("too_deep")
    return document


def _load_tolerantly(payload: bytes) -> Any:
    if not payload.strip():
        raise Unreadable("empty")
    try:
        return json.loads(payload.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Unreadable("not_text", f"Byte {error.start} of the message is not UTF-8.") from None
    except RecursionError:
        raise Unreadable("too_deep") from None
    except json.JSONDecodeError as error:
        raise Unreadable("bad_json", f"{error.msg} at character {error.pos}.") from None
    except ValueError:  # an integer of thousands of digits
        raise Unreadable("bad_json", "A number in the message is too long.") from None


def _is_shallow(document: Any, left: int) -> bool:
    if isinstance(document, dict):
        return left > 0 and all(_is_shallow(part, left - 1) for part in document.values())
    if isinstance(document, list):
        return left > 0 and all(_is_shallow(part, left - 1) for part in document)
    return True


def decode_element(element: Any) -> Decoded:
    """Return one measurement of the document; what is wrong with it stands in its faults."""
    if not isinstance(element, dict):
        return _refuse(Decoded([], []), "not_a_measurement", element)
    decoded = Decoded([], [])
    reason = _read_envelope(element, decoded)
    if reason:
        return _refuse(decoded, reason, element)
    values = element.get("values")
    if not isinstance(values, dict) or not values:
        return _refuse(decoded, "no_values", element)
    if len(values) > _MOST_VALUES:
        return _refuse(
            decoded, "too_many", element, f"The measurement holds {len(values):,} values; at most {_MOST_VALUES} are read."
        )
    for name, given in values.items():
        _read_value(element, name, given, decoded)
    order = sorted(range(len(decoded.columns)), key=decoded.columns.__getitem__)
    decoded.columns = [decoded.columns[place] for place in order]
    decoded.values = [decoded.values[place] for place in order]
    decoded.suspect = find_suspect(decoded.columns, decoded.values)
    _read_remarks(element, decoded)
    return decoded


def _refuse(decoded: Decoded, reason: str, element: Any, detail: str = "") -> Decoded:
    _add_fault(decoded, reason, detail, None, element)
    return decoded


def _add_fault(decoded: Decoded, reason: str, detail: str, vital: str | None, part: Any) -> None:
    fault = Fault(reason, detail, vital, json.dumps(part, separators=(",", ":")).encode("ascii"))
    decoded.faults = (*decoded.faults, fault)


def _read_envelope(element: dict[str, Any], decoded: Decoded) -> str | None:
    """Fill in everything but values; return the reason why the measurement cannot be placed at all, if so."""
    reason = None
    boot, seq = element.get("boot"), element.get("seq")
    if boot is not None or seq is not None:
        named = isinstance(boot, str) and 0 < len(boot) <= LONGEST_BOOT and boot.isprintable()
        if named and _is_whole(seq, 1, LAST_SEQ):
            decoded.boot, decoded.seq = boot, seq
        elif (boot is None or named) and (seq is None or _is_whole(seq, 1, LAST_SEQ)):
            decoded.flags = ("no_identity",)
        else:
            reason = "bad_sequence"
    if _is_whole(element.get("first"), 1, LAST_SEQ):
        decoded.first = element["first"]
    if _is_whole(element.get("battery"), 0, 100):
        decoded.battery = element["battery"]
    slot = element.get("user_slot")
    if _is_whole(slot, 0, 99):
        decoded.user_slot = element["user_slot"]
    elif slot is not None and slot != -1:
        reason = reason or "bad_user_slot"
    try:
        decoded.clock = _read_time(element.get("clock"))
    except ValueError:
        decoded.flags = (*decoded.flags, "clock_unreadable")
    try:
        decoded.time = _read_time(element.get("time"))
    except ValueError:
        reason = reason or "bad_time"
    return reason


def _read_time(given: Any) -> int | None:
    if given is None:
        return None
    return parse_time(given if isinstance(given, str) else "")


def _is_whole(given: Any, low: int, high: int) -> bool:
    return type(given) is int and low <= given <= high


def _read_value(element: dict[str, Any], name: str, given: Any, decoded: Decoded) -> None:
    """Add one value to the measurement, or the fault that says why not."""
    if name == "consciousness":
        code = given.get("code") if isinstance(given, dict) else None
        if code in CONSCIOUSNESS:
            decoded.consciousness = ord(code)
            return
        reason, detail = "unknown_code", ""
    elif (column := COLUMN.get(name)) is None:
        reason, detail = "unknown_vital", f"No vital is called {name[:40]!r}."
    else:
        reason, detail = _read_number(column, given, decoded)
        if not reason:
            return
    # alone in an envelope of its own, so that it can be decoded again; of that only what was read, which is short
    read = (("boot", decoded.boot), ("seq", decoded.seq), ("time", decoded.time), ("clock", decoded.clock))
    part = {key: element[key] for key, value in read if value is not None}
    if decoded.user_slot != NO_SLOT:
        part["user_slot"] = decoded.user_slot
    _add_fault(decoded, reason, detail, name[:80], {**part, "values": {name: given}})


def _read_number(column: int, given: Any, decoded: Decoded) -> tuple[str, str]:
    """Add one number in canonical units; return ("", "") or the reason and detail why it cannot be read."""
    vital = VITALS[column]
    if not isinstance(given, dict):
        return "not_a_number", f"{vital.name} is not an object with value and unit."
    value, unit = given.get("value"), given.get("unit")
    if not isinstance(unit, str):
        return "no_unit", f"{vital.name} has no unit; it is sent in {' or '.join(accepted_units(vital))}."
    pair = CONVERSION.get((vital.name, unit))
    if pair is None:
        return "unknown_unit", f"{vital.name} cannot be in {unit[:40]!r}; it is sent in {' or '.join(accepted_units(vital))}."
    factor, offset = pair
    if isinstance(value, str) and vital.name in METER_EDGES and (side := _METER_WORDS.get(value.strip().upper())) is not None:
        number = METER_EDGES[vital.name][side]
        decoded.flags = (*decoded.flags, "hi" if side else "lo")
        _keep(decoded, vital.name, value, unit)
    elif type(value) is int or type(value) is float:
        number = value * factor + offset if abs(value) < 1e30 else float("inf")
        if not abs(number) < 1e30:  # a float4 column holds no more than 3.4e38
            return "not_finite", f"{vital.name} is not a finite number of a believable size."
        if pair != (1.0, 0.0):
            _keep(decoded, vital.name, value, unit)
    else:
        return "not_a_number", f"{vital.name} has a value that is not a number."
    decoded.columns.append(column)
    decoded.values.append(float(number))
    return "", ""


def _keep(decoded: Decoded, name: str, value: Any, unit: str) -> None:
    decoded.original = {**(decoded.original or {}), name: {"value": value, "unit": unit}}


def _read_remarks(element: dict[str, Any], decoded: Decoded) -> None:
    """Add flags and context; what is not short and plain becomes a fault of its own."""
    flags = element.get("flags")
    if flags is not None:
        if are_flags(flags):
            decoded.flags = tuple(dict.fromkeys((*decoded.flags, *flags)))
        else:
            _add_fault(decoded, "bad_flags", "", None, element)
    context = element.get("context")
    if context is not None and context != {}:
        if is_context(context):
            decoded.original = {**(decoded.original or {}), "context": context}
        else:
            _add_fault(decoded, "bad_context", "", None, element)


def are_flags(given: Any) -> bool:
    """Tell whether these are a few short words."""
    return isinstance(given, list) and len(given) <= _MOST_WORDS and all(_is_word(flag) for flag in given)


def is_context(given: Any) -> bool:
    """Tell whether this is an object of a few short words, each with a short text, a number, or true, false, null."""
    return (
        isinstance(given, dict)
        and len(given) <= _MOST_WORDS
        and all(_is_word(key) and _is_plain(value) for key, value in given.items())
    )


def _is_word(given: Any) -> bool:
    return isinstance(given, str) and _WORD.fullmatch(given) is not None


def _is_plain(given: Any) -> bool:
    if isinstance(given, str):
        return len(given) <= 80 and given.isprintable()
    return given is None or isinstance(given, bool) or (isinstance(given, int | float) and abs(given) < 1e30)
