# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""junos over real SSH and NETCONF: a held session by ncclient, and the shipped playbooks by Ansible's own connection.

The server is a stand-in (tests/standins/junos). It is not Junos OS, and no packet passes it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ncclient import manager
from ncclient.operations import RaiseMode
from ncclient.xml_ import to_ele

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.handover import (
    Handover,
    Session,
    handover_id,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.records import handover_to_record
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.plugin_utils.junos.router_device import junos_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.ncclient_session import Login, NcclientSession
from ansible_collections.sipmobility.handover.plugins.plugin_utils.step_text import step_text

from ..kernel import moving
from ..kernel.agent.phones import Phone
from ..kernel.agent.place import Place, mortal, until
from ..kernel.moving import journey
from ..unit.mobility.worlds import NEW, NOW, OLD, PEER
from ..unit.platforms.junos_world import (
    BETWEEN,
    DECODER,
    ENCODER,
    FROZEN,
    INSIDE,
    OUTSIDE,
    PLATFORM,
    PREPARED,
    RENDERER,
    ROUTE,
)
from .conftest import LIMIT_S
from .started import PEERS, ROOT, started

_UNITS = "".join(
    f"<interface><name>{name[:-2]}</name><unit><name>0</name><family><inet/></family></unit></interface>"
    for name in (INSIDE, OUTSIDE)
)
BARE = f"<configuration><interfaces>{_UNITS}</interfaces></configuration>"


@dataclass(frozen=True)
class Srx:
    """A stand-in that listens."""

    name: str
    port: int
    place: Path

    @property
    def running(self) -> str:
        return (self.place / f"{self.name}.running").read_text(encoding="utf-8")

    @property
    def asked(self) -> list[str]:
        return (self.place / f"{self.name}.asked").read_text(encoding="utf-8").splitlines()

    def session(self) -> NcclientSession:
        public = (self.place / "host.pub").read_text(encoding="utf-8").split()[1]
        return NcclientSession(Login("127.0.0.1", "netops", str(self.place / "user"), public, self.port))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    assert (PEERS / ".installed").exists(), "make .build/standins/.installed"
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True)
    return tmp_path


@contextmanager
def srx(place: Path, name: str, start: str, *fails: str) -> Iterator[Srx]:
    """A stand-in until it is left."""
    (place / f"{name}.xml").write_text(start, encoding="utf-8")
    files: list[str | Path] = [
        "--host-key",
        place / "host",
        "--authorized",
        place / "user.pub",
        "--shown",
        place / f"{name}.running",
    ]
    with started("junos", *files, *(f"--fail={one}" for one in fails), place / f"{name}.xml") as port:
        yield Srx(name, port, place)


def test_a_held_session_puts_a_handover_and_takes_it_away(keys: Path) -> None:
    with srx(keys, "rc", PREPARED) as one, one.session() as session:
        router = junos_router("rc", PLATFORM, RENDERER, session, BETWEEN)
        held = router.apply(Change(put=(FROZEN,)), RouterState(), NOW)
        held = router.apply(Change(put=(ENCODER, DECODER, ROUTE)), held, NOW)
        assert held == RouterState([FROZEN, ENCODER, DECODER, ROUTE])
        assert one.asked.count("commit confirmed") == 1
        assert one.asked.count("clear-flow-session") == 4
        router.apply(Change(remove=tuple(held)), held, NOW)
        assert router.gather() == RouterState()
        assert "sipmobility-tcp" not in one.running


def test_a_session_that_ends_before_the_confirmation_leaves_nothing(keys: Path) -> None:
    """RFC 4741 section 8.4: an unconfirmed commit goes with its session."""
    with srx(keys, "rc", PREPARED) as one:
        with one.session() as session:
            ends = {"inside": INSIDE, "outside": OUTSIDE}
            edit = step_text(PLATFORM, RENDERER, Change(put=(ENCODER,)), NOW, **ends).partition("]]>]]>")[0]
            for operation in (
                "<lock><target><candidate/></target></lock>",
                edit,
                "<commit><confirmed/><confirm-timeout>60</confirm-timeout></commit>",
            ):
                session.request(operation)
            assert "sipmobility-outbound-dst" in one.running
        deadline = time.monotonic() + 30  # half of what the confirmation may take
        while "sipmobility-outbound-dst" in one.running and time.monotonic() < deadline:
            time.sleep(0.05)
        assert "sipmobility-outbound-dst" not in one.running


