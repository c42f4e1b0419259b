-- name: enrolments
SELECT e.public_id, e.patient_id, e.programme, e.template, lower(e.during) AS starts_at, upper(e.during) AS ends_at,
       s.name AS enrolled_by, e.reason, x.name AS ended_by, e.ended_reason
FROM enrolment AS e LEFT JOIN staff AS s ON s.id = e.enrolled_by LEFT JOIN staff AS x ON x.id = e.ended_by
WHERE e.patient_id = %(patient_id)s
ORDER BY upper_inf(e.during) DESC, lower(e.during) DESC, e.id DESC

-- name: add_enrolment
INSERT INTO enrolment (patient_id, programme, template, during, enrolled_by, reason, created_at)
VALUES (%(patient_id)s, %(programme)s, %(template)s, tstzrange(%(now)s, NULL), %(by)s, %(reason)s, %(now)s)
ON CONFLICT (patient_id, programme) WHERE upper_inf(during) DO NOTHING
RETURNING public_id

-- name: end_enrolment
-- one that began in this very moment is ended a moment later: no row is ever empty
UPDATE enrolment
SET during = tstzrange(lower(during), greatest(%(now)s, lower(during) + interval '1 microsecond')), ended_by = %(by)s,
    ended_reason = %(reason)s
WHERE patient_id = %(patient_id)s AND programme = %(programme)s AND upper_inf(during)
RETURNING public_id

-- name: lasting_programmes
SELECT unnest(programmes) FROM patient WHERE id = %(patient_id)s

-- name: name_programme
-- patient.programmes is what rules select by
UPDATE patient SET programmes = programmes || %(programme)s::text
WHERE id = %(patient_id)s AND NOT programmes @> ARRAY[%(programme)s::text]

-- name: unname_programme
UPDATE patient SET programmes = array_remove(programmes, %(programme)s::text)
WHERE id = %(patient_id)s AND programmes @> ARRAY[%(programme)s::text]
RETURNING id

-- name: limits
SELECT l.public_id, l.patient_id, l.rule, l."limit", lower(l.during) AS starts_at, upper(l.during) AS ends_at, l.is_loosening,
       l.set_by AS set_by_id, s.name AS set_by, s.role, l.reason, x.name AS ended_by, l.ended_reason
FROM patient_limit AS l JOIN staff AS s ON s.id = l.set_by LEFT JOIN staff AS x ON x.id = l.ended_by
WHERE l.patient_id = %(patient_id)s
ORDER BY l.id DESC

-- name: add_limit
INSERT INTO patient_limit (patient_id, rule, "limit", during, is_loosening, set_by, reason, created_at)
VALUES (%(patient_id)s, %(rule)s, %(limit)s, tstzrange(%(now)s, %(until)s), %(is_loosening)s, %(by)s, %(reason)s, %(now)s)
RETURNING public_id

-- name: end_limits
-- those of a rule that hold now or would later; `but` is the one that takes their place
UPDATE patient_limit
SET during = tstzrange(lower(during), greatest(%(now)s, lower(during) + interval '1 microsecond')), ended_by = %(by)s,
    ended_reason = %(reason)s
WHERE patient_id = %(patient_id)s AND rule = %(rule)s AND coalesce(upper(during), 'infinity') > %(now)s
    AND public_id <> %(but)s
RETURNING public_id

-- name: references
SELECT r.public_id, r.patient_id, r.name, r.value, lower(r.during) AS starts_at, upper(r.during) AS ends_at, s.name AS set_by,
       r.reason, x.name AS ended_by, r.ended_reason
FROM patient_reference AS r JOIN staff AS s ON s.id = r.set_by LEFT JOIN staff AS x ON x.id = r.ended_by
WHERE r.patient_id = %(patient_id)s
ORDER BY r.id DESC

-- name: add_reference
INSERT INTO patient_reference (patient_id, name, value, during, set_by, reason, created_at)
VALUES (%(patient_id)s, %(name)s, %(value)s, tstzrange(%(now)s, NULL), %(by)s, %(reason)s, %(now)s)
RETURNING public_id

