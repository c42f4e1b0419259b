-- name: keep
INSERT INTO quarantine (digest, device_id, topic, payload, reason, detail, readings, received_at, last_at)
VALUES (%(digest)s, %(device_id)s, %(topic)s, %(payload)s, %(reason)s, %(detail)s, %(readings)s, %(received_at)s, %(received_at)s)
ON CONFLICT (digest) WHERE settled_at IS NULL DO UPDATE SET times = quarantine.times + 1, last_at = greatest(quarantine.last_at, excluded.last_at)

-- name: list_open
SELECT quarantine.public_id, device.public_id AS device, quarantine.topic, quarantine.payload, quarantine.reason, quarantine.detail,
       quarantine.readings, quarantine.times, quarantine.received_at, quarantine.last_at
FROM (
    SELECT * FROM quarantine WHERE settled_at IS NULL ORDER BY last_at DESC, id DESC LIMIT %(limit)s
) AS quarantine
LEFT JOIN device ON device.id = quarantine.device_id
ORDER BY quarantine.last_at DESC, quarantine.id DESC

-- name: count_open
SELECT reason, count(*)::int, sum(times)::bigint, sum(readings)::bigint FROM quarantine WHERE settled_at IS NULL GROUP BY reason ORDER BY reason

-- name: lock_open
SELECT id, device_id, topic, payload, reason, readings, times, received_at
FROM quarantine
WHERE settled_at IS NULL AND public_id = ANY(%(public_ids)s)
ORDER BY received_at, id
FOR UPDATE

-- name: settle
UPDATE quarantine SET settled_at = %(now)s, settlement = %(settlement)s WHERE id = %(id)s

-- name: lengthen_path
UPDATE path_up SET seen_at = %(now)s
WHERE id = (SELECT max(id) FROM path_up) AND seen_at >= %(now)s - %(patience)s
RETURNING id

-- name: begin_path
INSERT INTO path_up (started_at, seen_at) VALUES (%(now)s, %(now)s)

-- name: try_turn
SELECT pg_try_advisory_lock(%(key)s)

-- name: list_unfinished
SELECT device.public_id, boot, least(seq, 9223372036854775806) + 1
FROM device_state JOIN device ON device.id = device_id
WHERE boot IS NOT NULL AND revoked_at IS NULL AND last_received_at > %(since)s
ORDER BY device_id
