"""The words of the interface are those of the rooms: what OpenAPI lists is what the tables hold."""

from typing import get_args

from alerts.alert import DISPOSITIONS
from api.routes.alerts import Disposition
from api.routes.measurements import VitalName
from devices.vitals import VITALS


def test_vitals_of_requests_are_those_of_the_table() -> None:
    assert get_args(VitalName) == tuple(vital.name for vital in VITALS)


def test_dispositions_of_requests_are_those_of_alerts() -> None:
    assert get_args(Disposition) == tuple(DISPOSITIONS)
