"""Several workers on the same patients: row locks keep the count, one alert per condition, and one state."""

import threading
from datetime import timedelta

import numpy as np

from alerts.engine import Engine
from database.pool import connect
from devices.recording import record
from tests.integration.alerts.ward import NOW, Ward
from tests.unit.alerts.readings import EIGHT, MINUTE

STEPS, PATIENTS = 20, 6
TWICE = "SELECT FROM alert WHERE closed_at IS NULL GROUP BY patient_id, rule, subject HAVING count(*) > 1"


def test_i2_i7_two_workers_judge_the_same_patients_once(database_url: str) -> None:
    with connect(database_url) as conn:
        ward = Ward(conn, patients=PATIENTS)
        rng = np.random.default_rng(5)
        moments = [NOW + timedelta(minutes=3 * step + PATIENTS) for step in range(STEPS)]
        batches = [
            ward.batch(
                [(one, EIGHT + (3 * step + one) * MINUTE, {"spo2": float(rng.integers(83, 97))}) for one in range(PATIENTS)],
                now,
            )
            for step, now in enumerate(moments)
        ]
        done: list[int] = []

        def work(first: int) -> None:
            engine = Engine(ward.engine.rules)
            with connect(database_url) as own:
                for step in range(first, STEPS, 2):
                    for is_lost in (True, False) if step % 5 == 4 else (False,):
                        engine.lock(own, np.unique(batches[step].patient_id))
                        fresh = record(own, batches[step])
                        engine.judge(own, batches[step].take(fresh), moments[step])
                        if is_lost:
                            own.rollback()
                            engine.rolled_back()
                        else:
                            own.commit()
                            engine.committed()
            done.append(first)

        threads = [threading.Thread(target=work, args=(first,)) for first in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert sorted(done) == [0, 1]
        before = ward.states()
        assert [row[2] for row in before] == [STEPS] * PATIENTS
        assert not conn.execute(TWICE).fetchall()
        Engine(ward.engine.rules).rejudge(conn, ward.patients, NOW + timedelta(hours=2))
        assert ward.states() == before
        conn.rollback()
