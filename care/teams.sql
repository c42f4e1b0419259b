-- name: teams
-- begins each of the statements that follow it
SELECT team.id, team.public_id, team.name, team.zone, team.lead_id, staff.public_id AS lead, staff.name AS lead_name, team.phone,
       team.created_at
FROM team LEFT JOIN staff ON staff.id = team.lead_id

-- name: teams_by_name
ORDER BY team.name, team.id

-- name: team_by_public_id
WHERE team.public_id = %(public_id)s

-- name: teams_by_key
WHERE team.id = ANY(%(ids)s)

-- name: add_team
INSERT INTO team (name, zone, lead_id, phone, created_at) VALUES (%(name)s, %(zone)s, %(lead_id)s, %(phone)s, %(now)s)
RETURNING public_id

-- name: edit_team
UPDATE team SET name = %(name)s, zone = %(zone)s, lead_id = %(lead_id)s, phone = %(phone)s WHERE public_id = %(public_id)s

-- name: add_member
INSERT INTO team_member (team_id, staff_id, since, added_by) VALUES (%(team_id)s, %(staff_id)s, %(now)s, %(by)s)
ON CONFLICT (team_id, staff_id) WHERE left_at IS NULL DO NOTHING

-- name: end_member
UPDATE team_member SET left_at = %(now)s, ended_by = %(by)s
WHERE team_id = %(team_id)s AND staff_id = %(staff_id)s AND left_at IS NULL

-- name: list_members
SELECT team_id, staff_id FROM team_member WHERE team_id = ANY(%(team_ids)s) AND left_at IS NULL ORDER BY team_id, id

-- name: list_windows
SELECT id, public_id, layer, staff_id, weekday, starts, ends, from_day, until_day, team_id
FROM on_call_window
WHERE team_id = ANY(%(team_ids)s) AND (until_day IS NULL OR until_day > %(since)s)
ORDER BY layer, weekday, starts, id

-- name: list_overrides
SELECT id, public_id, layer, staff_id, starts_at, ends_at, reason, team_id
FROM on_call_override
WHERE team_id = ANY(%(team_ids)s) AND removed_at IS NULL AND ends_at > %(since)s
ORDER BY starts_at, id

-- name: add_window
INSERT INTO on_call_window (team_id, layer, staff_id, weekday, starts, ends, from_day, until_day, set_by, created_at)
VALUES (%(team_id)s, %(layer)s, %(staff_id)s, %(weekday)s, %(starts)s, %(ends)s, %(from_day)s, %(until_day)s, %(by)s, %(now)s)
RETURNING id, public_id, layer, staff_id, weekday, starts, ends, from_day, until_day

-- name: end_window
UPDATE on_call_window SET until_day = greatest(from_day, %(until_day)s), ended_by = %(by)s
WHERE team_id = %(team_id)s AND public_id = %(public_id)s AND (until_day IS NULL OR until_day > %(until_day)s)

-- name: add_override
INSERT INTO on_call_override (team_id, layer, staff_id, starts_at, ends_at, reason, set_by, created_at)
VALUES (%(team_id)s, %(layer)s, %(staff_id)s, %(starts_at)s, %(ends_at)s, %(reason)s, %(by)s, %(now)s)
RETURNING id, public_id, layer, staff_id, starts_at, ends_at, reason

-- name: remove_override
UPDATE on_call_override SET removed_at = %(now)s, removed_by = %(by)s
WHERE team_id = %(team_id)s AND public_id = %(public_id)s AND removed_at IS NULL

-- name: load_reach
SELECT staff.id AS staff_id, staff.public_id, staff.name, staff.disabled_at IS NULL AS is_enabled,
       coalesce(array_agg(address.channel ORDER BY address.id) FILTER (WHERE address.id IS NOT NULL), '{}') AS channels,
       coalesce(array_agg(address.address ORDER BY address.id) FILTER (WHERE address.id IS NOT NULL), '{}') AS addresses
FROM staff LEFT JOIN staff_address AS address
    ON address.staff_id = staff.id AND address.verified_at IS NOT NULL AND address.removed_at IS NULL
GROUP BY staff.id
ORDER BY staff.name, staff.id

-- name: set_patient_team
UPDATE patient SET team_id = %(team_id)s WHERE id = %(patient_id)s

-- name: set_emergency_contact
UPDATE patient SET emergency_contact = %(text)s WHERE id = %(patient_id)s

-- name: find_care
SELECT team.public_id, team.name, patient.emergency_contact
FROM patient LEFT JOIN team ON team.id = patient.team_id WHERE patient.id = %(patient_id)s

-- name: list_addresses
SELECT id, public_id, staff_id, channel, address, created_at, verified_at
FROM staff_address WHERE staff_id = %(staff_id)s AND removed_at IS NULL ORDER BY id

-- name: add_address
INSERT INTO staff_address (staff_id, channel, address, code_hash, created_at)
VALUES (%(staff_id)s, %(channel)s, %(address)s, %(code_hash)s, %(now)s)
RETURNING id, public_id, staff_id, channel, address, created_at, verified_at

-- name: try_code
-- a code is typed in at most ten times
UPDATE staff_address
SET tries = tries + 1, verified_at = CASE WHEN code_hash = %(code_hash)s THEN %(now)s ELSE verified_at END
WHERE staff_id = %(staff_id)s AND public_id = %(public_id)s AND removed_at IS NULL AND verified_at IS NULL AND tries < 10
RETURNING verified_at IS NOT NULL

-- name: remove_address
UPDATE staff_address SET removed_at = %(now)s
WHERE staff_id = %(staff_id)s AND public_id = %(public_id)s AND removed_at IS NULL
