"""The lab is what it claims to be: connected, hostile, restartable, and without our help fatal to a moved session."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml

from lab import Lab
from lab.snapshot import differences
from lab.topology import ROOT
from lab.traffic import Traffic, spawn, wait_for

FAMILIES = pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
ROUTERS = pytest.mark.parametrize("router", ["ra", "rb", "rc", "rd"])


@pytest.fixture(scope="module", autouse=True)
def untouched_routers(lab: Lab) -> None:
    """The routers as they come, whatever an earlier run left on them."""
    lab.renew(*(node.name for node in lab.topology.of_kind("router")))


def reaches(lab: Lab, node: str, target: object, source: object = None) -> bool:
    # One answer in three is enough: right after a move a neighbour may still be looked for.
    ping = ["ping", "-c", "3", "-i", "0.3", "-W", "1", *(["-I", str(source)] if source else []), str(target)]
    return lab.run(node, ping, check=False).returncode == 0


@contextlib.contextmanager
def echo_service(lab: Lab, node: str, port: int) -> Iterator[None]:
    server = spawn(lab, node, "echo", "--port", str(port))
    wait_for(server, '"ready"')
    try:
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)


def new_session(lab: Lab, node: str, target: object, port: int = 7100, local: object = None) -> bool:
    options = ["--to", str(target), "--port", str(port), "--timeout", "1"]
    options += ["--local", str(local)] if local else []
    return bool(json.loads(lab.python(node, "lab.streams", "new-session", *options).stdout)["ok"])


# -- connected --------------------------------------------------------------------------------------------------------


@FAMILIES
def test_every_host_reaches_every_host(at_home: Lab, family: int) -> None:
    hosts = ["mn", "cn", "cn2", "pcscf"]
    for one in hosts:
        for other in hosts:
            assert reaches(at_home, one, at_home.topology.address(other).ips[family]), f"{one} -> {other}"


@FAMILIES
@pytest.mark.parametrize("lan", ["b", "c", "d"])
def test_a_moved_node_is_reached_by_its_new_address_and_at_home_again(at_home: Lab, lan: str, family: int) -> None:
    cn = at_home.topology.address("cn2").ips[family]
    moved = at_home.move("mn", lan)
    assert reaches(at_home, "mn", cn, moved.new[family])
    assert not reaches(at_home, "mn", cn, moved.old[family])
    at_home.move("mn", "a")
    assert reaches(at_home, "mn", cn, moved.old[family])


def test_old_addresses_are_kept_on_lo_as_single_hosts(at_home: Lab) -> None:
    def kept() -> set[str]:
        shown = json.loads(at_home.run("mn", ["ip", "-j", "addr", "show", "dev", "lo", "scope", "global"]).stdout)
        return {f"{a['local']}/{a['prefixlen']}" for link in shown for a in link.get("addr_info", []) if "local" in a}

    at_home.move("mn", "b")
    at_home.move("mn", "d")
    assert kept() == {"198.18.10.50/32", "203.0.113.50/32", "2001:db8:a::50/128", "2001:db8:b::50/128"}
    at_home.move("mn", "b", keep_old=False)
    assert kept() == {"198.18.10.50/32", "2001:db8:a::50/128"}
    at_home.home()
    assert kept() == set()


# -- hostile ----------------------------------------------------------------------------------------------------------


@FAMILIES
def test_the_core_drops_and_counts_sources_of_other_networks(at_home: Lab, family: int) -> None:
    """BCP 38. Sent from A's router, so that no reverse path filter is asked before the core is."""
    foreign, target = at_home.topology.address("mn", "d").ips[family], at_home.topology.address("cn").ips[family]
    key, bits = ("ipv4", 32) if family == 0 else ("ipv6", 128)
    at_home.run("ra", ["ip", "addr", "add", f"{foreign}/{bits}", "dev", "lo", *(["nodad"] if family else [])])
    try:
        before = at_home.bcp38_drops()[key]
        at_home.run("ra", ["ping", "-c", "3", "-i", "0.1", "-W", "1", "-I", str(foreign), str(target)], check=False)
        assert at_home.bcp38_drops()[key] == before + 3
        at_home.bcp38(False)
        dropped = at_home.bcp38_drops()[key]
        at_home.run("ra", ["ping", "-c", "3", "-i", "0.1", "-W", "1", "-I", str(foreign), str(target)], check=False)
        assert at_home.bcp38_drops()[key] == dropped
    finally:
        at_home.bcp38(True)
        at_home.run("ra", ["ip", "addr", "del", f"{foreign}/{bits}", "dev", "lo"])


