# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines for an IOS router that are copied to it, with a router that answers on cue; and where the files are carried.

tests/kernel/snmp/test_ios_by_copy.py has one that takes the lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ios.copied_lines import CopiedLines, way_of
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer

from .test_config_copy import WAY, Scripted, quick

__all__ = ["quick"]  # a fixture


class Closing(Scripted):
    """A session that counts how often it is given back."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


def lines(session: Closing) -> CopiedLines:
    return CopiedLines("rb", Renderer(), session, WAY)


def test_lines_of_which_some_are_refused() -> None:
    """Nobody says which: the answer to none of them is known."""
    session = Closing("4 7")
    assert lines(session).configure(["ip route 1.1.1.1 255.255.255.255 2.2.2.2", "frobnicate"], True) == {}
    assert session.closed == 1


def test_a_command_that_complains() -> None:
    session = Closing("4 7")
    assert lines(session).ask("clear ip nat translation inside 2.2.2.2 1.1.1.1").startswith("% clear ip nat")


@pytest.mark.parametrize("cause", ["4 3", "4 2"])
def test_a_copy_that_fails(cause: str) -> None:
    session = Closing(cause)
    with pytest.raises(HandoverError, match="copy_failed"):
        lines(session).configure(["end"], True)
    with pytest.raises(HandoverError, match="copy_failed"):
        lines(session).running("")
    assert session.closed == 2


def test_where_files_are_carried() -> None:
    found = way_of("rb", "127.0.0.1", {})
    assert (str(found.server), str(found.client), found.seconds) == ("127.0.0.1", "127.0.0.1", 60)
    given = {"handover_copy_server": "203.0.113.9", "handover_copy_client": "2001:db8::1", "handover_copy_timeout": "5"}
    found = way_of("rb", "no-such-name.invalid", given)
    assert (found.server, found.client, found.seconds) == (ip_address("203.0.113.9"), ip_address("2001:db8::1"), 5)


@pytest.mark.parametrize(
    ("host", "given", "code"),
    [
        ("127.0.0.1", {"handover_copy_server": "controller"}, "bad_copy_way"),
        ("127.0.0.1", {"handover_copy_timeout": "long"}, "bad_copy_way"),
        ("127.0.0.1", {"handover_copy_protocol": "rcp"}, "bad_copy_way"),
        ("no-such-name.invalid", {}, "router_unreachable"),
    ],
)
def test_where_files_cannot_be_carried(host: str, given: Mapping[str, Any], code: str) -> None:
    with pytest.raises(HandoverError) as told:
        way_of("rb", host, given)
    assert (told.value.code, told.value.subject.startswith("rb: ")) == (code, True)
