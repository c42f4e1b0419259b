-- Rules changed on the screen: they overlay the rule files for every process, dated, with who and why.

-- What a change would have done, played over stored history. A change goes live from one of these rows and no other way.
CREATE TABLE rule_trial (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id  text NOT NULL UNIQUE DEFAULT random_id(),
    rule       text NOT NULL,
    changes    jsonb NOT NULL,
    source     text NOT NULL,
    against    text NOT NULL,
    days       int NOT NULL,
    figures    jsonb NOT NULL,
    made_by    int NOT NULL REFERENCES staff (id),
    made_at    timestamptz NOT NULL
);
COMMENT ON COLUMN rule_trial.changes IS 'fields as in a rule file';
COMMENT ON COLUMN rule_trial.against IS 'digest of the rule set that was live';

CREATE TABLE rule_edit (
    id           int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    public_id    text NOT NULL UNIQUE DEFAULT random_id(),
    rule         text NOT NULL,
    version      int NOT NULL,
    trial_id     int NOT NULL REFERENCES rule_trial (id),
    reason       text NOT NULL,
    set_by       int NOT NULL REFERENCES staff (id),
    created_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    ended_by     int REFERENCES staff (id),
    ended_reason text,
    UNIQUE (rule, version)
);
CREATE UNIQUE INDEX rule_edit_in_force ON rule_edit (rule) WHERE ended_at IS NULL;

GRANT SELECT, INSERT ON rule_trial, rule_edit TO wardlight_app;
GRANT UPDATE (ended_at, ended_by, ended_reason) ON rule_edit TO wardlight_app;
