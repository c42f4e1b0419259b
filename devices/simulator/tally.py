"""Tally: what a fleet of simulated devices has done so far, for progress bars and ledgers."""

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """What a fleet has done so far, in measurements unless it says otherwise."""

    added: int = 0
    #: sent, again too
    sent: int = 0
    #: covered by an acknowledgement of the application
    acknowledged: int = 0
    #: given up for lack of room
    lost: int = 0
    #: connections made
    connections: int = 0
    #: connections that the broker refused
    refused: int = 0
    #: times a device was asked, or found it necessary, to send again
    resends: int = 0
