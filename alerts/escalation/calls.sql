-- name: add_attempt
INSERT INTO contact_attempt (patient_id, alert_id, whom, how, outcome, note, staff_id, at)
VALUES (%(patient_id)s, %(alert_id)s, %(whom)s, %(how)s, %(outcome)s, %(note)s, %(staff_id)s, %(now)s)

-- name: list_attempts
SELECT attempt.public_id, attempt.whom, attempt.how, attempt.outcome, attempt.note, staff.name AS by, attempt.at
FROM contact_attempt AS attempt JOIN staff ON staff.id = attempt.staff_id
WHERE attempt.patient_id = %(patient_id)s AND attempt.at >= %(since)s
ORDER BY attempt.at, attempt.id

-- name: add_check
INSERT INTO welfare_check (patient_id, alert_id, decision, reason, staff_id, at)
VALUES (%(patient_id)s, %(alert_id)s, %(decision)s, %(reason)s, %(staff_id)s, %(now)s)

-- name: list_checks
SELECT welfare_check.public_id, decision, reason, staff.name AS by, at
FROM welfare_check JOIN staff ON staff.id = welfare_check.staff_id
WHERE patient_id = %(patient_id)s AND at >= %(since)s
ORDER BY at, welfare_check.id

-- name: add_sbar
INSERT INTO sbar (alert_id, patient_id, asked_by, physician_id, physician, situation, background, assessment, recommendation,
    asked_at, reply_within, due_at)
VALUES (%(alert_id)s, %(patient_id)s, %(staff_id)s, %(physician_id)s, %(physician)s, %(situation)s, %(background)s, %(assessment)s,
    %(recommendation)s, %(now)s, %(reply_within)s, %(now)s + %(reply_within)s)
RETURNING public_id

-- name: list_sbars
SELECT sbar.id, sbar.public_id, staff.name AS asked_by, sbar.physician, sbar.situation, sbar.background, sbar.assessment,
       sbar.recommendation, sbar.asked_at, sbar.due_at, sbar.reminded, sbar.replied_at, sbar.reply
FROM sbar JOIN staff ON staff.id = sbar.asked_by
WHERE sbar.alert_id = %(alert_id)s
ORDER BY sbar.id

-- name: list_orders
SELECT physician_order.sbar_id, physician_order.public_id, physician_order.text, taker.name AS taken_by, physician_order.taken_at,
       reader.name AS read_back_by, physician_order.read_back_at, physician_order.confirmed_by
FROM physician_order
JOIN sbar ON sbar.id = physician_order.sbar_id
JOIN staff AS taker ON taker.id = physician_order.taken_by
LEFT JOIN staff AS reader ON reader.id = physician_order.read_back_by
WHERE sbar.alert_id = %(alert_id)s
ORDER BY physician_order.id

-- name: reply
UPDATE sbar SET replied_at = %(now)s, reply = %(reply)s, recorded_by = %(staff_id)s, due_at = NULL
WHERE public_id = %(public_id)s AND replied_at IS NULL
RETURNING alert_id

-- name: find_sbar
SELECT sbar.id, alert.public_id, sbar.replied_at IS NOT NULL FROM sbar JOIN alert ON alert.id = sbar.alert_id
WHERE sbar.public_id = %(public_id)s

-- name: add_order
INSERT INTO physician_order (sbar_id, text, taken_by, taken_at) VALUES (%(sbar_id)s, %(text)s, %(staff_id)s, %(now)s)

-- name: read_back
UPDATE physician_order SET read_back_by = %(staff_id)s, read_back_at = %(now)s, confirmed_by = %(confirmed_by)s
WHERE public_id = %(public_id)s AND read_back_at IS NULL
RETURNING sbar_id

-- name: find_order
SELECT alert.public_id, physician_order.read_back_at IS NOT NULL
FROM physician_order JOIN sbar ON sbar.id = physician_order.sbar_id JOIN alert ON alert.id = sbar.alert_id
WHERE physician_order.public_id = %(public_id)s

