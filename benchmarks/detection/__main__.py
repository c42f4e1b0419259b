"""`python -m benchmarks.detection`: runs the detection study, prints its tables, and writes `latest.json` beside this file."""

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path
from typing import Final

from benchmarks.detection import judge
from benchmarks.detection.catalogue import HERE, load_catalogue
from benchmarks.detection.document import write_document
from benchmarks.detection.runs import plan, run_all
from benchmarks.detection.seeds import load_seeds
from benchmarks.detection.tables import as_json, curve_lines, curve_of, figures_of, lines

LATEST: Final = HERE / "latest.json"
_STATED: Final = ("people.toml", "scenarios.toml", "confounders.toml", "seeds.toml")


def main(arguments: list[str]) -> int:
    """Run the study on one purpose's seeds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detection", description=__doc__)
    parser.add_argument("--seeds", choices=("tuning", "report"), default="tuning", help="which seeds (default: tuning)")
    parser.add_argument("--quick", action="store_true", help="one tuning seed, 150 patients, no curve; never for the report")
    parser.add_argument("--first", type=int, default=0, help="only so many of the seeds")
    parser.add_argument("--no-curve", action="store_true", help="leave the trade-off curve out")
    parser.add_argument("--processes", type=int, default=2, help="simulations at once (default: 2)")
    parser.add_argument("--output", type=Path, default=LATEST, help="where the figures go")
    parser.add_argument("--document", action="store_true", help="write the tables and the curve into docs/detection.md")
    given = parser.parse_args(arguments)
    if given.quick and given.seeds == "report":
        parser.error("the report is not made from a quick run")
    seeds = load_seeds(given.seeds)[: 1 if given.quick else given.first or None]
    tasks = plan(given.seeds, seeds, 150 if given.quick else None, curve=not (given.no_curve or given.quick))
    began = time.monotonic()
    print(f"detection study: {given.seeds} seeds {', '.join(map(str, seeds))}", flush=True)
    whole, curve = run_all(tasks, given.processes, lambda text: print(f"… {text}", file=sys.stderr, flush=True))
    figures, along = figures_of(whole), curve_of(curve)
    print("\n".join(lines(figures)))
    if along:
        print("\n".join(curve_lines(along)))
    about = {
        "seeds": {given.seeds: list(seeds)},
        "stated": {name: hashlib.sha256((HERE / name).read_bytes()).hexdigest()[:16] for name in _STATED},
        "rules": judge.shipped().digest[:16],
        "patients_a_run": 150 if given.quick else load_catalogue().study["patients"],
        "days": load_catalogue().study["days"],
    }
    given.output.write_text(json.dumps(as_json({"about": about, "figures": figures, "curve": along}), indent=1) + "\n")
    print(f"\nwritten to {given.output}; {time.monotonic() - began:.0f} s")
    if given.document:
        write_document(about, figures, along)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
