"""The long ledger: `python -m tests.stories.ledger`, as `make prove` runs it; exit code 0 when nothing is wrong."""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.stories.ledger.plan import LONG, SHORT
from tests.stories.ledger.run import prove


def main() -> int:
    """Run, print what was found, and say the seed with which the same plan runs again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--reader", choices=("bulk", "callbacks"), default="bulk")
    parser.add_argument("--timescale", action="store_true", help="on a local TimescaleDB")
    parser.add_argument("--fault", help="plant a fault: the run must then fail")
    parser.add_argument("--short", action="store_true", help="as `make test` runs it")
    given = parser.parse_args()
    size = SHORT if given.short else LONG
    say: Callable[[str], None] = lambda line: print(line, flush=True)  # noqa: E731
    say(f"ledger: {size.devices} devices, {size.measurements:,} measurements, seed {given.seed}, {size.blows}")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wardlight-ledger-") as folder:
        verdict = prove(
            Path(folder), size, given.seed, reader=given.reader, fault=given.fault, timescale=given.timescale, say=say
        )
    say(f"{verdict.summary()}\n{time.monotonic() - began:.0f} s, seed {given.seed}")
    return 1 if verdict.faults() else 0


if __name__ == "__main__":
    sys.exit(main())
