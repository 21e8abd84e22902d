# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nftables platform with the real nft, ip and kernel: what is put is read back, what is not ours is refused."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import ip_address
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.change import difference
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Change,
    Entry,
    Mark,
    Neighbour,
    Rewrite,
    RewriteKind,
    Role,
    Route,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState, same_state
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.selector import PROTOCOLS
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.base import Output
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables import Nftables
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import Options
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter
from ansible_collections.sipmobility.handover.plugins.plugin_utils.sections import sections
from ansible_collections.sipmobility.handover.plugins.plugin_utils.shell_device import shell_router

from ..unit.mobility.entries import entries, holdable, states
from ..unit.mobility.worlds import NEW, NOW, OLD, PEER
from .conftest import load_table, refusal, table_text
from .namespaces import Namespace, until

_T = TypeVar("_T")

STAMP = Stamp("8d7ac21f98194017", 1, NOW + 600)
STAMPED = f'comment "sipmobility:1 id=a e=1 x={NOW + 600} n=1 d=both"'
ENCODER = Rewrite(RewriteKind.OUTBOUND_DST, Selector(PEER, OLD), NEW, STAMP)
#: The same key, another address.
CLASHING = replace(ENCODER, to=ip_address("2.2.2.3"))
FEW = settings(
    max_examples=max(25, settings().max_examples // 10),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def mark(host: int) -> Mark:
    return Mark(Selector(OLD, ip_address("203.0.113.0") + host), STAMP)


def route(text: str = "198.51.100.7", interface: str | None = "lan") -> Route:
    return Route(OLD, ip_address(text), interface, STAMP)


def apply(router: ManagedRouter, *put: Entry, remove: tuple[Entry, ...] = (), now: float = NOW) -> RouterState:
    return router.apply(Change(remove, put), router.gather(), now)


def outcome(what: Callable[[], _T]) -> _T | HandoverError:
    try:
        return what()
    except HandoverError as error:
        return error


@FEW
@given(states(holdable()))
def test_what_is_put_is_what_is_read(router: ManagedRouter, wanted: RouterState) -> None:
    """From whatever the example before left on the router: entries come, change and go in one transaction."""
    held = router.gather()
    assert same_state(router.apply(difference(held, wanted), held, NOW), wanted)
    assert same_state(router.gather(), wanted)


@FEW
@given(entries())
def test_any_entry_is_held_as_it_is_or_refused_before_anything_is_sent(router: ManagedRouter, entry: Entry) -> None:
    sent = outcome(lambda: router.text(Change(put=(entry,)), NOW))
    if isinstance(sent, HandoverError):
        assert sent.code == "unsupported_entry"
        return
    held = outcome(lambda: apply(router, entry))
    if isinstance(held, HandoverError):
        assert isinstance(entry, (Route, Neighbour))  # over a link that this router does not have
        assert (held.code, "The router is unchanged." in held.advice) == ("no_such_interface", True)
        assert router.gather() == RouterState()
    else:
        assert same_state(held, RouterState([entry]))
        apply(router, remove=(entry,))


@pytest.mark.parametrize("seconds", [1, 99_999_999, 100_000_000, 10**10], ids=str)
def test_every_lifetime_that_the_kernel_can_hold(router: ManagedRouter, seconds: int) -> None:
    """nft 1.0.6 refuses a plain number of more than eight digits."""
    one = Mark(Selector(OLD, PEER), replace(STAMP, expires=NOW + seconds))
    assert router.apply(Change(put=(one,)), RouterState(), NOW) == RouterState([one])


def test_an_entry_that_expired_is_gone_by_itself(router: ManagedRouter) -> None:
    """Design rule 6: the kernel's own timeout, counted from ``now``."""
    one = mark(1)
    apply(router, one, now=one.stamp.expires - 1)
    assert router.gather() == RouterState([one])
    time.sleep(1.3)
    assert router.gather() == RouterState()


def test_a_router_without_names_for_protocols(host: Namespace, router: ManagedRouter) -> None:
    """Without /etc/protocols (Debian package netbase) nft lists numbers."""
    state = RouterState(Mark(Selector(OLD, PEER, protocol, 1, 2), STAMP) for protocol in PROTOCOLS)
    host.shell("mv /etc/protocols /etc/protocols.away")
    try:
        assert same_state(router.apply(Change(put=tuple(state)), RouterState(), NOW), state)
    finally:
        host.shell("mv /etc/protocols.away /etc/protocols")
    assert same_state(router.gather(), state)


def test_a_step_is_all_or_nothing(router: ManagedRouter) -> None:
    """Design rule 4: the route that came before the refused elements is gone again."""
    apply(router, mark(1), ENCODER)
    told = refusal(lambda: apply(router, route(), mark(2), CLASHING))
    assert told.code == "router_changed"
    assert "The router was put back." in told.advice
    assert router.gather() == RouterState([mark(1), ENCODER])


@pytest.mark.parametrize("entry", [mark(1), ENCODER], ids=["mark", "encoder"])
def test_what_expired_meanwhile_is_no_obstacle(router: ManagedRouter, entry: Entry) -> None:
    """To the step that would have removed it; what is to come instead comes."""
    held = apply(router, entry, now=NOW + 599)
    time.sleep(1.3)
    later = replace(STAMP, expires=NOW + 900)
    again = replace(entry, stamp=later)
    assert router.apply(Change((entry,), (mark(2),)), held, NOW) == RouterState([mark(2)])
    assert router.apply(Change((entry,), (again,)), held, NOW) == RouterState([mark(2), again])


def test_an_encoder_without_its_errors_is_put_anew(host: Namespace, router: ManagedRouter) -> None:
    """Somebody flushed one of the maps that undo it in path-MTU errors."""
    wanted = RouterState([ENCODER, replace(ENCODER, match=Selector(PEER, OLD, "tcp", 7000, 40000)), mark(1)])
    router.apply(Change(put=tuple(wanted)), RouterState(), NOW)
    whole = listed(host)
    for name in ("correspondent_error_inbound_dst", "session_error_outbound_src"):
        host.shell(f"nft flush map ip sipmobility {name}")
        held = router.gather()
        repair = difference(held, wanted)
        assert [entry.role for entry in repair.put] == [Role.ENCODER_DST]
        assert same_state(router.apply(repair, held, NOW), wanted)
        assert listed(host) == whole
    router.apply(Change(remove=tuple(wanted)), wanted, NOW)
    assert listed(host) == []


def listed(host: Namespace) -> list[str]:
    """Every element under our name, without its times."""
    lines = host.shell("nft list table ip sipmobility").stdout.splitlines()
    return sorted(re.sub(r"(timeout|expires) [^ ]+ |elements = ", "", line) for line in lines if "comment" in line)


def test_a_remnant_stays_where_a_step_is_taken_back(host: Namespace, router: ManagedRouter) -> None:
    """A route whose element has expired is ours and nobody's; a failing step must not sweep it."""
    host.shell("ip route add 203.0.113.9 via 198.51.100.9 dev lan table 7082 proto 182")
    held = router.gather()
    assert len(held) == 1
    held = apply(router, ENCODER)
    assert "The router is unchanged." in refusal(lambda: apply(router, CLASHING)).advice
    assert "The router was put back." in refusal(lambda: apply(router, route(), CLASHING)).advice
    assert router.gather() == held


def test_what_was_recorded_and_is_gone_from_the_routing_table(host: Namespace, router: ManagedRouter) -> None:
    """A route goes with its link. Its element still tells whose it was; it is what a step taken back may restore."""
    apply(router, route())
    host.shell("ip route flush table 7082 proto 182")
    gone, back = RouterState([Route(OLD, None, None, STAMP)]), RouterState([route()])
    assert router.gather() == gone
    assert router.apply(difference(gone, back), gone, NOW) == back
    assert router.apply(difference(back, gone), back, NOW) == gone


@pytest.mark.parametrize(
    ("made", "code", "told"),
    [
        pytest.param("nft delete table ip6 sipmobility", "router_not_prepared", "No such file", id="no table"),
        pytest.param("nft flush ruleset", "router_not_prepared", "No such file", id="nothing at all"),
        pytest.param(
            "nft flush table ip sipmobility; nft delete set ip sipmobility route", "table_foreign", "route", id="no set"
        ),
        pytest.param(
            "nft delete set ip sipmobility route; nft add set ip sipmobility route '{ type ipv6_addr; }'",
            "table_foreign",
            "table ip sipmobility, route",
            id="a set of another type",
        ),
        pytest.param(
            "nft delete set ip sipmobility route; nft add map ip sipmobility route '{ type ipv4_addr : ipv4_addr; }'",
            "table_foreign",
            "table ip sipmobility, route",
            id="a map for a set",
        ),
    ],
)
def test_a_table_of_another_layout_is_refused(
    host: Namespace, router: ManagedRouter, made: str, code: str, told: str
) -> None:
    host.shell(made)
    error = refusal(router.gather)
    assert (error.code, told in error.subject) == (code, True), error


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ("nft add element ip sipmobility address_inbound_dst { 1.1.1.1 : 2.2.2.2 }", "1.1.1.1"),
        ("nft add element ip sipmobility route '{ 1.1.1.1 timeout 10s }'", "1.1.1.1"),
        ("nft add element ip sipmobility route '{ 1.1.1.1 comment \"mine\" }'", "mine"),
        ("nft add element ip6 sipmobility correspondent_mark '{ ::1 . ::2 }'", "::1"),
        (f"nft add element ip sipmobility route '{{ 1.1.1.1 {STAMPED[:-1]} x\" }}'", "d=both x"),
        (
            "nft delete set ip sipmobility route;"
            "nft add set ip sipmobility route '{ type ipv4_addr; flags timeout,interval; }';"
            f"nft add element ip sipmobility route '{{ 1.1.0.0/16 {STAMPED} }}'",
            "1.1.0.0",
        ),
        ("ip route add default via 198.51.100.9 table 7082 proto 182", "default"),
        ("ip route add 1.0.0.0/8 via 198.51.100.9 table 7082 proto 182", "1.0.0.0/8"),
        ("ip route add blackhole 1.0.0.1 table 7082 proto 182", "blackhole"),
        ("ip -6 route add blackhole 2001:db8::9 table 7082 proto 182", "blackhole"),
        ("ip route add 1.0.0.1 via inet6 2001:db8:51::9 dev lan table 7082 proto 182", "2001:db8:51::9"),
        (
            "ip route add 1.0.0.1 table 7082 proto 182"
            " nexthop via 198.51.100.9 dev lan nexthop via 198.51.100.8 dev lan",
            "1.0.0.1",
        ),
    ],
)
def test_what_somebody_else_put_under_our_name_is_refused(
    host: Namespace, router: ManagedRouter, made: str, told: str
) -> None:
    host.shell(made)
    error = refusal(router.gather)
    assert (error.code, told in error.subject) == ("foreign_entry", True), error


