"""What each command of `wardlight` does; how it is called stands in `api/cli.py`."""
