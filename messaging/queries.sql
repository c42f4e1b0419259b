-- name: save_contact
INSERT INTO contact (patient_id, phone, language, contact_mode, zone)
VALUES (%(patient_id)s, %(phone)s, %(language)s, %(contact_mode)s, %(zone)s)
ON CONFLICT (patient_id) DO UPDATE
SET phone = excluded.phone, language = excluded.language, contact_mode = excluded.contact_mode, zone = excluded.zone

-- name: load_contacts
SELECT patient_id, phone, language, contact_mode, zone FROM contact WHERE patient_id = ANY (%(patient_ids)s)

-- name: claim_due
UPDATE outbox SET claimed_until = %(now)s::timestamptz + %(claim)s, attempts = attempts + 1
WHERE id IN (
    SELECT id FROM outbox
    WHERE state = 'pending' AND due_at <= %(now)s AND (claimed_until IS NULL OR claimed_until <= %(now)s)
    ORDER BY due_at, id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING id, alert_id, channel, recipient, body, attempts

-- name: settle_notice
UPDATE outbox
SET state = %(state)s, error = %(error)s, due_at = coalesce(%(due_at)s, due_at), claimed_until = NULL,
    finished_at = CASE WHEN %(state)s = 'pending' THEN NULL ELSE %(now)s::timestamptz END
WHERE id = %(id)s AND state = 'pending'

-- name: next_due
SELECT min(greatest(due_at, claimed_until)) FROM outbox WHERE state = 'pending'

-- name: withhold_pending
UPDATE outbox SET state = 'withheld', reason = %(reason)s, finished_at = %(now)s WHERE state = 'pending' AND due_at <= %(now)s
