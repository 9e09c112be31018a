"""Whatever a source sends, its date is landed or left as it was, in bounded time and memory, and the others land."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.fakes.rest_apis import RestRetailer1Api
from tests.fakes.shop_systems import SHOP_SYSTEMS
from tests.hostile import clocks, paging, sizes, transport, values
from tests.hostile.conftest import ATTACKED, Ended
from tests.hostile.modes import Api, Fails, Lands, Mode

MODES = (*transport.MODES, *sizes.MODES, *values.MODES, *paging.MODES, *clocks.MODES)
MOST_MIB = 450
MOST_SECONDS = 60
LONGEST_WAIT_SECONDS = 120
AGAINST_SHOP_SYSTEMS = (
    "a connection that is closed",
    "another content type",
    "a redirect: 307 to http://127.0.0.1:9/steal",
    "401 for ever",
    "the same page for ever",
    "empty pages for ever",
    "a page whose next page is itself",
    "changes: the same page for ever",
    "a report that is a cent off",
    "Date: Fri, 01 Jan 2099 00:00:00 GMT",
)
"""What depends on how a connector reads pages, and a few others."""
OF_VALUES_AND_PAGES = (*values.MODES, *paging.MODES, *clocks.MODES)
"""What `connector: rest` is attacked with: it sends and receives with the same client as the others."""
ATTACKS = [
    pytest.param(api, mode, id=f"{api.definition.stem}: {mode.name}")
    for mode in MODES
    for api in ATTACKED
    if mode.against(api)
    and (mode in OF_VALUES_AND_PAGES or api is not RestRetailer1Api)
    and (mode.name in AGAINST_SHOP_SYSTEMS or api not in SHOP_SYSTEMS)
]


@pytest.mark.parametrize(("api", "mode"), ATTACKS)
def test_a_hostile_source_ends_as_it_should(api: Api, mode: Mode, land: Callable[[Api, Mode], Ended]) -> None:
    ended = land(api, mode)

    right = mode.right_result(api)
    if isinstance(right, Lands):
        check_landed(ended, right)
    else:
        check_failed(ended, right)
    assert ended.healthy["error"] is None
    assert ended.healthy["dates"][-1]["landed"] == 3
    assert ended.landing.seconds <= MOST_SECONDS
    assert ended.landing.peak_mib <= MOST_MIB
    assert ended.longest_wait <= LONGEST_WAIT_SECONDS


def check_landed(ended: Ended, right: Lands) -> None:
    assert ended.hostile["error"] is None
    [landed] = ended.hostile["dates"]
    assert landed["landed"] == right.lines
    if right.rejected == ("*",):
        assert landed["rejected"] == 1
    else:
        assert sorted(landed["reasons"]) == sorted(right.rejected)
    warnings = " ".join(ended.hostile["clock_warnings"])
    assert right.warning in warnings if right.warning else not warnings


def check_failed(ended: Ended, right: Fails) -> None:
    error = str(ended.hostile["error"])
    assert not ended.hostile["dates"]
    assert re.search(right.text, error), error
    assert re.fullmatch(right.kind, str(ended.hostile["error_kind"]))
    assert "a bug" not in error
    assert ended.landing.connector in error
    assert len(error) < 1_000


def test_every_mode_has_a_name_of_its_own() -> None:
    names = [mode.name for mode in MODES]
    assert len(set(names)) == len(names)
    assert {*AGAINST_SHOP_SYSTEMS} <= {*names}
