-- Escalation: who is told of an alert, in which order, until when. Deadlines are rows (I10); workers sleep to the next one.

-- care: teams, who is on call, how a member of staff is reached ---------------------------------------------------

CREATE TABLE team (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  text NOT NULL UNIQUE DEFAULT random_id(),
    name       text NOT NULL,
    zone       text NOT NULL DEFAULT 'UTC',
    lead_id    int REFERENCES staff (id),
    phone      text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX team_name ON team (lower(name));
COMMENT ON COLUMN team.zone IS 'IANA zone that its hours and its on-call schedule are said in';
COMMENT ON COLUMN team.phone IS 'what patients are told to call in its hours';

CREATE TABLE team_member (
    id        int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    team_id   int NOT NULL REFERENCES team (id),
    staff_id  int NOT NULL REFERENCES staff (id),
    since     timestamptz NOT NULL,
    added_by  int REFERENCES staff (id),
    left_at   timestamptz,
    ended_by  int REFERENCES staff (id)
);
CREATE UNIQUE INDEX team_member_once ON team_member (team_id, staff_id) WHERE left_at IS NULL;

ALTER TABLE patient ADD COLUMN team_id int REFERENCES team (id);
ALTER TABLE patient ADD COLUMN emergency_contact text NOT NULL DEFAULT '';
COMMENT ON COLUMN patient.emergency_contact IS 'who is called where the patient cannot be reached: name, relation, number';
CREATE INDEX patient_team ON patient (team_id);

-- A weekly window in the team's local time; it ends the next day where ends is not after starts. Layer 0 has nobody in it:
-- those are the hours in which the team's coordinators are at work.
CREATE TABLE on_call_window (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  text NOT NULL UNIQUE DEFAULT random_id(),
    team_id    int NOT NULL REFERENCES team (id),
    layer      smallint NOT NULL CHECK (layer BETWEEN 0 AND 9),
    staff_id   int REFERENCES staff (id),
    weekday    smallint NOT NULL CHECK (weekday BETWEEN 0 AND 6),
    starts     time NOT NULL,
    ends       time NOT NULL,
    from_day   date NOT NULL,
    until_day  date,
    set_by     int REFERENCES staff (id),
    created_at timestamptz NOT NULL,
    ended_by   int REFERENCES staff (id),
    CONSTRAINT on_call_window_person CHECK ((layer = 0) = (staff_id IS NULL)),
    CONSTRAINT on_call_window_days CHECK (until_day IS NULL OR until_day >= from_day)
);
CREATE INDEX on_call_window_team ON on_call_window (team_id);
COMMENT ON COLUMN on_call_window.weekday IS '0 is Monday: the local day on which it starts';
COMMENT ON COLUMN on_call_window.until_day IS 'first local day on which it no longer starts';

-- Somebody else, or nobody, for a stretch of time; the one that was set last wins over others and over windows.
CREATE TABLE on_call_override (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  text NOT NULL UNIQUE DEFAULT random_id(),
    team_id    int NOT NULL REFERENCES team (id),
    layer      smallint NOT NULL CHECK (layer BETWEEN 1 AND 9),
    staff_id   int REFERENCES staff (id),
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL CHECK (ends_at > starts_at),
    reason     text NOT NULL,
    set_by     int REFERENCES staff (id),
    created_at timestamptz NOT NULL,
    removed_at timestamptz,
    removed_by int REFERENCES staff (id)
);
CREATE INDEX on_call_override_team ON on_call_override (team_id, ends_at) WHERE removed_at IS NULL;

-- Versions of a team's ladder: data, the newest holds; a team without one has the shipped one (alerts/escalation/ladder.toml).
CREATE TABLE ladder (
    id      int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    team_id int NOT NULL REFERENCES team (id),
    ladder  jsonb NOT NULL,
    set_by  int REFERENCES staff (id),
    since   timestamptz NOT NULL
);
CREATE INDEX ladder_team ON ladder (team_id, id);

-- Where a member of staff is reached. Nothing is sent to an address whose code nobody has typed in yet, but that code.
CREATE TABLE staff_address (
    id          int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id   text NOT NULL UNIQUE DEFAULT random_id(),
    staff_id    int NOT NULL REFERENCES staff (id),
    channel     text NOT NULL,
    address     text NOT NULL,
    code_hash   bytea NOT NULL,
    tries       smallint NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    verified_at timestamptz,
    removed_at  timestamptz
);
CREATE INDEX staff_address_staff ON staff_address (staff_id) WHERE removed_at IS NULL;

-- messaging: the outbox learns of people and pages ----------------------------------------------------------------

-- One page to one person, about as many alerts as waited for that person in the same moments.
CREATE TABLE page (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  text NOT NULL UNIQUE DEFAULT random_id(),
    staff_id   int NOT NULL REFERENCES staff (id),
    word       text NOT NULL CHECK (word IN ('emergency', 'high', 'medium', 'low')),
    why        text NOT NULL CHECK (why IN ('alert', 'reminder', 'reply', 'exhausted')),
    alerts     int NOT NULL DEFAULT 0,
    patients   int NOT NULL DEFAULT 0,
    send_at    timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX page_staff ON page (staff_id, id);

CREATE TABLE page_alert (
    page_id    bigint NOT NULL REFERENCES page (id),
    alert_id   bigint NOT NULL REFERENCES alert (id),
    patient_id int NOT NULL REFERENCES patient (id),
    at         timestamptz NOT NULL,
    reason     text NOT NULL,
    PRIMARY KEY (page_id, alert_id)
);
CREATE INDEX page_alert_alert ON page_alert (alert_id);

ALTER TABLE outbox
    ADD COLUMN staff_id int REFERENCES staff (id),
    ADD COLUMN page_id bigint REFERENCES page (id),
    ADD COLUMN address text NOT NULL DEFAULT '',
    ADD COLUMN link text NOT NULL DEFAULT '',
    ADD COLUMN followed_at timestamptz,
    DROP CONSTRAINT outbox_state_check,
    ADD CONSTRAINT outbox_state_check CHECK (state IN ('pending', 'delivered', 'withheld', 'merged', 'dead'));
COMMENT ON COLUMN outbox.address IS 'where the channel sends it; never shown';
COMMENT ON COLUMN outbox.link IS 'path in Wardlight that it is about';
COMMENT ON COLUMN outbox.state IS 'merged: part of a page that was sent for another alert too; the receipt is with that row';
COMMENT ON COLUMN outbox.followed_at IS 'when escalation took note that it is dead';
CREATE INDEX outbox_dead ON outbox (finished_at) WHERE state = 'dead';
CREATE INDEX outbox_unfollowed ON outbox (finished_at) WHERE state = 'dead' AND page_id IS NOT NULL AND followed_at IS NULL;
CREATE INDEX outbox_page ON outbox (page_id) WHERE page_id IS NOT NULL;

-- alerts: ladders that are climbed, and what people do on the way --------------------------------------------------

-- The ladder of one alert; due_at is when its next step is taken, null once it has ended.
CREATE TABLE escalation (
    alert_id     bigint PRIMARY KEY REFERENCES alert (id),
    patient_id   int NOT NULL REFERENCES patient (id),
    severity     text NOT NULL CHECK (severity IN ('high', 'medium', 'low')),
    phase        text NOT NULL DEFAULT 'paging' CHECK (phase IN ('paging', 'reminding')),
    step         int NOT NULL DEFAULT 0,
    taken        int NOT NULL DEFAULT 0,
    rounds       int NOT NULL DEFAULT 0,
    due_at       timestamptz,
    reason       text NOT NULL,
    began_at     timestamptz NOT NULL,
    paged_at     timestamptz,
    exhausted_at timestamptz,
    held_until   timestamptz,
    ended_at     timestamptz,
    ended_how    text
);
COMMENT ON COLUMN escalation.reason IS 'why it began, or began again: opened, promoted, worse, …';
COMMENT ON COLUMN escalation.phase IS 'paging: nobody has taken it on; reminding: somebody has, and is asked again where nothing follows';
COMMENT ON COLUMN escalation.taken IS 'how often its step was taken';
COMMENT ON COLUMN escalation.rounds IS 'after its last step: how often everybody was paged; while reminding: how often that was done';
COMMENT ON COLUMN escalation.held_until IS 'nobody is on duty until then, and it need not wake anybody';
CREATE INDEX escalation_due ON escalation (due_at) WHERE ended_at IS NULL;
CREATE INDEX escalation_exhausted ON escalation (exhausted_at) WHERE ended_at IS NULL AND exhausted_at IS NOT NULL;

-- In an unstaffed time a patient is told once that nobody is reading, until when, and whom to call.
CREATE TABLE told_unstaffed (
    patient_id int NOT NULL REFERENCES patient (id),
    until_at   timestamptz NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (patient_id, until_at)
);

-- Attempts to speak with a patient, or with whoever is called in their place.
CREATE TABLE contact_attempt (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  text NOT NULL UNIQUE DEFAULT random_id(),
    patient_id int NOT NULL REFERENCES patient (id),
    alert_id   bigint REFERENCES alert (id),
    whom       text NOT NULL CHECK (whom IN ('patient', 'emergency_contact')),
    how        text NOT NULL CHECK (how IN ('call', 'text', 'video', 'visit')),
    outcome    text NOT NULL CHECK (outcome IN
        ('reached', 'caregiver', 'voicemail', 'no_answer', 'refused', 'in_hospital', 'wrong_number')),
    note       text NOT NULL DEFAULT '',
    staff_id   int NOT NULL REFERENCES staff (id),
    at         timestamptz NOT NULL
);
CREATE INDEX contact_attempt_patient ON contact_attempt (patient_id, at);
CREATE INDEX contact_attempt_alert ON contact_attempt (alert_id);

-- A person's decision whether somebody is sent to look after a patient who cannot be reached.
CREATE TABLE welfare_check (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  text NOT NULL UNIQUE DEFAULT random_id(),
    patient_id int NOT NULL REFERENCES patient (id),
    alert_id   bigint REFERENCES alert (id),
    decision   text NOT NULL CHECK (decision IN ('send', 'do_not_send', 'wait')),
    reason     text NOT NULL,
    staff_id   int NOT NULL REFERENCES staff (id),
    at         timestamptz NOT NULL
);
CREATE INDEX welfare_check_patient ON welfare_check (patient_id, at);

-- What a physician is asked: situation, background, assessment, recommendation, and the clock of the reply (a timer, I10).
CREATE TABLE sbar (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id      text NOT NULL UNIQUE DEFAULT random_id(),
    alert_id       bigint NOT NULL REFERENCES alert (id),
    patient_id     int NOT NULL REFERENCES patient (id),
    asked_by       int NOT NULL REFERENCES staff (id),
    physician_id   int REFERENCES staff (id),
    physician      text NOT NULL,
    situation      text NOT NULL,
    background     text NOT NULL,
    assessment     text NOT NULL,
    recommendation text NOT NULL,
    asked_at       timestamptz NOT NULL,
    reply_within   interval NOT NULL CHECK (reply_within > interval '0'),
    due_at         timestamptz,
    reminded       int NOT NULL DEFAULT 0,
    replied_at     timestamptz,
    reply          text,
    recorded_by    int REFERENCES staff (id)
);
CREATE INDEX sbar_alert ON sbar (alert_id);
CREATE INDEX sbar_due ON sbar (due_at) WHERE due_at IS NOT NULL;

-- An order by word of mouth counts once it was read back.
CREATE TABLE physician_order (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id    text NOT NULL UNIQUE DEFAULT random_id(),
    sbar_id      bigint NOT NULL REFERENCES sbar (id),
    text         text NOT NULL,
    taken_by     int NOT NULL REFERENCES staff (id),
    taken_at     timestamptz NOT NULL,
    read_back_by int REFERENCES staff (id),
    read_back_at timestamptz,
    confirmed_by text
);
CREATE INDEX physician_order_sbar ON physician_order (sbar_id);
COMMENT ON COLUMN physician_order.confirmed_by IS 'who heard it read back and said that it is right';

-- Hand-over item by item: an item stays with whom it was with until the other one accepts it.
CREATE TABLE hand_over (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  text NOT NULL UNIQUE DEFAULT random_id(),
    from_id    int NOT NULL REFERENCES staff (id),
    to_id      int NOT NULL REFERENCES staff (id) CHECK (to_id <> from_id),
    note       text NOT NULL DEFAULT '',
    at         timestamptz NOT NULL
);
CREATE INDEX hand_over_to ON hand_over (to_id, at);
CREATE INDEX hand_over_from ON hand_over (from_id, at);

CREATE TABLE hand_over_item (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id    text NOT NULL UNIQUE DEFAULT random_id(),
    hand_over_id bigint NOT NULL REFERENCES hand_over (id),
    alert_id     bigint NOT NULL REFERENCES alert (id),
    patient_id   int NOT NULL REFERENCES patient (id),
    note         text NOT NULL DEFAULT '',
    state        text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'accepted', 'declined', 'withdrawn')),
    settled_at   timestamptz,
    settled_by   int REFERENCES staff (id),
    answer       text NOT NULL DEFAULT ''
);
CREATE INDEX hand_over_item_of ON hand_over_item (hand_over_id);
CREATE UNIQUE INDEX hand_over_item_pending ON hand_over_item (alert_id) WHERE state = 'pending';

GRANT SELECT, INSERT, UPDATE ON team, team_member, on_call_window, on_call_override, staff_address, page, escalation, sbar,
    physician_order, hand_over_item TO wardlight_app;
GRANT SELECT, INSERT ON ladder, page_alert, told_unstaffed, contact_attempt, welfare_check, hand_over TO wardlight_app;
