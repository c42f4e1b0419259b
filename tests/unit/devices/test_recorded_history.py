"""Recordings as histories: decoded as a device's message is, numbered, placed in time, and what cannot be taken is counted."""

import numpy as np

from devices.recorded_history import as_history
from devices.recording_file import Recorded
from devices.vitals import COLUMN


def test_values_are_converted_doubted_and_refused_as_live_ones_are() -> None:
    found = as_history(
        [
            Recorded("b", 0, {"body_weight": (180.0, "[lb_av]"), "spo2": (20.0, "%")}),
            Recorded("a", 60_000_000, {"heart_rate": (70.0, "/min"), "warmth": (1.0, "1")}),
            Recorded("b", 120_000_000, {"blood_glucose": ("LO", "mg/dL")}),
            Recorded("c", 0, {"spo2": (97.0, "mmHg")}),
        ]
    )
    batch = found.batch
    assert found.patients == ("b", "a")
    assert batch.patient_id.tolist() == [1, 2, 1]
    assert round(float(batch.values[0, COLUMN["body_weight"]]), 1) == 81.6
    assert batch.suspect[0] == 1 << COLUMN["spo2"]
    assert found.refused == {"unknown_vital": 1, "unknown_unit": 1}
    assert not np.isnan(batch.values[2, COLUMN["blood_glucose"]])
    # minutes from a start are placed in time, and keep their distance
    assert np.diff(batch.measured_at).tolist() == [60_000_000, 60_000_000]
    assert batch.measured_at[0] > 900_000_000_000_000


def test_times_of_day_stay_what_they_are() -> None:
    at = 1_795_420_800_000_000
    assert as_history([Recorded("a", at, {"spo2": (97.0, "%")})]).batch.measured_at.tolist() == [at]
