"""Runs: which seeds, prevalences, adherences and rules are played, two at a time, and counted by patient.

Every simulation passes the guard of its seed. Prints progress with the seed; the figures are made elsewhere.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

from benchmarks.detection import judge
from benchmarks.detection.catalogue import load_catalogue
from benchmarks.detection.seeds import Purpose, check_seed
from benchmarks.detection.simulate import simulate
from benchmarks.detection.summary import Counted

#: rules by the name they bear in tables
RULES: Final = {"shipped": judge.shipped, "fixed limits": judge.fixed}
#: how far limits lie from normal, along the trade-off curve
FACTORS: Final = (0.55, 0.75, 1.0, 1.3, 1.7)

#: which rules, and their factor
Variant = tuple[str, float]


@dataclass(frozen=True, slots=True)
class Task:
    """One simulation, and the rules that are played over it."""

    seed: int
    purpose: Purpose
    #: "realistic" or "enriched"
    prevalence: str
    adherence: float
    patients: int | None
    variants: tuple[Variant, ...]

    def __str__(self) -> str:
        return f"seed {self.seed}, {self.prevalence}, adherence {self.adherence:.0%}, {len(self.variants)} rule sets"


#: what is counted together
Cell = tuple[str, float, Variant]


def plan(purpose: Purpose, seeds: Sequence[int], patients: int | None, *, curve: bool) -> list[Task]:
    """Return the simulations of a study; the curve is followed on the first seed at the higher adherence."""
    study = load_catalogue().study
    tasks = []
    for place, seed in enumerate(seeds):
        for prevalence in study["prevalence"]:
            for adherence in study["adherence"]:
                wide = curve and place < 1 and adherence == max(study["adherence"])
                variants = tuple((name, factor) for name in RULES for factor in (FACTORS if wide else (1.0,)))
                tasks.append(Task(seed, purpose, prevalence, adherence, patients, variants))
    return tasks


def run(task: Task) -> dict[Variant, Counted]:
    """Simulate once, play each of the rule sets, and count."""
    catalogue = load_catalogue()
    per_year = catalogue.study["prevalence"][task.prevalence]
    history = simulate(catalogue, check_seed(task.seed, task.purpose), per_year, task.adherence, task.patients)
    found = {}
    for name, factor in task.variants:
        counted = Counted()
        counted.add(history, judge.judge(judge.scaled(RULES[name](), factor), history, task.seed))
        found[name, factor] = counted
    return found


def run_all(
    tasks: Sequence[Task], processes: int, say: Callable[[str], None]
) -> tuple[dict[Cell, Counted], dict[Cell, Counted]]:
    """Run everything; return what is counted over all seeds, and over the seeds that the curve is followed on."""
    whole: dict[Cell, Counted] = {}
    curve: dict[Cell, Counted] = {}
    for number, (task, found) in enumerate(_results(tasks, processes), 1):
        say(f"{number} of {len(tasks)}: {task}")
        for variant, counted in found.items():
            cell = (task.prevalence, task.adherence, variant)
            if variant[1] == 1.0:
                whole.setdefault(cell, Counted()).join(counted)
            if len(task.variants) > len(RULES):
                curve.setdefault(cell, Counted()).join(counted)
    return whole, curve


def _results(tasks: Sequence[Task], processes: int) -> Iterator[tuple[Task, dict[Variant, Counted]]]:
    if processes == 1:
        yield from ((task, run(task)) for task in tasks)
        return
    with ProcessPoolExecutor(processes) as pool:
        yield from zip(tasks, pool.map(run, tasks), strict=True)