def test_what_is_not_under_our_name_is_not_looked_at(host: Namespace, router: ManagedRouter) -> None:
    host.shell("""
        nft add table ip theirs
        nft add set ip sipmobility theirs '{ type ipv4_addr; elements = { 1.1.1.1 } }'
        ip route add default via 198.51.100.9 table 7082 proto static
    """)
    assert router.gather() == RouterState()


def test_a_program_that_owns_a_table_of_our_layout(host: Namespace, router: ManagedRouter) -> None:
    """nft: "flags owner": nobody else may change it while that program runs."""
    with owned(host):
        assert refusal(router.gather).code == "table_held"
        # Read a moment before it was taken: the kernel's own refusal.
        told = refusal(lambda: router.apply(Change(put=(mark(1),)), RouterState(), NOW))
    assert told.code == "table_held"
    assert "Operation not permitted" in told.subject
    assert "How the router stands is not known" in told.advice


def test_a_table_that_was_switched_off(host: Namespace, router: ManagedRouter) -> None:
    """A dormant table holds its elements and rewrites nothing: sessions die though all seems to be there."""
    host.shell("nft add table ip sipmobility '{ flags dormant; }'")
    assert refusal(router.gather).code == "table_held"


@contextmanager
def owned(host: Namespace) -> Iterator[None]:
    """Our table in the hands of a running program."""
    lines = [line for line in table_text(Options()).splitlines() if not line.startswith(("add", "flush"))]
    text = "\n".join(lines).replace(" sipmobility {\n", " sipmobility {\n\tflags owner;\n")
    host.shell("nft flush ruleset")
    command = ["nsenter", "--target", str(host.pid), "--net", "nft", "-i"]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert program.stdin is not None
    try:
        host.shell(f"cat > /run/owned.nft <<'X'\n{text}\nX\n")
        program.stdin.write(f'include "/proc/{host.pid}/root/run/owned.nft"\n')
        program.stdin.flush()
        until(lambda: "owner" in host.shell("nft list table ip6 sipmobility", check=False).stdout)
        yield
    finally:
        program.communicate()


