# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drift on a real router: told with its kind, and nothing is written. The probe suffices only when it is sure."""

from __future__ import annotations

import subprocess
import time

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import Change, Mark, Selector, Stamp
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.plugin_utils.drift import Look, look, remember
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.sections import sections

from ..unit.mobility.worlds import OLD, PEER
from .namespaces import Namespace
from .test_preparation import bare as bare
from .test_preparation import live, managed, prepare

EVERYTHING = "nft -s list ruleset; ip route show table all; find /var/lib/sipmobility /run/sipmobility"


@pytest.fixture
def held(bare: Namespace) -> RouterState:
    """A prepared router with a handover, found whole."""
    prepare(bare)
    # Until addresses of IPv6 are no longer tentative, the kernel itself adds routes.
    bare.shell('for _ in $(seq 50); do [ -z "$(ip -6 addr show tentative)" ] && break; sleep 0.1; done')
    now = int(time.time())
    state = live(now)
    managed(bare).apply(Change(put=tuple(state)), RouterState(), now)
    first = look(bare, Renderer(), "inventory")
    assert (first.read, first.differences) == (True, ()), first
    remember(bare, Renderer(), first.fingerprint, "inventory")
    return state


def seen(bare: Namespace) -> Look:
    """A look, during which nobody hears of a change."""
    listening = ["nsenter", "--target", str(bare.pid), "--net", "stdbuf", "-oL", "nft", "monitor"]
    with subprocess.Popen(listening, stdout=subprocess.PIPE, text=True) as monitor:
        time.sleep(0.2)
        before = bare.shell(
            "nft -s list ruleset; ip route show table all; find /var/lib/sipmobility /run/sipmobility"
        ).stdout
        found = look(bare, Renderer(), "inventory")
        after = bare.shell(
            "nft -s list ruleset; ip route show table all; find /var/lib/sipmobility /run/sipmobility"
        ).stdout
        time.sleep(0.1)
        monitor.terminate()
        assert monitor.communicate()[0] == ""
    assert before == after
    return found


def test_what_was_found_whole_is_not_read_again(bare: Namespace, held: RouterState) -> None:
    assert look(bare, Renderer(), "inventory").read is False
    assert look(bare, Renderer(), "inventory", probe=False).read is True
    assert look(bare, Renderer(), "another inventory").read is True


def test_the_probe_lists_nothing(bare: Namespace, held: RouterState) -> None:
    """What makes it cost the same however much is held."""
    scripts = []

    class Told:
        def run(self, script: str) -> Output:
            scripts.append(script)
            return sections(bare.shell(script).stdout)

    assert look(Told(), Renderer(), "inventory").read is False
    assert len(scripts) == 1
    assert not [word for word in ("nft -", "nft list", "route show", "kept") if word in scripts[0]]


@pytest.mark.parametrize(
    ("happens", "kind", "words"),
    [
        ("nft flush map ip sipmobility session_inbound_dst", "missing", "inbound_dst"),
        ("nft flush set ip sipmobility in_use", "changed", "inbound_dst"),
        ("nft flush set ip sipmobility wide_in_use", "changed", "mark"),
        ("ip route flush table 7082", "missing", "route"),
        ("ip -6 rule del table 7082", "static", "IPv6 rule"),
        ("ip rule del table 7082", "static", "IPv4 rule"),
        ("sysctl -qw net.ipv4.fwmark_reflect=0", "static", "fwmark_reflect = 1"),
        ("nft flush chain ip sipmobility decode", "static", "table ip sipmobility"),
        ("nft add element ip sipmobility route '{ 203.0.113.7 comment \"mine\" }'", "foreign", "203.0.113.7"),
        ("ip route add blackhole 203.0.113.9 table 7082 proto 182", "foreign", "203.0.113.9"),
        ("rm /usr/local/lib/sipmobility/save", "static", "file /usr/local/lib/sipmobility/save"),
    ],
)
def test_each_kind_of_drift_is_told(bare: Namespace, held: RouterState, happens: str, kind: str, words: str) -> None:
    bare.shell(happens)
    found = seen(bare)
    assert found.read
    assert [one for one in found.differences if one.kind == kind and words in str(one)], found


def test_an_element_with_another_target_is_told(bare: Namespace, held: RouterState) -> None:
    bare.shell("""
        line=$(nft -n list map ip sipmobility session_inbound_dst | tr ',' '\\n' | grep comment | head -1)
        key=$(printf %s "$line" | sed -e 's/^.*{//' -e 's/ counter.*//')
        comment=$(printf %s "$line" | sed -e 's/^.*comment/comment/' -e 's/ : .*//')
        nft -f - <<X
delete element ip sipmobility session_inbound_dst { $key }
add element ip sipmobility session_inbound_dst { $key timeout 600s $comment : 203.0.113.66 }
X
    """)
    told = [one for one in seen(bare).differences if one.kind == "changed"]
    assert len(told) == 1
    assert "203.0.113.66" in told[0].stands
    assert "203.0.113.66" not in told[0].should


def test_an_entry_that_no_step_put_is_told(bare: Namespace, held: RouterState) -> None:
    one = Mark(Selector(OLD, PEER, "udp", 9, 9), next(iter(held)).stamp)
    text = managed(bare).text(Change(put=(one,)), time.time()).replace("if test -x", "if false && test -x")
    bare.shell(text)
    assert [difference.kind for difference in seen(bare).differences] == ["unrecorded"]


def test_what_others_do_makes_it_read_and_is_no_drift(bare: Namespace, held: RouterState) -> None:
    bare.shell("nft add table ip theirs; ip route add 203.0.113.0/24 via 198.51.100.9")
    assert (seen(bare).read, seen(bare).differences) == (True, ())


def test_what_has_expired_is_not_missing(bare: Namespace) -> None:
    """The router's record still has it; the kernel has taken it away."""
    prepare(bare)
    now = int(time.time())
    brief = Mark(Selector(OLD, PEER, "udp", 9, 9), Stamp("brief", 1, now + 1))
    managed(bare).apply(Change(put=(brief,)), RouterState(), now)
    time.sleep(1.2)
    assert look(bare, Renderer(), "inventory").differences == ()


def test_a_router_that_is_given_back_keeps_no_memory_of_it(bare: Namespace, held: RouterState) -> None:
    assert "whole" in bare.shell("ls /run/sipmobility").stdout.split()
    prepare(bare, present=False, drop_handovers=True)
    assert not bare.shell("ls -d /run/sipmobility /var/lib/sipmobility", check=False).stdout
