"""The pipeline: takes what waits, commits it as one batch, and only then acknowledges (I1).

A batch that the database refuses for its data is halved until the offender is alone, and that one goes to quarantine; a
deadlock is tried again; any other fault of the database is the caller's to mend, since then nothing was acknowledged and all
of it comes back.
"""

import datetime as dt
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

import structlog
from psycopg import Connection, DataError, Error, IntegrityError, errors

from devices.decoded import REASONS
from ingest.acks import Acknowledger
from ingest.commit import Committer, Outcome
from ingest.draft import Refusal, split
from ingest.inbox import Inbox
from ingest.message import Message
from ingest.quarantine import keep

log = structlog.get_logger()

#: most messages in one transaction; a backlog fills it, a live stream never does
MOST: Final = 10_000
#: seconds to wait for the first message of a batch
WAIT: Final = 0.2
#: seconds to wait for more while there are few: latency bought for fewer commits
LINGER: Final = 0.02
#: times a batch is tried again when it met another transaction's locks
_TRIES: Final = 5

_TRANSIENT: Final = (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable)


class Confirm(Protocol):
    """What the pipeline needs of the MQTT edge."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Tell the broker that these are safe."""


class Pipeline:
    """One worker's stream from inbox to acknowledgement."""

    def __init__(
        self,
        connection: Connection[Any],
        committer: Committer,
        inbox: Inbox,
        confirm: Confirm,
        acks: Acknowledger,
        clock: Callable[[], dt.datetime],
    ) -> None:
        """Join the parts; `connection` is the pipeline's own, `clock` tells the time, aware."""
        self._connection = connection
        self._committer = committer
        self._inbox = inbox
        self._confirm = confirm
        self._acks = acks
        self._clock = clock
        #: sums over this worker's life, in readings
        self.total = Outcome()
        #: monotonic time at which the inbox was last seen empty
        self.caught_up_at = time.monotonic()

    def step(self) -> int:
        """Carry what waits through, once; return how many messages that were.

        Raises psycopg.OperationalError when the database is lost.
        """
        messages = self._inbox.take(MOST, WAIT, LINGER)
        if len(messages) < MOST:
            self.caught_up_at = time.monotonic()
        if messages:
            try:
                outcomes = self.process(messages)
            except Error:
                # the broker sends again only what waits for an acknowledgement
                self._inbox.put(message for message in messages if not message.mid)
                raise
            self._confirm.acknowledge(messages)
            for outcome in outcomes:
                self._acks.note(outcome.taken)
                self._add(outcome)
        self._acks.flush(time.monotonic())
        return len(messages)

    def process(self, messages: Sequence[Message]) -> list[Outcome]:
        """Commit these messages, whatever is in them; return what became of each part.

        Raises psycopg.Error for what is not the messages' fault: a lost database, a missing table or permission.
        """
        for attempt in range(_TRIES):
            try:
                return [self._commit(messages)]
            except _TRANSIENT as error:
                log.warning("batch_tried_again", messages=len(messages), attempt=attempt + 1, error=type(error).__name__)
                time.sleep(0.05 * 2**attempt)
            except Exception as error:
                if not _is_for_the_data(error, messages):
                    raise
                return self._halve(messages, error)
        return [self._commit(messages)]

    def _commit(self, messages: Sequence[Message]) -> Outcome:
        now = self._clock()
        return self._transact(lambda: self._committer.commit(self._connection, messages, now))

    def _transact(self, work: Callable[[], Outcome]) -> Outcome:
        try:
            with self._connection.transaction():
                outcome = work()
        except BaseException:
            self._committer.rolled_back()
            raise
        self._committer.committed(outcome)
        return outcome

    def _halve(self, messages: Sequence[Message], error: Exception) -> list[Outcome]:
        if len(messages) > 1:
            middle = len(messages) // 2
            return self.process(messages[:middle]) + self.process(messages[middle:])
        (message,) = messages
        if elements := split(message):
            return self.process(elements)
        # the type alone: a database's message can quote the value it refused
        log.error("message_refused", error=type(error).__name__, where=_where(error))
        try:
            return [self._transact(lambda: self._committer.refuse(self._connection, message, self._clock()))]
        except Exception as worse:
            if not _is_for_the_data(worse, messages):
                raise
            # not even its sequence can be taken; its bytes can
            with self._connection.transaction():
                keep(
                    self._connection,
                    [Refusal(None, message.topic, message.payload, "refused", REASONS["refused"], 0, message.received)],
                )
            return [Outcome(messages=1, refused=1)]

    def _add(self, outcome: Outcome) -> None:
        total = self.total
        total.messages += outcome.messages
        total.stored += outcome.stored
        total.suspect += outcome.suspect
        total.duplicate += outcome.duplicate
        total.quarantined += outcome.quarantined
        total.refused += outcome.refused


def _is_for_the_data(error: Exception, messages: Sequence[Message]) -> bool:
    """Whether fewer of these may do better: refused for what is in them, too many for the time allowed, or a fault of ours."""
    if isinstance(error, errors.QueryCanceled):
        return len(messages) > 1
    return isinstance(error, DataError | IntegrityError) or not isinstance(error, Error)


def _where(error: BaseException) -> str:
    """Return file and line of an error, for a log line that must not hold its text."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
