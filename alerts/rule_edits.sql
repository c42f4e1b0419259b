-- name: stamp
-- grows with every edit that begins and with every one that ends
SELECT count(*) + count(ended_at) FROM rule_edit

-- name: edits_in_force
SELECT edit.rule, edit.version, trial.changes, trial.source
FROM rule_edit AS edit JOIN rule_trial AS trial ON trial.id = edit.trial_id
WHERE edit.ended_at IS NULL ORDER BY edit.rule

-- name: list_edits
SELECT edit.public_id, edit.rule, edit.version, trial.changes, trial.source, edit.reason, staff.name AS set_by, edit.created_at,
       edit.ended_at, ender.name AS ended_by, edit.ended_reason, trial.figures
FROM rule_edit AS edit
JOIN rule_trial AS trial ON trial.id = edit.trial_id
JOIN staff ON staff.id = edit.set_by
LEFT JOIN staff AS ender ON ender.id = edit.ended_by
WHERE %(rule)s::text IS NULL OR edit.rule = %(rule)s
ORDER BY edit.id DESC

-- name: add_trial
INSERT INTO rule_trial (rule, changes, source, against, days, figures, made_by, made_at)
VALUES (%(rule)s, %(changes)s, %(source)s, %(against)s, %(days)s, %(figures)s, %(made_by)s, %(made_at)s)
RETURNING public_id

-- name: find_trial
SELECT id, public_id, rule, changes, source, against, days, figures, made_by, made_at FROM rule_trial WHERE public_id = %(public_id)s

-- name: lock_edits
SELECT pg_advisory_xact_lock(hashtextextended('wardlight rule edits', 0))

-- name: last_version
SELECT coalesce(max(version), 0) FROM rule_edit WHERE rule = %(rule)s

-- name: end_edit
UPDATE rule_edit SET ended_at = %(now)s, ended_by = %(staff_id)s, ended_reason = %(reason)s
WHERE rule = %(rule)s AND ended_at IS NULL

-- name: add_edit
INSERT INTO rule_edit (rule, version, trial_id, reason, set_by, created_at)
VALUES (%(rule)s, %(version)s, %(trial_id)s, %(reason)s, %(staff_id)s, %(now)s)
RETURNING public_id
