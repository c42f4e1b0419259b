-- name: open_marks
-- one cheap look: which rows of the worklist are new, changed or gone since the last look
SELECT id, xmin::text || ctid::text AS mark FROM alert WHERE closed_at IS NULL

-- name: alerts_by_key
SELECT a.id, a.public_id, a.patient_id, a.rule, a.rule_version, a.subject, a.severity, a.category, a.emergency, a.lateness,
       a.condition, a.since, a.fired_at, a.opened_at, a.due_at, a.times, a.resolved_at, a.acknowledged_at,
       k.public_id AS acknowledged_by, k.name AS acknowledged_name, a.closed_at, c.name AS closed_by, a.disposition,
       a.explanation
FROM alert a
LEFT JOIN staff k ON k.id = a.acknowledged_by
LEFT JOIN staff c ON c.id = a.closed_by
WHERE a.id = ANY (%(ids)s)
ORDER BY a.id

-- name: open_alerts_of
SELECT id FROM alert WHERE patient_id = %(patient_id)s AND closed_at IS NULL

-- name: recent_alerts_of
SELECT id FROM alert WHERE patient_id = %(patient_id)s AND (closed_at IS NULL OR opened_at > %(since)s)
ORDER BY opened_at DESC LIMIT %(limit)s

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
SELECT count(*) FROM patient

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

-- name: pulse
SELECT (SELECT max(seen_at) FROM path_up) AS seen_at,
       (SELECT max(last_received_at) FROM device_state) AS last_reading_at,
       (SELECT max(at) FROM heartbeat WHERE starts_with(process, 'ingest')) AS ingest_at
