"""Signals: numbers derived from readings, each with a small memory per patient, that rules judge like any vital."""
