"""What can come of an alert: the answers that a person chooses from when closing it."""

from typing import Final

#: value kept with the alert → how it is asked
DISPOSITIONS: Final = (
    ("reached_fine", "Reached the patient, nothing more needed"),
    ("plan_changed", "Reached the patient, treatment or plan changed"),
    ("visit_arranged", "Visit or call-back arranged"),
    ("sent_to_emergency", "Sent to emergency care"),
    ("not_reached", "Could not reach the patient; tried, and passed on"),
    ("measured_again_fine", "Measured again, fine"),
    ("wrong_reading", "The reading was wrong"),
    ("device_mended", "Device or connection mended"),
    ("expected", "Expected for this patient"),
)
