"""What happened, told in sentences."""

from datetime import timedelta

from api.pages.timeline import CorrectionRow, EventRow, OtherRow, tell
from devices.vitals import COLUMN
from tests.unit.api.pages.people import AMERICAN, NOW


def test_tells_newest_first_with_who_and_why() -> None:
    at = [NOW - timedelta(minutes=minutes) for minutes in (9, 7, 5, 3)]
    told = tell(
        [
            EventRow(at[0], "opened", "retrospective", None, "a1", "Low oxygen", None),
            EventRow(at[1], "closed", "true_acted: called her", "Sam K.", "a1", "Low oxygen", "true_acted"),
        ],
        [CorrectionRow(at[2], "Sam K.", "the dog stood on it", COLUMN["body_weight"], 92.0, at[3])],
        [
            OtherRow(NOW, "assigned", "hub-01", "", None),
            OtherRow(NOW, "notice", "withheld", "low severity is shown, not sent", None),
        ],
        AMERICAN,
        50,
    )
    assert [each.text for each in told] == [
        "Device hub-01 given to this patient",
        "Notice not sent: low severity is shown, not sent",
        "Weight 202.8 lb counts again",
        "Weight 202.8 lb marked wrong: the dog stood on it",
        "Closed: Low oxygen · true, acted on · called her",
        "Alert opened: Low oxygen, measured earlier",
    ]
    assert [each.is_loud for each in told][-1]
