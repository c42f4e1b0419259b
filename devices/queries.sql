-- name: list_assignment_columns
SELECT array_agg(device_id), array_agg(coalesce(user_slot, -1)::smallint), array_agg(patient_id),
       array_agg(coalesce(lower(during), '-infinity')), array_agg(coalesce(upper(during), 'infinity'))
FROM assignment
WHERE device_id = ANY(%(device_ids)s::int[])
