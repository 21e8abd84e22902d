# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A router answers for an old address on its link: at once, as long as it may, and not where somebody else does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Address,
    Change,
    Neighbour,
    Route,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState, same_state
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.nftables import NftablesBackend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.preparation import Preparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import SETTINGS, Options
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.shell_device import shell_router

from ..unit.mobility.worlds import NOW
from .conftest import refusal
from .namespaces import Namespace, until

STAMP = Stamp("8d7ac21f98194017", 1, NOW + 600)
FAMILIES = pytest.mark.parametrize("old", [ip_address("198.51.100.50"), ip_address("2001:db8:51::50")], ids=str)
_HOST = """
ip link set eth0 up
ip address add 198.51.100.10/24 dev eth0
ip -6 address add 2001:db8:51::10/64 dev eth0 nodad
"""


class Link:
    """A router with an uplink, and one host on its link."""

    def __init__(self, space: Namespace, host: Namespace) -> None:
        self.space, self.host = space, host
        self.router = shell_router("ra", Nftables(), Renderer(), space)

    def asked(self, old: Address) -> str:
        """The hardware address that the host finds for an address, asking anew; empty where nobody answers.

        A kernel that answers for others takes its time: up to proxy_delay, 0.8 s, by chance.
        """
        self.host.shell(f"ip neigh flush to {old}; ip neigh replace {old} dev eth0 use")
        for _ in range(12):
            if found := self.cached(old):
                return found
            time.sleep(0.1)
        return ""

    def cached(self, old: Address) -> str:
        """The hardware address that the host has for an address."""
        return self.host.shell(
            f"ip neigh show {old} dev eth0 | sed -n 's/.*lladdr \\([0-9a-f:]*\\).*/\\1/p'"
        ).stdout.strip()

    def mac(self, space: Namespace, interface: str) -> str:
        return space.shell(f"cat /sys/class/net/{interface}/address").stdout.strip()

    def entries(self, old: Address, stamp: Stamp = STAMP) -> tuple[Neighbour, Route]:
        return Neighbour(old, "lan", stamp), Route(old, None, "wan", stamp)


@pytest.fixture
def link() -> Iterator[Link]:
    with Namespace() as space, Namespace() as host:
        space.shell(f"""set -e
            for name in all default; do echo 0 >/proc/sys/net/ipv6/conf/$name/accept_dad; done
            ip link add lan type veth peer name eth0 netns {host.pid}
            ip link add wan type veth peer name far
            ip link set lan up; ip link set wan up; ip link set far up
            ip address add 198.51.100.1/24 dev lan
            ip -6 address add 2001:db8:51::1/64 dev lan nodad
        """)
        host.shell("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad\n" + _HOST)
        options = Options("lan", "wan", persistence="none")
        Preparation("ra", NftablesBackend(), options, Renderer()).converge(space, present=True, checking=False)
        yield Link(space, host)


@FAMILIES
def test_hosts_turn_to_the_router_at_once(link: Link, old: Address) -> None:
    """Also one that knows another holder of the address; how they turn back, the matrix of moves shows."""
    theirs = "02:00:00:00:00:77"
    link.host.shell(f"ip neigh replace {old} lladdr {theirs} dev eth0 nud stale")
    held = link.router.apply(Change(put=link.entries(old)), RouterState(), NOW)
    assert same_state(held, RouterState(link.entries(old)))
    until(lambda: link.cached(old) == link.mac(link.space, "lan"))
    assert link.asked(old) == link.mac(link.space, "lan")
    rest = link.router.apply(Change(remove=link.entries(old)), held, NOW)
    assert rest == RouterState()
    assert link.asked(old) == ""
    assert link.space.shell("ip neigh show proxy").stdout == ""


@FAMILIES
def test_somebody_who_holds_the_address_now_keeps_it(link: Link, old: Address) -> None:
    length = old.max_prefixlen
    link.host.shell(f"ip address add {old}/{length} dev eth0 {'nodad' if old.version == 6 else ''}")
    told = refusal(lambda: link.router.apply(Change(put=link.entries(old)), RouterState(), NOW))
    assert told.code == "old_address_held"
    assert "The router is unchanged." in told.advice
    assert link.router.gather() == RouterState()


@FAMILIES
def test_it_ends_by_itself(link: Link, old: Address) -> None:
    """The kernel's entry stays, but without our elements it answers nobody."""
    link.router.apply(Change(put=link.entries(old)), RouterState(), STAMP.expires - 2)
    time.sleep(2.2)
    assert link.asked(old) == ""
    left = {entry.stamp.handover for entry in link.router.gather()}
    assert left == {""}
    held = link.router.gather()
    link.router.apply(Change(remove=tuple(held)), held, NOW)
    assert link.router.gather() == RouterState()


@FAMILIES
def test_a_refresh_is_quiet(link: Link, old: Address) -> None:
    """Only its stamp changes: nobody is probed, nothing announced, nothing missing in between."""
    before = link.entries(old)
    held = link.router.apply(Change(put=before), RouterState(), NOW)
    after = link.entries(old, replace(STAMP, epoch=2, expires=NOW + 900))
    text = link.router.text(Change(before, after), NOW)
    assert "announce" not in text
    assert "sleep" not in text
    held = link.router.apply(Change(before, after), held, NOW)
    assert same_state(held, RouterState(after))
    assert link.asked(old) == link.mac(link.space, "lan")


@FAMILIES
def test_it_comes_back_after_a_reload_of_the_firewall_and_a_boot(link: Link, old: Address) -> None:
    now = int(time.time())
    entries = link.entries(old, replace(STAMP, expires=now + 600))
    link.router.apply(Change(put=entries), RouterState(), now)
    assert link.space.shell(f"test -x {SETTINGS['save_command']}; cat /var/lib/sipmobility/elements.nft").stdout
    link.space.shell(f"""
        nft flush ruleset
        ip neigh del proxy {old} dev lan
        ip -{old.version} route flush table 7082
        rm -f /run/sipmobility/restored
        {SETTINGS["restore_path"]}
    """)
    assert same_state(link.router.gather(), RouterState(entries))
    assert link.asked(old) == link.mac(link.space, "lan")


def test_neighbour_entries_of_others_are_left_alone(link: Link) -> None:
    link.space.shell("ip neigh add proxy 198.51.100.77 dev lan; ip neigh add proxy 2001:db8:51::77 dev lan")
    assert link.router.gather() == RouterState()
    old = ip_address("198.51.100.50")
    held = link.router.apply(Change(put=link.entries(old)), RouterState(), NOW)
    link.router.apply(Change(remove=tuple(held)), held, NOW)
    assert link.space.shell("ip neigh show proxy").stdout.split()[0::4] == ["198.51.100.77", "2001:db8:51::77"]
    # It goes on answering: IPv6 here, because this IPv4 address lies on the link.
    assert link.asked(ip_address("2001:db8:51::77")) == link.mac(link.space, "lan")
