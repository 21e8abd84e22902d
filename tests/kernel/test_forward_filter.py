# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we say about an operator's firewall, and what the kernel does: packets with our mark cross a router that has it.

The packets are those of a handover's first seconds: each way, the first of a flow that connection tracking has not
seen, and an answer to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.nftables_in_use import GATES
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.nftables import NftablesBackend
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.preparation import Preparation
from ansible_collections.sipmobility.handover.plugins.plugin_utils.prerequisites.settings import Options
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer

from .conftest import load_table
from .namespaces import Namespace, until

MOBILE = {"ip": "198.51.100.10", "ip6": "2001:db8:51::10"}
CORRESPONDENT = {"ip": "203.0.113.10", "ip6": "2001:db8:cb::10"}
STAMP = f'comment "sipmobility:1 id=a e=1 x={2**31} n=1 d=both"'
MARK = "meta mark & 0xff000000 == 0x6d000000"
STRICT = "ct state invalid drop; ct state established,related accept; iifname lan ct state new accept;"


class Crossing:
    """A mobile node, a correspondent, and a router between them whose own table marks their packets."""

    def __init__(self, router: Namespace, mobile: Namespace, correspondent: Namespace) -> None:
        self._router = router
        self._ends = {"lan": mobile, "wan": correspondent}
        for link, (end, router_address, router_address6) in {
            "lan": (mobile, "198.51.100.1/24", "2001:db8:51::1/64"),
            "wan": (correspondent, "203.0.113.1/24", "2001:db8:cb::1/64"),
        }.items():
            router.shell(f"""
                ip link add {link} type veth peer name eth0 netns {end.pid}
                ip address add {router_address} dev {link}
                ip -6 address add {router_address6} dev {link} nodad
                ip link set {link} up
            """)
            addresses = MOBILE if link == "lan" else CORRESPONDENT
            end.shell(f"""
                ip address add {addresses["ip"]}/24 dev eth0
                ip -6 address add {addresses["ip6"]}/64 dev eth0 nodad
                ip link set eth0 up
                ip route add default via {router_address.partition("/")[0]}
                ip -6 route add default via {router_address6.partition("/")[0]}
            """)
        router.shell("echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
        self.firewall("")
        until(lambda: not self.dropped())  # duplicate address detection takes a second

    def firewall(self, script: str) -> None:
        """Our table, and the operator's firewall; a script of nft, or of the shell where it begins with iptables."""
        self._router.shell("nft flush ruleset")
        load_table(self._router)
        pairs = [(MOBILE, CORRESPONDENT), (CORRESPONDENT, MOBILE)]
        elements = [
            f"add element {family} sipmobility correspondent_mark {{ {one[family]} . {other[family]} {STAMP} }}"
            for family in MOBILE
            for one, other in pairs
        ]
        elements += [f"add element {family} sipmobility {gate} {{ {family} }}" for family in MOBILE for gate in GATES]
        self._router.shell("nft -f - <<'X'\n" + "\n".join(elements) + "\nX\n")
        if script.startswith("iptables"):
            self._router.shell(f"set -e\n{script}")
        else:
            self._router.shell(f"nft -f - <<'X'\n{script.replace(';', chr(10))}\nX\n")

    def judged(self) -> set[str]:
        """The families of which our code says that the firewall drops."""
        families = {chain.split()[0] for chain in self.gathered()["gathered"]["firewall_blocking"]}
        return {"ip", "ip6"} if "inet" in families else families

    def gathered(self) -> dict[str, Any]:
        """What our code finds on the router."""
        options = Options("lan", "wan", persistence="none")
        return Preparation("rb", NftablesBackend(), options, Renderer()).gathered(self._router)

    def dropped(self) -> set[str]:
        """The families of which the kernel drops a packet."""
        return {family for family in MOBILE if not self.passes(family)}

    def passes(self, family: str) -> bool:
        """Whether a flow that begins at either end gets through, and its answers."""
        return all(self._flow(family, start) for start in ("lan", "wan"))

    def _flow(self, family: str, start: str) -> bool:
        end = "wan" if start == "lan" else "lan"
        addresses = {"lan": MOBILE[family], "wan": CORRESPONDENT[family]}
        with (
            self._ends[start].udp(addresses[start]) as one,
            self._ends[end].udp(addresses[end]) as other,
        ):
            for sender, receiver in ((one, other), (other, one), (one, other)):
                sender.sendto(b"x", receiver.getsockname())
                try:
                    receiver.recv(1)
                except TimeoutError:
                    return False
        return True


@pytest.fixture(scope="module")
def crossing() -> Iterator[Crossing]:
    """Three hosts in a row."""
    with Namespace() as router, Namespace() as mobile, Namespace() as correspondent:
        yield Crossing(router, mobile, correspondent)


def forward(rules: str, policy: str = "drop", more: str = "", family: str = "inet") -> str:
    return f"""
        table {family} firewall {{
            {more}
            chain forward {{ type filter hook forward priority filter; policy {policy}; {rules} }}
        }}
    """


def chain(name: str, rules: str) -> str:
    return f"chain {name} {{ {rules}; }};"


BOTH, NONE = {"ip", "ip6"}, set[str]()

#: Firewall, what the kernel drops. Our code must say the same.
FIREWALLS = {
    "none": ("", NONE),
    "an empty chain": (forward("", "accept"), NONE),
    "closed": (forward(""), BOTH),
    "closed, of IPv4 alone": (forward("", family="ip"), {"ip"}),
    "closed, of IPv6 alone": (forward("", family="ip6"), {"ip6"}),
    "strict": (forward(STRICT), BOTH),
    "strict, with the line that we advise": (forward(f"{STRICT} {MARK} accept;"), NONE),
    "strict, with our line for what is new": (forward(f"{STRICT} {MARK} ct state new accept;"), NONE),
    "our line for what is new, and none for the rest": (forward(f"{MARK} ct state new accept;"), BOTH),
    "our line for what is not new, and none for that": (forward(f"{MARK} ct state != new accept;"), BOTH),
    "what is new is closed": (forward("ct state new drop;", "accept"), BOTH),
    "what is not new is closed": (forward("ct state != new drop;", "accept"), BOTH),
    "all states": (forward("ct state { new, established } accept;"), NONE),
    "strict, with a mark of another": (forward(f"{STRICT} meta mark & 0xff000000 == 0x6c000000 accept;"), BOTH),
    "strict, with our line after a reject": (forward(f"{STRICT} reject; {MARK} accept;", "accept"), BOTH),
    "other links are closed": (forward('iifname "mgmt" drop; oifname "mgmt" drop;', "accept"), NONE),
    "other links are closed, by pattern": (forward('iifname "eth*" drop;', "accept"), NONE),
    "our links are closed, by pattern": (forward('iifname "wa*" drop;', "accept"), BOTH),
    "all but our links are closed": (forward('iifname != { "lan", "wan" } drop;', "accept"), NONE),
    "all but one of our links are closed": (forward('iifname != "lan" drop;', "accept"), BOTH),
    "what is invalid is dropped": (forward("ct state invalid drop;", "accept"), NONE),
    "a protocol is dropped": (forward("meta l4proto udp drop;", "accept"), BOTH),
    "logged and counted": (forward(f'log prefix "x"; counter; {MARK} counter accept;'), NONE),
    "zones": (
        forward(
            'iifname "lan" oifname "wan" jump out; iifname "wan" oifname "lan" jump in;',
            more=chain("out", "accept") + chain("in", "ct state established,related accept; drop;"),
        ),
        BOTH,
    ),
    "zones that know us": (
        forward(f"{MARK} jump ours; jump others;", more=chain("ours", "accept") + chain("others", "drop")),
        NONE,
    ),
    "zones by map": (
        forward(
            'iifname vmap { "lan" : jump out, "wan" : jump in };', "accept", chain("out", "") + chain("in", "drop")
        ),
        BOTH,
    ),
    "zones by map, of other links": (
        forward('iifname vmap { "eth0" : jump out, "eth1" : drop };', "accept", chain("out", "drop")),
        NONE,
    ),
    "states by map": (
        forward(f"ct state vmap {{ established : accept, related : accept, invalid : drop }}; {MARK} accept;"),
        NONE,
    ),
    "states by map, and what is new is not in it": (forward("ct state vmap { established : accept };"), BOTH),
    "all states by map": (forward("ct state vmap { established : accept, new : accept };"), NONE),
    "a map of pairs of links": (forward('iifname . oifname vmap { "wan" . "lan" : drop };', "accept"), BOTH),
    "two tables, the second is closed": (
        forward(f"{MARK} accept;") + forward("", family="ip").replace("table ip firewall", "table ip second"),
        {"ip"},
    ),
    "an accept does not reach a later chain": (
        forward("accept;")
        + forward("drop;", "accept").replace("firewall", "second").replace("priority filter", "priority 10"),
        BOTH,
    ),
    "a goto does not come back": (forward("goto nowhere; accept;", more=chain("nowhere", "")), BOTH),
    "a goto that does come back": (forward("goto nowhere; drop;", "accept", chain("nowhere", "")), NONE),
    "a jump comes back": (forward("jump nowhere; accept;", more=chain("nowhere", "")), NONE),
    "a return from the first chain is the policy": (forward("return; accept;"), BOTH),
    "a return for us is the policy": (forward(f"{MARK} return; drop;", "accept"), NONE),
    "a return from a chain": (forward("jump zone; drop;", "accept", chain("zone", "return; accept;")), BOTH),
    "a return for some": (
        forward("jump zone; drop;", "accept", chain("zone", 'iifname "lan" return; accept;')),
        BOTH,
    ),
    "a return for some, by map": (
        forward("jump zone; drop;", "accept", chain("zone", 'iifname vmap { "lan" : return }; accept;')),
        BOTH,
    ),
    "iptables, open": ("iptables-nft -P FORWARD ACCEPT; iptables-nft -A FORWARD -i mgmt -j DROP", NONE),
    "iptables, strict": (
        """iptables-nft -P FORWARD DROP
        iptables-nft -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        iptables-nft -A FORWARD -i lan -j ACCEPT""",
        {"ip"},
    ),
    "iptables, strict, with the line that we advise": (
        """iptables-nft -P FORWARD DROP
        iptables-nft -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        iptables-nft -I FORWARD -m mark --mark 0x6d000000/0xff000000 -j ACCEPT""",
        NONE,
    ),
    "iptables, our line with a comment": (
        """iptables-nft -P FORWARD DROP
        iptables-nft -A FORWARD -m comment --comment handovers -m mark --mark 0x6d000000/0xff000000 -j ACCEPT""",
        NONE,
    ),
    "iptables, open, with a reject at its end": (
        "iptables-nft -A FORWARD -j REJECT --reject-with icmp-host-prohibited",
        {"ip"},
    ),
    "iptables, logged, then rejected in a chain": (
        """iptables-nft -N LOGGED
        iptables-nft -A LOGGED -j LOG
        iptables-nft -A LOGGED -j REJECT
        iptables-nft -A FORWARD -j LOGGED""",
        {"ip"},
    ),
    "iptables, ip6tables alone": ("iptables-nft -P FORWARD ACCEPT; ip6tables-nft -P FORWARD DROP", {"ip6"}),
    "iptables, Docker's": (
        """iptables-nft -P FORWARD DROP
        iptables-nft -N DOCKER-USER; iptables-nft -A DOCKER-USER -j RETURN
        iptables-nft -A FORWARD -j DOCKER-USER
        iptables-nft -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        iptables-nft -A FORWARD -i docker0 ! -o docker0 -j ACCEPT""",
        {"ip"},
    ),
    "iptables, Docker's, with the line that we advise": (
        """iptables-nft -P FORWARD DROP
        iptables-nft -N DOCKER-USER; iptables-nft -A DOCKER-USER -j RETURN
        iptables-nft -A FORWARD -j DOCKER-USER
        iptables-nft -I FORWARD -m mark --mark 0x6d000000/0xff000000 -j ACCEPT""",
        NONE,
    ),
}

#: These let our test packets pass, but not every packet for sure: our code asks for its line.
DOUBTFUL = {
    "hosts are dropped": forward("ip saddr 198.18.0.0/15 drop;", "accept"),
    "too many are dropped": forward("limit rate over 1000000/second drop;", "accept"),
    "a list that changes": forward("iifname @lans accept;", more="set lans { type ifname; elements = { lan, wan } };"),
    "a map that changes": forward("iifname vmap @zones;", "accept", "map zones { type ifname : verdict; };"),
    "a mark of which others may take a part": forward("meta mark 0x6d000000 accept;"),
    "reverse paths": forward("fib saddr . iif oif missing drop;", "accept"),
}


@pytest.mark.parametrize("name", FIREWALLS)
def test_we_say_what_the_kernel_does(crossing: Crossing, name: str) -> None:
    script, dropped = FIREWALLS[name]
    crossing.firewall(script)
    assert crossing.dropped() == dropped
    assert crossing.judged() == dropped


@pytest.mark.parametrize("name", DOUBTFUL)
def test_in_doubt_it_is_a_drop(crossing: Crossing, name: str) -> None:
    crossing.firewall(DOUBTFUL[name])
    assert crossing.dropped() == NONE
    assert crossing.judged() == BOTH


def test_rules_of_the_old_iptables_are_told_of(crossing: Crossing) -> None:
    """nft does not list them, and so we cannot judge them."""
    crossing.firewall("")
    assert not any("iptables-legacy" in text for text in crossing.gathered()["advice"])
    crossing.firewall("iptables-legacy -P FORWARD DROP")
    try:
        assert crossing.dropped() == {"ip"}
        assert any("iptables -w -I FORWARD -m mark" in text for text in crossing.gathered()["advice"])
    finally:
        crossing.firewall("iptables-legacy -P FORWARD ACCEPT")


CONDITIONS = (
    "",
    MARK,
    f"{MARK} ct state new",
    'iifname "lan"',
    'oifname "mgmt"',
    "ct state established",
    "ct state != established",
    "ct state new",
    "udp dport 1",
)
VERDICTS = ("accept", "drop", "reject", "return", "jump one", "goto one", "jump two", "goto two", "counter")


@settings(max_examples=max(15, settings().max_examples // 20), suppress_health_check=list(HealthCheck))
@given(st.data())
def test_what_we_let_pass_passes(crossing: Crossing, data: st.DataObject) -> None:
    """Any rules in three chains: doubt may ask for a line too many, but what we call open is open."""
    rule = st.tuples(st.sampled_from(CONDITIONS), st.sampled_from(VERDICTS))
    rules = {name: data.draw(st.lists(rule, max_size=4)) for name in ("two", "one", "forward")}
    for name in ("two", "one"):  # no chain jumps to itself or upwards
        beyond = ("two",) if name == "two" else ("one",)
        rules[name] = [one for one in rules[name] if one[1].split()[-1] not in ("one", *beyond)]
    text = {name: "; ".join(" ".join(one).strip() for one in found) for name, found in rules.items()}
    policy = data.draw(st.sampled_from(("accept", "drop")))
    crossing.firewall(
        forward(f"{text['forward']};", policy, "".join(chain(name, text[name]) for name in ("two", "one")))
    )
    if not crossing.judged():
        assert crossing.dropped() == NONE
