-- name: begin_escalations
INSERT INTO escalation (alert_id, patient_id, severity, due_at, reason, began_at)
SELECT alert_id, patient_id, severity, due_at, reason, %(now)s
FROM jsonb_to_recordset(%(calls)s::jsonb) AS new (alert_id bigint, patient_id int, severity text, due_at timestamptz, reason text)
ORDER BY alert_id
ON CONFLICT (alert_id) DO UPDATE
SET severity = excluded.severity, phase = 'paging', step = 0, taken = 0, rounds = 0, due_at = excluded.due_at,
    reason = excluded.reason, began_at = excluded.began_at, exhausted_at = NULL, held_until = NULL, ended_at = NULL, ended_how = NULL

-- name: end_escalations
UPDATE escalation SET due_at = NULL, held_until = NULL, ended_at = %(now)s, ended_how = %(how)s
WHERE alert_id = ANY(%(alert_ids)s) AND ended_at IS NULL

-- name: rest_escalations
-- taken on by a person: its owner is asked again where nothing follows
UPDATE escalation
SET phase = 'reminding', rounds = 0, exhausted_at = NULL, held_until = NULL,
    due_at = %(now)s + make_interval(secs => new.remind_seconds)
FROM unnest(%(alert_ids)s::bigint[], %(remind_seconds)s::float8[]) AS new (alert_id, remind_seconds)
WHERE escalation.alert_id = new.alert_id AND ended_at IS NULL

-- name: list_resting
-- those of some alerts whose ladder runs, that a person took on and that are still open
SELECT escalation.alert_id, alert.severity, alert.emergency, patient.team_id
FROM escalation JOIN alert ON alert.id = escalation.alert_id JOIN patient ON patient.id = escalation.patient_id
WHERE escalation.alert_id = ANY(%(alert_ids)s) AND escalation.ended_at IS NULL AND alert.acknowledged_at IS NOT NULL
    AND alert.closed_at IS NULL

-- name: end_past
UPDATE escalation SET due_at = NULL, held_until = NULL, ended_at = %(now)s, ended_how = %(how)s
WHERE began_at < %(before)s AND ended_at IS NULL

-- name: withhold_pages
-- what waits to be sent about alerts that nobody need be paged for any more
UPDATE outbox SET state = 'withheld', reason = reason || '; not sent: ' || %(how)s::text, finished_at = %(now)s
WHERE state = 'pending' AND claimed_until IS NULL AND page_id IN (
    SELECT page_id FROM page_alert WHERE alert_id = ANY(%(alert_ids)s)
) AND NOT EXISTS (
    SELECT FROM page_alert AS other JOIN escalation ON escalation.alert_id = other.alert_id
    WHERE other.page_id = outbox.page_id AND escalation.ended_at IS NULL AND escalation.phase = 'paging'
)

-- name: next_due
SELECT least(
    (SELECT min(due_at) FROM escalation WHERE ended_at IS NULL),
    (SELECT min(due_at) FROM sbar WHERE due_at IS NOT NULL),
    (SELECT min(finished_at) FROM outbox WHERE state = 'dead' AND page_id IS NOT NULL AND followed_at IS NULL))

-- name: claim_due
-- an alert that somebody holds just now is taken the next moment
SELECT escalation.alert_id, alert.public_id AS alert, escalation.patient_id, alert.severity, alert.emergency, alert.acknowledged_at,
       coalesce(alert.assigned_to, alert.acknowledged_by) AS owner_id, alert.closed_at, patient.coordinator_id, patient.team_id,
       escalation.phase, escalation.step, escalation.taken, escalation.rounds, escalation.reason, escalation.due_at,
       escalation.began_at, escalation.exhausted_at, escalation.paged_at, done.touched_at
FROM escalation
JOIN alert ON alert.id = escalation.alert_id
JOIN patient ON patient.id = escalation.patient_id
LEFT JOIN LATERAL (
    SELECT greatest(
        (SELECT max(at) FROM alert_event WHERE alert_id = alert.id AND staff_id IS NOT NULL AND what <> 'acknowledged'),
        (SELECT max(at) FROM contact_attempt WHERE alert_id = alert.id),
        (SELECT max(greatest(asked_at, replied_at)) FROM sbar WHERE alert_id = alert.id),
        (SELECT max(greatest(taken_at, read_back_at)) FROM physician_order
         JOIN sbar ON sbar.id = physician_order.sbar_id WHERE sbar.alert_id = alert.id),
        (SELECT max(at) FROM welfare_check WHERE alert_id = alert.id),
        (SELECT max(settled_at) FROM hand_over_item WHERE alert_id = alert.id AND state = 'accepted')) AS touched_at
) AS done ON alert.acknowledged_at IS NOT NULL
WHERE escalation.ended_at IS NULL AND escalation.due_at <= %(now)s
ORDER BY escalation.due_at, escalation.alert_id
LIMIT %(limit)s
FOR UPDATE OF escalation SKIP LOCKED
FOR KEY SHARE OF alert SKIP LOCKED

