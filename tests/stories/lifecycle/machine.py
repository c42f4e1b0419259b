"""The machine: hypothesis chooses what happens next to a clinic, from readings in any order to restarts, and all is checked.

One step is one thing that happens. The clock is the machine's own. After every step `check.violations` holds the real rows
against the paper.
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from alerts import actions
from alerts.moments import to_us
from alerts.triage import silences
from ingest.message import Message
from tests.stories.lifecycle.check import violations
from tests.stories.lifecycle.house import House
from tests.stories.lifecycle.model import SAID, Model, Reading, Silenced

#: a Monday before the team's hours begin
START: Final = datetime(2026, 11, 23, 6, tzinfo=UTC)

PATIENT: Final = st.integers(0, 1)
SPO2: Final = st.sampled_from([97, 95, 93, 92, 91, 90, 89, 88, 87, 86, 85, 84, 83, 82, 81, 80])
PULSE: Final = st.sampled_from([70, 104, 105, 106, 110, 111, 115, 121, 125, 129, 130, 140, 150, 49, 48, 50, 51])
VALUES: Final = st.one_of(
    SPO2.map(lambda value: {"spo2": float(value)}),
    PULSE.map(lambda value: {"heart_rate": float(value)}),
    st.tuples(SPO2, PULSE).map(lambda pair: {"spo2": float(pair[0]), "heart_rate": float(pair[1])}),
    st.just({"spo2": 30.0}),
)
#: seconds between measurement and arrival: mostly at once, sometimes out of order, sometimes after an outage
LAG: Final = st.one_of(st.integers(0, 30), st.integers(0, 30), st.integers(60, 3600), st.integers(3600, 14 * 3600))


class Violated(AssertionError):
    """An invariant does not hold."""


class Clinic(RuleBasedStateMachine):
    """What may happen to two patients, the people who look after them, and the processes in between."""

    #: the house of the whole run; each example empties it
    house: ClassVar[House]
    #: what happened over all examples
    counted: ClassVar[Counter[str]] = Counter()

    @initialize(hours=st.booleans(), on_call=st.booleans())
    def open(self, hours: bool, on_call: bool) -> None:
        """Move in."""
        self.now = self.checked = START
        self.house.open(self.now, hours=hours, on_call=on_call)
        self.model = Model(self.house.rules, {patient: [] for patient in self.house.patients})
        self.sent: list[tuple[Message, int, Reading]] = []
        self.is_worker_up = True
        Clinic.counted["examples"] += 1

    def teardown(self) -> None:
        """Leave the house to the next example."""

    # readings ------------------------------------------------------------------------------------------------------

    @rule(patient=PATIENT, values=VALUES, lag=LAG)
    def read(self, patient: int, values: dict[str, float], lag: int) -> None:
        """Let a reading arrive, perhaps late."""
        self._step("reading")
        self._arrive([(patient, values, lag)])

    @rule(batch=st.lists(st.tuples(PATIENT, VALUES, LAG), min_size=2, max_size=6))
    def read_many(self, batch: list[tuple[int, dict[str, float], int]]) -> None:
        """Several arrive at once, of both patients, in any order."""
        self._step("batch")
        self._arrive(batch)

    @rule(patient=PATIENT, start=st.sampled_from([91, 89, 87, 85]), fall=st.integers(1, 4))
    def worsen(self, patient: int, start: int, fall: int) -> None:
        """Let a saturation fall, two minutes apart."""
        self._step("fall")
        self._arrive([(patient, {"spo2": float(start)}, 130), (patient, {"spo2": float(start - fall)}, 5)])

    @precondition(lambda self: self.sent)
    @rule(which=st.integers(0, 1 << 20), count=st.integers(1, 4))
    def repeat(self, which: int, count: int) -> None:
        """Messages come again, byte for byte."""
        self._step("duplicate")
        place = which % len(self.sent)
        again = [message for message, _, _ in self.sent[place : place + count]]
        self.house.take([Message(1, 0, one.topic, one.payload, False, to_us(self.now)) for one in again], self.now)
        self._check()

    @rule(patient=PATIENT, number=st.integers(0, 1 << 30))
    def garbage(self, patient: int, number: int) -> None:
        """Bytes that nobody can read."""
        self._step("garbage")
        payload = f"{{{number} {self.house.seq} {to_us(self.now)}".encode()
        self.house.take([self.house.message(patient, "readings", payload, self.now)], self.now)
        self.model.quarantined += 1
        self._check()

    @rule(patient=PATIENT, values=VALUES, lag=LAG)
    def crash(self, patient: int, values: dict[str, float], lag: int) -> None:
        """Ingest dies before its commit; the broker delivers again to the next one."""
        self._step("crash")
        self._arrive([(patient, values, lag)], crash=True)

    # people --------------------------------------------------------------------------------------------------------

    @precondition(lambda self: self._open())
    @rule(which=st.integers(0, 1 << 20), who=st.integers(0, 3))
    def acknowledge(self, which: int, who: int) -> None:
        """Somebody takes an alert on."""
        self._step("acknowledge")
        alert = self._pick(which)
        self.model.may_close.add(alert.id)
        actions.acknowledge(self.house.conn, alert.public_id, self.house.staff[who], self.now)
        self.house.conn.commit()
        if alert.acknowledged_at is None:
            self.model.noted[alert.id].taken = self.now
        self._check()

    @precondition(lambda self: self._taken())
    @rule(which=st.integers(0, 1 << 20))
    def unacknowledge(self, which: int) -> None:
        """And gives it back."""
        self._step("unacknowledge")
        found = self._taken()
        alert = found[which % len(found)]
        after = actions.unacknowledge(self.house.conn, alert.public_id, self.house.staff[0], self.now)
        self.house.conn.commit()
        if after is not None and after.acknowledged_at is None:
            self.model.noted[alert.id].taken = None
        self._check()

    @precondition(lambda self: self._open())
    @rule(which=st.integers(0, 1 << 20), who=st.integers(0, 3))
    def assign(self, which: int, who: int) -> None:
        """Somebody is given an alert; that alone answers nothing."""
        self._step("assign")
        alert = self._pick(which)
        staff = self.house.staff[who]
        actions.assign(self.house.conn, alert.public_id, self.house.staff[0], self.now, to=staff, name="Somebody")
        self.house.conn.commit()
        self._check()

    @precondition(lambda self: self._open())
    @rule(which=st.integers(0, 1 << 20), minutes=st.integers(1, 24 * 60))
    def silence(self, which: int, minutes: int) -> None:
        """Somebody silences what an alert is about."""
        alert, length = self._pick(which), timedelta(minutes=minutes)
        self._step("silence")
        try:
            made = silences.silence(self.house.conn, alert.public_id, self.house.staff[0], length, "seen", self.now)
        except silences.CannotSilence:
            self.house.conn.rollback()
            if not alert.emergency and alert.rule != "doubt":
                raise Violated(f"alert {alert.id} of {alert.rule} cannot be silenced") from None
            return
        self.house.conn.commit()
        assert made is not None
        if alert.emergency:
            raise Violated("the emergency band was silenced")
        self.model.silences[made[1].silence.public_id] = Silenced(
            alert.patient_id, alert.subject, alert.direction, alert.severity, self.now, self.now + length
        )
        self._check()

    @precondition(lambda self: self.model.silences)
    @rule(which=st.integers(0, 1 << 20))
    def unsilence(self, which: int) -> None:
        """And takes that back."""
        self._step("unsilence")
        key = sorted(self.model.silences)[which % len(self.model.silences)]
        silences.unsilence(self.house.conn, key, self.house.staff[0], self.now)
        self.house.conn.commit()
        del self.model.silences[key]
        self._check()

    @precondition(lambda self: self._open())
    @rule(which=st.integers(0, 1 << 20), said=st.sampled_from(SAID))
    def resolve(self, which: int, said: str) -> None:
        """Somebody says what an alert came to."""
        self._step("resolve")
        alert = self._pick(which)
        self.model.may_close.add(alert.id)
        if self.model.rule(alert.rule).kind == "threshold":
            values = self.model.values(alert.patient_id, alert.subject)
            self.model.resets[alert.patient_id, alert.rule] = values[-1][0]
        actions.resolve(self.house.conn, alert.public_id, self.house.staff[1], said, "", self.now)
        self.house.conn.commit()
        self._check()

    # time and processes --------------------------------------------------------------------------------------------

    @rule(minutes=st.one_of(st.integers(1, 10), st.integers(10, 600)))
    def wait(self, minutes: int) -> None:
        """Time passes; where a worker is up it wakes for every deadline."""
        self._step("wait")
        until = self.now + timedelta(minutes=minutes)
        for _ in range(12 if self.is_worker_up else 0):
            due = self.house.next_due()
            if due is None or due > until:
                break
            self.now = max(due, self.now)
            self._check()
        self.now = until
        self._check()

    @rule(what=st.sampled_from(["restart", "restart", "worker down", "worker up", "outside breaks", "outside works"]))
    def process(self, what: str) -> None:
        """Every process starts again and remembers nothing; the worker stops or starts; pages reach nobody, or do again."""
        self._step(what)
        if what == "restart":
            self.house.restart()
        elif what.startswith("worker"):
            self.is_worker_up = what == "worker up"
        else:
            self.house.outside.works = what == "outside works"
        self._check()

    # -----------------------------------------------------------------------------------------------------------------

    def _step(self, what: str) -> None:
        Clinic.counted["steps"] += 1
        Clinic.counted[what] += 1
        self.now += timedelta(seconds=7)

    def _arrive(self, batch: list[tuple[int, dict[str, float], int]], *, crash: bool = False) -> None:
        messages = []
        for number, values, lag in batch:
            measured = self.now - timedelta(seconds=lag)
            message = self.house.reading(number, values, measured, self.now)
            reading = Reading(self.house.seq, to_us(measured), to_us(self.now), values)
            messages.append((message, self.house.patients[number], reading))
        if crash:
            self.house.take([message for message, _, _ in messages], self.now, crash=True)
            self.house.restart()
        self.house.take([message for message, _, _ in messages], self.now)
        for message, patient, reading in messages:
            newest = max((one.measured for one in self.model.readings[patient]), default=0)
            Clinic.counted["readings"] += 1
            Clinic.counted["readings out of order"] += reading.measured < newest
            self.model.readings[patient].append(reading)
            self.sent.append((message, patient, reading))
        self._check()

    def _check(self) -> None:
        if self.is_worker_up:
            self.house.work(self.now)
        found = violations(self.house, self.model, self.now, self.checked, worked=self.is_worker_up)
        Clinic.counted["checks"] += 1
        self.checked = self.now
        if found:
            raise Violated("; ".join(found))

    def _open(self) -> list[Any]:
        return self.house.rows("SELECT * FROM alert WHERE closed_at IS NULL ORDER BY id")

    def _taken(self) -> list[Any]:
        return self.house.rows("SELECT * FROM alert WHERE acknowledged_at IS NOT NULL AND disposition IS NULL ORDER BY id")

    def _pick(self, which: int) -> Any:
        found = self._open()
        return found[which % len(found)]
