"""P4: publisher, broker, ingest and database at once, against what the broker alone passes to a raw subscriber; and the lag.

Each round: A, as fast as the broker takes messages while `mosquitto_sub` reads them to nowhere; B, the same while the ingest
process commits them; C, a steady stream at 70 % of what B did, for the time from the moment a measurement was due at the
publisher to the commit that stored it. Commit times are PostgreSQL's own (track_commit_timestamp).
"""

import subprocess
import time
from dataclasses import dataclass, field
from statistics import median

from benchmarks.corpus import BOOT, Corpus, Sent, push_paced
from benchmarks.figures import Figure, ratio_of_medians
from benchmarks.load import Publisher
from benchmarks.programs import ingest
from benchmarks.stage import SQL, BenchmarkFailed, Stage, peer_command
from devices.identity import boot_hash

_SHARE = 0.7
_LAG_GOAL_MS = 250.0
#: seconds that everything has to settle before the first message
_LEAD = 0.3
#: seconds that making one frame takes at most
_MAKING = 20e-6
#: messages a second: faster than any broker here, so that no message is measured after it is sent
_FASTEST = 500_000.0


@dataclass(slots=True)
class Lived:
    """What the rounds found, one entry a round."""

    #: messages a second
    peer: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    #: milliseconds
    lag_p50: list[float] = field(default_factory=list)
    lag_p99: list[float] = field(default_factory=list)
    #: milliseconds by which the publisher itself was late at worst
    behind: list[float] = field(default_factory=list)


def measure(stage: Stage, corpus: Corpus, messages: int, lag_seconds: float, rounds: int) -> Figure:
    """Run the rounds and return P4."""
    lived = Lived()
    for _ in range(rounds):
        sent = corpus.paced(messages, time.time(), _FASTEST)
        lived.peer.append(messages / _to_nowhere(stage, sent))
        stage.empty()
        with ingest(stage):
            lived.ours.append(messages / _to_database(stage, corpus, sent))
            steady = _send_steadily(stage, corpus, _SHARE * lived.ours[-1], lag_seconds, lived)
        stage.check(messages + len(steady.frames), sent.seq_sum + steady.seq_sum)
        row = stage.owner.execute(SQL["lag"], {"boot": boot_hash(BOOT), "first_seq": steady.first_seq}).fetchone()
        assert row is not None
        lived.lag_p50.append(row[0])
        lived.lag_p99.append(row[1])
    ratio = ratio_of_medians(lived.ours, lived.peer)
    lag = median(lived.lag_p99)
    return Figure(
        "P4",
        "live: publisher, broker, ingest and database at once",
        median(lived.ours),
        "messages/s committed",
        f"mosquitto_sub to nowhere beside the same publisher, {median(lived.peer):,.0f} messages/s",
        ratio,
        f">= 0.85, and p99 lag < {_LAG_GOAL_MS:.0f} ms at 70 % of it",
        ratio >= 0.85 and lag < _LAG_GOAL_MS,
        {
            "rounds": lived.ours,
            "peer_rounds": lived.peer,
            "lag_p50_ms": median(lived.lag_p50),
            "lag_p99_ms": lag,
            "lag_at_messages_per_second": _SHARE * median(lived.ours),
            "publisher_late_at_worst_ms": max(lived.behind),
        },
    )


def _to_nowhere(stage: Stage, sent: Sent) -> float:
    """Return the seconds from the first message published to the last one read."""
    frames = sent.for_peer()
    with subprocess.Popen(peer_command(stage, len(frames)), stdout=subprocess.DEVNULL) as peer:
        time.sleep(_LEAD)
        began = time.monotonic()
        stage.publish(frames)
        if peer.wait(120) != 0:
            raise BenchmarkFailed(f"mosquitto_sub ended with {peer.returncode} before it had {len(frames):,} messages")
        return time.monotonic() - began


def _to_database(stage: Stage, corpus: Corpus, sent: Sent) -> float:
    """Return the seconds from the first message published to the last commit."""
    began = time.time()
    stage.publish(sent.frames)
    stage.await_rows(corpus.made)
    return stage.committed().last_commit - began


def _send_steadily(stage: Stage, corpus: Corpus, rate: float, seconds: float, lived: Lived) -> Sent:
    """Publish at this rate for so long, and wait for the last commit."""
    count = int(rate * seconds) // corpus.patients * corpus.patients
    start = time.time() + _LEAD + count * _MAKING
    sent = corpus.paced(count, start, rate)
    with Publisher(stage.broker.url("load")) as publisher:
        time.sleep(max(start - time.time(), 0))
        lived.behind.append(push_paced(publisher, sent.frames, start, rate) * 1000)
    stage.await_rows(corpus.made)
    return sent
