"""Seeds: two disjoint lists, and the guard that keeps those of the report out of everything but the report."""

import tomllib
from pathlib import Path
from typing import Final, Literal

Purpose = Literal["tuning", "report"]

FILE: Final = Path(__file__).with_name("seeds.toml")


class SeedRefused(ValueError):
    """A seed was asked for that is kept for something else."""


def load_seeds(purpose: Purpose) -> tuple[int, ...]:
    """Return the seeds of one purpose. Raises SeedRefused where the lists share one."""
    lists = tomllib.loads(FILE.read_text(encoding="utf-8"))
    if shared := set(lists["tuning"]) & set(lists["report"]):
        raise SeedRefused(f"{FILE.name}: {sorted(shared)} stand in both lists; a report on them would prove nothing")
    return tuple(lists[purpose])


def check_seed(seed: int, purpose: Purpose) -> int:
    """Return the seed, unless it is one of the report's and this is not the report.

    Every simulation passes here, so that no tuning sees what is reported on. Raises SeedRefused.

    >>> check_seed(7, "tuning")
    7
    """
    if purpose != "report" and seed in load_seeds("report"):
        raise SeedRefused(f"seed {seed} is kept for the report; use one of {load_seeds('tuning')} or another of your own")
    if purpose == "report" and seed not in load_seeds("report"):
        raise SeedRefused(f"seed {seed} is not one of the report's: {load_seeds('report')}")
    return seed
