-- name: ensure_device_states
INSERT INTO device_state (device_id)
SELECT id FROM unnest(%(device_ids)s::int[]) AS id ORDER BY id
ON CONFLICT DO NOTHING

-- name: lock_device_states
SELECT device_id, boot, seq, above, silent
FROM device_state
WHERE device_id = ANY(%(device_ids)s)
ORDER BY device_id
FOR UPDATE

-- name: load_boots
SELECT device_id, boot, seq, above
FROM device_boot
JOIN unnest(%(device_ids)s::int[], %(boots)s::text[]) AS wanted (device_id, boot) USING (device_id, boot)

-- name: save_boots
INSERT INTO device_boot (device_id, boot, seq, above)
VALUES (%(device_id)s, %(boot)s, %(seq)s, %(above)s)
ON CONFLICT (device_id, boot) DO UPDATE SET seq = excluded.seq, above = excluded.above

-- name: save_device_boots
UPDATE device_state SET boot = %(boot)s, above = %(above)s WHERE device_id = %(device_id)s

-- name: save_device_states
UPDATE device_state AS state
SET seq = new.seq,
    last_received_at = greatest(state.last_received_at, nullif(new.last_received_at, 'epoch')),
    last_measured_at = greatest(state.last_measured_at, nullif(new.last_measured_at, 'epoch')),
    silent = state.silent AND new.last_received_at = 'epoch',
    readings_stored = readings_stored + new.stored,
    readings_suspect = readings_suspect + new.suspect,
    readings_duplicate = readings_duplicate + new.duplicate,
    readings_quarantined = readings_quarantined + new.quarantined
FROM unnest(%(device_id)s::int[], %(seq)s::bigint[], %(last_received_at)s::timestamptz[], %(last_measured_at)s::timestamptz[],
            %(stored)s::bigint[], %(suspect)s::bigint[], %(duplicate)s::bigint[], %(quarantined)s::bigint[])
    AS new (device_id, seq, last_received_at, last_measured_at, stored, suspect, duplicate, quarantined)
WHERE state.device_id = new.device_id

-- name: load_gaps
SELECT id, device_id, boot, from_seq, to_seq FROM device_gap WHERE device_id = ANY(%(device_ids)s)

-- name: add_gap
INSERT INTO device_gap (device_id, boot, from_seq, to_seq, recorded_at)
VALUES (%(device_id)s, %(boot)s, %(from_seq)s, %(to_seq)s, %(now)s)

-- name: drop_gaps
DELETE FROM device_gap WHERE id = ANY(%(ids)s)

-- name: copy_measurements
COPY measurement (device_time, measured_at, received_at, seq, device_id, boot, suspect, patient_id, user_slot, source, consciousness,
    heart_rate, spo2, respiratory_rate, body_temperature, systolic_bp, diastolic_bp, body_weight, blood_glucose, cgm_glucose,
    peak_flow, fev1, fvc, oxygen_flow, steps, flags, original)
FROM STDIN (FORMAT BINARY)

-- name: create_incoming
CREATE TEMPORARY TABLE IF NOT EXISTS incoming (LIKE measurement) ON COMMIT DELETE ROWS

-- name: empty_incoming
TRUNCATE incoming

-- name: copy_incoming
COPY incoming (device_time, measured_at, received_at, seq, device_id, boot, suspect, patient_id, user_slot, source, consciousness,
    heart_rate, spo2, respiratory_rate, body_temperature, systolic_bp, diastolic_bp, body_weight, blood_glucose, cgm_glucose,
    peak_flow, fev1, fvc, oxygen_flow, steps, flags, original)
FROM STDIN (FORMAT BINARY)

-- name: insert_incoming
INSERT INTO measurement (device_time, measured_at, received_at, seq, device_id, boot, suspect, patient_id, user_slot, source, consciousness,
    heart_rate, spo2, respiratory_rate, body_temperature, systolic_bp, diastolic_bp, body_weight, blood_glucose, cgm_glucose,
    peak_flow, fev1, fvc, oxygen_flow, steps, flags, original)
SELECT device_time, measured_at, received_at, seq, device_id, boot, suspect, patient_id, user_slot, source, consciousness,
    heart_rate, spo2, respiratory_rate, body_temperature, systolic_bp, diastolic_bp, body_weight, blood_glucose, cgm_glucose,
    peak_flow, fev1, fvc, oxygen_flow, steps, flags, original
FROM incoming
ORDER BY device_id, device_time
ON CONFLICT (device_id, device_time, seq, boot) DO NOTHING
RETURNING device_id, device_time, seq, boot

