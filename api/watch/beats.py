"""Which processes run, hang or are gone, decided by their heartbeats.

Pure. A process that fell silent while its connection is still there hangs; without its connection it is gone. Who said goodbye
is not looked for, and who died is forgotten once another instance has started in its place.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from api.watch.fault import Fault
from api.watch.pace import Pace
from database.instance import Heartbeat

#: "replaced": gone, and another one has started since
State = Literal["runs", "hangs", "gone", "replaced", "stopped"]

#: the processes without which something is not done; "serve" is missed only where one was
EXPECTED: Final = ("ingest", "work", "watchdog")


@dataclass(frozen=True, slots=True)
class Judged:
    """One instance of a process, and how it is."""

    beat: Heartbeat
    state: State
    #: when the one started that took its place
    replaced_at: datetime | None = None


def judge_beats(beats: Sequence[Heartbeat], pace: Pace, now: datetime, since: datetime | None = None) -> list[Judged]:
    """Return how every instance is, in the order given.

    `since` is when the database came back: nobody is called silent for a time in which it could not hear.
    """
    judged = [Judged(beat, _state(beat, pace, now, since)) for beat in beats]
    for process in {beat.process for beat in beats}:
        own = [one for one in judged if one.beat.process == process]
        others = sorted(own, key=lambda one: one.beat.began_at)
        for one in sorted((one for one in own if one.state == "gone"), key=lambda one: one.beat.at):
            later = next((other for other in others if other is not one and other.beat.began_at > one.beat.at), None)
            if later is not None:  # each start takes the place of one death at most
                others.remove(later)
                judged[judged.index(one)] = Judged(one.beat, "replaced", later.beat.began_at)
    return judged


def _state(beat: Heartbeat, pace: Pace, now: datetime, since: datetime | None) -> State:
    if beat.ended_at is not None:
        return "stopped"
    if now - max(beat.at, since or beat.at) <= timedelta(seconds=pace.patience):
        return "runs"
    return "hangs" if beat.is_connected else "gone"


def find_faults(judged: Sequence[Judged], pace: Pace, now: datetime, expected: Sequence[str] = EXPECTED) -> list[Fault]:
    """Return what is wrong with the processes; whatever nobody has ever heard of is missed since now."""
    by_process: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        by_process[one.beat.process].append(one)
    faults = []
    for process in dict.fromkeys((*expected, *by_process)):
        own = by_process[process]
        lost = [one for one in own if one.state in {"hangs", "gone"}]
        if any(one.state == "runs" for one in own):
            faults += [
                Fault("instance", f"{process} {one.beat.instance}", one.beat.at, _say(one))
                for one in lost
                if one.state == "hangs" or now - one.beat.at < timedelta(seconds=pace.kept)
            ]
        elif lost:
            last = max(lost, key=lambda one: one.beat.at)
            faults.append(Fault(process, "", last.beat.at, f"{last.beat.instance} {_say(last)}"))
        elif process in expected and not own:
            faults.append(Fault(process, "", now, "has never run"))
        elif process in expected:
            last = max(own, key=lambda one: one.beat.at)
            if now - last.beat.at <= timedelta(seconds=pace.patience):
                continue  # it is being started again, as on every update
            faults.append(Fault(process, "", last.beat.at, f"{last.beat.instance} was stopped and none was started since"))
    return faults


def find_restarts(judged: Sequence[Judged]) -> list[Fault]:
    """Return the deaths that are over: who died, when, and since when another runs."""
    return [
        Fault(
            "restarted", f"{one.beat.process} {one.beat.instance}", one.beat.at, "died and was started again", one.replaced_at
        )
        for one in judged
        if one.state == "replaced"
    ]


def _say(one: Judged) -> str:
    return "hangs: it is connected and says nothing" if one.state == "hangs" else "is gone without a word"
