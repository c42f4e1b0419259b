"""What a device keeps until the application has it."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from devices.codecs import native
from devices.decoded import MAX_BYTES, MAX_MEASUREMENTS
from devices.simulator.keeping import Keeping, write_measurement

NOW = 1_795_438_800_000_000


def keep(memory: Keeping, count: int) -> None:
    for _ in range(count):
        memory.add(write_measurement(NOW, {"spo2": 97.0}, user_slot=2, flags=("x",), context={"posture": "sitting"}))


def test_a_message_is_exactly_the_native_contract() -> None:
    memory = Keeping("k3f9")
    keep(memory, 1)
    message = memory.take(NOW + 3_000_000, 1, 81)
    assert message is not None
    (decoded,) = native.decode(message)
    assert (decoded.boot, decoded.seq, decoded.first, decoded.battery, decoded.user_slot) == ("k3f9", 1, 1, 81, 2)
    assert (decoded.time, decoded.clock, decoded.values) == (NOW, NOW + 3_000_000, [97.0])
    assert (decoded.flags, decoded.original, decoded.faults) == (("x",), {"context": {"posture": "sitting"}}, ())
    assert memory.take(NOW, 1) is None


def test_messages_stay_within_the_limits() -> None:
    memory = Keeping("k3f9")
    keep(memory, 5000)
    sent = []
    while (message := memory.take(NOW, 10_000)) is not None:
        assert len(message) <= MAX_BYTES
        sent += native.decode(message)
        assert len(native.decode(message)) <= MAX_MEASUREMENTS
    assert [one.seq for one in sent] == list(range(1, 5001))


def test_values_as_recorded_keep_their_unit_and_their_words() -> None:
    memory = Keeping("k3f9")
    memory.add(
        write_measurement(None, {"blood_glucose": ("LO", "mg/dL"), "bilirubin": (2.5, "mg/dL"), "heart_rate": (71.0, "bpm")})
    )
    message = memory.take(NOW, 1)
    assert message is not None
    (decoded,) = native.decode(message)
    assert (decoded.time, decoded.flags) == (None, ("lo",))
    assert sorted(fault.reason for fault in decoded.faults) == ["unknown_unit", "unknown_vital"]


class KeepingMachine(RuleBasedStateMachine):
    """Whatever happens in whatever order, only what is acknowledged or given up leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.memory = Keeping("b", room=20)
        self.added = 0
        self.let_go = 0

    @rule(count=st.integers(1, 8))
    def measure(self, count: int) -> None:
        keep(self.memory, count)
        self.added += count

    @rule(seq=st.integers(0, 60), boot=st.sampled_from(["b", "b", "other"]))
    def acknowledge(self, seq: int, boot: str) -> None:
        before = self.memory.first
        covered = self.memory.acknowledge(boot, seq)
        assert covered == 0 or (boot == "b" and self.memory.first <= seq + 1)
        assert self.memory.first == before + covered
        self.let_go += covered

    @rule(most=st.integers(1, 5))
    def send(self, most: int) -> None:
        waiting = self.memory.unsent
        message = self.memory.take(NOW, most)
        sent = native.decode(message) if message else []
        assert len(sent) == min(most, waiting)
        assert self.memory.unsent == waiting - len(sent)
        assert all(one.first == self.memory.first for one in sent)
        assert [one.seq for one in sent] == list(range(self.memory.next - waiting, self.memory.next - waiting + len(sent)))

    @rule(seq=st.integers(0, 60))
    def again(self, seq: int) -> None:
        self.memory.send_again(seq)
        assert self.memory.unsent >= min(len(self.memory), self.memory.next - max(seq, self.memory.first))

    @invariant()
    def nothing_vanishes(self) -> None:
        assert len(self.memory) + self.let_go + self.memory.lost == self.added
        assert self.memory.next == self.added + 1
        assert 0 <= self.memory.unsent <= len(self.memory)


TestKeeping = KeepingMachine.TestCase
