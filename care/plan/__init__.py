"""What is a patient's own: programmes they are in, limits, references, schedules and pauses, all of it dated."""
