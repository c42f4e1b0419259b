"""How templates write times, ages and values. Pure: whatever depends on the viewer or on now is passed in."""

from collections.abc import Callable
from typing import Any, Final

FILTERS: Final[dict[str, Callable[..., Any]]] = {}
