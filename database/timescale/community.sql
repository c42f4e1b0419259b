-- What TimescaleDB's community edition adds; `wardlight migrate` runs this file there, and only there, after hypertable.sql.
-- Every statement may be run again, and each stands alone: some of them refuse a transaction. To try it by hand:
-- SET ROLE wardlight_owner, then this file through psql.

-- Chunks older than any usual late arrival become columns. Segmented by device, the identity index is checked on one segment;
-- by patient, a chart reads only that patient's.
ALTER TABLE measurement SET (
    timescaledb.enable_columnstore = true,
    timescaledb.segmentby = 'device_id, patient_id',
    timescaledb.orderby = 'device_time, seq, boot');
CALL add_columnstore_policy('measurement', after => INTERVAL '30 days', if_not_exists => true);

-- Quarter hours add up to days in every time zone. Suspect values are left out: bit n is column n of devices/vitals.py.
-- By device_time, since that is the partition; it differs from measured_at only where a device's clock was wrong. Readings
-- that a person marked wrong are still in it, so it is for long overviews and never judged on. Another vital needs another
-- view: a continuous aggregate takes no new columns.
CREATE MATERIALIZED VIEW IF NOT EXISTS measurement_quarter
WITH (timescaledb.continuous, timescaledb.materialized_only = false) AS
SELECT
    time_bucket(INTERVAL '15 minutes', device_time) AS quarter,
    patient_id,
    count(heart_rate) FILTER (WHERE suspect & 1 = 0) AS heart_rate_count,
    min(heart_rate) FILTER (WHERE suspect & 1 = 0) AS heart_rate_min,
    max(heart_rate) FILTER (WHERE suspect & 1 = 0) AS heart_rate_max,
    sum(heart_rate::float8) FILTER (WHERE suspect & 1 = 0) AS heart_rate_sum,
    count(spo2) FILTER (WHERE suspect & 2 = 0) AS spo2_count,
    min(spo2) FILTER (WHERE suspect & 2 = 0) AS spo2_min,
    max(spo2) FILTER (WHERE suspect & 2 = 0) AS spo2_max,
    sum(spo2::float8) FILTER (WHERE suspect & 2 = 0) AS spo2_sum,
    count(respiratory_rate) FILTER (WHERE suspect & 4 = 0) AS respiratory_rate_count,
    min(respiratory_rate) FILTER (WHERE suspect & 4 = 0) AS respiratory_rate_min,
    max(respiratory_rate) FILTER (WHERE suspect & 4 = 0) AS respiratory_rate_max,
    sum(respiratory_rate::float8) FILTER (WHERE suspect & 4 = 0) AS respiratory_rate_sum,
    count(body_temperature) FILTER (WHERE suspect & 8 = 0) AS body_temperature_count,
    min(body_temperature) FILTER (WHERE suspect & 8 = 0) AS body_temperature_min,
    max(body_temperature) FILTER (WHERE suspect & 8 = 0) AS body_temperature_max,
    sum(body_temperature::float8) FILTER (WHERE suspect & 8 = 0) AS body_temperature_sum,
    count(systolic_bp) FILTER (WHERE suspect & 16 = 0) AS systolic_bp_count,
    min(systolic_bp) FILTER (WHERE suspect & 16 = 0) AS systolic_bp_min,
    max(systolic_bp) FILTER (WHERE suspect & 16 = 0) AS systolic_bp_max,
    sum(systolic_bp::float8) FILTER (WHERE suspect & 16 = 0) AS systolic_bp_sum,
    count(diastolic_bp) FILTER (WHERE suspect & 32 = 0) AS diastolic_bp_count,
    min(diastolic_bp) FILTER (WHERE suspect & 32 = 0) AS diastolic_bp_min,
    max(diastolic_bp) FILTER (WHERE suspect & 32 = 0) AS diastolic_bp_max,
    sum(diastolic_bp::float8) FILTER (WHERE suspect & 32 = 0) AS diastolic_bp_sum,
    count(body_weight) FILTER (WHERE suspect & 64 = 0) AS body_weight_count,
    min(body_weight) FILTER (WHERE suspect & 64 = 0) AS body_weight_min,
    max(body_weight) FILTER (WHERE suspect & 64 = 0) AS body_weight_max,
    sum(body_weight::float8) FILTER (WHERE suspect & 64 = 0) AS body_weight_sum,
    count(blood_glucose) FILTER (WHERE suspect & 128 = 0) AS blood_glucose_count,
    min(blood_glucose) FILTER (WHERE suspect & 128 = 0) AS blood_glucose_min,
    max(blood_glucose) FILTER (WHERE suspect & 128 = 0) AS blood_glucose_max,
    sum(blood_glucose::float8) FILTER (WHERE suspect & 128 = 0) AS blood_glucose_sum,
    count(cgm_glucose) FILTER (WHERE suspect & 256 = 0) AS cgm_glucose_count,
    min(cgm_glucose) FILTER (WHERE suspect & 256 = 0) AS cgm_glucose_min,
    max(cgm_glucose) FILTER (WHERE suspect & 256 = 0) AS cgm_glucose_max,
    sum(cgm_glucose::float8) FILTER (WHERE suspect & 256 = 0) AS cgm_glucose_sum,
    count(peak_flow) FILTER (WHERE suspect & 512 = 0) AS peak_flow_count,
    min(peak_flow) FILTER (WHERE suspect & 512 = 0) AS peak_flow_min,
    max(peak_flow) FILTER (WHERE suspect & 512 = 0) AS peak_flow_max,
    sum(peak_flow::float8) FILTER (WHERE suspect & 512 = 0) AS peak_flow_sum,
    count(fev1) FILTER (WHERE suspect & 1024 = 0) AS fev1_count,
    min(fev1) FILTER (WHERE suspect & 1024 = 0) AS fev1_min,
    max(fev1) FILTER (WHERE suspect & 1024 = 0) AS fev1_max,
    sum(fev1::float8) FILTER (WHERE suspect & 1024 = 0) AS fev1_sum,
    count(fvc) FILTER (WHERE suspect & 2048 = 0) AS fvc_count,
    min(fvc) FILTER (WHERE suspect & 2048 = 0) AS fvc_min,
    max(fvc) FILTER (WHERE suspect & 2048 = 0) AS fvc_max,
    sum(fvc::float8) FILTER (WHERE suspect & 2048 = 0) AS fvc_sum,
    count(oxygen_flow) FILTER (WHERE suspect & 4096 = 0) AS oxygen_flow_count,
    min(oxygen_flow) FILTER (WHERE suspect & 4096 = 0) AS oxygen_flow_min,
    max(oxygen_flow) FILTER (WHERE suspect & 4096 = 0) AS oxygen_flow_max,
    sum(oxygen_flow::float8) FILTER (WHERE suspect & 4096 = 0) AS oxygen_flow_sum,
    count(steps) FILTER (WHERE suspect & 8192 = 0) AS steps_count,
    min(steps) FILTER (WHERE suspect & 8192 = 0) AS steps_min,
    max(steps) FILTER (WHERE suspect & 8192 = 0) AS steps_max,
    sum(steps::float8) FILTER (WHERE suspect & 8192 = 0) AS steps_sum
FROM measurement
WHERE patient_id IS NOT NULL
GROUP BY 1, 2
WITH NO DATA;
GRANT SELECT ON measurement_quarter TO wardlight_app;

-- Late arrivals of up to 400 days are taken in; only quarters that changed are computed again.
SELECT add_continuous_aggregate_policy(
    'measurement_quarter',
    start_offset => INTERVAL '400 days',
    end_offset => INTERVAL '15 minutes',
    schedule_interval => INTERVAL '15 minutes',
    if_not_exists => true);

-- Ten years: the longest that general rules for adults' records ask for (Germany, § 630f BGB; US states mostly five to ten).
-- A service that must keep longer changes it with remove_retention_policy and add_retention_policy; nothing here sets it back.
SELECT add_retention_policy('measurement', drop_after => INTERVAL '10 years', if_not_exists => true);
