# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration lines by SNMP, TFTP and scp: a real snmpd in front of a stand-in, curl as the router's client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import pytest

from ansible_collections.sipmobility.handover.plugins.plugin_utils.config_copy import ConfigCopy, Way
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer

from ...standins.snmp_router.server import READER, SnmpServer
from ..conftest import refusal
from ..namespaces import Namespace

STATION, ROUTER = ip_address("198.18.102.1"), ip_address("198.18.102.2")
BEFORE = "hostname rb\nip route 0.0.0.0 0.0.0.0 198.18.102.1\n"
LINES = "ip nat inside source static 1.1.1.1 2.2.2.2 no-alias no-payload\nip route 1.1.1.1 255.255.255.255 2.2.2.2\n"


@dataclass
class Site:
    """The router, and the station from which it is configured."""

    server: SnmpServer
    station: Namespace
    way: Way
    sessions: ExitStack

    def copy(self, way: Way | None = None, user: str | None = None) -> ConfigCopy:
        session = self.sessions.enter_context(self.server.session(self.server.login(user) if user else None))
        return ConfigCopy("rb", session, Renderer(), way or self.way)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Namespace() as router, Namespace() as station:
        station.shell(f"""set -e
            ip link add rb type veth peer name wan netns {router.pid}
            ip address add {STATION}/24 dev rb; ip link set rb up""")
        router.shell(f"set -e; ip address add {ROUTER}/24 dev wan; ip link set wan up")
        home, way = tmp_path_factory.mktemp("copy"), Way(STATION, ROUTER, 10, station.open_socket)
        with SnmpServer(router, home, behind="config_copy").serving() as server, ExitStack() as sessions:
            yield Site(server, station, way, sessions)


@pytest.fixture
def site(running: Site) -> Site:
    running.server.state.write_text(BEFORE, encoding="ascii")
    return running


def configuration(site: Site) -> str:
    return site.server.state.read_text(encoding="ascii")


@pytest.mark.parametrize("protocol", ["tftp", "scp"])
def test_lines_are_merged_and_taken_away(site: Site, protocol: str) -> None:
    way = replace(site.way, protocol=protocol)
    site.copy(way).load(LINES)
    assert configuration(site) == BEFORE + LINES
    site.copy(way).load("".join(f"no {line}\n" for line in LINES.splitlines()))
    assert configuration(site) == BEFORE
    assert site.copy(way).fetch() == BEFORE


@pytest.mark.parametrize("lines", [0, 1, 600])
def test_the_whole_configuration_is_fetched(site: Site, lines: int) -> None:
    """Empty; one block; many."""
    held = "".join(f"ip route 198.51.{one // 250}.{one % 250} 255.255.255.255 198.18.102.1\n" for one in range(lines))
    site.server.state.write_text(held, encoding="ascii")
    assert site.copy().fetch() == held


def test_a_long_text_and_one_that_fills_its_last_block(site: Site) -> None:
    long = "".join(f"ip route 198.51.100.{one} 255.255.255.255 198.18.102.1\n" for one in range(200))
    even = "ip route 198.51.100.1 255.255.255.255 198.18.102.1 name x\n" * 8
    even += "!" * (512 * 2 - len(even) - 5) + "\n"
    for text in (long, even):
        assert text != even or (len(text) + 4) % 512 == 0
        site.copy().load(text)
    assert configuration(site).startswith(BEFORE + long)


def test_a_line_that_the_router_refuses(site: Site) -> None:
    told = refusal(lambda: site.copy().load(f"frobnicate\n{LINES}"))
    assert (told.code, told.subject) == ("some_lines_refused", "rb: someConfigApplyFailed")
    assert "read the router back" in told.advice


def test_a_router_that_does_not_reach_us(site: Site) -> None:
    site.server.namespace.shell(
        "nft 'table inet f { chain o { type filter hook output priority 0; udp dport 69 drop; }; }'"
    )
    try:
        told = refusal(lambda: site.copy().load(LINES))
    finally:
        site.server.namespace.shell("nft delete table inet f")
    assert (told.code, told.subject) == ("copy_failed", "rb: timeout")
    assert configuration(site) == BEFORE


def test_somebody_else_gets_nothing(site: Site) -> None:
    """Another address than the router's is not answered, and the router is told that the copy failed."""
    told = refusal(lambda: site.copy(replace(site.way, client=ip_address("198.18.102.9"))).load(LINES))
    assert told.code == "copy_failed"
    assert configuration(site) == BEFORE


def test_a_port_that_is_taken(site: Site) -> None:
    with site.station.udp(str(STATION), 69):
        told = refusal(lambda: site.copy().load(LINES))
    assert (told.code, f"{STATION} port 69" in told.subject) == ("transfer_port", True)
    elsewhere = replace(site.way, server=ip_address("203.0.113.9"))
    assert refusal(lambda: site.copy(elsewhere).load(LINES)).code == "transfer_port"


def test_who_may_only_read(site: Site) -> None:
    assert refusal(lambda: site.copy(user=READER).load(LINES)).code == "no_privilege"


def test_a_router_without_the_mib(tmp_path: Path, site: Site) -> None:
    with Namespace() as router, ExitStack() as stack:
        server = stack.enter_context(SnmpServer(router, tmp_path, behind="nothing").serving())
        copy = ConfigCopy("rb", stack.enter_context(server.session()), Renderer(), site.way)
        assert refusal(lambda: copy.load(LINES)).code == "not_writable"


def test_no_request_stays(site: Site) -> None:
    site.copy().load(LINES)
    with site.server.session() as session:
        assert session.walk("1.3.6.1.4.1.9.9.96") == []
