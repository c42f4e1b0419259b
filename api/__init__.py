"""HTTP, coordinator web app, command line, settings: the composition root."""
