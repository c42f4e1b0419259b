-- name: add_session
INSERT INTO staff_session (token_hash, staff_id, csrf, created_at, seen_at, expires_at)
VALUES (%(token_hash)s, %(staff_id)s, %(csrf)s, %(now)s, %(now)s, %(expires_at)s)

-- name: find_session
SELECT s.id AS staff_id, s.public_id, s.name, s.role, s.zone, s.units, s.glucose_unit, t.csrf, t.seen_at
FROM staff_session t JOIN staff s ON s.id = t.staff_id
WHERE t.token_hash = %(token_hash)s AND t.expires_at > %(now)s AND t.seen_at > %(idle_since)s AND s.disabled_at IS NULL

-- name: touch_session
UPDATE staff_session SET seen_at = %(now)s WHERE token_hash = %(token_hash)s AND seen_at < %(now)s

-- name: end_session
DELETE FROM staff_session WHERE token_hash = %(token_hash)s

-- name: end_sessions_of
DELETE FROM staff_session WHERE staff_id = %(staff_id)s

-- name: end_other_sessions_of
DELETE FROM staff_session WHERE staff_id = %(staff_id)s AND token_hash <> %(token_hash)s

-- name: drop_dead_sessions
DELETE FROM staff_session WHERE expires_at <= %(now)s OR seen_at <= %(idle_since)s

-- name: tell_session_ended
SELECT pg_notify('session_ended', '')

-- name: find_token
SELECT k.scope, s.id AS staff_id, s.public_id, s.name, s.role, s.zone, s.units, s.glucose_unit
FROM api_token k LEFT JOIN staff s ON s.id = k.staff_id
WHERE k.token_hash = %(token_hash)s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > %(now)s)
  AND s.disabled_at IS NULL

-- name: add_token
INSERT INTO api_token (token_hash, name, scope, staff_id, created_at, expires_at)
VALUES (%(token_hash)s, %(name)s, %(scope)s, %(staff_id)s, %(now)s, %(expires_at)s)
RETURNING id

-- name: list_tokens
SELECT k.id, k.name, k.scope, s.public_id AS staff, k.created_at, k.expires_at, k.revoked_at
FROM api_token k LEFT JOIN staff s ON s.id = k.staff_id
ORDER BY k.id

-- name: revoke_token
UPDATE api_token SET revoked_at = coalesce(revoked_at, %(now)s) WHERE id = %(token_id)s RETURNING id

-- name: find_credentials
SELECT id AS staff_id, password_hash FROM staff WHERE lower(email) = lower(%(email)s) AND disabled_at IS NULL

-- name: find_password_hash
SELECT password_hash FROM staff WHERE id = %(staff_id)s

-- name: save_password_hash
UPDATE staff SET password_hash = %(password_hash)s WHERE id = %(staff_id)s

-- name: lock_login
-- attempts on one account, or from one address, are counted one after the other
SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 20264))

-- name: list_failures
SELECT at FROM login_failure WHERE key = %(key)s AND at > %(since)s

-- name: add_failure
INSERT INTO login_failure (key, at) VALUES (%(key)s, %(now)s) RETURNING id

-- name: forget_failures
DELETE FROM login_failure WHERE key = %(key)s

-- name: forget_failure
DELETE FROM login_failure WHERE id = %(failure_id)s

-- name: drop_old_failures
DELETE FROM login_failure WHERE at < %(before)s

-- name: add_audit
INSERT INTO audit (at, staff_id, action, object, detail) VALUES (%(now)s, %(staff_id)s, %(action)s, %(object)s, %(detail)s)

-- name: count_readings
SELECT coalesce(sum(readings_stored), 0)::bigint AS stored, coalesce(sum(readings_suspect), 0)::bigint AS suspect,
       coalesce(sum(readings_duplicate), 0)::bigint AS duplicate, coalesce(sum(readings_quarantined), 0)::bigint AS quarantined,
       count(*) AS devices, count(*) FILTER (WHERE silent) AS silent, count(*) FILTER (WHERE online) AS online
FROM device_state
WHERE device_id NOT IN (SELECT device_id FROM assignment JOIN patient ON patient.id = patient_id WHERE proves_path)

-- name: count_open_alerts
SELECT severity, emergency, acknowledged_at IS NOT NULL AS acknowledged, count(*) AS open FROM alert
WHERE closed_at IS NULL AND patient_id NOT IN (SELECT id FROM patient WHERE proves_path)
GROUP BY severity, emergency, acknowledged ORDER BY severity, emergency, acknowledged

-- name: count_quarantine
SELECT reason, count(*) FROM quarantine WHERE settled_at IS NULL GROUP BY reason ORDER BY reason

-- name: count_outbox
SELECT state, count(*), min(due_at) FILTER (WHERE state = 'pending') FROM outbox GROUP BY state ORDER BY state

-- name: oldest_unjudged
SELECT count(*), min(recorded_at) FROM unjudged

-- name: last_received
SELECT max(last_received_at), sum(readings_stored)::bigint FROM device_state
WHERE device_id NOT IN (SELECT device_id FROM assignment JOIN patient ON patient.id = patient_id WHERE proves_path)

-- name: count_readings_of
SELECT coalesce(sum(readings_stored), 0)::bigint, coalesce(sum(readings_suspect), 0)::bigint,
       coalesce(sum(readings_duplicate), 0)::bigint, coalesce(sum(readings_quarantined), 0)::bigint
FROM device_state JOIN device ON device.id = device_state.device_id
WHERE device.public_id = ANY (%(devices)s)

-- name: count_alerts_since
SELECT rule, lateness, count(*) FROM alert
WHERE patient_id = ANY (%(patient_ids)s) AND opened_at >= %(since)s
GROUP BY rule, lateness
ORDER BY count(*) DESC, rule, lateness
