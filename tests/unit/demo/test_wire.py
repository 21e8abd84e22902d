# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The full demo's comparison with the patent's messages, on a recorded capture."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from demo.wire import Compared, compared

_CAPTURE = Path(__file__).parents[2] / "fixtures" / "captures" / "cooked.pcap"
_OLD, _NEW = IPv4Address("198.51.100.20"), IPv4Address("198.51.100.21")


def found(user: str = "alice", domain: str = "visited.example", old: IPv4Address = _OLD) -> Compared:
    (one,) = compared(_CAPTURE, user, domain, "sip:bob@far.example", old)
    return one


def test_a_registration_that_is_the_patents() -> None:
    one = found()
    assert (one.method, one.at, one.wrong) == ("REGISTER", _NEW, [])
    assert set(one.beside) == {"authorization", "user-agent"}


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        ({"user": "bob"}, {"From", "To", "Contact", "com.cisco.TerminalMobilityUsingNat"}),
        ({"domain": "home.example"}, {"From", "To"}),
        ({"old": _NEW}, {"com.cisco.TerminalMobilityUsingNat"}),
    ],
)
def test_what_differs_is_named(values: dict[str, object], wrong: set[str]) -> None:
    assert set(found(**values).wrong) == wrong  # type: ignore[arg-type]
