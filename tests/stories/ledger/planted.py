"""`wardlight ingest` with one fault planted from outside: a check that has never failed proves nothing.

Run as `python -m tests.stories.ledger.planted FAULT`.
"""

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from alerts.engine import Engine
from api.cli import main
from ingest.commit import Committer, Outcome
from ingest.message import Message
from ingest.pipeline import Pipeline


def acknowledge_before_commit() -> None:
    """Tell broker and device that a batch is safe while its transaction is still open."""
    commit = Committer.commit

    def early(self: Pipeline, messages: Sequence[Message]) -> Outcome:
        def commit_and_tell(*given: Any, **named: Any) -> Outcome:
            outcome = commit(self._committer, *given, **named)
            self._confirm.acknowledge(messages)
            self._acks.note(outcome.taken)
            self._acks._sent_at.clear()  # at once, not once a second
            self._acks.flush(time.monotonic())
            time.sleep(0.2)  # a slow disk
            return outcome

        self._committer.commit = commit_and_tell  # type: ignore[method-assign]
        return honest(self, messages)

    honest = Pipeline._commit
    Pipeline._commit = early  # type: ignore[method-assign]


def judge_twice() -> None:
    """Judge what a batch brought once more."""
    honest = Engine.judge

    def twice(self: Engine, *given: Any) -> Any:
        honest(self, *given)
        return honest(self, *given)

    Engine.judge = twice  # type: ignore[method-assign]


FAULTS: Final[dict[str, Callable[[], None]]] = {
    "acknowledge-before-commit": acknowledge_before_commit,
    "judge-twice": judge_twice,
}

if __name__ == "__main__":
    FAULTS[sys.argv[1]]()
    sys.argv = ["wardlight", "ingest"]
    main()
