"""The watch: what may fail silently is looked at from outside, and said on every screen and to somebody elsewhere.

`judge` decides, purely; `seen` asks the database; `probes` and `screen` ask everything else as strangers would; `synthetic` is
the patient who proves the whole path; `tell` speaks to the outside. `serve` judges what it can see by the same functions as
the watchdog, so a screen speaks up even where the watchdog is what died.
"""
