-- Triage: what is shown and sent of what fired.

ALTER TABLE alert
    ADD COLUMN direction text CHECK (direction IN ('high', 'low')),
    ADD COLUMN worst real,
    ADD COLUMN assigned_to int REFERENCES staff (id),
    ADD COLUMN rechecking_until timestamptz,
    ADD COLUMN regressed int NOT NULL DEFAULT 0,
    ADD COLUMN programmes text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN alert.direction IS 'which way the vital breaches; null where there is no such thing';
COMMENT ON COLUMN alert.worst IS 'the value that was announced last, in the canonical unit: a further step beyond it is news';
COMMENT ON COLUMN alert.programmes IS 'the patient''s programmes when it opened, for scorecards';

-- A person's silence over one vital and direction of one patient: at most a day, visible, ends by itself, and covers only
-- severities up to the one it was set at.
CREATE TABLE silence (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id text NOT NULL UNIQUE DEFAULT random_id(),
    patient_id int NOT NULL REFERENCES patient (id),
    vital     text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('high', 'low')),
    severity  text NOT NULL CHECK (severity IN ('high', 'medium', 'low')),
    starts_at timestamptz NOT NULL,
    ends_at   timestamptz NOT NULL CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '24 hours'),
    set_by    int NOT NULL REFERENCES staff (id),
    reason    text NOT NULL,
    ended_at  timestamptz,
    ended_by  int REFERENCES staff (id)
);
CREATE INDEX silence_patient ON silence (patient_id, ends_at);

-- The ledger: every alert that was not shown or not sent, why, who answers for it, and when that ends (I9).
CREATE TABLE suppression (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id   bigint NOT NULL REFERENCES alert (id),
    patient_id int NOT NULL REFERENCES patient (id),
    what       text NOT NULL CHECK (what IN ('shown', 'sent')),
    kind       text NOT NULL,
    reason     text NOT NULL,
    owner_id   int REFERENCES staff (id),
    owner      text NOT NULL,
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz,
    ended_at   timestamptz,
    ended_how  text
);
COMMENT ON COLUMN suppression.what IS 'what did not happen: it was not shown on the worklist, or nobody was sent it';
COMMENT ON COLUMN suppression.owner IS 'who answers for it: a person''s name, or the rule or part of Wardlight that did it';
CREATE INDEX suppression_open ON suppression (starts_at) WHERE ended_at IS NULL;
CREATE INDEX suppression_alert ON suppression (alert_id);

-- A page that is held while the patient rests and measures again; due_at is a timer (I10).
CREATE TABLE recheck (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id   bigint NOT NULL REFERENCES alert (id),
    patient_id int NOT NULL REFERENCES patient (id),
    vital      text NOT NULL,
    asked_at   timestamptz NOT NULL,
    due_at     timestamptz NOT NULL,
    ended_at   timestamptz,
    outcome    text CHECK (outcome IN ('cleared', 'confirmed', 'worse', 'second vital', 'no reply', 'acknowledged', 'closed'))
);
CREATE UNIQUE INDEX recheck_open ON recheck (alert_id) WHERE ended_at IS NULL;
CREATE INDEX recheck_due ON recheck (due_at) WHERE ended_at IS NULL;
CREATE INDEX recheck_patient ON recheck (patient_id) WHERE ended_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON silence, suppression, recheck TO wardlight_app;
