-- name: open_marks
-- one cheap look: which rows of the worklist are new, changed or gone since the last look
SELECT id, xmin::text || ctid::text AS mark FROM alert
WHERE closed_at IS NULL AND patient_id NOT IN (SELECT id FROM patient WHERE proves_path)

-- name: alerts_by_key
SELECT a.id, a.public_id, a.patient_id, a.rule, a.rule_version, a.subject, a.severity, a.category, a.emergency, a.lateness,
       a.condition, a.since, a.fired_at, a.opened_at, a.due_at, a.times, a.resolved_at, a.acknowledged_at,
       k.public_id AS acknowledged_by, k.name AS acknowledged_name, a.closed_at, c.name AS closed_by, a.disposition,
       a.explanation, a.direction, t.public_id AS assigned_to, t.name AS assigned_name, a.regressed, a.flapping_at, a.news_at,
       a.standing, a.standing_until
FROM alert a
LEFT JOIN staff k ON k.id = a.acknowledged_by
LEFT JOIN staff c ON c.id = a.closed_by
LEFT JOIN staff t ON t.id = a.assigned_to
WHERE a.id = ANY (%(ids)s)
ORDER BY a.id

-- name: open_alerts_of
SELECT id FROM alert WHERE patient_id = %(patient_id)s AND closed_at IS NULL

-- name: recent_alerts_of
SELECT id FROM alert WHERE patient_id = %(patient_id)s AND (closed_at IS NULL OR opened_at > %(since)s)
ORDER BY opened_at DESC LIMIT %(limit)s

-- name: cleared
-- clinical alerts that went away by themselves, for the day's list: nobody took them on
SELECT id FROM alert
WHERE closed_at > %(since)s AND closed_by IS NULL AND acknowledged_at IS NULL AND category = 'clinical'
    AND NOT EXISTS (SELECT FROM patient WHERE patient.id = patient_id AND proves_path)
ORDER BY closed_at DESC, id DESC LIMIT %(limit)s

-- name: count_cleared
SELECT count(*) FROM alert
WHERE closed_at > %(since)s AND closed_by IS NULL AND acknowledged_at IS NULL AND category = 'clinical'
    AND NOT EXISTS (SELECT FROM patient WHERE patient.id = patient_id AND proves_path)

-- name: alert_key
SELECT id FROM alert WHERE public_id = %(public_id)s

-- name: people
SELECT p.id, p.public_id, p.name, p.record_number, p.birth_date, p.sex, p.programmes, coalesce(c.zone, 'UTC') AS zone,
       s.public_id AS coordinator, s.name AS coordinator_name
FROM patient p
LEFT JOIN contact c ON c.patient_id = p.id
LEFT JOIN staff s ON s.id = p.coordinator_id
WHERE p.id = ANY (%(ids)s)

-- name: count_patients
SELECT count(*) FROM patient WHERE NOT proves_path

-- name: recent_measurements
-- the newest few of each patient by one index walk, whatever they hold; never a reading that somebody marked wrong
SELECT m.patient_id, extract(epoch FROM m.measured_at)::float8 AS at, m.suspect,
       m.heart_rate, m.spo2, m.respiratory_rate, m.body_temperature, m.systolic_bp, m.diastolic_bp, m.body_weight,
       m.blood_glucose, m.cgm_glucose, m.peak_flow, m.fev1, m.fvc, m.oxygen_flow, m.steps,
       (SELECT coalesce(bit_or(1 << c.vital), 0) FROM correction c
        WHERE c.device_id = m.device_id AND c.device_time = m.device_time AND c.seq = m.seq AND c.boot = m.boot
          AND c.undone_at IS NULL) AS wrong
FROM unnest(%(ids)s::int[]) AS wanted (patient_id)
CROSS JOIN LATERAL (
    SELECT * FROM measurement
    WHERE patient_id = wanted.patient_id AND measured_at > %(since)s
    ORDER BY measured_at DESC LIMIT %(limit)s
) m
ORDER BY m.patient_id, m.measured_at

-- name: recent_of_vital
-- for a vital that is rare among a patient's many: the walk goes on until enough of it are found
SELECT at, value FROM (
    SELECT extract(epoch FROM measured_at)::float8 AS at,
           CASE %(vital)s
               WHEN 'heart_rate' THEN heart_rate WHEN 'spo2' THEN spo2 WHEN 'respiratory_rate' THEN respiratory_rate
               WHEN 'body_temperature' THEN body_temperature WHEN 'systolic_bp' THEN systolic_bp
               WHEN 'diastolic_bp' THEN diastolic_bp WHEN 'body_weight' THEN body_weight
               WHEN 'blood_glucose' THEN blood_glucose WHEN 'cgm_glucose' THEN cgm_glucose WHEN 'peak_flow' THEN peak_flow
               WHEN 'fev1' THEN fev1 WHEN 'fvc' THEN fvc WHEN 'oxygen_flow' THEN oxygen_flow WHEN 'steps' THEN steps
           END AS value
    FROM measurement m
    WHERE patient_id = %(patient_id)s AND measured_at > %(since)s
      AND NOT EXISTS (SELECT FROM correction c
                      WHERE c.device_id = m.device_id AND c.device_time = m.device_time AND c.seq = m.seq AND c.boot = m.boot
                        AND c.vital = %(column)s AND c.undone_at IS NULL)
    ORDER BY measured_at DESC
) walked
WHERE value IS NOT NULL
LIMIT %(limit)s

