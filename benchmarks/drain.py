"""P1, P2 and P10: a backlog at the broker, drained by Mosquitto's own subscriber and by the ingest process, and a bare COPY.

Each round queues the same messages for two persistent sessions, one after the other. A: `mosquitto_sub` reads them to
nowhere. B: the ingest process, until its last commit. C: the rows that B stored, sent back by one binary COPY into the same
table, emptied.
"""

import subprocess
import time
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from benchmarks.corpus import Corpus
from benchmarks.figures import Figure, ratio_of_medians
from benchmarks.programs import ingest
from benchmarks.stage import SQL, BenchmarkFailed, Stage, peer_command

#: bytes that the ingest process may hold (PERFORMANCE goal of P10)
MEMORY_GOAL = 200e6
_HOUR = 3600.0


@dataclass(slots=True)
class Drained:
    """What the rounds found; rates in messages or rows a second, one entry a round."""

    peer: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    copied: list[float] = field(default_factory=list)
    #: processor seconds of the ingest process per message
    cpu: list[float] = field(default_factory=list)
    #: largest resident and proportional bytes
    resident: list[float] = field(default_factory=list)
    proportional: list[float] = field(default_factory=list)
    #: resident bytes at the end over those after the first quarter
    growth: list[float] = field(default_factory=list)


def measure(stage: Stage, corpus: Corpus, messages: int, rounds: int) -> list[Figure]:
    """Run the rounds and return P1, P2 and P10."""
    drained = Drained()
    began = time.time() - (rounds + 1) * _HOUR
    for place in range(rounds):
        sent = corpus.between(messages, began + place * _HOUR, began + (place + 1) * _HOUR - 1)
        stage.queue_for("peer")  # it leaves before its last acknowledgement has arrived
        stage.publish(sent.for_peer())
        drained.peer.append(messages / _drain_to_nowhere(stage, messages))
        stage.empty()
        stage.publish(sent.frames)
        _drain_to_database(stage, corpus, messages, drained)
        stage.check(messages, sent.seq_sum)
        drained.copied.append(messages / _copy_again(stage, messages))
    return _figures(drained, messages)


def _drain_to_nowhere(stage: Stage, messages: int) -> float:
    began = time.monotonic()
    done = subprocess.run(peer_command(stage, messages), stdout=subprocess.DEVNULL, timeout=120, check=False)
    spent = time.monotonic() - began
    if done.returncode != 0:
        raise BenchmarkFailed(f"mosquitto_sub ended with {done.returncode} before it had {messages:,} messages")
    return spent


def _drain_to_database(stage: Stage, corpus: Corpus, messages: int, drained: Drained) -> None:
    with ingest(stage) as (program, connected_at):
        before = program.cpu_seconds()
        stage.await_rows(corpus.made)
        drained.cpu.append((program.cpu_seconds() - before) / messages)
        time.sleep(0.5)  # acknowledgements of the last batch
    last_commit = stage.committed().last_commit
    drained.ours.append(messages / (last_commit - connected_at))
    memory = np.array([one for one in program.memory if one[0] >= connected_at], float)
    if not len(memory):
        return  # the system does not tell
    drained.resident.append(float(memory[:, 1].max()))
    drained.proportional.append(float(memory[:, 2].max()))
    warm = memory[memory[:, 0] >= connected_at + (last_commit - connected_at) / 4]
    drained.growth.append(float(warm[-1, 1] / warm[0, 1]))


def _copy_again(stage: Stage, messages: int) -> float:
    """Return the seconds that one binary COPY of the stored rows takes until it is committed."""
    with stage.owner.cursor() as cursor, cursor.copy(SQL["copy_out"]) as copy:
        rows = b"".join(copy)
    stage.empty()
    began = time.monotonic()
    with stage.owner.cursor() as cursor, cursor.copy(SQL["copy_in"]) as copy:
        for start in range(0, len(rows), 1 << 20):
            copy.write(rows[start : start + (1 << 20)])
    spent = time.monotonic() - began
    if (stored := stage.committed().rows) != messages:
        raise BenchmarkFailed(f"COPY stored {stored:,} of {messages:,} rows")
    return spent


def _figures(drained: Drained, messages: int) -> list[Figure]:
    ours, peer, copied = median(drained.ours), median(drained.peer), median(drained.copied)
    largest = max(drained.resident, default=float("nan"))
    drain, rows = ratio_of_medians(drained.ours, drained.peer), ratio_of_medians(drained.ours, drained.copied)
    growth = max(drained.growth, default=float("nan"))
    return [
        Figure(
            "P1",
            f"drain of {messages:,} queued messages: committed, judged, acknowledged",
            ours,
            "messages/s",
            f"mosquitto_sub to nowhere, {peer:,.0f} messages/s",
            drain,
            ">= 1.0",
            drain >= 1.0,
            {"rounds": drained.ours, "peer_rounds": drained.peer, "ingest_cpu_us_per_message": median(drained.cpu) * 1e6},
        ),
        Figure(
            "P2",
            "rows end to end",
            ours,
            "rows/s",
            f"one binary COPY of the same rows, {copied:,.0f} rows/s",
            rows,
            ">= 0.4",
            rows >= 0.4,
            {"peer_rounds": drained.copied},
        ),
        Figure(
            "P10",
            "memory of the ingest process at full drain",
            largest / 1e6,
            "MB resident",
            f"{MEMORY_GOAL / 1e6:.0f} MB",
            largest / MEMORY_GOAL,
            "<= 1.0, and flat: at most a tenth more at the end than after a quarter of the drain",
            largest <= MEMORY_GOAL and growth <= 1.1,
            {"proportional_MB": max(drained.proportional, default=float("nan")) / 1e6, "end_over_first_quarter": growth},
        ),
    ]
