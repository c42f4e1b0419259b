-- name: ensure_ruleset
INSERT INTO ruleset (digest, rules, loaded_at) VALUES (%(digest)s, %(rules)s, now()) ON CONFLICT (digest) DO NOTHING

-- name: find_ruleset
SELECT id FROM ruleset WHERE digest = %(digest)s

-- name: lock_states
SELECT patient_id, version, coalesce(ruleset_id, -1)
FROM patient_state
WHERE patient_id = ANY(%(patient_ids)s)
ORDER BY patient_id
FOR UPDATE

-- name: ensure_states
INSERT INTO patient_state (patient_id)
SELECT id FROM unnest(%(patient_ids)s::int[]) AS id ORDER BY id
ON CONFLICT DO NOTHING

-- name: load_states
SELECT state.patient_id, state.state, patient.programmes, coalesce(contact.zone, 'UTC')
FROM patient_state AS state JOIN patient ON patient.id = state.patient_id LEFT JOIN contact ON contact.patient_id = patient.id
WHERE state.patient_id = ANY(%(patient_ids)s)
ORDER BY state.patient_id

-- name: load_own
-- limits and references that were ever in force, in the order in which they were set: of several the later one counts
SELECT patient_id, is_limit, name, nullif(lower(during), '-infinity'), nullif(upper(during), 'infinity'), value
FROM (
    SELECT patient_id, true AS is_limit, rule AS name, during, "limit"::float8 AS value, id FROM patient_limit
    WHERE patient_id = ANY(%(patient_ids)s) AND NOT isempty(during)
    UNION ALL
    SELECT patient_id, false, name, during, value::float8, id FROM patient_reference
    WHERE patient_id = ANY(%(patient_ids)s) AND NOT isempty(during)
) AS own
ORDER BY patient_id, id

-- name: save_states
UPDATE patient_state AS old
SET version = old.version + 1,
    ruleset_id = nullif(new.ruleset_id, -1),
    judged = CASE WHEN new.is_whole THEN new.judged ELSE old.judged + new.judged END,
    state = substring(new.state FROM 1 FOR new.length)
FROM unnest(%(patient_id)s::int[], %(ruleset_id)s::int[], %(judged)s::bigint[], %(is_whole)s::boolean[], %(state)s::bytea[],
            %(length)s::int[]) AS new (patient_id, ruleset_id, judged, is_whole, state, length)
WHERE old.patient_id = new.patient_id

-- name: load_resets
SELECT patient_id, rule, subject, max(reset_at)
FROM alert
WHERE patient_id = ANY(%(patient_ids)s) AND reset_at IS NOT NULL
GROUP BY patient_id, rule, subject

-- name: list_unjudged
SELECT patient_id FROM unjudged WHERE patient_id = ANY(%(patient_ids)s)

-- name: add_unjudged
INSERT INTO unjudged (patient_id, reason, recorded_at)
SELECT id, %(reason)s, %(now)s FROM unnest(%(patient_ids)s::int[]) AS id ORDER BY id
ON CONFLICT (patient_id) DO UPDATE SET reason = excluded.reason

-- name: drop_unjudged
DELETE FROM unjudged WHERE patient_id = ANY(%(patient_ids)s) RETURNING patient_id

-- name: alerts
-- begins each of the statements that follow it
SELECT id, public_id, patient_id, rule, rule_version, ruleset_id, subject, severity, category, emergency, lateness, condition, since,
       fired_at, opened_at, due_at, times, resolved_at, acknowledged_at, acknowledged_by, closed_at, closed_by, disposition,
       reset_at, direction, latching, worst, news_at, assigned_to, regressed, firings, flapping_at, standing, standing_until,
       explanation
FROM alert

-- name: alerts_to_change
-- the same for statements that lock: of the explanation only the kind and the device, since it never changes
SELECT id, public_id, patient_id, rule, rule_version, ruleset_id, subject, severity, category, emergency, lateness, condition, since,
       fired_at, opened_at, due_at, times, resolved_at, acknowledged_at, acknowledged_by, closed_at, closed_by, disposition,
       reset_at, direction, latching, worst, news_at, assigned_to, regressed, firings, flapping_at, standing, standing_until,
       jsonb_build_object('kind', explanation -> 'kind', 'device', explanation -> 'device') AS explanation
FROM alert

-- name: alert_by_public_id
WHERE public_id = %(public_id)s

