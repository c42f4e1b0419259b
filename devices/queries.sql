-- name: copy_assignments
COPY (
    SELECT device_id, coalesce(user_slot, -1)::smallint, patient_id,
           coalesce(lower(during), '-infinity'), coalesce(upper(during), 'infinity')
    FROM assignment
    WHERE device_id = ANY(%(device_ids)s::int[])
) TO STDOUT (FORMAT BINARY)
