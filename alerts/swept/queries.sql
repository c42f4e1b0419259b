-- name: list_asked_patients
-- patients above a key of whom something is expected now
SELECT patient.id FROM patient
WHERE patient.id > %(after)s AND patient.status = 'active'
    AND EXISTS (SELECT FROM schedule WHERE schedule.patient_id = patient.id AND schedule.during @> %(now)s::timestamptz)
ORDER BY patient.id
LIMIT %(limit)s

-- name: list_silent_measures
-- What is prescribed and did not come, of patients who are not paused and have no alert open about it. Counted from the last
-- reading, the start of the prescription, the end of a pause, or a person's resolving the last alert; and only time in which
-- our own path was up (I14). Of several prescriptions the patient's own goes first, then the one that asks most often.
WITH asked AS (
    SELECT DISTINCT ON (patient_id, measure) patient_id, measure, every, lower(during) AS since
    FROM schedule
    WHERE patient_id = ANY(%(patient_ids)s) AND during @> %(now)s::timestamptz
    ORDER BY patient_id, measure, programme IS NOT NULL, every
), due AS (
    SELECT asked.*, array_position(%(vitals)s::text[], asked.measure) AS place
    FROM asked
    WHERE asked.since < %(now)s - asked.every * %(least)s
        AND NOT EXISTS (SELECT FROM pause WHERE pause.patient_id = asked.patient_id AND pause.during @> %(now)s::timestamptz)
)
SELECT due.patient_id, due.measure, due.every, last.measured_at, last.device_id, counted.since, counted.span
FROM due
CROSS JOIN LATERAL (
    SELECT max(alert.reset_at) AS reset_at, coalesce(bool_or(alert.closed_at IS NULL), false) AS is_open
    FROM alert
    WHERE alert.patient_id = due.patient_id AND alert.subject = due.measure AND alert.explanation ->> 'kind' = 'silence'
) AS known
LEFT JOIN LATERAL (
    SELECT m.measured_at, m.device_id FROM measurement AS m
    WHERE m.patient_id = due.patient_id AND m.measured_at <= %(now)s AND m.measured_at > %(oldest)s
        AND (ARRAY[m.heart_rate, m.spo2, m.respiratory_rate, m.body_temperature, m.systolic_bp, m.diastolic_bp, m.body_weight,
                   m.blood_glucose, m.cgm_glucose, m.peak_flow, m.fev1, m.fvc, m.oxygen_flow, m.steps])[due.place] IS NOT NULL
    ORDER BY m.measured_at DESC LIMIT 1
) AS last ON NOT known.is_open
CROSS JOIN LATERAL (
    SELECT greatest(due.since, last.measured_at, known.reset_at,
                    (SELECT max(upper(pause.during)) FROM pause
                     WHERE pause.patient_id = due.patient_id AND upper(pause.during) <= %(now)s)) AS since
) AS begun
CROSS JOIN LATERAL (
    SELECT begun.since, coalesce(sum(upper(up) - lower(up)), interval '0') AS span
    FROM unnest((
        SELECT range_agg(tstzrange(greatest(started_at, begun.since), least(seen_at, %(now)s)))
        FROM path_up WHERE seen_at > begun.since AND started_at < %(now)s AND started_at < seen_at
    )) AS up
) AS counted
WHERE NOT known.is_open AND begun.since < %(now)s - due.every * %(least)s AND counted.span > due.every * %(least)s
ORDER BY due.patient_id, due.measure

-- name: list_home_devices
SELECT assignment.patient_id, device.id, device.public_id, device.kind, state.online, state.battery, state.last_received_at,
       device.expected_every
FROM assignment
JOIN device ON device.id = assignment.device_id
LEFT JOIN device_state AS state ON state.device_id = device.id
WHERE assignment.patient_id = ANY(%(patient_ids)s) AND assignment.during @> %(now)s::timestamptz AND device.revoked_at IS NULL
ORDER BY assignment.patient_id, device.id

-- name: list_settled_silences
-- open alerts about a prescribed measure with why their condition is over: it came again, is not asked any more, or paused;
-- a note of adherence is over only where nothing is asked any more
SELECT alert.id, alert.patient_id,
       CASE WHEN patient.status <> 'active' THEN 'nothing is asked of this patient any more'
            WHEN paused.why IS NOT NULL AND alert.explanation ->> 'kind' = 'silence' THEN 'paused: ' || paused.why
            WHEN NOT EXISTS (
                SELECT FROM schedule
                WHERE schedule.patient_id = alert.patient_id AND schedule.measure = alert.subject
                    AND schedule.during @> %(now)s::timestamptz) THEN 'not prescribed any more'
            ELSE 'measured again' END AS note
FROM alert
JOIN patient ON patient.id = alert.patient_id
LEFT JOIN LATERAL (
    SELECT why FROM pause WHERE pause.patient_id = alert.patient_id AND pause.during @> %(now)s::timestamptz LIMIT 1
) AS paused ON true
WHERE alert.closed_at IS NULL AND alert.condition = 'firing' AND alert.explanation ->> 'kind' IN ('silence', 'adherence')
    AND alert.explanation ? 'measure'
    AND (patient.status <> 'active' OR (paused.why IS NOT NULL AND alert.explanation ->> 'kind' = 'silence')
         OR NOT EXISTS (
             SELECT FROM schedule
             WHERE schedule.patient_id = alert.patient_id AND schedule.measure = alert.subject
                 AND schedule.during @> %(now)s::timestamptz)
         OR alert.explanation ->> 'kind' = 'silence' AND EXISTS (
             SELECT FROM measurement AS m
             WHERE m.patient_id = alert.patient_id AND m.measured_at > alert.since AND m.measured_at <= %(now)s
                 AND m.measured_at > %(now)s - make_interval(
                     secs => (alert.explanation ->> 'expected_seconds')::float8 * (alert.explanation ->> 'missed')::float8)
                 AND (ARRAY[m.heart_rate, m.spo2, m.respiratory_rate, m.body_temperature, m.systolic_bp, m.diastolic_bp,
                            m.body_weight, m.blood_glucose, m.cgm_glucose, m.peak_flow, m.fev1, m.fvc, m.oxygen_flow,
                            m.steps])[array_position(%(vitals)s::text[], alert.subject)] IS NOT NULL))
