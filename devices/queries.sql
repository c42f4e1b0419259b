-- name: list_assignment_columns
SELECT array_agg(device_id), array_agg(coalesce(user_slot, -1)::smallint), array_agg(patient_id),
       array_agg(coalesce(lower(during), '-infinity')), array_agg(coalesce(upper(during), 'infinity'))
FROM assignment
WHERE device_id = ANY(%(device_ids)s::int[])

-- name: add_device
WITH added AS (
    INSERT INTO device (public_id, kind, model, codec, expected_every, created_at)
    VALUES (%(public_id)s, %(kind)s, %(model)s, %(codec)s, %(expected_every)s, %(now)s)
    ON CONFLICT (public_id) DO NOTHING
    RETURNING id
)
INSERT INTO device_state (device_id) SELECT id FROM added RETURNING device_id

-- name: devices
SELECT device.id, public_id, kind, model, codec, expected_every, created_at, revoked_at, online, battery, software,
       clock_offset, coalesce(silent, false) AS silent, last_received_at, last_measured_at,
       coalesce(readings_stored, 0) AS readings_stored, coalesce(readings_suspect, 0) AS readings_suspect,
       coalesce(readings_duplicate, 0) AS readings_duplicate, coalesce(readings_quarantined, 0) AS readings_quarantined,
       (SELECT hub.public_id FROM device AS hub WHERE hub.id = device.gateway_id) AS gateway
FROM device LEFT JOIN device_state ON device_state.device_id = device.id

-- name: device_by_public_id
WHERE public_id = %(public_id)s

-- name: devices_by_public_id
-- without the synthetic patient's, which no list shows
WHERE device.id NOT IN (SELECT device_id FROM assignment JOIN patient ON patient.id = patient_id WHERE proves_path)
ORDER BY public_id LIMIT %(limit)s OFFSET %(offset)s

-- name: devices_of_patient
WHERE EXISTS (SELECT FROM assignment WHERE device_id = device.id AND patient_id = %(patient_id)s AND during @> %(at)s::timestamptz)
ORDER BY public_id

-- name: revoke_device
UPDATE device SET revoked_at = coalesce(revoked_at, %(now)s) WHERE public_id = %(public_id)s

-- name: schedule_device
UPDATE device SET expected_every = %(expected_every)s WHERE public_id = %(public_id)s

-- name: set_gateway
UPDATE device SET gateway_id = %(gateway_id)s WHERE id = %(device_id)s

-- name: ensure_device_state
INSERT INTO device_state (device_id) SELECT id FROM device WHERE id = %(device_id)s ON CONFLICT DO NOTHING

-- name: lock_device_state
SELECT device_id FROM device_state WHERE device_id = %(device_id)s FOR UPDATE

-- name: add_assignment
INSERT INTO assignment (device_id, user_slot, patient_id, during, assigned_by, created_at)
VALUES (%(device_id)s, %(user_slot)s, %(patient_id)s, tstzrange(%(starts_at)s, %(ends_at)s, '[)'), %(assigned_by)s, %(now)s)
RETURNING public_id

-- name: end_assignment
UPDATE assignment SET during = tstzrange(lower(during), %(ends_at)s, '[)')
WHERE public_id = %(public_id)s AND (lower_inf(during) OR lower(during) < %(ends_at)s)

-- name: assignments
SELECT assignment.id, assignment.public_id, device_id, device.public_id AS device, user_slot, patient_id,
       patient.public_id AS patient, lower(during) AS starts_at, upper(during) AS ends_at, assigned_by, assignment.created_at
FROM assignment JOIN device ON device.id = device_id JOIN patient ON patient.id = patient_id

-- name: assignment_by_public_id
WHERE assignment.public_id = %(public_id)s

-- name: assignments_of
WHERE (%(device_id)s::int IS NULL OR device_id = %(device_id)s) AND (%(patient_id)s::int IS NULL OR patient_id = %(patient_id)s)
ORDER BY lower(during) DESC NULLS LAST, assignment.id

-- name: free_stretches
-- the parts of a time that nobody has this device and slot in, and in which it measured something that is nobody's
SELECT stretch
FROM unnest(tstzmultirange(tstzrange(%(since)s, %(until)s, '[)')) - (
         SELECT coalesce(range_agg(during), '{}'::tstzmultirange)
         FROM assignment
         WHERE device_id = %(device_id)s AND user_slot IS NOT DISTINCT FROM %(user_slot)s::smallint)) AS stretch
