-- Programmes, and what is a patient's own: limits, references, schedules and pauses. All of it dated; rows are ended, never
-- rewritten, so that every reading can be judged again by what held when it was measured.

ALTER TABLE staff DROP CONSTRAINT staff_role_check;
ALTER TABLE staff ADD CONSTRAINT staff_role_check CHECK (role IN ('administrator', 'coordinator', 'clinician'));

-- Whether somebody is looked after at all. A person who died, or whose care turned to comfort, is left in peace by one action;
-- patient.status is the newest row of patient_status, written in the same transaction.
ALTER TABLE patient ADD COLUMN status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'hospice', 'deceased'));
CREATE TABLE patient_status (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    patient_id int NOT NULL REFERENCES patient (id),
    status     text NOT NULL CHECK (status IN ('active', 'hospice', 'deceased')),
    set_by     int REFERENCES staff (id),
    reason     text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX patient_status_patient ON patient_status (patient_id);

-- A patient's time in a programme; patient.programmes holds the names of those that last, written in the same transaction.
CREATE TABLE enrolment (
    id           int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id    text NOT NULL UNIQUE DEFAULT random_id(),
    patient_id   int NOT NULL REFERENCES patient (id),
    programme    text NOT NULL,
    template     int NOT NULL,
    during       tstzrange NOT NULL CHECK (NOT isempty(during)),
    enrolled_by  int REFERENCES staff (id),
    reason       text NOT NULL DEFAULT '',
    ended_by     int REFERENCES staff (id),
    ended_reason text,
    created_at   timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN enrolment.template IS 'version of the programme template that was in force; 0 where there is none of that name';
CREATE INDEX enrolment_patient ON enrolment (patient_id);
CREATE UNIQUE INDEX enrolment_once ON enrolment (patient_id, programme) WHERE upper_inf(during);

-- A patient's own limit in the place of a rule's. A reading is judged by the limit whose time it was measured in; of several
-- the one that was set last.
CREATE TABLE patient_limit (
    id           int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id    text NOT NULL UNIQUE DEFAULT random_id(),
    patient_id   int NOT NULL REFERENCES patient (id),
    rule         text NOT NULL,
    "limit"      real NOT NULL,
    during       tstzrange NOT NULL CHECK (NOT isempty(during)),
    is_loosening boolean NOT NULL,
    set_by       int NOT NULL REFERENCES staff (id),
    reason       text NOT NULL,
    created_at   timestamptz NOT NULL,
    ended_by     int REFERENCES staff (id),
    ended_reason text,
    -- loosening is an order with an end
    CONSTRAINT patient_limit_end CHECK (NOT is_loosening OR NOT upper_inf(during))
);
CREATE INDEX patient_limit_patient ON patient_limit (patient_id);

-- A number about a patient that rules refer to and no baseline moves.
CREATE TABLE patient_reference (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  text NOT NULL UNIQUE DEFAULT random_id(),
    patient_id int NOT NULL REFERENCES patient (id),
    name       text NOT NULL CHECK (name IN ('dry_weight', 'spo2_scale')),
    value      real NOT NULL,
    during     tstzrange NOT NULL CHECK (NOT isempty(during)),
    set_by     int NOT NULL REFERENCES staff (id),
    reason     text NOT NULL,
    created_at timestamptz NOT NULL,
    ended_by   int REFERENCES staff (id),
    ended_reason text
);
COMMENT ON COLUMN patient_reference.name IS 'dry_weight in kg; spo2_scale is the NEWS2 scale, 2 only on a clinician''s order';
CREATE INDEX patient_reference_patient ON patient_reference (patient_id);

-- How often a patient is asked to measure something.
CREATE TABLE schedule (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  text NOT NULL UNIQUE DEFAULT random_id(),
    patient_id int NOT NULL REFERENCES patient (id),
    measure    text NOT NULL,
    every      interval NOT NULL CHECK (every > interval '0'),
    during     tstzrange NOT NULL CHECK (NOT isempty(during)),
    programme  text,
    times      time[] NOT NULL DEFAULT '{}',
    set_by     int REFERENCES staff (id),
    reason     text NOT NULL DEFAULT '',
    ended_by   int REFERENCES staff (id),
    ended_reason text,
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON COLUMN schedule.measure IS 'a vital; systolic_bp stands for the whole pressure measurement';
COMMENT ON COLUMN schedule.programme IS 'whose template asks for it; null where it was agreed with this patient, which goes before any';
COMMENT ON COLUMN schedule.times IS 'when in the patient''s day; empty is at any hour';
CREATE INDEX schedule_patient ON schedule (patient_id);
CREATE UNIQUE INDEX schedule_once ON schedule (patient_id, measure, coalesce(programme, '')) WHERE upper_inf(during);

-- A time in which nothing is expected of a patient: in hospital, travelling. It always ends.
CREATE TABLE pause (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  text NOT NULL UNIQUE DEFAULT random_id(),
    patient_id int NOT NULL REFERENCES patient (id),
    why        text NOT NULL CHECK (why IN ('hospital', 'travel', 'other')),
    during     tstzrange NOT NULL CHECK (NOT isempty(during) AND NOT upper_inf(during)),
    set_by     int REFERENCES staff (id),
    note       text NOT NULL DEFAULT '',
    ended_how  text CHECK (ended_how IN ('person', 'reading')),
    ended_by   int REFERENCES staff (id),
    created_at timestamptz NOT NULL
);
CREATE INDEX pause_patient ON pause (patient_id);

-- When the sweep last looked: once in a patient's own day for adherence, every quarter of an hour for devices.
CREATE TABLE adherence_check (
    patient_id int PRIMARY KEY REFERENCES patient (id),
    judged_on  date NOT NULL
);
CREATE TABLE technical_check (
    device_id int PRIMARY KEY REFERENCES device (id),
    judged_at timestamptz NOT NULL
);

-- What a patient answered, with the score that its questionnaire makes of it. A row is never changed.
CREATE TABLE questionnaire_answer (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id     text NOT NULL UNIQUE DEFAULT random_id(),
    patient_id    int NOT NULL REFERENCES patient (id),
    questionnaire text NOT NULL,
    version       int NOT NULL,
    answered_at   timestamptz NOT NULL,
    received_at   timestamptz NOT NULL,
    score         int NOT NULL,
    red_flags     text[] NOT NULL DEFAULT '{}',
    answers       jsonb NOT NULL,
    recorded_by   int REFERENCES staff (id)
);
COMMENT ON COLUMN questionnaire_answer.answers IS 'points by question';
COMMENT ON COLUMN questionnaire_answer.red_flags IS 'questions whose answer needs a person at once';
COMMENT ON COLUMN questionnaire_answer.recorded_by IS 'who wrote it down; null where the patient answered';
CREATE INDEX questionnaire_answer_patient ON questionnaire_answer (patient_id, answered_at);
CREATE INDEX questionnaire_answer_flagged ON questionnaire_answer (patient_id, answered_at) WHERE red_flags <> '{}';

-- What a worker remembers of a patient's limits and references is wrong from now on; the state itself stays right, since a
-- reading is judged by what held when it was measured. A change that reaches into the past asks for a rebuild.
CREATE FUNCTION doubt_state() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE patient_state
    SET version = version + 1,
        ruleset_id = CASE WHEN lower(NEW.during) < NEW.created_at - interval '1 minute' THEN NULL ELSE ruleset_id END
    WHERE patient_id = NEW.patient_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER patient_limit_changed AFTER INSERT OR UPDATE ON patient_limit FOR EACH ROW EXECUTE FUNCTION doubt_state();
CREATE TRIGGER patient_reference_changed AFTER INSERT OR UPDATE ON patient_reference FOR EACH ROW EXECUTE FUNCTION doubt_state();

GRANT SELECT, INSERT ON enrolment, patient_limit, patient_reference, schedule, pause, questionnaire_answer, patient_status
    TO wardlight_app;
GRANT UPDATE (during, ended_by, ended_reason) ON enrolment, patient_limit, patient_reference, schedule TO wardlight_app;
GRANT UPDATE (during, ended_how, ended_by) ON pause TO wardlight_app;
GRANT SELECT, INSERT, UPDATE ON adherence_check, technical_check TO wardlight_app;