class JunosHandler:
    """A session by ncclient's own handler for Junos, which takes the namespaces out of what it shows."""

    def __init__(self, one: Srx) -> None:
        self._manager = manager.connect(
            host="127.0.0.1",
            port=one.port,
            username="netops",
            password="standin",
            hostkey_verify=False,
            allow_agent=False,
            look_for_keys=False,
            device_params={"name": "junos"},
        )
        self._manager.raise_mode = RaiseMode.NONE

    @property
    def number(self) -> str:
        return str(self._manager.session_id)

    @property
    def capabilities(self) -> frozenset[str]:
        return frozenset(self._manager.server_capabilities)

    def requests(self, *operations: str) -> list[str]:
        return [self.request(operation) for operation in operations]

    def tell(self, operation: str) -> None:
        self.request(operation)

    def request(self, operation: str) -> str:
        answer = self._manager.rpc(to_ele(operation))
        return str(answer.xml if hasattr(answer, "xml") else answer.tostring.decode())

    def close(self) -> None:
        self._manager.close_session()


def test_a_library_that_knows_junos(keys: Path) -> None:
    """As Ansible's connection has it where ansible_network_os is junipernetworks.junos.junos."""
    with srx(keys, "rc", PREPARED) as one:
        session = JunosHandler(one)
        try:
            assert "<configuration>" in session.request("<get-config><source><running/></source></get-config>"), (
                "the handler takes namespaces away"
            )
            router = junos_router("rc", PLATFORM, RENDERER, session, BETWEEN)
            held = router.apply(Change(put=(ENCODER, ROUTE)), RouterState(), NOW)
            assert held == RouterState([ENCODER, ROUTE])
            router.apply(Change(remove=tuple(held)), held, NOW)
        finally:
            session.close()


def test_two_controllers_do_not_meet(keys: Path) -> None:
    with srx(keys, "rc", PREPARED) as one, one.session() as mine, one.session() as theirs:
        theirs.request("<lock><target><candidate/></target></lock>")
        router = junos_router("rc", PLATFORM, RENDERER, mine, BETWEEN)
        with pytest.raises(HandoverError, match="lock_held"):
            router.apply(Change(put=(ENCODER,)), RouterState(), NOW)


@dataclass(frozen=True)
class Operator:
    """The shipped playbooks, and the routers that they are for."""

    place: Path
    hosts: dict[str, dict[str, Any]]

    def play(self, playbook: str, **variables: Any) -> subprocess.CompletedProcess[str]:
        inventory = {"all": {"children": {"first_hop_routers": {"hosts": self.hosts}}}}
        (self.place / "hosts.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
        (self.place / "variables.json").write_text(json.dumps(variables), encoding="utf-8")
        program = Path(sys.executable).with_name("ansible-playbook")
        command = [program, "-i", "hosts.yml", "-e", "@variables.json", ROOT / "playbooks" / f"{playbook}.yml"]
        environment = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": f"{ROOT / '.build' / 'collections'}:{PEERS / 'collections'}",
            "ANSIBLE_HOME": str(self.place / "ansible"),
            "ANSIBLE_HOST_KEY_CHECKING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_DEPRECATION_WARNINGS": "false",
        }
        return subprocess.run(
            [str(word) for word in command],
            cwd=self.place,
            capture_output=True,
            text=True,
            env=environment,
            timeout=LIMIT_S,
            check=False,
        )


NETWORKS = {"ra": "1.1.1.0/24", "rb": "2.2.2.0/24", "rc": "3.3.3.0/24"}


@contextmanager
def operator(place: Path, start: str, **fails: str) -> Iterator[tuple[Operator, dict[str, Srx]]]:
    """Three stand-ins: the home router, the visited one, and the correspondent's.

    :param fails: an operation that a router refuses once.
    """
    with ExitStack() as stack:
        routers = {
            name: stack.enter_context(srx(place, name, start, *filter(None, [fails.get(name)]))) for name in NETWORKS
        }
        hosts = {
            name: {
                "ansible_host": "127.0.0.1",
                "ansible_port": routers[name].port,
                "ansible_connection": "ansible.netcommon.netconf",
                "ansible_network_os": "ansible.netcommon.default",
                "ansible_user": "netops",
                "ansible_password": "standin",
                "ansible_become": False,
                "handover_platform": "junos",
                "handover_networks": [network],
                "handover_inside_interface": INSIDE,
                "handover_outside_interface": OUTSIDE,
            }
            for name, network in NETWORKS.items()
        }
        yield Operator(place, hosts), routers


def record() -> dict[str, Any]:
    sessions = (Session("tcp", 40000, PEER, 7000),)
    name = handover_id("sip:phone@example.com", None, OLD)
    return handover_to_record(Handover(name, OLD, NEW, int(time.time()) + 600, sessions=sessions))


