"""Patients and the staff who look after them."""
