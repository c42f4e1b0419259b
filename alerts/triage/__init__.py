"""What is shown and sent of what fired: silences, inhibition, flapping, rechecks, and the ledger of all that was withheld."""
