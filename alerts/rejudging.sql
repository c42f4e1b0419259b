-- name: load_judged
-- what an alert was judged with: the rules, the patient's programmes then, and their zone
SELECT ruleset.rules, alert.programmes, coalesce(contact.zone, 'UTC')
FROM alert JOIN ruleset ON ruleset.id = alert.ruleset_id LEFT JOIN contact ON contact.patient_id = alert.patient_id
WHERE alert.id = %(alert_id)s

-- name: load_resets_then
SELECT rule, max(reset_at) FROM alert
WHERE patient_id = %(patient_id)s AND reset_at IS NOT NULL AND closed_at < %(opened_at)s
GROUP BY rule