ORDER BY alert.id

-- name: list_paused_device_silences
-- alerts about silent devices of patients of whom nothing is expected now
SELECT alert.id, alert.patient_id,
       CASE WHEN patient.status <> 'active' THEN 'nothing is asked of this patient any more' ELSE 'paused: ' || paused.why END AS note
FROM alert
JOIN patient ON patient.id = alert.patient_id
LEFT JOIN LATERAL (
    SELECT why FROM pause WHERE pause.patient_id = alert.patient_id AND pause.during @> %(now)s::timestamptz LIMIT 1
) AS paused ON true
WHERE alert.closed_at IS NULL AND alert.condition = 'firing' AND alert.explanation ->> 'kind' = 'silence'
    AND NOT alert.explanation ? 'measure' AND (patient.status <> 'active' OR paused.why IS NOT NULL)
ORDER BY alert.id

-- name: lock_devices_of_alerts
SELECT state.device_id FROM device_state AS state
WHERE state.device_id IN (
    SELECT device.id FROM alert JOIN device ON device.public_id = alert.subject WHERE alert.id = ANY(%(alert_ids)s))
ORDER BY state.device_id FOR UPDATE

-- name: list_adherence_due
-- patients whose own day has turned since they were last looked at, with their zone
SELECT patient.id, coalesce(contact.zone, 'UTC')
FROM patient
LEFT JOIN contact ON contact.patient_id = patient.id
LEFT JOIN adherence_check AS seen ON seen.patient_id = patient.id
WHERE patient.id > %(after)s AND patient.status = 'active'
    AND (%(now)s AT TIME ZONE coalesce(contact.zone, 'UTC'))::date > coalesce(seen.judged_on, '-infinity')
    AND EXISTS (SELECT FROM schedule WHERE schedule.patient_id = patient.id AND schedule.during @> %(now)s::timestamptz)
ORDER BY patient.id
LIMIT %(limit)s

-- name: note_adherence_judged
INSERT INTO adherence_check (patient_id, judged_on)
SELECT new.patient_id, new.judged_on FROM unnest(%(patient_id)s::int[], %(judged_on)s::date[]) AS new (patient_id, judged_on)
ORDER BY new.patient_id
ON CONFLICT (patient_id) DO UPDATE SET judged_on = excluded.judged_on

-- name: list_unseen
-- long stretches in which our own path was down, since it first was up
SELECT lower(down), upper(down)
FROM unnest((
    SELECT tstzmultirange(tstzrange(greatest(min(started_at), %(since)s), %(now)s)) - range_agg(tstzrange(started_at, seen_at))
    FROM path_up WHERE started_at < seen_at
)) AS down
WHERE upper(down) - lower(down) >= interval '12 hours' AND upper(down) > %(since)s

-- name: list_last_alerts
-- the newest alert of each (rule, subject) of these patients
SELECT DISTINCT ON (patient_id, rule, subject) id, patient_id, rule, subject, opened_at, closed_at, closed_by IS NOT NULL
FROM alert
WHERE patient_id = ANY(%(patient_ids)s) AND rule = ANY(%(rules)s)
ORDER BY patient_id, rule, subject, id DESC

-- name: list_technical_due
-- devices that measure somebody and were not looked at lately, with whom: of several the one who has it longest
SELECT device.id, device.public_id, device.kind, holder.patient_id, state.battery, state.clock_offset::float8
FROM device
JOIN device_state AS state ON state.device_id = device.id
LEFT JOIN technical_check AS seen ON seen.device_id = device.id
CROSS JOIN LATERAL (
    SELECT assignment.patient_id FROM assignment JOIN patient ON patient.id = assignment.patient_id
        AND patient.status = 'active' AND NOT patient.proves_path
    WHERE assignment.device_id = device.id AND assignment.during @> %(now)s::timestamptz
    ORDER BY lower(assignment.during) NULLS FIRST, assignment.id LIMIT 1
) AS holder
WHERE device.id > %(after)s AND device.revoked_at IS NULL AND coalesce(seen.judged_at, '-infinity') <= %(before)s
ORDER BY device.id
LIMIT %(limit)s

-- name: note_technical_judged
INSERT INTO technical_check (device_id, judged_at)
SELECT id, %(now)s FROM unnest(%(device_ids)s::int[]) AS id ORDER BY id
ON CONFLICT (device_id) DO UPDATE SET judged_at = excluded.judged_at

-- name: count_lost
-- measurements that devices gave up on since then
SELECT device_id, sum(to_seq - from_seq + 1)::float8
FROM device_gap WHERE device_id = ANY(%(device_ids)s) AND recorded_at > %(since)s GROUP BY device_id

-- name: count_suspect
-- measurements of devices since then: all of them, and those with a suspect value
SELECT device_id, count(*)::float8, count(*) FILTER (WHERE suspect <> 0)::float8
FROM measurement WHERE device_id = ANY(%(device_ids)s) AND device_time > %(since)s GROUP BY device_id