-- name: end_references
UPDATE patient_reference
SET during = tstzrange(lower(during), greatest(%(now)s, lower(during) + interval '1 microsecond')), ended_by = %(by)s,
    ended_reason = %(reason)s
WHERE patient_id = %(patient_id)s AND name = %(name)s AND coalesce(upper(during), 'infinity') > %(now)s
    AND public_id <> %(but)s
RETURNING public_id

-- name: schedules
SELECT c.public_id, c.patient_id, c.measure, c.every, (SELECT coalesce(array_agg(to_char(one, 'HH24:MI') ORDER BY one), '{}') FROM unnest(c.times) AS one) AS at, c.programme, lower(c.during) AS starts_at,
       upper(c.during) AS ends_at, s.name AS set_by, c.reason
FROM schedule AS c LEFT JOIN staff AS s ON s.id = c.set_by
WHERE c.patient_id = %(patient_id)s
ORDER BY c.measure, lower(c.during), c.id

-- name: add_schedules
-- from a template; what was agreed with the patient stays as it is
INSERT INTO schedule (patient_id, measure, every, times, during, programme, set_by, reason, created_at)
SELECT %(patient_id)s, new.measure, new.every, new.times::time[], tstzrange(%(now)s, NULL), %(programme)s, %(by)s, %(reason)s, %(now)s
FROM unnest(%(measure)s::text[], %(every)s::interval[], %(times)s::text[]) AS new (measure, every, times)
WHERE NOT EXISTS (
    SELECT FROM schedule AS own
    WHERE own.patient_id = %(patient_id)s AND own.measure = new.measure AND own.programme IS NULL AND upper_inf(own.during))
ON CONFLICT DO NOTHING

-- name: add_own_schedule
INSERT INTO schedule (patient_id, measure, every, times, during, set_by, reason, created_at)
VALUES (%(patient_id)s, %(measure)s, %(every)s, %(times)s::text[]::time[], tstzrange(%(now)s, NULL), %(by)s, %(reason)s, %(now)s)
RETURNING public_id

-- name: end_schedules
-- of a measure, of a programme, or all of them
UPDATE schedule
SET during = tstzrange(lower(during), greatest(%(now)s, lower(during) + interval '1 microsecond')), ended_by = %(by)s,
    ended_reason = %(reason)s
WHERE patient_id = %(patient_id)s AND upper_inf(during)
    AND (%(measure)s::text IS NULL OR measure = %(measure)s) AND (%(programme)s::text IS NULL OR programme = %(programme)s)
RETURNING public_id

-- name: pauses
SELECT p.public_id, p.patient_id, p.why, lower(p.during) AS starts_at, upper(p.during) AS ends_at, s.name AS set_by, p.note,
       p.ended_how, x.name AS ended_by
FROM pause AS p LEFT JOIN staff AS s ON s.id = p.set_by LEFT JOIN staff AS x ON x.id = p.ended_by
WHERE p.patient_id = %(patient_id)s
ORDER BY lower(p.during) DESC, p.id DESC

-- name: add_pause
INSERT INTO pause (patient_id, why, during, set_by, note, created_at)
VALUES (%(patient_id)s, %(why)s, tstzrange(%(starts_at)s, %(until)s), %(by)s, %(note)s, %(now)s)
RETURNING public_id

-- name: end_pause
UPDATE pause
SET during = tstzrange(lower(during), greatest(%(now)s, lower(during) + interval '1 microsecond')), ended_how = 'person', ended_by = %(by)s
WHERE patient_id = %(patient_id)s AND public_id = %(public_id)s AND upper(during) > %(now)s
RETURNING public_id

-- name: end_pauses_by_readings
-- whoever measures is at home: the pause ends with that reading, in favour of being watched
UPDATE pause
SET during = tstzrange(lower(pause.during), heard.at), ended_how = 'reading'
FROM pause AS p CROSS JOIN LATERAL (
    SELECT min(m.measured_at) AS at FROM measurement AS m
    WHERE m.patient_id = p.patient_id AND m.measured_at > lower(p.during) AND m.measured_at < upper(p.during)
        AND m.measured_at > p.created_at AND m.source IN (0, 1)
) AS heard
WHERE p.id = pause.id AND upper(p.during) > %(now)s AND lower(p.during) <= %(now)s AND heard.at IS NOT NULL
RETURNING pause.patient_id

