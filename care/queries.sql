-- name: add_patient
INSERT INTO patient (record_number, name, birth_date, sex, coordinator_id, emergency_number, address,
                     access_note, is_synthetic, created_at)
VALUES (%(record_number)s, %(name)s, %(birth_date)s, %(sex)s, %(coordinator_id)s, %(emergency_number)s, %(address)s,
        %(access_note)s, %(is_synthetic)s, %(now)s)
RETURNING public_id

-- name: edit_patient
UPDATE patient
SET record_number = %(record_number)s, name = %(name)s, birth_date = %(birth_date)s, sex = %(sex)s,
    coordinator_id = %(coordinator_id)s, emergency_number = %(emergency_number)s, address = %(address)s,
    access_note = %(access_note)s, is_synthetic = %(is_synthetic)s
WHERE public_id = %(public_id)s

-- name: patients
-- begins each of the statements that follow it
SELECT p.id, p.public_id, p.record_number, p.name, p.birth_date, p.sex, p.programmes, p.coordinator_id,
       s.public_id AS coordinator, s.name AS coordinator_name, p.emergency_number, p.address, p.access_note, p.is_synthetic,
       p.created_at, p.status
FROM patient p LEFT JOIN staff s ON s.id = p.coordinator_id

-- name: patient_by_public_id
WHERE p.public_id = %(public_id)s

-- name: patient_by_record_number
WHERE p.record_number = %(record_number)s

-- name: patients_by_key
WHERE p.id = ANY (%(ids)s)

-- name: patients_by_name
-- without the synthetic patient, whom no list shows
WHERE NOT p.proves_path
ORDER BY p.name, p.id
LIMIT %(limit)s OFFSET %(offset)s

-- name: patients_by_text
-- a part of the name, the start of the record number, or a birth date
WHERE NOT p.proves_path
  AND (strpos(lower(p.name), lower(%(text)s)) > 0
       OR starts_with(lower(p.record_number), lower(%(text)s))
       OR p.birth_date::text = %(text)s)
ORDER BY p.name, p.id
LIMIT %(limit)s

-- name: list_namesakes
SELECT public_id FROM patient
WHERE lower(name) = (SELECT lower(name) FROM patient WHERE id = %(patient_id)s) AND id <> %(patient_id)s
ORDER BY id

-- name: add_staff
INSERT INTO staff (email, name, role, zone, created_at) VALUES (%(email)s, %(name)s, %(role)s, %(zone)s, %(now)s)
RETURNING id, public_id, email, name, role, zone, units, glucose_unit, disabled_at, created_at

-- name: find_staff
SELECT id, public_id, email, name, role, zone, units, glucose_unit, disabled_at, created_at
FROM staff WHERE public_id = %(public_id)s

-- name: find_staff_by_email
SELECT id, public_id, email, name, role, zone, units, glucose_unit, disabled_at, created_at
FROM staff WHERE lower(email) = lower(%(email)s)

-- name: list_staff
SELECT id, public_id, email, name, role, zone, units, glucose_unit, disabled_at, created_at FROM staff ORDER BY name, id

-- name: lock_administrators
SELECT id FROM staff WHERE role = 'administrator' AND disabled_at IS NULL ORDER BY id FOR UPDATE

-- name: disable_staff
UPDATE staff SET disabled_at = coalesce(disabled_at, %(now)s) WHERE id = %(staff_id)s

-- name: enable_staff
UPDATE staff SET disabled_at = NULL WHERE id = %(staff_id)s

-- name: save_preferences
UPDATE staff SET zone = %(zone)s, units = %(units)s, glucose_unit = %(glucose_unit)s WHERE id = %(staff_id)s

-- name: add_answer
INSERT INTO questionnaire_answer (patient_id, questionnaire, version, answered_at, received_at, score, red_flags, answers, recorded_by)
VALUES (%(patient_id)s, %(questionnaire)s, %(version)s, %(answered_at)s, %(now)s, %(score)s, %(red_flags)s, %(answers)s, %(by)s)
RETURNING public_id

-- name: answers
SELECT a.public_id, a.patient_id, a.questionnaire, a.version, a.answered_at, a.received_at, a.score, a.red_flags, a.answers,
       s.name AS recorded_by
FROM questionnaire_answer AS a LEFT JOIN staff AS s ON s.id = a.recorded_by
WHERE a.patient_id = %(patient_id)s AND (%(public_id)s::text IS NULL OR a.public_id = %(public_id)s)
ORDER BY a.answered_at DESC, a.id DESC LIMIT %(limit)s

-- name: find_red_flag
SELECT patient_id, max(answered_at) FROM questionnaire_answer
WHERE patient_id = ANY (%(patient_ids)s) AND answered_at >= %(since)s AND red_flags <> '{}'
GROUP BY patient_id
