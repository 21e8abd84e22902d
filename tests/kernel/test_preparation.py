# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role first_hop_router does to a Linux router: all of it, once, and back; and what is kept over a reboot.

Without systemd, which a private namespace does not have: the restoring service's script is run by hand.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Mark,
    Rewrite,
    RewriteKind,
    Route,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState, same_state
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.backend import Backend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.iptables import IptablesBackend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.nftables import NftablesBackend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.preparation import Preparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import SETTINGS, Options
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter
from ansible_collections.sipmobility.handover.plugins.plugin_utils.shell_device import shell_router

from ..unit.mobility.worlds import NEW, OLD, PEER
from .conftest import LAN, refusal
from .namespaces import Namespace

NFTABLES = NftablesBackend()
OPTIONS = Options("lan", "wan", persistence="none")
#: Everything that the role may touch, and what is beside it.
SNAPSHOT = """
nft list ruleset | sed 's/ # handle .*//'
ip -N -4 rule show; ip -N -6 rule show
ip -4 route show table all; ip -6 route show table all | grep -v 'fe80\\|^multicast'
for name in net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.ipv4.fwmark_reflect net.ipv6.fwmark_reflect \
    net.ipv4.conf.all.send_redirects net.ipv4.conf.lan.send_redirects net.ipv4.conf.lan.src_valid_mark \
    net.ipv4.conf.lan.rp_filter net.ipv4.conf.lan.forwarding net.ipv6.conf.lan.forwarding \
    net.ipv6.conf.lan.accept_redirects net.netfilter.nf_conntrack_tcp_loose; do
    printf '%s ' "$name"; cat /proc/sys/"$(printf %s "$name" | tr ./ /.)"
done
find /etc/nftables.d /etc/sysctl.d /etc/systemd/system /usr/local/lib /var/lib/sipmobility /run/sipmobility \\
    2>/dev/null | sort
"""
THEIRS = """
table inet theirs {
    chain forward { type filter hook forward priority filter
        policy drop
        ct state established accept
    }
}
"""


@pytest.fixture
def bare() -> Iterator[Namespace]:
    """A router as its operator left it: closed, not forwarding."""
    with Namespace() as namespace:
        namespace.shell(LAN + "ip link add wan type veth peer name uplink\nip link set wan up; ip link set uplink up")
        namespace.shell(f"nft -f - <<'X'\n{THEIRS}\nX\n")
        yield namespace


def prepare(
    router: Namespace, *, present: bool = True, checking: bool = False, renderer: Renderer | None = None, **options: Any
) -> dict[str, Any]:
    wanted = replace(OPTIONS, firewall="insert", **options)
    return Preparation("rb", NFTABLES, wanted, renderer or Renderer()).converge(
        router, present=present, checking=checking
    )


def snapshot(router: Namespace) -> list[str]:
    return router.shell(SNAPSHOT, check=False).stdout.splitlines()


def managed(router: Namespace) -> ManagedRouter:
    return shell_router("rb", Nftables(), Renderer(), router)


def live(now: int) -> RouterState:
    """The patent's phone at its visited router, and a registration that lasts four years."""
    soon, late = Stamp("8d7ac21f98194017", 3, now + 600, flows=2), Stamp("8d7ac21f98194018", 1, now + 130_000_000)
    return RouterState(
        [
            Rewrite(RewriteKind.INBOUND_DST, Selector(PEER, NEW, "tcp", 7000, 40000), OLD, soon),
            Rewrite(RewriteKind.OUTBOUND_SRC, Selector(OLD, PEER, "udp", 40000, 7000), NEW, soon),
            Mark(Selector(OLD, PEER), late),
            Route(OLD, OLD.__class__("198.51.100.20"), "lan", soon),
        ]
    )


def test_everything_once_and_back(bare: Namespace) -> None:
    before = snapshot(bare)
    foretold = prepare(bare, checking=True)
    assert foretold["changed"]
    assert snapshot(bare) == before, "check mode writes nothing"
    done = prepare(bare)
    assert done["commands"] == foretold["commands"]
    settings = foretold["after"].pop("sysctls").items()
    # Those of each interface that the kernel changes with a switch are its own, and not foretold.
    assert settings <= done["after"].pop("sysctls").items()
    assert done["after"] == foretold["after"]
    prepared = snapshot(bare)
    assert {"net.ipv4.ip_forward 1", "net.ipv4.conf.lan.src_valid_mark 1"} <= set(prepared)
    assert any("fwmark 0x6d000000/0xff000000 lookup 7082" in line for line in prepared)
    assert managed(bare).gather() == RouterState()
    assert not prepare(bare)["changed"]
    assert snapshot(bare) == prepared
    assert prepare(bare, present=False)["changed"]
    assert snapshot(bare) == before
    assert not prepare(bare, present=False)["changed"]


