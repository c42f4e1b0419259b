"""The browser says times as the server does: one table, two tellers."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from api.pages import words
from tests.browser.conftest import Desk

NOW = datetime(2026, 11, 23, 14, 14, tzinfo=UTC)
ZONES = ("America/New_York", "Asia/Kolkata", "Pacific/Auckland", "UTC")
OFFSETS = (
    -86400,
    -7200,
    -700,
    -599,
    -30,
    0,
    1,
    40,
    59,
    60,
    3599,
    3600,
    4800,
    7199,
    21599,
    21600,
    40000,
    46800,
    86399,
    200000,
    1_728_000,
    34_560_000,
)
TARGETS = (300, 1800, 5400, 28800, 86400)


def expected() -> list[Any]:
    said: list[Any] = []
    for name in ZONES:
        zone = ZoneInfo(name)
        for offset in OFFSETS:
            at = NOW - timedelta(seconds=offset)
            said.append([words.age(at, NOW, zone), words.when(at, NOW, zone), words.duration(offset), words.clock(at, zone)])
            said += [words.left(at, NOW, target, zone) for target in TARGETS]
    return said


def test_browser_and_server_use_the_same_words(desk: Desk) -> None:
    page = desk.window()
    page.goto("/login")
    told = page.evaluate(
        """async ([now, zones, offsets, targets]) => {
            const words = await import("/static/words.js");
            return zones.flatMap((zone) => offsets.flatMap((offset) => {
                const at = now - offset * 1000;
                return [[words.age(at, now, zone), words.when(at, now, zone), words.duration(offset), words.clock(at, zone)],
                        ...targets.map((target) => words.left(at, now, target, zone))];
            }));
        }""",
        [int(NOW.timestamp() * 1000), ZONES, OFFSETS, TARGETS],
    )
    assert json.dumps(told) == json.dumps(expected())
