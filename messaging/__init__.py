"""How a patient is reached, and the outbox of planned notices; knows patients by id only."""