WHERE EXISTS (
    SELECT FROM measurement
    WHERE patient_id IS NULL AND device_id = %(device_id)s AND user_slot IS NOT DISTINCT FROM %(user_slot)s::smallint
      AND measured_at <@ stretch)

-- name: attributed_measurements
SELECT device_time, seq, boot, coalesce(user_slot, -1), measured_at, coalesce(patient_id, 0)
FROM measurement
WHERE device_id = %(device_id)s AND source = 0 AND measured_at >= %(since)s AND measured_at < %(until)s

-- name: save_attribution
UPDATE measurement
SET patient_id = nullif(new.patient_id, 0)
FROM unnest(%(device_time)s::timestamptz[], %(seq)s::bigint[], %(boot)s::int[], %(patient_id)s::int[])
    AS new (device_time, seq, boot, patient_id)
WHERE measurement.device_id = %(device_id)s AND measurement.device_time = new.device_time
  AND measurement.seq = new.seq AND measurement.boot = new.boot

-- name: move_corrections
UPDATE correction
SET patient_id = measurement.patient_id
FROM measurement
WHERE correction.device_id = %(device_id)s AND measurement.device_id = correction.device_id
  AND measurement.device_time = correction.device_time AND measurement.seq = correction.seq AND measurement.boot = correction.boot
  AND measurement.patient_id <> correction.patient_id

-- name: unattributed
SELECT orphan.device_id, device.public_id AS device, kind, model, orphan.user_slot, orphan.measurements, orphan.first_at, orphan.last_at,
       ARRAY(SELECT patient_id FROM assignment WHERE assignment.device_id = orphan.device_id
             GROUP BY patient_id ORDER BY max(coalesce(upper(during), 'infinity')) DESC, patient_id) AS candidates
FROM (
    SELECT device_id, user_slot, count(*) AS measurements, min(measured_at) AS first_at, max(measured_at) AS last_at
    FROM measurement WHERE patient_id IS NULL GROUP BY device_id, user_slot
) AS orphan JOIN device ON device.id = orphan.device_id
ORDER BY orphan.last_at DESC
LIMIT %(limit)s

-- name: measurements
SELECT device.public_id, measurement.device_time, measurement.seq, measurement.boot, measurement.patient_id, measured_at, received_at,
       user_slot, source, suspect, consciousness::text, flags, original,
       coalesce((SELECT bit_or(1 << correction.vital) FROM correction
                 WHERE correction.device_id = measurement.device_id AND correction.device_time = measurement.device_time
                   AND correction.seq = measurement.seq AND correction.boot = measurement.boot AND undone_at IS NULL), 0),
       measurement.heart_rate, measurement.spo2, measurement.respiratory_rate, measurement.body_temperature, measurement.systolic_bp,
       measurement.diastolic_bp, measurement.body_weight, measurement.blood_glucose, measurement.cgm_glucose, measurement.peak_flow,
       measurement.fev1, measurement.fvc, measurement.oxygen_flow, measurement.steps
FROM measurement JOIN device ON device.id = measurement.device_id

-- name: measurements_of_patient
WHERE measurement.patient_id = %(patient_id)s AND measured_at >= %(since)s AND measured_at < %(until)s
ORDER BY measured_at DESC, measurement.device_id, measurement.seq DESC
LIMIT %(limit)s

-- name: measurements_of_nobody
WHERE measurement.patient_id IS NULL AND measurement.device_id = %(device_id)s
  AND user_slot IS NOT DISTINCT FROM %(user_slot)s::smallint
ORDER BY measured_at DESC, measurement.seq DESC
LIMIT %(limit)s

-- name: measurement_by_key
WHERE device.public_id = %(device)s AND measurement.device_time = %(device_time)s
  AND measurement.seq = %(seq)s AND measurement.boot = %(boot)s