def full(host: Namespace) -> None:
    host.shell("nft flush ruleset")
    load_table(host, Options(table_size=2))


def down(host: Namespace) -> None:
    host.shell("ip link set lan down")


@pytest.mark.parametrize(
    ("happens", "put", "remove", "code"),
    [
        pytest.param(full, [mark(1), mark(2), mark(3)], [], "table_full", id="no room"),
        pytest.param(None, [], [route()], "router_changed", id="route gone meanwhile"),
        pytest.param(None, [route("203.0.113.1")], [], "no_such_interface", id="next hop not on the link"),
        pytest.param(None, [route(interface="eth9")], [], "no_such_interface", id="no such link"),
        pytest.param(down, [route()], [], "no_such_interface", id="link down"),
    ],
)
def test_what_the_tools_say_is_told_with_its_meaning(
    host: Namespace,
    router: ManagedRouter,
    happens: Callable[[Namespace], None] | None,
    put: list[Entry],
    remove: list[Entry],
    code: str,
) -> None:
    if happens is not None:
        happens(host)
    try:
        told = refusal(lambda: apply(router, *put, remove=tuple(remove)))
        assert told.code == code, told
        assert told.subject.startswith("rb: ")
        assert "The router is unchanged." in told.advice
        assert router.gather() == RouterState()
    finally:
        # With its link an address of IPv6 goes, too.
        host.shell("ip link set lan up; ip -6 address replace 2001:db8:51::1/64 dev lan nodad")


