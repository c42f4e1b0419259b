"""Who is told, in which order and until when: teams, on-call, the ladder of an alert, hand-over and coverage."""
