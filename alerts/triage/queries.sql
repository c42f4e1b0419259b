-- name: load_people
SELECT patient.id, patient.coordinator_id, coalesce(staff.name, 'no coordinator')
FROM patient LEFT JOIN staff ON staff.id = patient.coordinator_id
WHERE patient.id = ANY(%(patient_ids)s)

-- name: load_names
SELECT id, name FROM staff WHERE id = ANY(%(staff_ids)s)

-- name: silences
-- begins each of the statements that follow it
SELECT silence.public_id, vital, direction, severity, starts_at, ends_at, set_by, staff.name, reason, patient_id, alert_id, ended_at
FROM silence JOIN staff ON staff.id = silence.set_by

-- name: silences_of_patients
WHERE ended_at IS NULL AND patient_id = ANY(%(patient_ids)s)

-- name: silences_in_force
WHERE ended_at IS NULL AND ends_at > %(now)s ORDER BY ends_at

-- name: silence_by_public_id
WHERE silence.public_id = %(public_id)s

-- name: add_silence
INSERT INTO silence (patient_id, alert_id, vital, direction, severity, starts_at, ends_at, set_by, reason)
VALUES (%(patient_id)s, %(alert_id)s, %(vital)s, %(direction)s, %(severity)s, %(now)s, %(ends_at)s, %(staff_id)s, %(reason)s)
RETURNING public_id

-- name: end_silence
UPDATE silence SET ended_at = %(now)s, ended_by = %(staff_id)s WHERE public_id = %(public_id)s AND ended_at IS NULL

-- name: end_silences
-- those whose time is up; the end they were given is the end they had
UPDATE silence SET ended_at = ends_at WHERE ended_at IS NULL AND ends_at <= %(now)s AND patient_id = ANY(%(patient_ids)s)

-- name: load_holds
SELECT patient_id, alert_id, device, asked_at, due_at FROM recheck WHERE ended_at IS NULL AND patient_id = ANY(%(patient_ids)s)

-- name: load_gateways
SELECT device.public_id, gateway.public_id
FROM device JOIN device AS gateway ON gateway.id = device.gateway_id
WHERE device.public_id = ANY(%(devices)s)

-- name: load_devices
-- the device whose reading made an alert fire, if it is there to be told to ask for another
SELECT wanted.alert_id, device.public_id
FROM unnest(%(alert_id)s::bigint[], %(patient_id)s::int[], %(fired_at)s::timestamptz[]) AS wanted (alert_id, patient_id, fired_at)
JOIN measurement AS m ON m.patient_id = wanted.patient_id AND m.measured_at = wanted.fired_at AND m.source = 0
JOIN device ON device.id = m.device_id AND device.codec = 'native' AND device.revoked_at IS NULL
JOIN device_state AS state ON state.device_id = device.id AND state.online
WHERE EXISTS (
    SELECT FROM assignment
    WHERE assignment.device_id = device.id AND assignment.patient_id = wanted.patient_id AND during @> %(now)s::timestamptz)

-- name: load_abnormal
-- what of these patients lately breached a clinical rule: an alert that holds and whose vital was measured since, or one that held
SELECT alert.patient_id, alert.subject, max(coalesce(alert.resolved_at, greatest(alert.fired_at, newest.measured_at)))
FROM alert
LEFT JOIN LATERAL (
    SELECT m.measured_at FROM measurement AS m
    WHERE alert.condition = 'firing' AND m.patient_id = alert.patient_id AND m.measured_at > %(since)s
        AND (ARRAY[m.heart_rate, m.spo2, m.respiratory_rate, m.body_temperature, m.systolic_bp, m.diastolic_bp, m.body_weight,
                   m.blood_glucose, m.cgm_glucose, m.peak_flow, m.fev1, m.fvc, m.oxygen_flow, m.steps])[
            array_position(%(vitals)s::text[], alert.subject)] IS NOT NULL
        AND m.suspect & (1 << array_position(%(vitals)s::text[], alert.subject) - 1) = 0
    ORDER BY m.measured_at DESC LIMIT 1
) AS newest ON true
WHERE alert.patient_id = ANY(%(patient_ids)s) AND alert.category = 'clinical' AND alert.subject = ANY(%(vitals)s)
    AND (alert.closed_at IS NULL OR alert.closed_at > %(since)s) AND alert.explanation ->> 'kind' <> 'doubt'
GROUP BY alert.patient_id, alert.subject

-- name: load_red_flags
SELECT patient_id, max(opened_at)
FROM alert
WHERE patient_id = ANY(%(patient_ids)s) AND opened_at > %(since)s AND explanation ->> 'kind' = 'red_flag'
GROUP BY patient_id

-- name: add_suppressed
INSERT INTO suppression (alert_id, patient_id, what, kind, reason, owner_id, owner, starts_at, ends_at, ended_at, ended_how)
SELECT alert_id, patient_id, what, kind, reason, owner_id, owner, starts_at, ends_at, ended_at, ended_how
FROM ROWS FROM (jsonb_to_recordset(%(rows)s::jsonb)
    AS (alert_id bigint, patient_id int, what text, kind text, reason text, owner_id int, owner text, starts_at timestamptz,
        ends_at timestamptz, ended_at timestamptz, ended_how text))
    WITH ORDINALITY AS new (alert_id, patient_id, what, kind, reason, owner_id, owner, starts_at, ends_at, ended_at, ended_how, place)
