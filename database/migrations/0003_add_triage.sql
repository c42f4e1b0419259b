-- Triage: what is shown and sent of what fired.

ALTER TABLE alert
    ADD COLUMN direction text CHECK (direction IN ('high', 'low')),
    ADD COLUMN latching boolean NOT NULL DEFAULT false,
    ADD COLUMN worst double precision,
    ADD COLUMN news_at timestamptz,
    ADD COLUMN assigned_to int REFERENCES staff (id),
    ADD COLUMN regressed int NOT NULL DEFAULT 0,
    ADD COLUMN firings timestamptz[] NOT NULL DEFAULT '{}',
    ADD COLUMN flapping_at timestamptz,
    ADD COLUMN standing text NOT NULL DEFAULT 'sent',
    ADD COLUMN standing_until timestamptz,
    ADD COLUMN programmes text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN alert.direction IS 'which way the vital breaches; null where there is no such thing';
COMMENT ON COLUMN alert.latching IS 'stays open after its condition ended until a person acts';
COMMENT ON COLUMN alert.worst IS 'the value that was announced last, in the canonical unit: a further step beyond it is news';
COMMENT ON COLUMN alert.news_at IS 'when it last worsened by its step; silences and acknowledgements from before do not cover it (I13)';
COMMENT ON COLUMN alert.regressed IS 'how often it fired again soon after it had closed, and so was opened again';
COMMENT ON COLUMN alert.firings IS 'measured_at of the last times it fired, oldest first, as far as they count towards flapping';
COMMENT ON COLUMN alert.flapping_at IS 'when it was found to fire and cease too often; held open since then';
COMMENT ON COLUMN alert.standing IS 'sent, or the kind of the suppression that holds now (alerts/triage/decide.py)';
COMMENT ON COLUMN alert.standing_until IS 'when that ends by itself';
COMMENT ON COLUMN alert.programmes IS 'the patient''s programmes when it opened, for scorecards';
CREATE INDEX alert_closed_of_patient ON alert (patient_id, closed_at) WHERE closed_at IS NOT NULL;

-- The gateway that a device is heard through; a silent gateway explains its devices' silence, never the reverse.
ALTER TABLE device ADD COLUMN gateway_id int REFERENCES device (id) CHECK (gateway_id <> id);

-- A person's silence over one vital and direction of one patient: at most a day, visible, ends by itself, and covers only
-- severities up to the one it was set at, never the emergency band.
CREATE TABLE silence (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  text NOT NULL UNIQUE DEFAULT random_id(),
    patient_id int NOT NULL REFERENCES patient (id),
    alert_id   bigint NOT NULL REFERENCES alert (id),
    vital      text NOT NULL,
    direction  text NOT NULL CHECK (direction IN ('high', 'low')),
    severity   text NOT NULL CHECK (severity IN ('high', 'medium', 'low')),
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL CHECK (ends_at > starts_at AND ends_at <= starts_at + interval '24 hours'),
    set_by     int NOT NULL REFERENCES staff (id),
    reason     text NOT NULL,
    ended_at   timestamptz,
    ended_by   int REFERENCES staff (id)
);
COMMENT ON COLUMN silence.alert_id IS 'the alert it was set at';
COMMENT ON COLUMN silence.ended_by IS 'who ended it early, null where its time was up';
CREATE INDEX silence_patient ON silence (patient_id) WHERE ended_at IS NULL;
CREATE INDEX silence_due ON silence (ends_at) WHERE ended_at IS NULL;

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
COMMENT ON COLUMN suppression.what IS 'what did not happen: nobody was sent it, or it was neither shown as a row of its own nor sent';
COMMENT ON COLUMN suppression.owner IS 'who answers for it: a person''s name, or the rule or part of Wardlight that did it';
COMMENT ON COLUMN suppression.ends_at IS 'when it ends by itself; null where something has to happen first, which the reason says';
CREATE INDEX suppression_open ON suppression (alert_id) WHERE ended_at IS NULL;
CREATE INDEX suppression_alert ON suppression (alert_id);
CREATE INDEX suppression_ended ON suppression (ended_at) WHERE ended_at IS NOT NULL;

-- A page that is held while the patient rests and measures again; due_at is a timer (I10).
CREATE TABLE recheck (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id   bigint NOT NULL REFERENCES alert (id),
    patient_id int NOT NULL REFERENCES patient (id),
    vital      text NOT NULL,
    device     text NOT NULL,
    fired_at   timestamptz NOT NULL,
    asked_at   timestamptz NOT NULL,
    due_at     timestamptz NOT NULL,
    ended_at   timestamptz,
    outcome    text CHECK (outcome IN ('cleared', 'confirmed', 'worse', 'second vital', 'red flag', 'no reply', 'acknowledged',
                                       'silenced', 'closed'))
);
COMMENT ON COLUMN recheck.device IS 'public id of the device that was told to ask';
COMMENT ON COLUMN recheck.fired_at IS 'measured_at of the reading that is doubted; later ones answer';
CREATE UNIQUE INDEX recheck_open ON recheck (alert_id) WHERE ended_at IS NULL;
CREATE INDEX recheck_alert ON recheck (alert_id);
CREATE INDEX recheck_due ON recheck (due_at) WHERE ended_at IS NULL;
CREATE INDEX recheck_patient ON recheck (patient_id) WHERE ended_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON silence, suppression, recheck TO wardlight_app;
