-- name: seen
-- one look at everything: each part is answered by an index or by a table of a few rows
SELECT (SELECT max(seen_at) FROM path_up) AS path_at,
       (SELECT max(last_received_at) FROM device_state
        WHERE device_id NOT IN (SELECT device_id FROM assignment JOIN patient ON patient.id = patient_id WHERE proves_path)) AS last_reading_at,
       unjudged.waiting::int AS unjudged, unjudged.since AS unjudged_since,
       unrouted.waiting::int AS unrouted, unrouted.since AS unrouted_since,
       due.waiting::int AS due, due.since AS due_since,
       (SELECT received_at FROM measurement WHERE patient_id = (SELECT id FROM patient WHERE proves_path)
        ORDER BY measured_at DESC LIMIT 1) AS synthetic_at,
       (SELECT max(event.at) FROM alert_event AS event
        WHERE event.alert_id = (SELECT id FROM alert WHERE patient_id = (SELECT id FROM patient WHERE proves_path)
                                  AND rule = 'watch' ORDER BY opened_at DESC LIMIT 1)
          AND event.what IN ('opened', 'fired again', 'regressed', 'reopened')) AS synthetic_alert_at,
       extract(epoch FROM clock_timestamp() - %(now)s)::float8 AS clock_ahead,
       pg_postmaster_start_time() AS database_since
FROM (SELECT count(*) AS waiting, min(recorded_at) AS since FROM unjudged) AS unjudged,
     (SELECT count(*) AS waiting, min(opened_at) AS since FROM alert
      WHERE (closed_at IS NULL OR closed_at > %(now)s - interval '1 hour') AND opened_at < %(now)s - %(limit)s
        AND NOT EXISTS (SELECT FROM outbox WHERE outbox.alert_id = alert.id)
        AND NOT EXISTS (SELECT FROM escalation WHERE escalation.alert_id = alert.id)
        AND NOT EXISTS (SELECT FROM suppression WHERE suppression.alert_id = alert.id)) AS unrouted,
     (SELECT count(*) AS waiting, min(due_at) AS since FROM outbox
      WHERE state = 'pending' AND due_at < %(now)s AND (claimed_until IS NULL OR claimed_until < %(now)s)) AS due

-- name: list_unjudged
-- readings stored beyond those the patient's state has judged; a patient with very many is only said to be there
SELECT patient.public_id, patient.name, unjudged.recorded_at AS since,
       greatest((SELECT count(*) FROM (SELECT FROM measurement WHERE patient_id = patient.id LIMIT 500000) AS walked)
                - coalesce(state.judged, 0), 0)::int AS readings
FROM unjudged JOIN patient ON patient.id = unjudged.patient_id LEFT JOIN patient_state AS state ON state.patient_id = patient.id
ORDER BY unjudged.recorded_at, patient.id
LIMIT %(most)s

-- name: list_unrouted
SELECT alert.public_id, alert.opened_at AS since, alert.severity,
       coalesce(alert.explanation ->> 'title', replace(alert.rule, '_', ' ')) AS title, patient.public_id AS patient, patient.name
FROM alert JOIN patient ON patient.id = alert.patient_id
WHERE (alert.closed_at IS NULL OR alert.closed_at > %(now)s - interval '1 hour') AND alert.opened_at < %(now)s - %(limit)s
  AND NOT EXISTS (SELECT FROM outbox WHERE outbox.alert_id = alert.id)
  AND NOT EXISTS (SELECT FROM escalation WHERE escalation.alert_id = alert.id)
  AND NOT EXISTS (SELECT FROM suppression WHERE suppression.alert_id = alert.id)
ORDER BY alert.opened_at, alert.id
LIMIT %(most)s

-- name: audit_judged
-- the ledger of a few patients: measurements stored against measurements judged, in one snapshot
SELECT chosen.id, coalesce(state.judged, 0) AS judged, stored.counted::bigint AS stored
FROM (SELECT id FROM patient WHERE id > %(after)s ORDER BY id LIMIT %(patients)s) AS chosen
LEFT JOIN patient_state AS state ON state.patient_id = chosen.id
CROSS JOIN LATERAL (
    SELECT count(*) AS counted FROM (SELECT FROM measurement WHERE patient_id = chosen.id LIMIT %(most)s) AS walked
) AS stored
ORDER BY chosen.id

-- name: mark_synthetic
UPDATE patient SET proves_path = true WHERE id = %(patient_id)s

-- name: list_synthetic_alerts
-- the newest alerts of the synthetic patient, as a screen would see that they changed
SELECT alert.id, alert.public_id, alert.condition, alert.opened_at, alert.closed_at,
       (SELECT max(event.at) FROM alert_event AS event
        WHERE event.alert_id = alert.id AND event.what IN ('opened', 'fired again', 'regressed', 'reopened')) AS fired_at
FROM alert
WHERE patient_id = (SELECT id FROM patient WHERE proves_path) AND rule = 'watch'
ORDER BY opened_at DESC
LIMIT 3

-- name: list_faults
SELECT kind, part, since, detail, ended_at FROM fault
WHERE ended_at IS NULL AND seen_at > %(since)s
ORDER BY since, id

-- name: list_past_faults
SELECT kind, part, since, detail, ended_at FROM fault WHERE ended_at > %(since)s ORDER BY ended_at DESC, id DESC LIMIT %(most)s

-- name: hold_fault
INSERT INTO fault (kind, part, detail, since, found_at, seen_at)
VALUES (%(kind)s, %(part)s, %(detail)s, %(since)s, %(now)s, %(now)s)
ON CONFLICT (kind, part) WHERE ended_at IS NULL DO UPDATE SET detail = excluded.detail, seen_at = excluded.seen_at

-- name: end_faults
UPDATE fault SET ended_at = %(now)s
WHERE ended_at IS NULL AND NOT EXISTS (
    SELECT FROM unnest(%(kinds)s::text[], %(parts)s::text[]) AS held (kind, part)
    WHERE held.kind = fault.kind AND held.part = fault.part)

-- name: add_past_fault
INSERT INTO fault (kind, part, detail, since, found_at, seen_at, ended_at)
SELECT %(kind)s, %(part)s, %(detail)s, %(since)s, %(now)s, %(now)s, %(ended_at)s
WHERE NOT EXISTS (SELECT FROM fault WHERE kind = %(kind)s AND part = %(part)s AND since = %(since)s AND ended_at IS NOT NULL)
RETURNING id
