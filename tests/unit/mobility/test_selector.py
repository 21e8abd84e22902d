# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What plans are sorted by, and what keeps their look-ups fast."""

from __future__ import annotations

from dataclasses import fields
from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.selector import (
    Scope,
    Selector,
    address_text,
)

OLD, PEER = ip_address("198.51.100.7"), ip_address("203.0.113.9")
OLD_6, PEER_6 = ip_address("2001:db8::7"), ip_address("2001:db8:1::9")
SELECTORS = (
    Selector(OLD, PEER, "udp", 4000, 5000),
    Selector(OLD_6, PEER_6, "tcp", 4000, 5000),
    Selector(OLD, PEER),
    Selector(OLD_6, None),
    Selector(None, PEER),
)


@pytest.mark.parametrize("selector", SELECTORS, ids=str)
def test_it_is_shown_as_every_dataclass_is(selector: Selector) -> None:
    shown = ", ".join(f"{one.name}={getattr(selector, one.name)!r}" for one in fields(selector) if one.repr)
    assert repr(selector) == f"Selector({shown})"


@pytest.mark.parametrize("address", [OLD, PEER, OLD_6, PEER_6, ip_address("fe80::1%lan")], ids=str)
def test_an_address_remembered_reads_as_any_other(address: object) -> None:
    assert [address_text(address), address_text(address)] == [str(address)] * 2  # type: ignore[arg-type]


def test_shapes_are_found_again_in_sets() -> None:
    assert {Scope("session"), Scope.ADDRESS} == {Scope.SESSION, Scope("address")}
