"""Vitals, units, readings, codecs, identity, assignment, simulator; owns the measurement table."""
