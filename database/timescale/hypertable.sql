-- With TimescaleDB, under either licence: measurements in chunks of seven days of the device's own, immutable time.
-- May be run again. On a database that began without TimescaleDB the rows move into chunks now, which locks the table.
SELECT create_hypertable(
    'measurement',
    by_range('device_time', INTERVAL '7 days'),
    create_default_indexes => false,
    if_not_exists => true,
    migrate_data => true);
