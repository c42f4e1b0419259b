"""`make bench`: measures, prints, and writes `benchmarks/latest.json`."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import drain, history, live, rules, screens
from benchmarks.corpus import Corpus
from benchmarks.figures import Figure, as_json, as_table
from benchmarks.machine import describe, fsyncs_per_second
from benchmarks.stage import SQL, BenchmarkFailed, Stage, stage
from ingest.mosquitto import find_mosquitto

LATEST: Final = Path(__file__).with_name("latest.json")


def main(arguments: list[str]) -> int:
    """Run what was asked for; return 1 where a run lost or repeated something."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller and fewer rounds, within 90 seconds")
    parser.add_argument("--only", default="", help="figures wanted, such as P1,P4; P1, P2 and P10 come together")
    parser.add_argument("--output", type=Path, default=LATEST, help="where the figures go (default: benchmarks/latest.json)")
    options = parser.parse_args(arguments)
    wanted = {name for name in options.only.upper().split(",") if name}
    began, load_before = time.monotonic(), os.getloadavg()
    quick, rounds = options.quick, 1 if options.quick else 3
    figures: list[Figure] = []

    def take(names: str, run: Callable[[], Figure | list[Figure]]) -> None:
        if wanted and not wanted & set(names.split()):
            return
        print(f"… {names}", file=sys.stderr, flush=True)
        found = run()
        figures.extend(found if isinstance(found, list) else [found])

    try:
        with stage() as ready:
            corpus = Corpus()
            fsyncs = [fsyncs_per_second(ready.folder)]
            take("P1 P2 P10", lambda: drain.measure(ready, corpus, 50_000 if quick else 200_000, rounds))
            fsyncs.append(fsyncs_per_second(ready.folder))
            take("P4", lambda: live.measure(ready, corpus, 50_000 if quick else 100_000, 4 if quick else 10, rounds))
            take("P5", lambda: screens.measure(ready, corpus, 10 if quick else 30))
            take("P6", lambda: rules.measure(rounds, 0.5))
            take("P7", lambda: history.measure(rounds))
            fsyncs.append(fsyncs_per_second(ready.folder))
            machine = _machine(ready)
    except BenchmarkFailed as failure:
        print(f"the figures mean nothing: {failure}", file=sys.stderr)
        return 1
    machine |= {
        "fsyncs_per_second": round(median(fsyncs)),
        "fsyncs_per_second_each": [round(one) for one in fsyncs],
        "load_average_before": [round(one, 2) for one in load_before],
        "load_average_after": [round(one, 2) for one in os.getloadavg()],
        "rounds": rounds,
        "seconds": round(time.monotonic() - began),
    }
    figures.sort(key=lambda one: int(one.name[1:]))
    print("\n".join(f"{name.replace('_', ' ')}: {value}" for name, value in machine.items()))
    print()
    print(as_table(figures))
    options.output.write_text(json.dumps(as_json(figures, machine), indent=2) + "\n")
    print(f"\nwritten to {options.output}")
    return 0


def _machine(ready: Stage) -> dict[str, Any]:
    row = ready.owner.execute(SQL["version"]).fetchone()
    assert row is not None
    mosquitto = find_mosquitto()
    return describe(row[0], mosquitto.version if mosquitto else "unpacked")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