-- name: alert_by_public_id_locked
WHERE public_id = %(public_id)s FOR UPDATE

-- name: alerts_by_key_locked
WHERE id = ANY(%(ids)s) ORDER BY id FOR UPDATE

-- name: alerts_open
-- without the synthetic patient's, whom no list shows
WHERE closed_at IS NULL AND patient_id NOT IN (SELECT id FROM patient WHERE proves_path) ORDER BY emergency DESC, due_at, id

-- name: alerts_closed
WHERE closed_at >= %(since)s AND patient_id NOT IN (SELECT id FROM patient WHERE proves_path) ORDER BY closed_at DESC, id DESC LIMIT %(limit)s

-- name: find_synthetic
SELECT id FROM patient WHERE proves_path

-- name: alerts_synthetic
WHERE patient_id = (SELECT id FROM patient WHERE proves_path) ORDER BY opened_at DESC LIMIT %(limit)s

-- name: alerts_open_locked
WHERE closed_at IS NULL AND patient_id = ANY(%(patient_ids)s) AND rule = ANY(%(rules)s) ORDER BY id FOR UPDATE

-- name: alerts_current_locked
-- the open alert of each condition, and where there is none the one that closed last, if that was lately
WHERE id IN (
    SELECT DISTINCT ON (patient_id, rule, subject) id FROM alert
    WHERE patient_id = ANY(%(patient_ids)s) AND rule = ANY(%(rules)s) AND (closed_at IS NULL OR closed_at >= %(since)s)
    ORDER BY patient_id, rule, subject, closed_at DESC NULLS FIRST, id DESC)
ORDER BY id FOR UPDATE

-- name: alerts_open_of_patients_locked
WHERE closed_at IS NULL AND patient_id = ANY(%(patient_ids)s) ORDER BY id FOR UPDATE

-- name: list_promotable
SELECT DISTINCT patient_id
FROM alert
WHERE patient_id = ANY(%(patient_ids)s) AND closed_at IS NULL AND condition = 'firing' AND lateness <> 'live'

-- name: list_covering
-- what a person resolved covers readings up to the newest one they could know of; a closed alert of several episodes does not
-- cover what lies between them, so an episode there is told, at worst once more
SELECT DISTINCT wanted.number
FROM unnest(%(number)s::int[], %(patient_id)s::int[], %(rule)s::text[], %(subject)s::text[], %(since)s::timestamptz[],
            %(until)s::timestamptz[]) AS wanted (number, patient_id, rule, subject, since, until)
JOIN alert ON alert.patient_id = wanted.patient_id AND alert.rule = wanted.rule AND alert.subject IS NOT DISTINCT FROM wanted.subject
    AND alert.since <= wanted.until AND coalesce(least(alert.resolved_at, alert.reset_at), 'infinity') >= wanted.since
    AND (alert.closed_at IS NULL OR alert.times = 1)

-- name: insert_alerts
INSERT INTO alert (public_id, patient_id, rule, rule_version, ruleset_id, subject, severity, category, emergency, lateness, condition,
    since, fired_at, opened_at, due_at, times, resolved_at, closed_at, direction, latching, worst, news_at, regressed, firings,
    flapping_at, explanation, programmes)
SELECT public_id, patient_id, rule, rule_version, ruleset_id, subject, severity, category, emergency, lateness, condition,
    since, fired_at, opened_at, due_at, times, resolved_at, closed_at, direction, latching, worst, news_at, regressed, firings,
    flapping_at, explanation, (SELECT programmes FROM patient WHERE patient.id = new.patient_id)
FROM jsonb_to_recordset(%(alerts)s::jsonb)
    AS new (public_id text, patient_id int, rule text, rule_version int, ruleset_id int, subject text, severity text, category text,
            emergency boolean, lateness text, condition text, since timestamptz, fired_at timestamptz, opened_at timestamptz,
            due_at timestamptz, times int, resolved_at timestamptz, closed_at timestamptz, direction text, latching boolean,
            worst double precision, news_at timestamptz, regressed int, firings timestamptz[], flapping_at timestamptz,
            explanation jsonb)
ON CONFLICT (patient_id, rule, subject) WHERE closed_at IS NULL DO NOTHING
RETURNING public_id, id

