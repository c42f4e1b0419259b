-- The watch: every instance of every process, what is wrong and since when, and the synthetic patient who proves the path.

ALTER TABLE heartbeat
    ADD COLUMN instance text NOT NULL DEFAULT '',
    ADD COLUMN began_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN backend int;
ALTER TABLE heartbeat DROP CONSTRAINT heartbeat_pkey;
ALTER TABLE heartbeat ADD PRIMARY KEY (process, instance);
COMMENT ON COLUMN heartbeat.instance IS 'host/process id/chance: one start of one process';
COMMENT ON COLUMN heartbeat.ended_at IS 'set by a process that stopped in order; one that was killed or hangs leaves it null';
COMMENT ON COLUMN heartbeat.backend IS 'process id of the connection that wrote it: while that is there, a silent process hangs';
GRANT DELETE ON heartbeat TO wardlight_app;

-- Something that the watch found wrong. Kept after it ended; ids and counts, never whose.
CREATE TABLE fault (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind     text NOT NULL,
    part     text NOT NULL,
    detail   text NOT NULL,
    since    timestamptz NOT NULL,
    found_at timestamptz NOT NULL,
    seen_at  timestamptz NOT NULL,
    ended_at timestamptz
);
COMMENT ON COLUMN fault.kind IS 'a key of KINDS in api/watch/fault.py';
COMMENT ON COLUMN fault.part IS 'which one: an instance of a process, a broker; empty where there is only one';
COMMENT ON COLUMN fault.seen_at IS 'when the watchdog last found it so';
CREATE UNIQUE INDEX fault_open ON fault (kind, part) WHERE ended_at IS NULL;
CREATE INDEX fault_found ON fault (found_at);
GRANT SELECT, INSERT, UPDATE ON fault TO wardlight_app;

-- The synthetic patient: at most one, shown on no list and counted nowhere. Set at enrolment alone, so that no form can hide a person.
ALTER TABLE patient ADD COLUMN proves_path boolean NOT NULL DEFAULT false;
CREATE UNIQUE INDEX patient_proves_path ON patient (proves_path) WHERE proves_path;

-- A token that sees the synthetic patient's alerts and nothing else.
ALTER TABLE api_token DROP CONSTRAINT api_token_scope_check;
ALTER TABLE api_token ADD CONSTRAINT api_token_scope_check CHECK (scope IN ('api', 'metrics', 'watch'));
