-- name: list_cohort
-- the synthetic are left out unless they are named
SELECT id, public_id, record_number, programmes
FROM patient
WHERE CASE WHEN %(patients)s::text[] IS NULL THEN NOT is_synthetic
           ELSE public_id = ANY(%(patients)s::text[]) OR record_number = ANY(%(patients)s::text[]) END
ORDER BY id

-- name: list_verdicts
SELECT patient_id, rule, subject, since, greatest(fired_at, coalesce(resolved_at, fired_at)) AS until, disposition
FROM alert
WHERE patient_id = ANY(%(patient_ids)s) AND disposition IS NOT NULL AND opened_at >= %(since)s AND opened_at < %(until)s
ORDER BY id

-- name: count_measurements
SELECT count(*) FROM measurement
WHERE patient_id = ANY(%(patient_ids)s) AND measured_at >= %(since)s AND measured_at < %(until)s