-- name: rules_in_force
SELECT rules FROM ruleset ORDER BY loaded_at DESC, id DESC LIMIT 1

-- name: namesakes
-- the same name, or the same family name with the same initial: whom this patient could be mistaken for
SELECT other.public_id, other.name, other.birth_date, other.record_number
FROM patient AS self JOIN patient AS other ON other.id <> self.id
 AND lower(substring(other.name FROM '\S+$')) = lower(substring(self.name FROM '\S+$'))
 AND lower(left(other.name, 1)) = lower(left(self.name, 1))
WHERE self.id = %(patient_id)s
ORDER BY lower(other.name) <> lower(self.name), other.id LIMIT 5

-- name: alert_events_of
SELECT e.at, e.what, e.note, s.name AS who, a.public_id AS alert,
       coalesce(a.explanation ->> 'title', replace(a.rule, '_', ' ')) AS title, a.disposition, a.subject, a.explanation ->> 'kind' AS kind
FROM alert_event e JOIN alert a ON a.id = e.alert_id LEFT JOIN staff s ON s.id = e.staff_id
WHERE a.patient_id = %(patient_id)s AND e.at > %(since)s
ORDER BY e.at DESC, e.id DESC LIMIT %(limit)s

-- name: alert_events
SELECT e.at, e.what, e.note, s.name AS who, a.public_id AS alert, '' AS title, a.disposition, a.subject,
       a.explanation ->> 'kind' AS kind
FROM alert_event e JOIN alert a ON a.id = e.alert_id LEFT JOIN staff s ON s.id = e.staff_id
WHERE a.id = %(alert_id)s
ORDER BY e.at DESC, e.id DESC LIMIT 200

-- name: corrections_of
SELECT c.marked_at, s.name AS who, c.reason, c.vital,
       (ARRAY[m.heart_rate, m.spo2, m.respiratory_rate, m.body_temperature, m.systolic_bp, m.diastolic_bp, m.body_weight,
              m.blood_glucose, m.cgm_glucose, m.peak_flow, m.fev1, m.fvc, m.oxygen_flow, m.steps])[c.vital + 1]::float8 AS value,
       c.undone_at
FROM correction c JOIN staff s ON s.id = c.marked_by
LEFT JOIN measurement m ON m.device_id = c.device_id AND m.device_time = c.device_time AND m.seq = c.seq AND m.boot = c.boot
WHERE c.patient_id = %(patient_id)s AND c.marked_at > %(since)s
ORDER BY c.marked_at DESC LIMIT %(limit)s

-- name: marks_of
-- who marked which reading wrong and why, for the readings that are on the page
SELECT d.public_id AS device, c.device_time, c.seq, c.boot, c.vital, s.name AS who, c.reason, c.marked_at
FROM correction c JOIN device d ON d.id = c.device_id JOIN staff s ON s.id = c.marked_by
WHERE c.patient_id = %(patient_id)s AND c.undone_at IS NULL

-- name: others_of
SELECT lower(during) AS at, 'assigned' AS kind, d.public_id AS what, '' AS detail, s.name AS who
FROM assignment a JOIN device d ON d.id = a.device_id LEFT JOIN staff s ON s.id = a.assigned_by
WHERE a.patient_id = %(patient_id)s AND lower(during) > %(since)s
UNION ALL
SELECT upper(during), 'ended', d.public_id, '', NULL
FROM assignment a JOIN device d ON d.id = a.device_id
WHERE a.patient_id = %(patient_id)s AND upper(during) BETWEEN %(since)s AND %(now)s
UNION ALL
SELECT o.created_at, 'notice', o.state, o.channel || ', ' || o.reason, NULL
FROM outbox o JOIN alert a ON a.id = o.alert_id
WHERE a.patient_id = %(patient_id)s AND o.created_at > %(since)s AND o.channel <> 'in_app'
ORDER BY 1 DESC LIMIT %(limit)s

-- name: worst_open
SELECT DISTINCT ON (patient_id) patient_id,
       CASE WHEN emergency THEN 'emergency' WHEN category = 'technical' THEN 'technical' ELSE severity END AS word
FROM alert WHERE closed_at IS NULL AND patient_id = ANY (%(ids)s)
ORDER BY patient_id, emergency DESC, category = 'technical', array_position(ARRAY['high', 'medium', 'low'], severity)

-- name: holders
SELECT a.device_id, p.public_id, p.name, a.user_slot
FROM assignment a JOIN patient p ON p.id = a.patient_id
WHERE a.during @> %(now)s::timestamptz
ORDER BY a.device_id, a.user_slot NULLS FIRST

-- name: names_by_public_id
SELECT public_id, name FROM patient WHERE public_id = ANY(%(public_ids)s)