-- name: list_history_columns
SELECT array_agg(device_id), array_agg(patient_id), array_agg(coalesce(user_slot, -1)::smallint), array_agg(device_time),
       array_agg(measured_at), array_agg(received_at), array_agg(boot), array_agg(seq), array_agg(suspect),
       array_agg(coalesce(ascii(consciousness::text), 0)::smallint), array_agg(source),
       array_agg(coalesce('irregular_pulse' = ANY(flags), false)::int::smallint),
       array_agg(coalesce(heart_rate, 'NaN')), array_agg(coalesce(spo2, 'NaN')), array_agg(coalesce(respiratory_rate, 'NaN')),
       array_agg(coalesce(body_temperature, 'NaN')), array_agg(coalesce(systolic_bp, 'NaN')),
       array_agg(coalesce(diastolic_bp, 'NaN')), array_agg(coalesce(body_weight, 'NaN')),
       array_agg(coalesce(blood_glucose, 'NaN')), array_agg(coalesce(cgm_glucose, 'NaN')), array_agg(coalesce(peak_flow, 'NaN')),
       array_agg(coalesce(fev1, 'NaN')), array_agg(coalesce(fvc, 'NaN')), array_agg(coalesce(oxygen_flow, 'NaN')),
       array_agg(coalesce(steps, 'NaN'))
FROM (
    SELECT * FROM measurement
    WHERE patient_id = ANY(%(patient_ids)s) AND measured_at >= %(since)s
    ORDER BY patient_id, measured_at, device_id, seq, boot
) AS history

-- name: load_corrections
SELECT device_id, device_time, seq, boot, vital
FROM correction
WHERE patient_id = ANY(%(patient_ids)s) AND marked_at <= coalesce(%(known_at)s::timestamptz, 'infinity')
    AND (undone_at IS NULL OR undone_at > %(known_at)s::timestamptz)

-- name: find_devices
SELECT public_id, id, revoked_at IS NOT NULL AS revoked FROM device WHERE public_id = ANY(%(names)s)

-- name: mark_online
UPDATE device_state
SET online = true, online_boot = %(boot)s, battery = coalesce(%(battery)s, battery), software = coalesce(%(software)s, software),
    clock_offset = coalesce(%(clock_offset)s, clock_offset)
WHERE device_id = %(device_id)s

-- name: mark_offline
UPDATE device_state SET online = false WHERE device_id = %(device_id)s AND online_boot IS NOT DISTINCT FROM %(boot)s

-- name: save_batteries
UPDATE device_state AS state SET battery = new.battery
FROM unnest(%(device_id)s::int[], %(battery)s::smallint[]) AS new (device_id, battery)
WHERE state.device_id = new.device_id AND state.battery IS DISTINCT FROM new.battery

-- name: find_device_times
SELECT device_id, boot, seq, device_time
FROM measurement
JOIN unnest(%(device_ids)s::int[], %(boots)s::int[], %(seqs)s::bigint[]) AS wanted (device_id, boot, seq) USING (device_id, boot, seq)

-- name: move_quarantined
UPDATE device_state
SET readings_quarantined = readings_quarantined - %(readings)s * %(times)s,
    readings_duplicate = readings_duplicate + %(readings)s * (%(times)s - 1)
WHERE device_id = %(device_id)s

-- name: amend_measurement
WITH before AS (
    SELECT num_nonnulls(heart_rate, spo2, respiratory_rate, body_temperature, systolic_bp, diastolic_bp, body_weight, blood_glucose,
        cgm_glucose, peak_flow, fev1, fvc, oxygen_flow, steps, consciousness) AS held
    FROM measurement
    WHERE device_id = %(device_id)s AND device_time = %(device_time)s AND seq = %(seq)s AND boot = %(boot)s
)
UPDATE measurement
SET heart_rate = coalesce(heart_rate, (%(values)s::real[])[1]), spo2 = coalesce(spo2, (%(values)s::real[])[2]),
    respiratory_rate = coalesce(respiratory_rate, (%(values)s::real[])[3]),
    body_temperature = coalesce(body_temperature, (%(values)s::real[])[4]),
    systolic_bp = coalesce(systolic_bp, (%(values)s::real[])[5]), diastolic_bp = coalesce(diastolic_bp, (%(values)s::real[])[6]),
    body_weight = coalesce(body_weight, (%(values)s::real[])[7]), blood_glucose = coalesce(blood_glucose, (%(values)s::real[])[8]),
    cgm_glucose = coalesce(cgm_glucose, (%(values)s::real[])[9]), peak_flow = coalesce(peak_flow, (%(values)s::real[])[10]),
    fev1 = coalesce(fev1, (%(values)s::real[])[11]), fvc = coalesce(fvc, (%(values)s::real[])[12]),
    oxygen_flow = coalesce(oxygen_flow, (%(values)s::real[])[13]), steps = coalesce(steps, (%(values)s::real[])[14]),
    suspect = suspect | %(suspect)s, consciousness = coalesce(consciousness, %(consciousness)s)
FROM before
WHERE device_id = %(device_id)s AND device_time = %(device_time)s AND seq = %(seq)s AND boot = %(boot)s
RETURNING patient_id, num_nonnulls(heart_rate, spo2, respiratory_rate, body_temperature, systolic_bp, diastolic_bp, body_weight,
    blood_glucose, cgm_glucose, peak_flow, fev1, fvc, oxygen_flow, steps, consciousness) - before.held

-- name: find_staff_device
SELECT id FROM device WHERE public_id = 'staff-entry'

-- name: add_staff_device
INSERT INTO device (public_id, kind, model) VALUES ('staff-entry', 'staff', 'entered by staff') ON CONFLICT (public_id) DO NOTHING