-- name: rollup
-- of each vital, in the order of VITALS: mean, lowest, highest, count; values marked wrong are left out
WITH marked AS MATERIALIZED (
    SELECT device_id, device_time, seq, boot, bit_or(1 << vital) AS wrong
    FROM correction WHERE patient_id = %(patient_id)s AND undone_at IS NULL
    GROUP BY device_id, device_time, seq, boot
), kept AS (
    SELECT date_bin(%(resolution)s, measured_at, %(since)s) AS at,
           CASE WHEN coalesce(wrong, 0) & 1 = 0 THEN heart_rate END AS heart_rate,
           CASE WHEN coalesce(wrong, 0) & 2 = 0 THEN spo2 END AS spo2,
           CASE WHEN coalesce(wrong, 0) & 4 = 0 THEN respiratory_rate END AS respiratory_rate,
           CASE WHEN coalesce(wrong, 0) & 8 = 0 THEN body_temperature END AS body_temperature,
           CASE WHEN coalesce(wrong, 0) & 16 = 0 THEN systolic_bp END AS systolic_bp,
           CASE WHEN coalesce(wrong, 0) & 32 = 0 THEN diastolic_bp END AS diastolic_bp,
           CASE WHEN coalesce(wrong, 0) & 64 = 0 THEN body_weight END AS body_weight,
           CASE WHEN coalesce(wrong, 0) & 128 = 0 THEN blood_glucose END AS blood_glucose,
           CASE WHEN coalesce(wrong, 0) & 256 = 0 THEN cgm_glucose END AS cgm_glucose,
           CASE WHEN coalesce(wrong, 0) & 512 = 0 THEN peak_flow END AS peak_flow,
           CASE WHEN coalesce(wrong, 0) & 1024 = 0 THEN fev1 END AS fev1,
           CASE WHEN coalesce(wrong, 0) & 2048 = 0 THEN fvc END AS fvc,
           CASE WHEN coalesce(wrong, 0) & 4096 = 0 THEN oxygen_flow END AS oxygen_flow,
           CASE WHEN coalesce(wrong, 0) & 8192 = 0 THEN steps END AS steps,
           suspect & ~coalesce(wrong, 0) AS suspect
    FROM measurement LEFT JOIN marked USING (device_id, device_time, seq, boot)
    WHERE patient_id = %(patient_id)s AND measured_at >= %(since)s AND measured_at < %(until)s
)
SELECT at, bit_or(suspect),
       avg(heart_rate), min(heart_rate), max(heart_rate), count(heart_rate),
       avg(spo2), min(spo2), max(spo2), count(spo2),
       avg(respiratory_rate), min(respiratory_rate), max(respiratory_rate), count(respiratory_rate),
       avg(body_temperature), min(body_temperature), max(body_temperature), count(body_temperature),
       avg(systolic_bp), min(systolic_bp), max(systolic_bp), count(systolic_bp),
       avg(diastolic_bp), min(diastolic_bp), max(diastolic_bp), count(diastolic_bp),
       avg(body_weight), min(body_weight), max(body_weight), count(body_weight),
       avg(blood_glucose), min(blood_glucose), max(blood_glucose), count(blood_glucose),
       avg(cgm_glucose), min(cgm_glucose), max(cgm_glucose), count(cgm_glucose),
       avg(peak_flow), min(peak_flow), max(peak_flow), count(peak_flow),
       avg(fev1), min(fev1), max(fev1), count(fev1),
       avg(fvc), min(fvc), max(fvc), count(fvc),
       avg(oxygen_flow), min(oxygen_flow), max(oxygen_flow), count(oxygen_flow),
       avg(steps), min(steps), max(steps), count(steps)
FROM kept
GROUP BY at
ORDER BY at

