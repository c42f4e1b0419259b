"""Why something does not come, and whose work that makes it."""

from datetime import UTC, datetime, timedelta

import pytest

from alerts.rules import load_rules
from alerts.swept.why import Cause, HomeDevice, queue_of, why_silent

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def device(
    number: int = 1,
    kind: str = "scale",
    *,
    online: bool | None = None,
    battery: int | None = None,
    heard: timedelta | None = HOUR,
    every: timedelta | None = DAY,
) -> HomeDevice:
    return HomeDevice(number, f"d{number}", kind, online, battery, None if heard is None else NOW - heard, every)


SCALE = device(heard=3 * DAY)
CASES: list[tuple[HomeDevice | None, list[HomeDevice], bool, Cause]] = [
    # nothing else is known
    (SCALE, [], True, "unknown"),
    (SCALE, [device(2, "cuff")], True, "unknown"),
    # the rest of the home is silent too, or the gateway is
    (SCALE, [device(2, "cuff", heard=3 * DAY)], True, "gateway_down"),
    (SCALE, [device(2, "cuff", heard=3 * DAY), device(3, "oximeter")], True, "unknown"),
    (SCALE, [device(2, "gateway", online=False), device(3, "cuff")], True, "gateway_down"),
    (SCALE, [device(2, "gateway", heard=2 * DAY, every=HOUR)], True, "gateway_down"),
    (device(online=False, heard=3 * DAY), [device(2, "cuff")], True, "gateway_down"),
    # a gateway that is online hides nothing
    (SCALE, [device(2, "gateway", online=True, every=None)], True, "unknown"),
    # the battery goes before the connection that it took down
    (device(online=False, battery=4, heard=3 * DAY), [], True, "battery"),
    (device(battery=10, heard=3 * DAY), [], True, "battery"),
    (device(battery=11, heard=3 * DAY), [], True, "unknown"),
    (device(online=True, battery=5, heard=3 * DAY), [], True, "never_worn"),
    # connected and not used, or never come at all
    (device(online=True, heard=3 * DAY), [device(2, "cuff")], True, "never_worn"),
    (None, [], False, "never_worn"),
    (None, [device(2, "cuff", heard=None)], False, "gateway_down"),
]


@pytest.mark.parametrize(("own", "others", "ever", "cause"), CASES)
def test_every_case(own: HomeDevice | None, others: list[HomeDevice], ever: bool, cause: Cause) -> None:
    home = [*others, *([own] if own else [])]
    assert why_silent(own, home, NOW - 3 * DAY if ever else None, NOW) == cause


def test_queues() -> None:
    rules = load_rules().by_name
    usual, clinical = rules["device_silent"], rules["device_silent_heart_failure"]
    assert [queue_of(usual, cause) for cause in ("gateway_down", "battery", "never_worn", "unknown")] == [
        "technical", "technical", "adherence", "adherence",
    ]  # fmt: skip
    assert {queue_of(clinical, cause) for cause in ("gateway_down", "battery", "never_worn", "unknown")} == {"clinical"}
