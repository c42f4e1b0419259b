-- name: save_contact
INSERT INTO contact (patient_id, phone, language, contact_mode, zone)
VALUES (%(patient_id)s, %(phone)s, %(language)s, %(contact_mode)s, %(zone)s)
ON CONFLICT (patient_id) DO UPDATE
SET phone = excluded.phone, language = excluded.language, contact_mode = excluded.contact_mode, zone = excluded.zone

-- name: load_contacts
SELECT patient_id, phone, language, contact_mode, zone FROM contact WHERE patient_id = ANY (%(patient_ids)s)
