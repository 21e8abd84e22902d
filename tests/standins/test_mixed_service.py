# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The resident service where each router of a handover is of another kind: NETCONF at B, a stand-in of IOS at C.

The NETCONF server is real, what stands behind it and the whole of IOS are not: see their own tests.
"""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import Session

from ..kernel.agent.phones import Phone
from ..kernel.agent.place import Place, serving, until
from ..kernel.netconf.test_service import host_of, known_hosts, prepare
from ..kernel.netconf.world import worlds
from ..kernel.one_call import MOVE, NETWORKS, NEW, OLD, PEER, PORT, Call
from .ios_routers import IOS, known_host, standin
from .netconf_router import crashes
from .netconf_router.server import build

pytestmark = crashes.once_more

START = """\
hostname rc
interface lan
 ip address 198.18.3.1 255.255.255.0
 ip nat inside
interface wan_a
 ip address 198.18.101.1 255.255.255.0
 ip nat outside
interface wan_b
 ip address 198.18.102.1 255.255.255.0
 ip nat outside
exit
"""


def test_a_live_session_moves(tmp_path: Path) -> None:
    built, home, service_home = (tmp_path / name for name in ("built", "home", "service"))
    for directory in (built, home, service_home):
        directory.mkdir()
    build(built)
    platforms = {"ra": "nftables", "rb": "ietf_netconf"}
    with worlds(built, home, platforms) as world, ExitStack() as stack:
        for name in platforms:
            prepare(world, name)
        (home / "rc.cfg").write_text(START, encoding="utf-8")
        control = world.spaces["control"].pid
        port = stack.enter_context(standin(home, "rc", world.spaces["rc"].pid, control))
        known = home / "known_hosts"
        known.write_text(known_hosts(built) + known_host(home, port), encoding="utf-8")
        hosts = {
            **{name: host_of(name, platform, built) for name, platform in platforms.items()},
            "rc": {
                **IOS,
                "ansible_port": port,
                "handover_platform": "ios",
                "handover_networks": [NETWORKS["rc"]],
                "handover_outside_interface": "wan_b",
            },
        }
        place, phone = Place(service_home, hosts, widen=True, ssh={"known_hosts": str(known)}), Phone("alice")
        call = Call(world.spaces, stack)
        call.say(b"at home")
        assert call.hears(b"at home")
        before = (home / "rc.running").read_text(encoding="utf-8")
        with serving(place, control) as service:
            place.tell(phone.register(OLD))
            world.spaces["phone"].shell(MOVE)
            call.say(b"while it moves")
            place.tell(phone.register(NEW, OLD, [Session("tcp", call.port, PEER, PORT)]))
            done = service.await_told("handover", kind="programmed")
            assert call.hears(b"while it moves")
            steps = {one["step"]: one["ms"] for one in service.told() if one["event"] == "step"}
            print(f"{done['programmed_ms']} ms until the routers acknowledged: {steps}")
            (note,) = [one for one in service.told() if one["event"] == "note" and one["code"] == "widened"]
            assert "scope address" in note["text"]
            place.tell(phone.register(NEW, expires=0))
            service.await_told("handover", kind="ended")
            until(lambda: (home / "rc.running").read_text(encoding="utf-8") == before)
            assert not [one for one in service.told() if one["event"] in ("taken back", "drift", "not retired")]