def test_a_change_that_fails_is_taken_back(bare: Namespace) -> None:
    """The routing rule is one of the last things, and a priority that is too big is refused there."""
    before = snapshot(bare)
    told = refusal(lambda: prepare(bare, rule_priority=2**33))
    assert told.subject.startswith("rb: ")
    assert "The router was put back." in told.advice
    assert snapshot(bare) == before


def test_what_somebody_else_has_set_since_is_left_to_him(bare: Namespace) -> None:
    prepare(bare)
    bare.shell("echo 0 >/proc/sys/net/ipv4/fwmark_reflect; echo 1 >/proc/sys/net/ipv4/conf/lan/rp_filter")
    prepare(bare, present=False)
    left = snapshot(bare)
    assert {"net.ipv4.fwmark_reflect 0", "net.ipv4.conf.lan.rp_filter 1", "net.ipv4.ip_forward 0"} <= set(left)


def test_a_router_that_holds_handovers_is_not_given_back(bare: Namespace) -> None:
    prepare(bare)
    state = live(int(time.time()))
    managed(bare).apply(Change(put=tuple(state)), RouterState(), time.time())
    assert refusal(lambda: prepare(bare, present=False)).code == "handovers_live"
    assert same_state(managed(bare).gather(), state)
    prepare(bare, present=False, drop_handovers=True)
    assert not any("sipmobility" in line or "7082" in line for line in snapshot(bare))


def test_another_layout_is_replaced_when_asked_and_keeps_its_entries(bare: Namespace) -> None:
    prepare(bare)
    state = live(int(time.time()))
    managed(bare).apply(Change(put=tuple(state)), RouterState(), time.time())
    assert refusal(lambda: prepare(bare, table_size=1000)).code == "table_differs"
    assert same_state(managed(bare).gather(), state)
    assert prepare(bare, table_size=1000, replace_table=True)["changed"]
    assert "size 1000" in bare.shell("nft list table ip6 sipmobility").stdout
    assert same_state(managed(bare).gather(), state)
    assert not prepare(bare, table_size=1000)["changed"]


def test_lost_rules_are_loaded_again_and_the_entries_stay(bare: Namespace) -> None:
    prepare(bare)
    state = live(int(time.time()))
    managed(bare).apply(Change(put=tuple(state)), RouterState(), time.time())
    bare.shell("nft flush chain ip sipmobility decode")
    assert prepare(bare)["changed"]
    assert "goto decode_all" in bare.shell("nft list chain ip sipmobility decode").stdout
    assert same_state(managed(bare).gather(), state)