-- name: update_alerts
UPDATE alert AS old
SET condition = new.condition, lateness = new.lateness, emergency = new.emergency, due_at = new.due_at, times = new.times,
    resolved_at = new.resolved_at, acknowledged_at = new.acknowledged_at, acknowledged_by = new.acknowledged_by,
    closed_at = new.closed_at, closed_by = new.closed_by, disposition = new.disposition, reset_at = new.reset_at,
    latching = new.latching, worst = new.worst, news_at = new.news_at, assigned_to = new.assigned_to, regressed = new.regressed,
    firings = new.firings, flapping_at = new.flapping_at
FROM jsonb_to_recordset(%(alerts)s::jsonb)
    AS new (id bigint, condition text, lateness text, emergency boolean, due_at timestamptz, times int, resolved_at timestamptz,
            acknowledged_at timestamptz, acknowledged_by int, closed_at timestamptz, closed_by int, disposition text,
            reset_at timestamptz, latching boolean, worst double precision, news_at timestamptz, assigned_to int, regressed int,
            firings timestamptz[], flapping_at timestamptz)
WHERE old.id = new.id

-- name: add_events
INSERT INTO alert_event (alert_id, at, what, staff_id, note)
SELECT alert_id, %(now)s, what, %(staff_id)s, note
FROM ROWS FROM (jsonb_to_recordset(%(events)s::jsonb) AS (alert_id bigint, what text, note text))
    WITH ORDINALITY AS new (alert_id, what, note, place)
ORDER BY place

-- name: notify
SELECT pg_notify('alert_changed', %(payload)s)

-- name: list_events
SELECT event.at, event.what, staff.name AS staff, event.note
FROM alert_event AS event LEFT JOIN staff ON staff.id = event.staff_id
WHERE event.alert_id = %(alert_id)s
ORDER BY event.id

-- name: list_evidence
-- the newest readings of a stretch; suspect ones only where the doubt itself is the matter
SELECT wanted.number, reading.measured_at, reading.received_at, reading.value, device.public_id AS device, reading.source
FROM unnest(%(number)s::int[], %(patient_id)s::int[], %(vital)s::int[], %(since)s::timestamptz[], %(until)s::timestamptz[],
            %(suspect)s::boolean[]) AS wanted (number, patient_id, vital, since, until, suspect)
CROSS JOIN LATERAL (
    SELECT m.measured_at, m.received_at, m.device_id, m.source, vitals.value
    FROM measurement AS m
    CROSS JOIN LATERAL (
        SELECT (ARRAY[m.heart_rate, m.spo2, m.respiratory_rate, m.body_temperature, m.systolic_bp, m.diastolic_bp, m.body_weight,
                      m.blood_glucose, m.cgm_glucose, m.peak_flow, m.fev1, m.fvc, m.oxygen_flow, m.steps])[wanted.vital + 1] AS value
    ) AS vitals
    WHERE m.patient_id = wanted.patient_id AND m.measured_at BETWEEN wanted.since AND wanted.until AND vitals.value IS NOT NULL
        AND (m.suspect & (1 << wanted.vital) <> 0) = wanted.suspect
        AND NOT EXISTS (
            SELECT FROM correction AS c
            WHERE c.device_id = m.device_id AND c.device_time = m.device_time AND c.seq = m.seq AND c.boot = m.boot
                AND c.vital = wanted.vital AND c.undone_at IS NULL)
    ORDER BY m.measured_at DESC, m.device_id DESC, m.seq DESC
    LIMIT 12
) AS reading
JOIN device ON device.id = reading.device_id
ORDER BY wanted.number, reading.measured_at

-- name: list_followed_resets
-- resets after which the very next reading of the vital belongs to a stretch: the condition never went away
SELECT wanted.number, alert.public_id, alert.closed_at, staff.name
FROM unnest(%(number)s::int[], %(patient_id)s::int[], %(rule)s::text[], %(vital)s::int[], %(since)s::timestamptz[])
    AS wanted (number, patient_id, rule, vital, since)
CROSS JOIN LATERAL (
    SELECT public_id, closed_at, closed_by, reset_at FROM alert
    WHERE alert.patient_id = wanted.patient_id AND alert.rule = wanted.rule AND alert.reset_at < wanted.since
    ORDER BY alert.reset_at DESC LIMIT 1
) AS alert
LEFT JOIN staff ON staff.id = alert.closed_by
WHERE NOT EXISTS (
    SELECT FROM measurement AS m
    WHERE m.patient_id = wanted.patient_id AND m.measured_at > alert.reset_at AND m.measured_at < wanted.since
        AND (ARRAY[m.heart_rate, m.spo2, m.respiratory_rate, m.body_temperature, m.systolic_bp, m.diastolic_bp, m.body_weight,
                   m.blood_glucose, m.cgm_glucose, m.peak_flow, m.fev1, m.fvc, m.oxygen_flow, m.steps])[wanted.vital + 1] IS NOT NULL
        AND m.suspect & (1 << wanted.vital) = 0)