-- name: advance
UPDATE escalation AS old
SET phase = new.phase, step = new.step, taken = new.taken, rounds = new.rounds, due_at = new.due_at, reason = new.reason,
    began_at = new.began_at, exhausted_at = new.exhausted_at, held_until = new.held_until, paged_at = new.paged_at,
    ended_at = new.ended_at, ended_how = new.ended_how
FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS new (alert_id bigint, phase text, step int, taken int, rounds int, due_at timestamptz, reason text, began_at timestamptz,
            exhausted_at timestamptz, held_until timestamptz, paged_at timestamptz, ended_at timestamptz, ended_how text)
WHERE old.alert_id = new.alert_id

-- name: lock_people
-- pages of one person are written by one worker at a time
SELECT id FROM staff WHERE id = ANY(%(staff_ids)s) ORDER BY id FOR NO KEY UPDATE

-- name: last_pages
SELECT wanted.staff_id, page.id, page.word, page.send_at,
       NOT EXISTS (SELECT FROM outbox WHERE page_id = page.id AND state <> 'merged'
                   AND (claimed_until IS NOT NULL OR state NOT IN ('pending', 'delivered') OR attempts > 0)) AS is_open
FROM unnest(%(staff_ids)s::int[]) AS wanted (staff_id)
CROSS JOIN LATERAL (SELECT id, word, send_at FROM page WHERE page.staff_id = wanted.staff_id ORDER BY id DESC LIMIT 1) AS page

-- name: add_page
INSERT INTO page (staff_id, word, why, alerts, patients, send_at, created_at)
VALUES (%(staff_id)s, %(word)s, %(why)s, %(alerts)s, %(patients)s, %(send_at)s, %(now)s)
RETURNING id

-- name: lock_waiting_rows
-- the rows of a page that still wait; none where somebody has just taken them up
SELECT id FROM outbox WHERE page_id = %(page_id)s AND state = 'pending' AND claimed_until IS NULL ORDER BY id FOR UPDATE SKIP LOCKED

-- name: add_page_alerts
INSERT INTO page_alert (page_id, alert_id, patient_id, at, reason)
SELECT %(page_id)s, alert_id, patient_id, %(now)s, reason
FROM jsonb_to_recordset(%(rows)s::jsonb) AS new (alert_id bigint, patient_id int, reason text)
ON CONFLICT DO NOTHING

-- name: count_page
UPDATE page SET word = %(word)s, send_at = %(send_at)s,
    alerts = (SELECT count(*) FROM page_alert WHERE page_id = page.id),
    patients = (SELECT count(DISTINCT patient_id) FROM page_alert WHERE page_id = page.id)
WHERE id = %(page_id)s
RETURNING alerts, patients

-- name: rewrite_waiting_rows
UPDATE outbox
SET body = CASE WHEN channel = 'console' AND staff_id IS NULL THEN %(operator)s ELSE %(body)s END, due_at = %(send_at)s, link = '/'
WHERE id = ANY(%(ids)s)

-- name: hasten_dead
-- A page of which nothing arrived and nothing is left to try is no page: the ladders of its alerts go on at once, past the
-- repeats of the step.
WITH dead AS (
    SELECT id, page_id FROM outbox
    WHERE state = 'dead' AND page_id IS NOT NULL AND followed_at IS NULL
    ORDER BY finished_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), followed AS (
    UPDATE outbox SET followed_at = %(now)s FROM dead WHERE outbox.id = dead.id RETURNING outbox.page_id
), hastened AS (
    UPDATE escalation SET due_at = %(now)s, step = step + CASE WHEN taken > 0 THEN 1 ELSE 0 END, taken = 0
    WHERE ended_at IS NULL AND phase = 'paging' AND due_at > %(now)s AND exhausted_at IS NULL AND alert_id IN (
        SELECT page_alert.alert_id FROM page_alert
        WHERE page_alert.page_id IN (SELECT page_id FROM followed)
            -- every page of this step came to nothing
            AND NOT EXISTS (
                SELECT FROM page_alert AS other JOIN outbox ON outbox.page_id = other.page_id
                WHERE other.alert_id = page_alert.alert_id AND other.at >= page_alert.at AND outbox.state IN ('pending', 'delivered')))
    RETURNING alert_id
)
SELECT (SELECT count(*) FROM followed), (SELECT count(*) FROM hastened)

