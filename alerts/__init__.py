"""Rules, conditions, the life of an alert, and the sweep."""