-- name: add_doubts
INSERT INTO doubt (patient_id, vital, measured_at, value, device_id, due_at)
SELECT wanted.patient_id, wanted.vital, reading.measured_at, reading.value, reading.device_id, %(due_at)s
FROM unnest(%(patient_id)s::int[], %(vital)s::int[], %(measured_at)s::timestamptz[]) AS wanted (patient_id, vital, measured_at)
CROSS JOIN LATERAL (
    SELECT m.measured_at, m.device_id, (ARRAY[m.heart_rate, m.spo2, m.respiratory_rate, m.body_temperature, m.systolic_bp,
               m.diastolic_bp, m.body_weight, m.blood_glucose, m.cgm_glucose, m.peak_flow, m.fev1, m.fvc, m.oxygen_flow,
               m.steps])[wanted.vital + 1] AS value
    FROM measurement AS m
    WHERE m.patient_id = wanted.patient_id AND m.measured_at = wanted.measured_at AND m.suspect & (1 << wanted.vital) <> 0
    ORDER BY m.device_id, m.seq LIMIT 1
) AS reading
WHERE reading.value IS NOT NULL
ORDER BY wanted.patient_id, wanted.vital
ON CONFLICT (patient_id, vital) DO NOTHING

-- name: drop_doubts
DELETE FROM doubt USING unnest(%(patient_id)s::int[], %(vital)s::int[]) AS lifted (patient_id, vital)
WHERE doubt.patient_id = lifted.patient_id AND doubt.vital = lifted.vital

-- name: list_due_doubts
SELECT DISTINCT patient_id FROM doubt WHERE due_at <= %(now)s ORDER BY patient_id LIMIT %(limit)s

-- name: take_due_doubts
DELETE FROM doubt WHERE patient_id = ANY(%(patient_ids)s) AND due_at <= %(now)s
RETURNING patient_id, vital, measured_at

-- name: list_waiting
SELECT patient_id
FROM patient_state AS state LEFT JOIN unjudged USING (patient_id)
WHERE patient_id > %(after)s
    AND (unjudged.patient_id IS NOT NULL
         OR (state.ruleset_id IS DISTINCT FROM %(ruleset_id)s AND (state.ruleset_id IS NOT NULL OR state.judged > 0)))
ORDER BY patient_id LIMIT %(limit)s

-- name: load_programmes
SELECT id, programmes FROM patient WHERE id = ANY(%(patient_ids)s)

-- name: try_sweep_lock
SELECT pg_try_advisory_xact_lock(hashtextextended('wardlight sweep', 0))

-- name: ensure_expected_devices
-- a device that was assigned and never heard has no state row yet
INSERT INTO device_state (device_id)
SELECT DISTINCT device.id
FROM device JOIN assignment ON assignment.device_id = device.id
WHERE device.expected_every IS NOT NULL AND device.revoked_at IS NULL AND assignment.during @> %(now)s::timestamptz
    AND NOT EXISTS (SELECT FROM device_state WHERE device_state.device_id = device.id)
ORDER BY device.id
ON CONFLICT DO NOTHING

-- name: lock_overdue_devices
-- by the clock alone; a device whose row is locked is being heard just now
SELECT state.device_id
FROM device_state AS state JOIN device ON device.id = state.device_id
WHERE device.revoked_at IS NULL AND device.id > %(after)s
    AND coalesce(state.last_received_at, '-infinity') < %(now)s - device.expected_every * %(least)s
    AND EXISTS (
        SELECT FROM assignment WHERE assignment.device_id = device.id AND assignment.during @> %(now)s::timestamptz)
ORDER BY device.id
LIMIT %(limit)s
FOR UPDATE OF state SKIP LOCKED

-- name: list_silences
-- Silence is counted from the last reading, the start of the assignment, the end of a pause, or a person's resolving the last
-- alert about it; and only the time in which our own path was up (I14). Several workers may be up at once: their times are
-- merged. What a prescription asks of the patient at least as often is judged by that (alerts/swept/measures.py).
SELECT device.id, device.public_id, device.kind, device.expected_every, assignment.patient_id, state.last_received_at,
       counted.since, counted.span