ORDER BY place

-- name: end_suppressed
UPDATE suppression SET ended_at = %(now)s, ended_how = ended.how
FROM unnest(%(alert_ids)s::bigint[], %(hows)s::text[]) AS ended (alert_id, how)
WHERE suppression.alert_id = ended.alert_id AND suppression.ended_at IS NULL

-- name: add_holds
INSERT INTO recheck (alert_id, patient_id, vital, device, fired_at, asked_at, due_at)
SELECT alert_id, patient_id, vital, device, fired_at, %(now)s, due_at
FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (alert_id bigint, patient_id int, vital text, device text, fired_at timestamptz,
    due_at timestamptz)
ORDER BY alert_id

-- name: end_holds
UPDATE recheck SET ended_at = %(now)s, outcome = ended.outcome
FROM unnest(%(alert_ids)s::bigint[], %(outcomes)s::text[]) AS ended (alert_id, outcome)
WHERE recheck.alert_id = ended.alert_id AND recheck.ended_at IS NULL

-- name: set_standings
UPDATE alert SET standing = new.standing, standing_until = new.until
FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (id bigint, standing text, until timestamptz)
WHERE alert.id = new.id

-- name: list_replies
-- what came of a vital since its recheck was asked for; never a reading that somebody marked wrong, nor a suspect one
SELECT recheck.alert_id, recheck.asked_at, alert.condition, alert.resolved_at, alert.explanation ->> 'operator',
       (alert.explanation ->> 'limit')::float8, alert.explanation ->> 'kind', reply.measured_at, reply.value
FROM recheck JOIN alert ON alert.id = recheck.alert_id
LEFT JOIN LATERAL (
    SELECT m.measured_at, vitals.value
    FROM measurement AS m
    CROSS JOIN LATERAL (
        SELECT (ARRAY[m.heart_rate, m.spo2, m.respiratory_rate, m.body_temperature, m.systolic_bp, m.diastolic_bp, m.body_weight,
                      m.blood_glucose, m.cgm_glucose, m.peak_flow, m.fev1, m.fvc, m.oxygen_flow, m.steps])[
            array_position(%(vitals)s::text[], recheck.vital)]::float8 AS value
    ) AS vitals
    WHERE m.patient_id = recheck.patient_id AND m.measured_at > recheck.fired_at
        AND vitals.value IS NOT NULL AND m.suspect & (1 << array_position(%(vitals)s::text[], recheck.vital) - 1) = 0
        AND NOT EXISTS (
            SELECT FROM correction AS c
            WHERE c.device_id = m.device_id AND c.device_time = m.device_time AND c.seq = m.seq AND c.boot = m.boot
                AND c.vital = array_position(%(vitals)s::text[], recheck.vital) - 1 AND c.undone_at IS NULL)
    ORDER BY m.measured_at DESC LIMIT 8
) AS reply ON true
WHERE recheck.ended_at IS NULL AND recheck.patient_id = ANY(%(patient_ids)s)
ORDER BY recheck.alert_id, reply.measured_at

-- name: next_due
SELECT least((SELECT min(due_at) FROM recheck WHERE ended_at IS NULL), (SELECT min(ends_at) FROM silence WHERE ended_at IS NULL))

-- name: list_due
SELECT patient_id FROM (
    SELECT patient_id FROM recheck WHERE ended_at IS NULL AND due_at <= %(now)s
    UNION
    SELECT patient_id FROM silence WHERE ended_at IS NULL AND ends_at <= %(now)s
) AS due
ORDER BY patient_id LIMIT %(limit)s

-- name: count_due
SELECT (SELECT count(*) FROM recheck WHERE ended_at IS NULL AND due_at <= %(now)s AND patient_id = ANY(%(patient_ids)s))
     + (SELECT count(*) FROM silence WHERE ended_at IS NULL AND ends_at <= %(now)s AND patient_id = ANY(%(patient_ids)s))

-- name: entries
-- begins each of the statements that follow it
SELECT alert.public_id AS alert, patient.public_id AS patient, suppression.patient_id,
       coalesce(alert.explanation ->> 'title', alert.rule) AS title, alert.severity, alert.emergency, what, kind, suppression.reason,
       suppression.owner, starts_at, ends_at, ended_at, ended_how
FROM suppression JOIN alert ON alert.id = suppression.alert_id JOIN patient ON patient.id = suppression.patient_id

-- name: entries_current
WHERE ended_at IS NULL AND (%(patient_id)s::int IS NULL OR suppression.patient_id = %(patient_id)s)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(alert_id)s::bigint IS NULL OR alert_id = %(alert_id)s)
ORDER BY ends_at NULLS LAST, starts_at DESC, suppression.id DESC LIMIT %(limit)s

-- name: entries_ended
WHERE ended_at >= %(since)s AND (%(patient_id)s::int IS NULL OR suppression.patient_id = %(patient_id)s)
    AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(alert_id)s::bigint IS NULL OR alert_id = %(alert_id)s)
ORDER BY ended_at DESC, suppression.id DESC LIMIT %(limit)s

-- name: count_entries
SELECT kind, count(*) FILTER (WHERE ended_at IS NULL), count(*) FILTER (WHERE ended_at IS NOT NULL)
FROM suppression WHERE ended_at IS NULL OR ended_at >= %(since)s GROUP BY kind
