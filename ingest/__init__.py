"""Vitals in: MQTT to committed, judged measurements."""