FROM device
JOIN device_state AS state ON state.device_id = device.id
JOIN assignment ON assignment.device_id = device.id AND assignment.during @> %(now)s::timestamptz
CROSS JOIN LATERAL (
    SELECT greatest(lower(assignment.during), state.last_received_at, max(alert.reset_at),
                    (SELECT max(upper(pause.during)) FROM pause
                     WHERE pause.patient_id = assignment.patient_id AND upper(pause.during) <= %(now)s)) AS since,
           coalesce(bool_or(alert.closed_at IS NULL), false) AS is_open
    FROM alert
    WHERE alert.patient_id = assignment.patient_id AND alert.subject = device.public_id AND alert.explanation ->> 'kind' = 'silence'
) AS known
CROSS JOIN LATERAL (
    SELECT known.since, coalesce(sum(upper(up) - lower(up)), interval '0') AS span
    FROM unnest((
        SELECT range_agg(tstzrange(greatest(started_at, known.since), least(seen_at, %(now)s)))
        FROM path_up WHERE seen_at > known.since AND started_at < %(now)s AND started_at < seen_at
    )) AS up
) AS counted
WHERE device.id = ANY(%(device_ids)s) AND NOT known.is_open AND known.since < %(now)s
    AND EXISTS (SELECT FROM patient WHERE patient.id = assignment.patient_id AND patient.status = 'active')
    AND NOT EXISTS (
        SELECT FROM pause WHERE pause.patient_id = assignment.patient_id AND pause.during @> %(now)s::timestamptz)
    AND NOT EXISTS (
        SELECT FROM schedule
        CROSS JOIN LATERAL (
            SELECT to_jsonb(m) AS values FROM measurement AS m
            WHERE m.device_id = device.id AND m.device_time <= %(now)s + interval '1 day'
            ORDER BY m.device_time DESC LIMIT 1
        ) AS newest
        WHERE schedule.patient_id = assignment.patient_id AND schedule.during @> %(now)s::timestamptz
            AND schedule.every <= device.expected_every AND newest.values -> schedule.measure <> 'null')
    AND counted.span > device.expected_every * %(least)s
ORDER BY device.id, assignment.patient_id

-- name: silences_open_locked
WHERE closed_at IS NULL AND explanation ->> 'kind' = 'silence'
    AND subject IN (SELECT public_id FROM device WHERE id = ANY(%(device_ids)s))
ORDER BY id FOR UPDATE

-- name: list_silent_patients
SELECT DISTINCT patient_id FROM alert
WHERE closed_at IS NULL AND explanation ->> 'kind' = 'silence'
    AND subject IN (SELECT public_id FROM device WHERE id = ANY(%(device_ids)s))
ORDER BY patient_id

-- name: mark_silent
UPDATE device_state SET silent = %(is_silent)s WHERE device_id = ANY(%(device_ids)s) AND silent <> %(is_silent)s

-- name: find_newest
SELECT m.measured_at
FROM measurement AS m
WHERE m.patient_id = %(patient_id)s AND (m.suspect & (1 << %(vital)s) <> 0) = %(is_suspect)s
    AND (ARRAY[m.heart_rate, m.spo2, m.respiratory_rate, m.body_temperature, m.systolic_bp, m.diastolic_bp, m.body_weight,
               m.blood_glucose, m.cgm_glucose, m.peak_flow, m.fev1, m.fvc, m.oxygen_flow, m.steps])[%(vital)s + 1] IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM correction AS c
        WHERE c.device_id = m.device_id AND c.device_time = m.device_time AND c.seq = m.seq AND c.boot = m.boot
            AND c.vital = %(vital)s AND c.undone_at IS NULL)
ORDER BY m.measured_at DESC
LIMIT 1

-- name: load_state
SELECT state.state,
       coalesce((SELECT array_agg(rule ->> 'name' ORDER BY place)
                 FROM jsonb_array_elements(ruleset.rules) WITH ORDINALITY AS listed (rule, place)
                 WHERE rule ->> 'kind' = ANY(%(kinds)s)), '{}')
FROM patient_state AS state LEFT JOIN ruleset ON ruleset.id = state.ruleset_id
WHERE state.patient_id = %(patient_id)s

-- name: replace_state
UPDATE patient_state SET state = %(state)s, version = version + 1 WHERE patient_id = %(patient_id)s