-- name: latest
-- a row per patient and vital measured since then: index scans from the newest back, one a vital
WITH marked AS MATERIALIZED (
    SELECT device_id, device_time, seq, boot, vital FROM correction WHERE patient_id = ANY(%(patient_ids)s) AND undone_at IS NULL
)
SELECT patient.id, newest.vital, newest.value, newest.measured_at, newest.is_suspect
FROM unnest(%(patient_ids)s::int[]) AS patient (id), LATERAL (
    (SELECT 0 AS vital, heart_rate AS value, measured_at, suspect & 1 <> 0 AS is_suspect FROM measurement AS m
     WHERE patient_id = patient.id AND measured_at >= %(since)s AND heart_rate IS NOT NULL
       AND NOT EXISTS (SELECT FROM marked WHERE marked.vital = 0 AND (marked.device_id, marked.device_time, marked.seq, marked.boot)
                       = (m.device_id, m.device_time, m.seq, m.boot))
     ORDER BY measured_at DESC LIMIT 1)
    UNION ALL
    (SELECT 1 AS vital, spo2 AS value, measured_at, suspect & 2 <> 0 AS is_suspect FROM measurement AS m
     WHERE patient_id = patient.id AND measured_at >= %(since)s AND spo2 IS NOT NULL
       AND NOT EXISTS (SELECT FROM marked WHERE marked.vital = 1 AND (marked.device_id, marked.device_time, marked.seq, marked.boot)
                       = (m.device_id, m.device_time, m.seq, m.boot))
     ORDER BY measured_at DESC LIMIT 1)
    UNION ALL
    (SELECT 2 AS vital, respiratory_rate AS value, measured_at, suspect & 4 <> 0 AS is_suspect FROM measurement AS m
     WHERE patient_id = patient.id AND measured_at >= %(since)s AND respiratory_rate IS NOT NULL
       AND NOT EXISTS (SELECT FROM marked WHERE marked.vital = 2 AND (marked.device_id, marked.device_time, marked.seq, marked.boot)
                       = (m.device_id, m.device_time, m.seq, m.boot))
     ORDER BY measured_at DESC LIMIT 1)
    UNION ALL
    (SELECT 3 AS vital, body_temperature AS value, measured_at, suspect & 8 <> 0 AS is_suspect FROM measurement AS m
     WHERE patient_id = patient.id AND measured_at >= %(since)s AND body_temperature IS NOT NULL
       AND NOT EXISTS (SELECT FROM marked WHERE marked.vital = 3 AND (marked.device_id, marked.device_time, marked.seq, marked.boot)
                       = (m.device_id, m.device_time, m.seq, m.boot))
     ORDER BY measured_at DESC LIMIT 1)
    UNION ALL
    (SELECT 4 AS vital, systolic_bp AS value, measured_at, suspect & 16 <> 0 AS is_suspect FROM measurement AS m
     WHERE patient_id = patient.id AND measured_at >= %(since)s AND systolic_bp IS NOT NULL
       AND NOT EXISTS (SELECT FROM marked WHERE marked.vital = 4 AND (marked.device_id, marked.device_time, marked.seq, marked.boot)
                       = (m.device_id, m.device_time, m.seq, m.boot))
     ORDER BY measured_at DESC LIMIT 1)
    UNION ALL
    (SELECT 5 AS vital, diastolic_bp AS value, measured_at, suspect & 32 <> 0 AS is_suspect FROM measurement AS m
     WHERE patient_id = patient.id AND measured_at >= %(since)s AND diastolic_bp IS NOT NULL
       AND NOT EXISTS (SELECT FROM marked WHERE marked.vital = 5 AND (marked.device_id, marked.device_time, marked.seq, marked.boot)
                       = (m.device_id, m.device_time, m.seq, m.boot))
     ORDER BY measured_at DESC LIMIT 1)
    UNION ALL
    (SELECT 6 AS vital, body_weight AS value, measured_at, suspect & 64 <> 0 AS is_suspect FROM measurement AS m
     WHERE patient_id = patient.id AND measured_at >= %(since)s AND body_weight IS NOT NULL
       AND NOT EXISTS (SELECT FROM marked WHERE marked.vital = 6 AND (marked.device_id, marked.device_time, marked.seq, marked.boot)
                       = (m.device_id, m.device_time, m.seq, m.boot))
     ORDER BY measured_at DESC LIMIT 1)
    UNION ALL
    (SELECT 7 AS vital, blood_glucose AS value, measured_at, suspect & 128 <> 0 AS is_suspect FROM measurement AS m
     WHERE patient_id = patient.id AND measured_at >= %(since)s AND blood_glucose IS NOT NULL
       AND NOT EXISTS (SELECT FROM marked WHERE marked.vital = 7 AND (marked.device_id, marked.device_time, marked.seq, marked.boot)
                       = (m.device_id, m.device_time, m.seq, m.boot))
     ORDER BY measured_at DESC LIMIT 1)
    UNION ALL
    (SELECT 8 AS vital, cgm_glucose AS value, measured_at, suspect & 256 <> 0 AS is_suspect FROM measurement AS m
     WHERE patient_id = patient.id AND measured_at >= %(since)s AND cgm_glucose IS NOT NULL
       AND NOT EXISTS (SELECT FROM marked WHERE marked.vital = 8 AND (marked.device_id, marked.device_time, marked.seq, marked.boot)
                       = (m.device_id, m.device_time, m.seq, m.boot))
     ORDER BY measured_at DESC LIMIT 1)
    UNION ALL
    (SELECT 9 AS vital, peak_flow AS value, measured_at, suspect & 512 <> 0 AS is_suspect FROM measurement AS m
     WHERE patient_id = patient.id AND measured_at >= %(since)s AND peak_flow IS NOT NULL
       AND NOT EXISTS (SELECT FROM marked WHERE marked.vital = 9 AND (marked.device_id, marked.device_time, marked.seq, marked.boot)
                       = (m.device_id, m.device_time, m.seq, m.boot))
     ORDER BY measured_at DESC LIMIT 1)
    UNION ALL
    (SELECT 10 AS vital, fev1 AS value, measured_at, suspect & 1024 <> 0 AS is_suspect FROM measurement AS m
     WHERE patient_id = patient.id AND measured_at >= %(since)s AND fev1 IS NOT NULL
       AND NOT EXISTS (SELECT FROM marked WHERE marked.vital = 10 AND (marked.device_id, marked.device_time, marked.seq, marked.boot)
                       = (m.device_id, m.device_time, m.seq, m.boot))
     ORDER BY measured_at DESC LIMIT 1)
    UNION ALL
    (SELECT 11 AS vital, fvc AS value, measured_at, suspect & 2048 <> 0 AS is_suspect FROM measurement AS m
     WHERE patient_id = patient.id AND measured_at >= %(since)s AND fvc IS NOT NULL
       AND NOT EXISTS (SELECT FROM marked WHERE marked.vital = 11 AND (marked.device_id, marked.device_time, marked.seq, marked.boot)
                       = (m.device_id, m.device_time, m.seq, m.boot))
     ORDER BY measured_at DESC LIMIT 1)
    UNION ALL
    (SELECT 12 AS vital, oxygen_flow AS value, measured_at, suspect & 4096 <> 0 AS is_suspect FROM measurement AS m
     WHERE patient_id = patient.id AND measured_at >= %(since)s AND oxygen_flow IS NOT NULL
       AND NOT EXISTS (SELECT FROM marked WHERE marked.vital = 12 AND (marked.device_id, marked.device_time, marked.seq, marked.boot)
                       = (m.device_id, m.device_time, m.seq, m.boot))
     ORDER BY measured_at DESC LIMIT 1)
    UNION ALL
    (SELECT 13 AS vital, steps AS value, measured_at, suspect & 8192 <> 0 AS is_suspect FROM measurement AS m
     WHERE patient_id = patient.id AND measured_at >= %(since)s AND steps IS NOT NULL
       AND NOT EXISTS (SELECT FROM marked WHERE marked.vital = 13 AND (marked.device_id, marked.device_time, marked.seq, marked.boot)
                       = (m.device_id, m.device_time, m.seq, m.boot))
     ORDER BY measured_at DESC LIMIT 1)
) AS newest

-- name: add_correction
INSERT INTO correction (device_id, device_time, seq, boot, vital, patient_id, marked_by, marked_at, reason)
SELECT device_id, device_time, seq, boot, %(vital)s, patient_id, %(marked_by)s, %(now)s, %(reason)s
FROM measurement
WHERE device_id = (SELECT id FROM device WHERE public_id = %(device)s) AND device_time = %(device_time)s
  AND seq = %(seq)s AND boot = %(boot)s AND patient_id IS NOT NULL
ON CONFLICT (device_id, device_time, seq, boot, vital) WHERE undone_at IS NULL DO NOTHING

-- name: undo_correction
UPDATE correction SET undone_at = %(now)s
WHERE device_id = (SELECT id FROM device WHERE public_id = %(device)s) AND device_time = %(device_time)s
  AND seq = %(seq)s AND boot = %(boot)s AND vital = %(vital)s AND undone_at IS NULL
RETURNING patient_id
