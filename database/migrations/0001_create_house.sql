-- The first schema. Times are timestamptz; integer keys stay inside, random_id() values are what the outside sees.
-- The runner executes this as wardlight_owner; wardlight_app is what every process runs as and is granted only what it needs.

CREATE FUNCTION random_id() RETURNS text LANGUAGE sql VOLATILE AS
$$ SELECT left(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 24) $$;

-- care: people ---------------------------------------------------------------------------------------------------

CREATE TABLE staff (
    id            int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id     text NOT NULL UNIQUE DEFAULT random_id(),
    email         text NOT NULL,
    name          text NOT NULL,
    role          text NOT NULL CHECK (role IN ('administrator', 'coordinator')),
    password_hash text,
    zone          text NOT NULL DEFAULT 'UTC',
    units         text NOT NULL DEFAULT 'metric' CHECK (units IN ('metric', 'us')),
    glucose_unit  text NOT NULL DEFAULT 'mg/dL' CHECK (glucose_unit IN ('mg/dL', 'mmol/L')),
    disabled_at   timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX staff_email ON staff (lower(email));

CREATE TABLE patient (
    id               int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id        text NOT NULL UNIQUE DEFAULT random_id(),
    record_number    text NOT NULL UNIQUE,
    name             text NOT NULL,
    birth_date       date,
    sex              text NOT NULL DEFAULT 'unknown' CHECK (sex IN ('female', 'male', 'other', 'unknown')),
    programmes       text[] NOT NULL DEFAULT '{}',
    coordinator_id   int REFERENCES staff (id),
    emergency_number text NOT NULL DEFAULT '',
    address          text NOT NULL DEFAULT '',
    access_note      text NOT NULL DEFAULT '',
    is_synthetic     boolean NOT NULL DEFAULT false,
    created_at       timestamptz NOT NULL DEFAULT now()
);

-- messaging: how a patient is reached; patients are known by id only ----------------------------------------------

CREATE TABLE contact (
    patient_id   int PRIMARY KEY REFERENCES patient (id),
    phone        text,
    language     text NOT NULL DEFAULT 'en',
    contact_mode text NOT NULL DEFAULT 'call' CHECK (contact_mode IN ('call', 'text', 'call_or_text', 'none')),
    zone         text NOT NULL DEFAULT 'UTC'
);

-- One planned notice. Withheld ones are rows too: every row says why it was sent or not (I9).
CREATE TABLE outbox (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id      bigint,
    channel       text NOT NULL,
    recipient     text NOT NULL,
    body          text NOT NULL,
    state         text NOT NULL CHECK (state IN ('pending', 'delivered', 'withheld', 'dead')),
    reason        text NOT NULL,
    attempts      smallint NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL,
    claimed_until timestamptz,
    finished_at   timestamptz,
    error         text,
    created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_due ON outbox (due_at) WHERE state = 'pending';

-- devices: what measures, for whom, and what it measured ----------------------------------------------------------

CREATE TABLE device (
    id             int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id      text NOT NULL UNIQUE,
    kind           text NOT NULL,
    model          text NOT NULL DEFAULT '',
    codec          text NOT NULL DEFAULT 'native',
    expected_every interval,
    created_at     timestamptz NOT NULL DEFAULT now(),
    revoked_at     timestamptz
);
COMMENT ON COLUMN device.public_id IS 'MQTT username and client id';
COMMENT ON COLUMN device.expected_every IS 'its schedule: how often a reading is due; null is never called silent';

CREATE TABLE assignment (
    id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   text NOT NULL UNIQUE DEFAULT random_id(),
    device_id   int NOT NULL REFERENCES device (id),
    user_slot   smallint CHECK (user_slot BETWEEN 0 AND 99),
    patient_id  int NOT NULL REFERENCES patient (id),
    during      tstzrange NOT NULL CHECK (NOT isempty(during)),
    assigned_by int REFERENCES staff (id),
    created_at  timestamptz NOT NULL DEFAULT now(),
    -- no two patients on one slot of one device at one time; the slot without a number is −1
    CONSTRAINT assignment_overlap EXCLUDE USING gist (
        int8range(device_id::bigint * 128 + coalesce(user_slot, -1) + 1,
                  device_id::bigint * 128 + coalesce(user_slot, -1) + 1, '[]') WITH &&,
        during WITH &&)
);
CREATE INDEX assignment_device ON assignment (device_id);
CREATE INDEX assignment_patient ON assignment (patient_id);

-- The row that a batch locks for a device. seq is the contiguous high-water mark of boot; above holds what came past a gap.
CREATE TABLE device_state (
    device_id           int PRIMARY KEY REFERENCES device (id),
    boot                text,
    seq                 bigint NOT NULL DEFAULT 0,
    above               bigint[] NOT NULL DEFAULT '{}',
    last_received_at    timestamptz,
    last_measured_at    timestamptz,
    silent              boolean NOT NULL DEFAULT false,
    online              boolean,
    online_boot         text,
    battery             smallint,
    software            text,
    clock_offset        real,
    readings_stored     bigint NOT NULL DEFAULT 0,
    readings_suspect    bigint NOT NULL DEFAULT 0,
    readings_duplicate  bigint NOT NULL DEFAULT 0,
    readings_quarantined bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
COMMENT ON COLUMN device_state.online_boot IS 'boot of the last online state; a will of another boot is late and ignored';
COMMENT ON COLUMN device_state.clock_offset IS 'seconds the device clock is ahead of ours';

-- Boots other than the one in device_state; a boot seen once is never forgotten.
CREATE TABLE device_boot (
    device_id int NOT NULL REFERENCES device (id),
    boot      text NOT NULL,
    seq       bigint NOT NULL,
    above     bigint[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (device_id, boot)
);

-- Sequence numbers a device gave up on (it advanced "first"); filled ones are shrunk away when they arrive after all.
CREATE TABLE device_gap (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id   int NOT NULL REFERENCES device (id),
    boot        text NOT NULL,
    from_seq    bigint NOT NULL,
    to_seq      bigint NOT NULL,
    recorded_at timestamptz NOT NULL
);
CREATE INDEX device_gap_boot ON device_gap (device_id, boot);

-- One measurement: what one device reported at one time, a nullable column per vital (canonical UCUM unit).
-- device_time is immutable and the partition key; measured_at is the corrected time that rules judge on.
-- (boot, seq): with a device's own sequence, a 31-bit hash of boot (never 0) and seq; else 0 and a content hash.
CREATE TABLE measurement (
    device_time        timestamptz NOT NULL,
    measured_at        timestamptz NOT NULL,
    received_at        timestamptz NOT NULL,
    seq                bigint NOT NULL,
    device_id          int NOT NULL,
    boot               int NOT NULL,
    patient_id         int,
    suspect            int NOT NULL DEFAULT 0,
    heart_rate         real,
    spo2               real,
    respiratory_rate   real,
    body_temperature   real,
    systolic_bp        real,
    diastolic_bp       real,
    body_weight        real,
    blood_glucose      real,
    cgm_glucose        real,
    peak_flow          real,
    fev1               real,
    fvc                real,
    oxygen_flow        real,
    steps              real,
    user_slot          smallint,
    source             smallint NOT NULL DEFAULT 0,
    consciousness      "char",
    flags              text[],
    original           jsonb
);
CREATE UNIQUE INDEX measurement_identity ON measurement (device_id, device_time, seq, boot);
CREATE INDEX measurement_patient ON measurement (patient_id, measured_at);
COMMENT ON COLUMN measurement.suspect IS 'bit n set: the vital with column n in devices/vitals.py is implausible';
COMMENT ON COLUMN measurement.source IS '0 device, 1 patient, 2 staff';
COMMENT ON COLUMN measurement.original IS 'value and unit as sent, where they were converted';

-- The application may fill a value in (a mended reading of a stored measurement), and may never rewrite or empty one.
CREATE FUNCTION keep_measured() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT jsonb_strip_nulls(to_jsonb(OLD) - '{patient_id,suspect}'::text[]) <@ to_jsonb(NEW) THEN
        RAISE EXCEPTION 'a measured value is never rewritten: mark it wrong with a correction'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER measurement_kept BEFORE UPDATE OF heart_rate, spo2, respiratory_rate, body_temperature, systolic_bp, diastolic_bp,
    body_weight, blood_glucose, cgm_glucose, peak_flow, fev1, fvc, oxygen_flow, steps, consciousness
    ON measurement FOR EACH ROW EXECUTE FUNCTION keep_measured();

-- A reading marked wrong by a person: kept, struck through, never judged. Undoing sets undone_at.
CREATE TABLE correction (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id   int NOT NULL,
    device_time timestamptz NOT NULL,
    seq         bigint NOT NULL,
    boot        int NOT NULL,
    vital       smallint NOT NULL,
    patient_id  int NOT NULL REFERENCES patient (id),
    marked_by   int NOT NULL REFERENCES staff (id),
    marked_at   timestamptz NOT NULL,
    reason      text NOT NULL,
    undone_at   timestamptz
);
CREATE UNIQUE INDEX correction_once ON correction (device_id, device_time, seq, boot, vital) WHERE undone_at IS NULL;
CREATE INDEX correction_patient ON correction (patient_id);

-- ingest: what could not be read, and whether our own path was up -------------------------------------------------

CREATE TABLE quarantine (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   text NOT NULL UNIQUE DEFAULT random_id(),
    digest      bytea NOT NULL,
    device_id   int REFERENCES device (id),
    topic       text NOT NULL,
    payload     bytea NOT NULL,
    reason      text NOT NULL,
    detail      text NOT NULL,
    readings    int NOT NULL DEFAULT 0,
    times       int NOT NULL DEFAULT 1,
    received_at timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    settled_at  timestamptz,
    settlement  text
);
CREATE UNIQUE INDEX quarantine_open ON quarantine (digest) WHERE settled_at IS NULL;
CREATE INDEX quarantine_received ON quarantine (received_at);
COMMENT ON COLUMN quarantine.readings IS 'values it holds, 0 where unreadable';

-- Stretches of time in which ingest was connected and caught up. Silence counts only these (I14).
CREATE TABLE path_up (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    started_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL
);

-- alerts: conditions, episodes, and who did what ------------------------------------------------------------------

-- Every set of rules that was ever judged with; states are laid out by it, so another set means a rebuild.
CREATE TABLE ruleset (
    id        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest    text NOT NULL UNIQUE,
    rules     jsonb NOT NULL,
    loaded_at timestamptz NOT NULL
);

-- The row that a batch locks for a patient: all conditions packed (alerts/state.py), and how many measurements they have judged.
CREATE TABLE patient_state (
    patient_id int PRIMARY KEY REFERENCES patient (id),
    version    int NOT NULL DEFAULT 0,
    ruleset_id int,
    judged     bigint NOT NULL DEFAULT 0,
    state      bytea NOT NULL DEFAULT ''
) WITH (fillfactor = 50);

-- Programmes choose the rules, so whoever changes them makes the next judgement a rebuild; nobody has to remember it.
CREATE FUNCTION forget_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE patient_state SET ruleset_id = NULL, version = version + 1 WHERE patient_id = NEW.id;
    RETURN NULL;
END
$$;
CREATE TRIGGER patient_programmes AFTER UPDATE OF programmes ON patient
    FOR EACH ROW WHEN (OLD.programmes IS DISTINCT FROM NEW.programmes) EXECUTE FUNCTION forget_state();
COMMENT ON COLUMN patient_state.ruleset_id IS 'what state is laid out by; null or another one means that it must be rebuilt';

-- One episode. condition and acknowledgement are two facts; closed_at takes it off the worklist.
CREATE TABLE alert (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id       text NOT NULL UNIQUE DEFAULT random_id(),
    patient_id      int NOT NULL REFERENCES patient (id),
    rule            text NOT NULL,
    rule_version    int NOT NULL,
    ruleset_id      int NOT NULL REFERENCES ruleset (id),
    subject         text,
    severity        text NOT NULL CHECK (severity IN ('high', 'medium', 'low')),
    category        text NOT NULL CHECK (category IN ('clinical', 'adherence', 'technical')),
    emergency       boolean NOT NULL DEFAULT false,
    lateness        text NOT NULL CHECK (lateness IN ('live', 'late', 'retrospective')),
    condition       text NOT NULL CHECK (condition IN ('firing', 'resolved')),
    since           timestamptz NOT NULL,
    fired_at        timestamptz NOT NULL,
    opened_at       timestamptz NOT NULL,
    due_at          timestamptz NOT NULL,
    times           int NOT NULL DEFAULT 1,
    resolved_at     timestamptz,
    acknowledged_at timestamptz,
    acknowledged_by int REFERENCES staff (id),
    closed_at       timestamptz,
    closed_by       int REFERENCES staff (id),
    disposition     text,
    reset_at        timestamptz,
    explanation     jsonb NOT NULL
);
COMMENT ON COLUMN alert.subject IS 'a vital or a device public id; null for what concerns the whole patient';
COMMENT ON COLUMN alert.since IS 'measured_at of the first reading for which the condition held';
COMMENT ON COLUMN alert.fired_at IS 'measured_at of the reading that made it fire (silence: the time it was judged)';
COMMENT ON COLUMN alert.due_at IS 'opened_at plus the response target of the rule';
COMMENT ON COLUMN alert.resolved_at IS 'measured_at of the reading that ended the condition (silence: the time it was judged)';
COMMENT ON COLUMN alert.reset_at IS 'set where a person resolved it: the rule starts anew with readings measured after this time';
CREATE UNIQUE INDEX alert_one_open ON alert (patient_id, rule, subject) NULLS NOT DISTINCT WHERE closed_at IS NULL;
CREATE INDEX alert_open ON alert (due_at) WHERE closed_at IS NULL;
CREATE INDEX alert_patient ON alert (patient_id, opened_at);
CREATE INDEX alert_closed ON alert (closed_at) WHERE closed_at IS NOT NULL;
CREATE INDEX alert_reset ON alert (patient_id) WHERE reset_at IS NOT NULL;
ALTER TABLE outbox ADD FOREIGN KEY (alert_id) REFERENCES alert (id);
CREATE INDEX outbox_alert ON outbox (alert_id);

-- What happened to an alert, machine and human: opened, fired again, promoted, resolved, acknowledged, closed, reopened.
CREATE TABLE alert_event (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alert_id bigint NOT NULL REFERENCES alert (id),
    at       timestamptz NOT NULL,
    what     text NOT NULL,
    staff_id int REFERENCES staff (id),
    note     text NOT NULL DEFAULT ''
);
CREATE INDEX alert_event_alert ON alert_event (alert_id, at);

-- A suspect reading that waits for a clean repeat of its vital; due_at is a timer (I10).
CREATE TABLE doubt (
    patient_id  int NOT NULL REFERENCES patient (id),
    vital       smallint NOT NULL,
    measured_at timestamptz NOT NULL,
    value       real NOT NULL,
    device_id   int NOT NULL,
    due_at      timestamptz NOT NULL,
    PRIMARY KEY (patient_id, vital)
);
CREATE INDEX doubt_due ON doubt (due_at);

-- Patients whose newest readings could not be judged because a rule raised; the sweep rebuilds them.
CREATE TABLE unjudged (
    patient_id  int PRIMARY KEY REFERENCES patient (id),
    reason      text NOT NULL,
    recorded_at timestamptz NOT NULL
);

-- api: who may look, and who looked -------------------------------------------------------------------------------

CREATE TABLE staff_session (
    token_hash bytea PRIMARY KEY,
    staff_id   int NOT NULL REFERENCES staff (id),
    csrf       text NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE TABLE api_token (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE,
    name       text NOT NULL,
    scope      text NOT NULL CHECK (scope IN ('api', 'metrics')),
    staff_id   int REFERENCES staff (id),
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    revoked_at timestamptz
);
CREATE TABLE login_failure (
    id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL,
    at  timestamptz NOT NULL
);
CREATE INDEX login_failure_key ON login_failure (key, at);
CREATE TABLE audit (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at       timestamptz NOT NULL,
    staff_id int,
    action   text NOT NULL,
    object   text NOT NULL,
    detail   jsonb NOT NULL DEFAULT '{}'
);
CREATE TABLE heartbeat (
    process text PRIMARY KEY,
    at      timestamptz NOT NULL,
    detail  jsonb NOT NULL DEFAULT '{}'
);

-- What the application role may do: deny by default, nothing that was measured or done is ever deleted or rewritten.
GRANT USAGE ON SCHEMA public TO wardlight_app;
GRANT SELECT, INSERT, UPDATE ON staff, patient, contact, outbox, device, assignment, device_state, device_boot,
    quarantine, path_up, patient_state, alert, staff_session, api_token, heartbeat, unjudged, doubt, device_gap TO wardlight_app;
GRANT SELECT, INSERT ON measurement, correction, ruleset, alert_event, audit, login_failure TO wardlight_app;
GRANT UPDATE (patient_id, suspect, heart_rate, spo2, respiratory_rate, body_temperature, systolic_bp, diastolic_bp, body_weight,
    blood_glucose, cgm_glucose, peak_flow, fev1, fvc, oxygen_flow, steps, consciousness) ON measurement TO wardlight_app;
GRANT UPDATE (undone_at, patient_id) ON correction TO wardlight_app;
GRANT DELETE ON doubt, unjudged, device_gap, staff_session, login_failure TO wardlight_app;