def test_a_key_stands_once(router: ManagedRouter) -> None:
    """The same key with another address is no refresh: another controller was faster."""
    apply(router, ENCODER)
    told = refusal(lambda: apply(router, CLASHING))
    assert told.code == "router_changed"
    assert router.gather() == RouterState([ENCODER])


def test_an_overridden_template_with_a_fault(router: ManagedRouter, host: Namespace) -> None:
    class Faulty(Renderer):
        def render(self, name: str, context: object) -> str:
            text = super().render(name, context)  # type: ignore[arg-type]
            return text.replace("add element ip", "add elephant ip") if name == "nftables/step.sh.j2" else text

    told = refusal(
        lambda: shell_router("rb", Nftables(), Faulty(), host).apply(Change((), (mark(1),)), RouterState(), NOW)
    )
    assert told.code == "syntax_refused"
    assert router.gather() == RouterState()


def test_a_login_that_is_not_root(host: Namespace, router: ManagedRouter) -> None:
    class Nobody:
        def run(self, script: str) -> Output:
            inside = ["nsenter", "--target", str(host.pid), "--net", "--mount"]
            nobody = ["setpriv", "--reuid=65534", "--clear-groups", "/bin/sh", "-s"]
            done = subprocess.run([*inside, *nobody], input=script, text=True, capture_output=True, check=True)
            return sections(done.stdout)

    assert refusal(shell_router("rb", Nftables(), Renderer(), Nobody()).gather).code == "no_privilege"


def test_one_step_for_ten_thousand_entries(router: ManagedRouter) -> None:
    wanted = RouterState(
        Mark(Selector(ip_address("198.18.0.0") + n, PEER, "udp", 4000, 5000), STAMP) for n in range(10_000)
    )
    assert same_state(router.apply(Change(put=tuple(wanted)), RouterState(), NOW), wanted)
