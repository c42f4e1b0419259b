"""`python -m api` is `wardlight`."""

from api.cli import main

main()