@pytest.mark.parametrize("made", ["nft add table ip sipmobility", "nft add table ip6 sipmobility"])
def test_a_table_of_somebody_else_is_left_alone(bare: Namespace, made: str) -> None:
    bare.shell(f"{made}; nft add set {made.removeprefix('nft add table ')} his '{{ type inet_service; }}'")
    before = snapshot(bare)
    for present in (True, False):
        assert refusal(lambda present=present: prepare(bare, present=present)).code == "table_foreign"  # type: ignore[misc]
    assert snapshot(bare) == before


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"inside_interface": "eth9"}, "no_such_interface"),
        ({"inside_interface": "lan;reboot"}, "bad_interface"),
        ({"sysctl": "check", "firewall": "ignore"}, "sysctl_wrong"),
        ({"firewall": "check"}, "firewall_blocks"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_changed(bare: Namespace, options: dict[str, str], code: str) -> None:
    before = snapshot(bare)
    wanted = replace(OPTIONS, **options)  # type: ignore[arg-type]
    told = refusal(lambda: Preparation("rb", NFTABLES, wanted, Renderer()).converge(bare, present=True, checking=False))
    assert (told.code, told.subject[:4]) == (code, "rb: ")
    assert snapshot(bare) == before


def test_the_line_that_is_advised_opens_the_firewall(bare: Namespace) -> None:
    check = Preparation("rb", NFTABLES, OPTIONS, Renderer())
    told = refusal(lambda: check.converge(bare, present=True, checking=False))
    line = told.advice.partition("configuration: ")[2].partition(". Or set")[0]
    bare.shell(line)
    assert check.converge(bare, present=True, checking=False)["changed"]


def reboot(router: Namespace) -> None:
    """What a boot forgets: rules, routes, tables, settings and /run."""
    router.shell(f"""
        nft flush ruleset
        nft -f - <<'X'
{THEIRS}
X
        ip -4 rule del priority 7082; ip -6 rule del priority 7082
        ip -4 route flush table 7082; ip -6 route flush table 7082
        rm -rf /run/sipmobility
        echo 0 >/proc/sys/net/ipv4/ip_forward
        echo 0 >/proc/sys/net/ipv4/conf/lan/src_valid_mark
    """)


def test_a_reboot_brings_everything_back_that_has_not_expired(bare: Namespace) -> None:
    prepare(bare)
    prepared, now = snapshot(bare), int(time.time())
    state = live(now)
    brief = Mark(Selector(NEW, PEER), Stamp("brief", 1, now + 2))
    managed(bare).apply(Change(put=(*state, brief)), RouterState(), now)
    reboot(bare)
    time.sleep(max(0, now + 2.1 - time.time()))
    bare.shell(SETTINGS["restore_path"])
    assert managed(bare).gather() == state
    assert sorted(set(prepared) - set(snapshot(bare))) == []


def test_restoring_twice_changes_nothing_and_what_is_newer_stays(bare: Namespace) -> None:
    prepare(bare)
    now = int(time.time())
    state = live(now)
    router = managed(bare)
    router.apply(Change(put=tuple(state)), RouterState(), now)
    bare.shell(f"cp {NFTABLES.setting('elements_path')} /run/older")
    newer = Mark(Selector(OLD, PEER), Stamp("8d7ac21f98194018", 2, now + 900))
    held = router.gather()
    old = next(entry for entry in held if entry.key == newer.key)
    router.apply(Change((old,), (newer,)), held, now)
    bare.shell(
        f"cp /run/older {NFTABLES.setting('elements_path')}; {SETTINGS['restore_path']}; {SETTINGS['restore_path']}"
    )
    assert router.gather() == state.changed((), (newer,))


def test_a_clock_that_was_set_back_prolongs_nothing(bare: Namespace) -> None:
    """A board without a battery boots in 1970; what was saved says what time it was then."""
    prepare(bare)
    now = int(time.time())
    managed(bare).apply(Change(put=tuple(live(now))), RouterState(), now)
    bare.shell(NFTABLES.setting("save_command"))  # a listing, which says when it was made
    bare.shell(f"sed -i 's/^# saved .*/# saved {now + 590}/' {NFTABLES.setting('elements_path')}")
    reboot(bare)
    bare.shell(SETTINGS["restore_path"])
    text = bare.shell("nft list map ip sipmobility session_inbound_dst").stdout
    assert "timeout 10s" in text


def test_an_overriding_template_is_what_the_router_gets(bare: Namespace, tmp_path: Path) -> None:
    """first_hop_router_template_dir, file by file."""
    (tmp_path / "linux").mkdir()
    (tmp_path / "linux" / "sysctl.conf.j2").write_text(
        "# ours\n{% for n, v in sysctls %}{{ n }} = {{ v }}\n{% endfor %}"
    )
    prepare(bare, renderer=Renderer(str(tmp_path)))
    assert bare.shell(f"head -n 1 {SETTINGS['sysctl_path']}").stdout == "# ours\n"


@pytest.mark.parametrize("backend", [NFTABLES, IptablesBackend()], ids=lambda backend: backend.name)
def test_steps_find_the_listing_that_they_are_kept_behind(bare: Namespace, backend: Backend) -> None:
    wanted = replace(OPTIONS, firewall="insert")
    Preparation("rb", backend, wanted, Renderer()).converge(bare, present=True, checking=False)
    kept = bare.shell(f"cat {backend.setting('elements_path')}").stdout
    assert kept.startswith("# saved ")
    assert "comment" not in kept
    Preparation("rb", backend, wanted, Renderer()).converge(bare, present=False, checking=False)
    bare.shell(f"test ! -e {backend.setting('elements_path')}")
