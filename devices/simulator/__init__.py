"""The simulator: believable patients and devices for demonstrations, tests and benches. Never imported by the ingest path."""
