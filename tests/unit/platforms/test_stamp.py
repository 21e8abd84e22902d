# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stamp of an entry as a router's comment: it comes back as it went, or does not go."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Directions, Stamp, Via
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.stamp import REMNANT, decode, encode

from ..mobility.entries import stamp
from ..mobility.worlds import NOW

GOOD = Stamp("8d7ac21f98194017", 7, NOW, Directions.FORWARD, 3)


@given(stamp())
def test_what_goes_comes_back(one: Stamp) -> None:
    assert decode(encode(one)) == one


@given(stamp())
def test_it_fits_into_a_comment_of_nftables(one: Stamp) -> None:
    """128 bytes (NFTNL_UDATA_COMMENT_MAXLEN), and nothing that a shell or nft could read as its own."""
    line = encode(replace(one, epoch=10**18 - 1, flows=10**9 - 1, expires=10**12 - 1))
    assert len(line.encode()) < 128
    assert line.isprintable()
    assert not set(line) & set("\"'\\$`;{}")


def test_the_line_is_this_one() -> None:
    """Another version, or another controller, reads it: it must not drift."""
    assert encode(GOOD) == f"sipmobility:1 id=8d7ac21f98194017 e=7 x={NOW} n=3 d=forward"
    assert decode(encode(GOOD) + " end").ended
    assert encode(replace(GOOD, via=Via.HOME_ROUTER, ended=True)).endswith(" d=forward v=home end")


@pytest.mark.parametrize(
    "changes",
    [
        {"handover": ""},
        {"handover": "a" * 33},
        {"handover": 'a" : 1.1.1.1 }'},
        {"handover": "a\nb"},
        {"handover": "é"},
        {"handover": "\u0661"},
        {"epoch": 10**18},
        {"epoch": -1},
        {"expires": 10**12},
        {"flows": 10**9},
    ],
)
def test_what_could_not_be_read_back_does_not_go(changes: dict[str, object]) -> None:
    """One comment that cannot be read would hide everything that the router holds."""
    with pytest.raises(HandoverError, match="bad_stamp"):
        encode(replace(GOOD, **changes))  # type: ignore[arg-type]


def test_a_remnant_is_never_written() -> None:
    with pytest.raises(HandoverError, match="bad_stamp"):
        encode(REMNANT)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "mine",
        "sipmobility:2 id=a e=1 x=1 n=1 d=both",
        "sipmobility:1 id=a e=1 x=1 n=1 d=both ",
        "sipmobility:1 id=a e=1 x=1 n=1 d=sideways",
        "sipmobility:1 id=a e=-1 x=1 n=1 d=both",
        "sipmobility:1 id=a e=\u0661 x=1 n=1 d=both",
        "sipmobility:1 id=a e=1 x=1 n=1 d=both\n",
        " sipmobility:1 id=a e=1 x=1 n=1 d=both",
    ],
)
def test_a_line_of_somebody_else_is_foreign(line: str) -> None:
    with pytest.raises(HandoverError, match="foreign_entry"):
        decode(line)


@given(st.text())
def test_nothing_but_our_error_comes_out(line: str) -> None:
    with pytest.raises(HandoverError):
        decode(line)
