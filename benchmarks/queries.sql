-- name: seed
WITH named AS (SELECT name, place FROM unnest(%(names)s::text[]) WITH ORDINALITY AS named (name, place)),
     people AS (
         INSERT INTO patient (record_number, name, birth_date, programmes, is_synthetic)
         SELECT 'B' || lpad(place::text, 5, '0'), 'Patient ' || place, '1950-01-01', %(programmes)s::text[], true FROM named ORDER BY place
         RETURNING id, record_number),
     things AS (
         INSERT INTO device (public_id, kind, expected_every) SELECT name, 'hub', '1 day' FROM named ORDER BY place
         RETURNING id, public_id)
INSERT INTO assignment (device_id, patient_id, during)
SELECT things.id, people.id, tstzrange(now() - interval '30 days', NULL)
FROM named JOIN things ON things.public_id = named.name JOIN people ON people.record_number = 'B' || lpad(named.place::text, 5, '0')

-- name: settle
ANALYZE

-- name: empty
TRUNCATE measurement

-- name: committed
SELECT count(*), coalesce(sum(seq), 0)::bigint, (SELECT coalesce(sum(readings_duplicate), 0)::bigint FROM device_state),
       (SELECT count(*) FROM quarantine), coalesce(extract(epoch FROM max(pg_xact_commit_timestamp(xmin)))::float8, 0)
FROM measurement WHERE boot = %(boot)s

-- name: tallied
SELECT coalesce(sum(seq), 0)::bigint FROM device_state

-- name: lag
SELECT (percentile_disc(0.5) WITHIN GROUP (ORDER BY lag))::float8, (percentile_disc(0.99) WITHIN GROUP (ORDER BY lag))::float8
FROM (
    SELECT 1000 * extract(epoch FROM pg_xact_commit_timestamp(xmin) - measured_at) AS lag
    FROM measurement WHERE boot = %(boot)s AND seq >= %(first_seq)s
) AS steady

-- name: copy_out
COPY measurement TO STDOUT (FORMAT BINARY)

-- name: copy_in
COPY measurement FROM STDIN (FORMAT BINARY)

-- name: version
SELECT current_setting('server_version')

-- name: patients_of
SELECT device.public_id, patient.public_id
FROM assignment JOIN device ON device.id = device_id JOIN patient ON patient.id = patient_id
WHERE device.public_id = ANY(%(names)s)

-- name: add_staff
INSERT INTO staff (email, name, role)
SELECT 'watcher' || number || '@bench.invalid', 'Watcher ' || number, 'coordinator' FROM generate_series(1, %(count)s) AS number
RETURNING id
