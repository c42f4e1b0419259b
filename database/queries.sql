-- name: detect_features
SELECT current_setting('server_version') AS server_version,
       (SELECT extversion FROM pg_extension WHERE extname = 'timescaledb') AS timescaledb_version,
       current_setting('timescaledb.license', true) AS licence

-- name: timescaledb_is_offered
SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')
   AND 'timescaledb' = ANY (string_to_array(replace(current_setting('shared_preload_libraries', true), ' ', ''), ','))

-- name: create_timescaledb
CREATE EXTENSION IF NOT EXISTS timescaledb

-- name: find_roles
SELECT rolname FROM pg_roles WHERE rolname IN ('wardlight_owner', 'wardlight_app')

-- name: create_owner_role
-- LOGIN without a password: nobody can log in, but TimescaleDB starts the jobs of a table only as an owner that may.
CREATE ROLE wardlight_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE

-- name: create_app_role
CREATE ROLE wardlight_app NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE

-- name: may_become
SELECT pg_has_role(current_user, %(role)s, 'SET')

-- name: join_owner
GRANT wardlight_owner TO CURRENT_USER

-- name: join_app
GRANT wardlight_app TO CURRENT_USER

-- name: open_schema
GRANT CREATE, USAGE ON SCHEMA public TO wardlight_owner

-- name: close_schema
REVOKE CREATE ON SCHEMA public FROM PUBLIC

-- name: become_owner
SET ROLE wardlight_owner

-- name: lock_migrations
SELECT pg_advisory_lock(hashtext('wardlight migrations'))

-- name: unlock_migrations
SELECT pg_advisory_unlock(hashtext('wardlight migrations'))

-- name: set_lock_timeout
SELECT set_config('lock_timeout', %(milliseconds)s::text, false)

-- name: create_record
CREATE TABLE IF NOT EXISTS schema_migration (
    name       text PRIMARY KEY,
    checksum   text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)

-- name: show_record
GRANT SELECT ON schema_migration TO wardlight_app

-- name: has_record
SELECT to_regclass('public.schema_migration') IS NOT NULL

-- name: list_applied
SELECT name, checksum FROM schema_migration ORDER BY name

-- name: record_step
INSERT INTO schema_migration (name, checksum) VALUES (%(name)s, %(checksum)s)
ON CONFLICT (name) DO UPDATE SET checksum = excluded.checksum, applied_at = excluded.applied_at

-- name: database_exists
SELECT EXISTS (SELECT FROM pg_database WHERE datname = %(name)s)

-- name: beat
INSERT INTO heartbeat (process, instance, began_at, at, detail, backend)
VALUES (%(process)s, %(instance)s, %(began_at)s, %(now)s, %(detail)s, pg_backend_pid())
ON CONFLICT (process, instance) DO UPDATE
SET at = excluded.at, detail = excluded.detail, backend = excluded.backend, ended_at = NULL

-- name: say_goodbye
UPDATE heartbeat SET at = %(now)s, ended_at = %(now)s, backend = NULL WHERE process = %(process)s AND instance = %(instance)s

-- name: list_heartbeats
-- the connection that wrote it outlives a process that hangs, and ends with one that was killed
SELECT process, instance, began_at, at, ended_at, detail,
       coalesce(backend IN (SELECT pid FROM pg_stat_get_activity(NULL)), false) AS is_connected
FROM heartbeat
WHERE at > %(since)s OR at = (SELECT max(other.at) FROM heartbeat AS other WHERE other.process = heartbeat.process)
ORDER BY process, at DESC

-- name: forget_heartbeats
DELETE FROM heartbeat
WHERE at < %(before)s AND at < (SELECT max(other.at) FROM heartbeat AS other WHERE other.process = heartbeat.process)
