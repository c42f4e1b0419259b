-- Escalation: who is told of an alert, in which order, until when. Deadlines are rows (I10); workers sleep to the next one.

-- The ladder of one alert; due_at is when its next step is taken, null once it has ended.
CREATE TABLE escalation (
    alert_id   bigint PRIMARY KEY REFERENCES alert (id),
    patient_id int NOT NULL REFERENCES patient (id),
    severity   text NOT NULL CHECK (severity IN ('high', 'medium', 'low')),
    step       int NOT NULL DEFAULT 0,
    due_at     timestamptz,
    reason     text NOT NULL,
    began_at   timestamptz NOT NULL,
    ended_at   timestamptz,
    ended_how  text
);
COMMENT ON COLUMN escalation.reason IS 'why it began, or began again: opened, promoted, worse, …';
CREATE INDEX escalation_due ON escalation (due_at) WHERE ended_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON escalation TO wardlight_app;