@FAMILIES
def test_the_strict_firewall_lets_in_only_the_published_services(at_home: Lab, family: int) -> None:
    cn, mn = (at_home.topology.address(node).ips[family] for node in ("cn", "mn"))
    with echo_service(at_home, "cn", 7100), echo_service(at_home, "cn", 7200), echo_service(at_home, "mn", 7200):
        assert new_session(at_home, "mn", cn, 7100)
        assert not new_session(at_home, "mn", cn, 7200), "rc let an unsolicited session in"
        assert new_session(at_home, "cn2", cn, 7200), "the service itself does not work"
        assert new_session(at_home, "cn", mn, 7200), "rc does not let a session out, or its answers in"


@FAMILIES
def test_the_strict_firewall_of_b_lets_in_new_sessions_to_a_moved_node(at_home: Lab, family: int) -> None:
    moved = at_home.move("mn", "b")
    with echo_service(at_home, "mn", 7100), echo_service(at_home, "mn", 7200), echo_service(at_home, "cn", 7100):
        assert new_session(at_home, "cn", moved.new[family], 7100)
        assert not new_session(at_home, "cn", moved.new[family], 7200)
        assert new_session(at_home, "mn", at_home.topology.address("cn").ips[family], 7100)


def test_strict_reverse_path_filter_on_every_interface(lab: Lab) -> None:
    for node in lab.topology.nodes.values():
        if node.kind == "switch":
            continue
        values = lab.run(node.name, ["sysctl", "-a", "-r", r"net\.ipv4\.conf\..*\.rp_filter"]).stdout.splitlines()
        assert len(values) > 3
        assert {line.rpartition(" ")[2] for line in values} == {"1"}, node.name


@ROUTERS
def test_management_is_no_way_through(lab: Lab, router: str) -> None:
    """Neither into it from a LAN nor out of it, nor between two nodes inside it."""
    management = lab.topology.management_address
    assert not reaches(lab, "cn", management(lab.topology.nodes[router]).ip)
    peer = next(name for name in ("ra", "rb") if name != router)
    assert not reaches(lab, router, management(lab.topology.nodes[peer]).ip, "mgmt")


def test_without_us_both_sessions_die(at_home: Lab, tmp_path: Path) -> None:
    topology = at_home.topology
    with Traffic(at_home, topology.address("mn").ips[0], topology.address("cn").ips[0], tmp_path) as traffic:
        time.sleep(0.5)
        moved = at_home.move("mn", "b")
        time.sleep(2)
    result = traffic.result(moved.down)
    assert {name: stream["alive"] for name, stream in result.items()} == {"tcp": False, "udp": False}


@FAMILIES
def test_sessions_that_do_not_move_live(at_home: Lab, tmp_path: Path, family: int) -> None:
    local, peer = (at_home.topology.address(node).ips[family] for node in ("mn", "cn"))
    with Traffic(at_home, local, peer, tmp_path) as traffic:
        time.sleep(1.5)
        now = time.monotonic()
        time.sleep(1)
    result = traffic.result(now)
    for name, stream in result.items():
        assert stream["alive"], name
        assert not stream["lost"], name
        assert stream["gap_ms"] < 500, name


# -- reached as an operator reaches it --------------------------------------------------------------------------------