-- name: latest_readings
SELECT vital.name, reading.value, reading.measured_at
FROM unnest(%(names)s::text[], %(columns)s::int[]) AS vital (name, place)
CROSS JOIN LATERAL (
    SELECT m.measured_at, (ARRAY[m.heart_rate, m.spo2, m.respiratory_rate, m.body_temperature, m.systolic_bp, m.diastolic_bp,
               m.body_weight, m.blood_glucose, m.cgm_glucose, m.peak_flow, m.fev1, m.fvc, m.oxygen_flow, m.steps])[vital.place + 1]
               AS value
    FROM measurement AS m
    WHERE m.patient_id = %(patient_id)s AND m.measured_at > %(since)s AND m.suspect & (1 << vital.place) = 0
        AND (ARRAY[m.heart_rate, m.spo2, m.respiratory_rate, m.body_temperature, m.systolic_bp, m.diastolic_bp, m.body_weight,
                   m.blood_glucose, m.cgm_glucose, m.peak_flow, m.fev1, m.fvc, m.oxygen_flow, m.steps])[vital.place + 1] IS NOT NULL
    ORDER BY m.measured_at DESC LIMIT 1
) AS reading
ORDER BY vital.place

-- name: add_hand_over
INSERT INTO hand_over (from_id, to_id, note, at) VALUES (%(from_id)s, %(to_id)s, %(note)s, %(now)s) RETURNING id, public_id

-- name: add_items
-- what is open and belongs to whoever hands over, and does not wait in another hand-over
INSERT INTO hand_over_item (hand_over_id, alert_id, patient_id, note)
SELECT %(hand_over_id)s, alert.id, alert.patient_id, ''
FROM alert
WHERE alert.closed_at IS NULL AND coalesce(alert.assigned_to, alert.acknowledged_by) = %(from_id)s
    AND (%(alerts)s::text[] IS NULL OR alert.public_id = ANY(%(alerts)s))
ORDER BY alert.due_at, alert.id
ON CONFLICT (alert_id) WHERE state = 'pending' DO NOTHING

-- name: list_items
SELECT item.public_id, hand_over.public_id AS hand_over, giver.name AS giver, taker.name AS taker, giver.public_id AS giver_id,
       taker.public_id AS taker_id, hand_over.note AS hand_over_note, hand_over.at, item.state, item.note, item.answer, item.settled_at,
       alert.public_id AS alert, alert.id AS alert_key, item.patient_id, alert.closed_at IS NOT NULL AS is_closed
FROM hand_over_item AS item
JOIN hand_over ON hand_over.id = item.hand_over_id
JOIN staff AS giver ON giver.id = hand_over.from_id
JOIN staff AS taker ON taker.id = hand_over.to_id
JOIN alert ON alert.id = item.alert_id
WHERE (hand_over.from_id = %(staff_id)s OR hand_over.to_id = %(staff_id)s)
    AND (item.state = 'pending' OR hand_over.at > %(since)s)
ORDER BY item.state = 'pending' DESC, hand_over.at DESC, item.id

-- name: list_own
SELECT public_id FROM alert
WHERE closed_at IS NULL AND coalesce(assigned_to, acknowledged_by) = %(staff_id)s
ORDER BY emergency DESC, due_at, id

-- name: lock_item
SELECT item.id, item.state, item.alert_id, alert.public_id, hand_over.from_id, hand_over.to_id, staff.name
FROM hand_over_item AS item JOIN hand_over ON hand_over.id = item.hand_over_id JOIN alert ON alert.id = item.alert_id
JOIN staff ON staff.id = hand_over.to_id
WHERE item.public_id = %(public_id)s
FOR UPDATE OF item

-- name: settle_item
UPDATE hand_over_item SET state = %(state)s, settled_at = %(now)s, settled_by = %(staff_id)s, answer = %(answer)s
WHERE id = %(id)s AND state = 'pending'