-- name: set_status
UPDATE patient SET status = %(status)s WHERE id = %(patient_id)s AND status <> %(status)s RETURNING id

-- name: add_status
INSERT INTO patient_status (patient_id, status, set_by, reason, created_at)
VALUES (%(patient_id)s, %(status)s, %(by)s, %(reason)s, %(now)s)

-- name: end_pauses
UPDATE pause
SET during = tstzrange(lower(during), greatest(%(now)s, lower(during) + interval '1 microsecond')), ended_how = 'person', ended_by = %(by)s
WHERE patient_id = %(patient_id)s AND upper(during) > %(now)s

-- name: usual
-- what is usual for a patient: the middle of lately's clean readings of a vital, and how many there are
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY value), count(*)
FROM (
    SELECT (ARRAY[m.heart_rate, m.spo2, m.respiratory_rate, m.body_temperature, m.systolic_bp, m.diastolic_bp, m.body_weight,
                  m.blood_glucose, m.cgm_glucose, m.peak_flow, m.fev1, m.fvc, m.oxygen_flow, m.steps])[%(vital)s + 1]::float8 AS value
    FROM measurement AS m
    WHERE m.patient_id = %(patient_id)s AND m.measured_at >= %(since)s AND m.suspect & (1 << %(vital)s) = 0
) AS lately
WHERE value IS NOT NULL

-- name: measured_days
-- patient-local days with an accepted device reading, by vital
SELECT DISTINCT wanted.vital, (m.measured_at AT TIME ZONE %(zone)s)::date
FROM measurement AS m
CROSS JOIN unnest(%(vitals)s::int[]) AS wanted (vital)
WHERE m.patient_id = %(patient_id)s AND m.measured_at >= %(since)s AND m.source = 0
    AND (ARRAY[m.heart_rate, m.spo2, m.respiratory_rate, m.body_temperature, m.systolic_bp, m.diastolic_bp, m.body_weight,
               m.blood_glucose, m.cgm_glucose, m.peak_flow, m.fev1, m.fvc, m.oxygen_flow, m.steps])[wanted.vital + 1] IS NOT NULL
    AND m.suspect & (1 << wanted.vital) = 0
    AND NOT EXISTS (
        SELECT FROM correction AS c
        WHERE c.device_id = m.device_id AND c.device_time = m.device_time AND c.seq = m.seq AND c.boot = m.boot
            AND c.vital = wanted.vital AND c.undone_at IS NULL)

-- name: pressures
-- clean readings of both pressures; 48 is the two bits
SELECT m.measured_at AS at, m.systolic_bp::float8 AS systolic, m.diastolic_bp::float8 AS diastolic
FROM measurement AS m
WHERE m.patient_id = %(patient_id)s AND m.measured_at >= %(since)s AND m.systolic_bp IS NOT NULL AND m.diastolic_bp IS NOT NULL
    AND m.suspect & 48 = 0
    AND NOT EXISTS (
        SELECT FROM correction AS c
        WHERE c.device_id = m.device_id AND c.device_time = m.device_time AND c.seq = m.seq AND c.boot = m.boot
            AND c.vital IN (4, 5) AND c.undone_at IS NULL)
ORDER BY m.measured_at

-- name: sensor_glucose
SELECT (extract(epoch FROM m.measured_at) * 1000000)::bigint, m.cgm_glucose::float8
FROM measurement AS m
WHERE m.patient_id = %(patient_id)s AND m.measured_at >= %(since)s AND m.measured_at <= %(now)s AND m.cgm_glucose IS NOT NULL
    AND m.suspect & 256 = 0
    AND NOT EXISTS (
        SELECT FROM correction AS c
        WHERE c.device_id = m.device_id AND c.device_time = m.device_time AND c.seq = m.seq AND c.boot = m.boot
            AND c.vital = 8 AND c.undone_at IS NULL)
