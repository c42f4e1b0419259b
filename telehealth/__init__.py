"""Video visits and reminders; nothing here yet but the room itself."""
