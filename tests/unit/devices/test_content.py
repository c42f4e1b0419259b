"""Content windows: advertisements repeat themselves, a weight for a long time."""

from devices.content import ContentWindow

_MINUTE = 60_000_000


def test_a_scale_that_goes_on_repeating_a_weight_is_one_measurement() -> None:
    window = ContentWindow()
    heard = [window.take(5, minute * _MINUTE, is_weight=True) for minute in range(0, 200, 10)]
    assert heard == [True] + [False] * 19
    assert window.take(5, 200 * _MINUTE + 31 * _MINUTE, is_weight=True)


def test_a_strap_with_a_steady_heart_is_heard_every_half_minute() -> None:
    window = ContentWindow()
    assert sum(window.take(5, second * 1_000_000) for second in range(120)) == 4


def test_a_window_survives_storing() -> None:
    window = ContentWindow()
    window.take(5, 7)
    assert not ContentWindow.load(window.dump()).take(5, 8)
