"""The coordinator's screens: server-rendered pages over the same rooms as the JSON interface."""