-- name: tell_unstaffed
-- once for each patient and unstaffed time; returns who is to be told and what is needed for it
WITH told AS (
    INSERT INTO told_unstaffed (patient_id, until_at, at)
    SELECT patient_id, until_at, %(now)s
    FROM unnest(%(patient_ids)s::int[], %(until_ats)s::timestamptz[]) AS new (patient_id, until_at)
    ON CONFLICT DO NOTHING
    RETURNING patient_id, until_at
)
SELECT told.patient_id, told.until_at, patient.emergency_number, coalesce(contact.zone, 'UTC') AS zone
FROM told JOIN patient ON patient.id = told.patient_id LEFT JOIN contact ON contact.patient_id = told.patient_id
ORDER BY told.patient_id

-- name: claim_replies
SELECT sbar.id, sbar.alert_id, alert.public_id AS alert, sbar.patient_id, alert.severity, alert.emergency, sbar.asked_by,
       sbar.physician_id, sbar.reply_within, sbar.reminded, alert.closed_at
FROM sbar JOIN alert ON alert.id = sbar.alert_id
WHERE sbar.due_at <= %(now)s
ORDER BY sbar.due_at, sbar.id LIMIT %(limit)s
FOR UPDATE OF sbar SKIP LOCKED
FOR KEY SHARE OF alert SKIP LOCKED

-- name: remind_replies
UPDATE sbar SET due_at = new.due_at, reminded = reminded + 1
FROM unnest(%(ids)s::bigint[], %(due_ats)s::timestamptz[]) AS new (id, due_at)
WHERE sbar.id = new.id

-- name: list_ladders
-- the newest of each team
SELECT DISTINCT ON (team_id) team_id, ladder FROM ladder WHERE team_id = ANY(%(team_ids)s) ORDER BY team_id, id DESC

-- name: add_ladder
INSERT INTO ladder (team_id, ladder, set_by, since) VALUES (%(team_id)s, %(ladder)s, %(by)s, %(now)s)

-- name: list_standings
SELECT escalation.alert_id, alert.severity, alert.emergency, patient.coordinator_id, patient.team_id, escalation.phase,
       escalation.step, escalation.taken, escalation.rounds, escalation.reason, escalation.due_at, escalation.paged_at,
       escalation.exhausted_at, escalation.held_until, escalation.ended_at, escalation.ended_how,
       coalesce(alert.assigned_to, alert.acknowledged_by) AS owner_id
FROM escalation JOIN alert ON alert.id = escalation.alert_id JOIN patient ON patient.id = escalation.patient_id
WHERE escalation.alert_id = ANY(%(alert_ids)s)

-- name: list_open_owners
SELECT alert.id, alert.public_id, alert.patient_id, patient.public_id AS patient, alert.severity, alert.emergency,
       coalesce(alert.assigned_to, alert.acknowledged_by) AS owner_id, patient.coordinator_id, patient.team_id,
       escalation.due_at, escalation.exhausted_at
FROM alert JOIN patient ON patient.id = alert.patient_id LEFT JOIN escalation ON escalation.alert_id = alert.id
WHERE alert.closed_at IS NULL AND NOT patient.proves_path
ORDER BY alert.due_at, alert.id

-- name: list_uncoordinated
SELECT patient.public_id FROM patient
LEFT JOIN staff ON staff.id = patient.coordinator_id
WHERE (patient.coordinator_id IS NULL OR staff.disabled_at IS NOT NULL) AND NOT patient.proves_path
ORDER BY patient.public_id LIMIT %(limit)s

-- name: list_used_teams
SELECT DISTINCT team_id FROM patient WHERE NOT proves_path ORDER BY team_id NULLS FIRST

-- name: count_exhausted
SELECT count(*), min(exhausted_at) FROM escalation WHERE ended_at IS NULL AND exhausted_at IS NOT NULL

-- name: list_pages
SELECT page.public_id, staff.name AS recipient, page.word, page.why, page.alerts, page.patients, page.send_at, page_alert.reason,
       coalesce(array_agg(outbox.channel || ': ' || outbox.state ORDER BY outbox.id)
                FILTER (WHERE outbox.id IS NOT NULL AND outbox.state <> 'merged'), '{}') AS receipts
FROM page_alert JOIN page ON page.id = page_alert.page_id JOIN staff ON staff.id = page.staff_id
LEFT JOIN outbox ON outbox.page_id = page.id
WHERE page_alert.alert_id = %(alert_id)s
GROUP BY page.id, staff.name, page_alert.reason
ORDER BY page.id
