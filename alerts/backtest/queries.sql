-- name: list_cohort
-- the synthetic are left out unless they are named
SELECT id, public_id, record_number, programmes, coalesce(contact.zone, 'UTC')
FROM patient LEFT JOIN contact ON contact.patient_id = patient.id
WHERE CASE WHEN %(patients)s::text[] IS NULL THEN NOT is_synthetic
           ELSE public_id = ANY(%(patients)s::text[]) OR record_number = ANY(%(patients)s::text[]) END
ORDER BY id

-- name: list_limited
SELECT DISTINCT rule FROM patient_limit WHERE patient_id = ANY(%(patient_ids)s) ORDER BY rule

-- name: list_verdicts
SELECT patient_id, rule, subject, since, greatest(fired_at, coalesce(resolved_at, fired_at)) AS until, disposition
FROM alert
WHERE patient_id = ANY(%(patient_ids)s) AND disposition IS NOT NULL AND opened_at >= %(since)s AND opened_at < %(until)s
ORDER BY id

-- name: count_measurements
SELECT count(*) FROM measurement
WHERE patient_id = ANY(%(patient_ids)s) AND measured_at >= %(since)s AND measured_at < %(until)s

-- name: list_scored
-- a row of the ledger from the moment of opening says that it was not shown or not sent, unless its page only waited
SELECT rule, patient_id, alert.programmes, disposition, extract(epoch FROM acknowledged_at - opened_at)::float8 AS acknowledged_after,
       EXISTS (SELECT FROM recheck WHERE recheck.alert_id = alert.id) AS rechecked,
       EXISTS (SELECT FROM suppression WHERE suppression.alert_id = alert.id AND suppression.starts_at = alert.opened_at
                   AND suppression.kind <> 'recheck') AS suppressed
FROM alert JOIN patient ON patient.id = alert.patient_id
WHERE NOT patient.is_synthetic AND opened_at >= %(since)s AND opened_at < %(until)s

-- name: list_watched
SELECT patient.id, patient.programmes,
       extract(epoch FROM %(until)s - greatest(%(since)s, first.measured_at))::float8 / 86400 AS days
FROM patient
CROSS JOIN LATERAL (
    SELECT measured_at FROM measurement AS m WHERE m.patient_id = patient.id ORDER BY measured_at LIMIT 1
) AS first
WHERE NOT patient.is_synthetic AND first.measured_at < %(until)s
