-- name: begin_escalations
INSERT INTO escalation (alert_id, patient_id, severity, due_at, reason, began_at)
SELECT alert_id, patient_id, severity, due_at, reason, %(now)s
FROM jsonb_to_recordset(%(calls)s::jsonb) AS new (alert_id bigint, patient_id int, severity text, due_at timestamptz, reason text)
ORDER BY alert_id
ON CONFLICT (alert_id) DO UPDATE
SET severity = excluded.severity, step = 0, due_at = excluded.due_at, reason = excluded.reason, began_at = excluded.began_at,
    ended_at = NULL, ended_how = NULL

-- name: end_escalations
UPDATE escalation SET due_at = NULL, ended_at = %(now)s, ended_how = %(how)s
WHERE alert_id = ANY(%(alert_ids)s) AND ended_at IS NULL
