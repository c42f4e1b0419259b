"""Tests, in the rooms that they test."""
