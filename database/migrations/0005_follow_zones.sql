-- Days and parts of the day are counted in a patient's own zone, so whoever changes it makes the next judgement a rebuild.

CREATE FUNCTION forget_days() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE patient_state SET ruleset_id = NULL, version = version + 1 WHERE patient_id = NEW.patient_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER contact_zone AFTER UPDATE OF zone ON contact
    FOR EACH ROW WHEN (OLD.zone IS DISTINCT FROM NEW.zone) EXECUTE FUNCTION forget_days();
CREATE TRIGGER contact_added AFTER INSERT ON contact
    FOR EACH ROW WHEN (NEW.zone <> 'UTC') EXECUTE FUNCTION forget_days();
