-- name: load_own_numbers
-- limits of the alert's rule and references that were in force when it fired
SELECT own.name, own.value, staff.name AS set_by, own.created_at AS set_at, upper(own.during) AS until, own.reason
FROM (
    SELECT 'limit' AS name, "limit"::float8 AS value, set_by, created_at, during, reason FROM patient_limit
    WHERE patient_id = %(patient_id)s AND rule = %(rule)s AND during @> %(fired_at)s::timestamptz
    UNION ALL
    SELECT patient_reference.name, value::float8, set_by, created_at, during, reason FROM patient_reference
    WHERE patient_id = %(patient_id)s AND patient_reference.name = ANY(%(references)s) AND during @> %(fired_at)s::timestamptz
) AS own JOIN staff ON staff.id = own.set_by
ORDER BY own.name, own.created_at

-- name: load_withheld
SELECT what, kind, reason, owner, starts_at, ends_at, ended_at, ended_how FROM suppression
WHERE alert_id = %(alert_id)s ORDER BY id

-- name: load_paged
SELECT staff.name AS recipient, page_alert.at, page_alert.reason,
       coalesce(array_agg(outbox.channel || ' ' || outbox.state || coalesce(' ' || to_char(outbox.finished_at, 'HH24:MI:SS'), '')
                          || coalesce(': ' || outbox.error, '') ORDER BY outbox.id)
                FILTER (WHERE outbox.id IS NOT NULL AND outbox.state <> 'merged'), '{}') AS receipts
FROM page_alert JOIN page ON page.id = page_alert.page_id JOIN staff ON staff.id = page.staff_id
LEFT JOIN outbox ON outbox.page_id = page.id
WHERE page_alert.alert_id = %(alert_id)s
GROUP BY page.id, staff.name, page_alert.at, page_alert.reason
ORDER BY page_alert.at, page.id

-- name: load_ladder
SELECT phase, reason, due_at, exhausted_at, ended_at, ended_how FROM escalation WHERE alert_id = %(alert_id)s
