"""The console channel: says in the log that somebody would have been reached, for demonstrations and development."""

from dataclasses import dataclass

import structlog

from messaging.notice import Attempt, Notice

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Console:
    """Delivers to the log of the process, ids only."""

    def deliver(self, notice: Notice) -> Attempt:
        """Write a line; never fails."""
        log.info("console_notice", notice=notice.id, alert=notice.alert_id)
        return Attempt("delivered")
