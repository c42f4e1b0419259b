-- name: save_contact
INSERT INTO contact (patient_id, phone, language, contact_mode, zone)
VALUES (%(patient_id)s, %(phone)s, %(language)s, %(contact_mode)s, %(zone)s)
ON CONFLICT (patient_id) DO UPDATE
SET phone = excluded.phone, language = excluded.language, contact_mode = excluded.contact_mode, zone = excluded.zone

-- name: load_contacts
SELECT patient_id, phone, language, contact_mode, zone FROM contact WHERE patient_id = ANY (%(patient_ids)s)

-- name: add_notices
INSERT INTO outbox (alert_id, channel, recipient, body, state, reason, due_at, finished_at, created_at, staff_id, page_id, address, link)
SELECT alert_id, notice ->> 'channel', notice ->> 'recipient', notice ->> 'body', notice ->> 'state', notice ->> 'reason',
       coalesce((notice ->> 'due_at')::timestamptz, %(now)s), CASE WHEN notice ->> 'state' <> 'pending' THEN %(now)s::timestamptz END,
       %(now)s, (notice ->> 'staff_id')::int, (notice ->> 'page_id')::bigint, notice ->> 'address', notice ->> 'link'
FROM ROWS FROM (jsonb_to_recordset(%(notices)s::jsonb) AS (alert_id bigint, notice jsonb)) WITH ORDINALITY AS new (alert_id, notice, place)
ORDER BY place

-- name: wake
SELECT pg_notify('work_due', '')

-- name: claim_notices
WITH due AS (
    SELECT id FROM outbox
    WHERE state = 'pending' AND (channel = ANY(%(channels)s)) = %(is_only)s AND due_at <= %(now)s AND (claimed_until IS NULL OR claimed_until <= %(now)s)
    ORDER BY due_at, id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), claimed AS (
    UPDATE outbox SET claimed_until = %(until)s, attempts = attempts + 1 FROM due WHERE outbox.id = due.id RETURNING outbox.*
)
SELECT id, alert_id, channel, recipient, body, state, reason, attempts, due_at, finished_at, error, created_at, address, link
FROM claimed ORDER BY due_at, id

-- name: finish_notice
UPDATE outbox SET state = %(state)s, error = %(error)s, finished_at = %(now)s, claimed_until = NULL
WHERE id = %(id)s AND state = 'pending'

-- name: postpone_notice
UPDATE outbox SET error = %(error)s, due_at = %(due_at)s, claimed_until = NULL WHERE id = %(id)s AND state = 'pending'

-- name: list_notices
SELECT id, alert_id, channel, recipient, body, state, reason, attempts, due_at, finished_at, error, created_at, '' AS address, link
FROM outbox WHERE alert_id = %(alert_id)s ORDER BY id

-- name: next_due
SELECT min(greatest(due_at, claimed_until)) FROM outbox WHERE state = 'pending' AND (channel = ANY(%(channels)s)) = %(is_only)s

-- name: withhold_pending
UPDATE outbox SET state = 'withheld', reason = %(reason)s, finished_at = %(now)s WHERE state = 'pending' AND due_at <= %(now)s

-- name: list_dead
SELECT id, alert_id, channel, recipient, body, state, reason, attempts, due_at, finished_at, error, created_at, '' AS address, link
FROM outbox WHERE state = 'dead' AND finished_at > %(since)s ORDER BY finished_at DESC, id DESC LIMIT %(limit)s

-- name: revive
UPDATE outbox SET state = 'pending', attempts = 0, due_at = %(now)s, finished_at = NULL, error = NULL, claimed_until = NULL
WHERE id = %(id)s AND state = 'dead'