@ROUTERS
def test_operator_is_not_root_has_sudo_and_finds_no_python(lab: Lab, router: str) -> None:
    assert lab.ssh(router, "id --user --name").stdout.strip() == "netops"
    assert lab.ssh(router, "sudo --non-interactive id --user").stdout.strip() == "0"
    assert lab.ssh(router, "nft list ruleset", check=False).returncode != 0
    found = lab.ssh(router, "sudo find / -xdev -name 'python*' -path '*bin/*'").stdout
    assert found == ""


def test_a_wrong_host_key_is_refused(lab: Lab, tmp_path: Path) -> None:
    lines = lab.state.known_hosts.read_text().splitlines()
    one, other = (next(line for line in lines if line.startswith(node + ",")) for node in ("ra", "rb"))
    (tmp_path / "known_hosts").write_text(f"{one.split()[0]} {other.split(maxsplit=1)[1]}\n")
    address = str(lab.topology.management_address(lab.topology.nodes["ra"]).ip)
    options = [f"UserKnownHostsFile={tmp_path / 'known_hosts'}", "StrictHostKeyChecking=yes", "BatchMode=yes"]
    flags = [flag for option in options for flag in ("-o", option)]
    argv = ["ssh", "-F", "none", "-i", str(lab.state.key), *flags, f"netops@{address}", "true"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 255
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in done.stderr


def test_inventory_says_what_the_topology_says(lab: Lab) -> None:
    groups = yaml.safe_load((ROOT / "lab" / "inventory" / "hosts.yml").read_text())["lab_nodes"]["children"]
    hosts = {name: values for group in groups.values() for name, values in group["hosts"].items()}
    expected = {node.name: node for node in lab.topology.nodes.values() if node.mgmt is not None}
    assert set(hosts) == set(expected)
    for name, values in hosts.items():
        assert ip_address(values["ansible_host"]) == lab.topology.management_address(expected[name]).ip
    for name in groups["first_hop_routers"]["hosts"]:
        net = lab.topology.lan_of(expected[name]).net
        assert hosts[name]["handover_networks"] == [str(net.v4), str(net.v6)]


# -- restarted --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("node", ["rb", "core"])
def test_a_reboot_brings_everything_back_and_nothing_else(at_home: Lab, node: str) -> None:
    before = at_home.snapshot(node)
    host_key = at_home.ssh("rb", "cat /etc/ssh/ssh_host_ed25519_key.pub").stdout
    for argv in (
        ["nft", "add", "table", "ip", "strange"],
        ["ip", "route", "add", "198.18.99.0/24", "via", "198.18.255.5" if node == "rb" else "198.18.255.6"],
        ["sysctl", "-w", "net.ipv4.fwmark_reflect=1"],
    ):
        at_home.run(node, argv)
    assert {line[4:].split()[0] for line in differences(before, at_home.snapshot(node)) if line.startswith("+++")} == {
        "nftables",
        "routes",
        "sysctls",
    }
    at_home.restart(node)
    assert differences(before, at_home.snapshot(node)) == []
    assert at_home.ssh("rb", "cat /etc/ssh/ssh_host_ed25519_key.pub").stdout == host_key
    for ip in at_home.topology.address("pcscf").ips:
        assert reaches(at_home, "cn", ip)


def test_what_a_role_leaves_on_the_disk_is_in_force_after_a_reboot(lab: Lab) -> None:
    lab.run("rd", ["sh", "-c", "echo 'table ip kept { }' > /etc/nftables.d/50-kept.nft"])
    lab.run("rd", ["sh", "-c", "echo net.ipv4.conf.lan.src_valid_mark=1 > /etc/sysctl.d/60-kept.conf"])
    lab.restart("rd")
    assert "table ip kept" in lab.run("rd", ["nft", "list", "tables"]).stdout
    assert lab.run("rd", ["sysctl", "-n", "net.ipv4.conf.lan.src_valid_mark"]).stdout == "1\n"
    lab.renew("rd")
    assert "table ip kept" not in lab.run("rd", ["nft", "list", "tables"]).stdout


def test_up_again_changes_nothing(lab: Lab) -> None:
    pids = dict(lab.pids)
    again = Lab.up()
    assert again.pids == pids