def test_the_playbooks_prepare_move_withdraw_and_give_back(keys: Path) -> None:
    with operator(keys, BARE) as (netops, routers):
        untouched = {name: one.running for name, one in routers.items()}
        done = netops.play("site", first_hop_router_firewall="insert")
        assert done.returncode == 0, done.stdout
        prepared = {name: one.running for name, one in routers.items()}

        done = netops.play("handover", handover_records=[record()], handover_drain=0.1)
        assert done.returncode == 0, done.stdout
        for name, sets in (("rb", ("inbound-dst", "outbound-src")), ("rc", ("outbound-dst", "inbound-src"))):
            running = routers[name].running
            assert [kind for kind in sets if f"sipmobility-{kind}" in running] == list(sets)
            assert "<discard" not in running  # thawed
            assert routers[name].asked.count("commit confirmed") == 1
        assert "<route><name>1.1.1.1/32" in routers["rb"].running.replace(" ", "")

        done = netops.play("withdraw", handover_withdraw=["all"], handover_drain=0.1)
        assert done.returncode == 0, done.stdout
        gone = ("<rule-set>", "<pool>", "apply-macro><name>sipmobility</name><data><name>stamp", "<application>")
        for name, one in routers.items():
            assert not any(word in one.running for word in gone), name
            assert one.running.count("sipmobility-freeze") == prepared[name].count("sipmobility-freeze")
        done = netops.play("site", first_hop_router_state="absent")
        assert done.returncode == 0, done.stdout
        for name, one in routers.items():
            assert "sipmobility" not in one.running, name
            assert "no-syn-check" not in one.running
            assert untouched[name].count("<interface>") == one.running.count("<interface>")


def test_a_router_that_refuses_leaves_all_as_they_were(keys: Path) -> None:
    """The correspondent's router does not clear sessions: its rules go, and those of the visited router."""
    with operator(keys, PREPARED, rc="clear-flow-session") as (netops, routers):
        done = netops.play("handover", handover_records=[record()], handover_drain=0.1)
        assert done.returncode != 0
        assert "Taken back on every router" in done.stdout, done.stdout
        for name, one in routers.items():
            assert "<rule-set>" not in one.running, name
            assert "<discard" not in one.running, name
            assert "1.1.1.1/32" not in one.running, name


def test_a_router_whose_text_is_only_written_is_never_part_of_a_handover(keys: Path) -> None:
    with operator(keys, PREPARED) as (netops, routers):
        netops.hosts["rb"].update(ansible_connection="local", handover_platform="vyos")
        before = routers["rc"].running
        done = netops.play("handover", handover_records=[record()])
        assert done.returncode != 0
        assert "render_only" in done.stdout
        assert "text for vyos is written to files and never sent" in done.stdout
        assert routers["rc"].running == before


def test_the_service_programs_it_and_gives_it_back(keys: Path) -> None:
    """B is the stand-in, the others are Linux. Each packet of a flow would meet the freeze meanwhile: none is sent."""
    with srx(keys, "rb", PREPARED) as one, journey() as world:
        public = " ".join((keys / "host.pub").read_text(encoding="utf-8").split()[:2])
        (keys / "known_hosts").write_text(f"[127.0.0.1]:{one.port} {public}\n", encoding="utf-8")
        srx_host = {
            "ansible_host": "127.0.0.1",
            "ansible_port": one.port,
            "ansible_user": "netops",
            "ansible_ssh_private_key_file": str(keys / "user"),
            "ansible_connection": "ansible.netcommon.netconf",
            "handover_platform": "junos",
            "handover_inside_interface": INSIDE,
            "handover_outside_interface": OUTSIDE,
        }
        (keys / "service").mkdir()
        place = Place(
            keys / "service", {"ra": {}, "rb": srx_host, "rc": {}}, ssh={"known_hosts": str(keys / "known_hosts")}
        )
        phone, service = Phone("alice"), mortal(place, world, "told")
        try:
            service.await_told("ready")
            place.tell(phone.register(moving.OLD[4]))
            session = Session("tcp", 40000, moving.PEER[4], 7000)
            place.tell(phone.register(moving.NEW[4], moving.OLD[4], [session]))
            service.await_told("handover", kind="programmed")
            # What it shows is written anew with the last unlock, which nobody waits for.
            until(lambda: "sipmobility-tcp" in one.running and "commit confirmed" in one.asked)
            place.tell(phone.register(moving.NEW[4], expires=0))
            service.await_told("handover", kind="ended")
            until(lambda: "sipmobility-tcp" not in one.running)
        finally:
            service.stop()
        assert not [told for told in service.told() if told["event"] in ("taken back", "drift", "not retired")]
