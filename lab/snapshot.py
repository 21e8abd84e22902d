"""What a node's kernel holds, as a value that two moments can be compared by.

Asked with the node's own ``nft``, ``ip``, ``sysctl`` and ``iptables-save``; knows nothing of the product's code. What
changes by itself is left out: handles, counters, ages, cached routes, learnt neighbours.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lab.runtime import Completed

_VOLATILE = {"handle", "packets", "bytes", "expires", "used", "age", "cacheinfo", "ifindex"}
_REMEMBERED = {"concerned", "concerned_long"}
_SYSCTLS = r"^net\.(ipv4|ipv6|netfilter|bridge)\."
_VOLATILE_SYSCTLS = re.compile(
    r"net\.netfilter\.nf_conntrack_count|net\.ipv4\.tcp_fastopen_key|net\.ipv6\.conf\.[^.]+\.mtu"
)


def take(ask: Callable[[Sequence[str]], Completed]) -> dict[str, Any]:
    """Sections ``nftables``, ``routes``, ``rules``, ``neighbours``, ``sysctls``, ``iptables``; JSON throughout.

    :param ask: runs a program in the node.
    """

    def listed(*argv: str) -> list[Any]:
        return _sorted(json.loads(ask(argv).stdout or "[]"))

    ruleset = json.loads(ask(["nft", "-s", "-j", "list", "ruleset"]).stdout or '{"nftables": []}')
    return {
        "nftables": [_steady(_forgetful(item)) for item in ruleset["nftables"] if "metainfo" not in item],
        "routes": {
            family: [route for route in listed("ip", "-j", family, "route", "show", "table", "all") if _lasting(route)]
            for family in ("-4", "-6")
        },
        "rules": {family: listed("ip", "-j", family, "rule", "show") for family in ("-4", "-6")},
        "neighbours": {
            "permanent": listed("ip", "-j", "neigh", "show", "nud", "permanent"),
            "proxy": listed("ip", "-j", "neigh", "show", "proxy"),
        },
        "sysctls": _sysctls(ask(["sysctl", "-a", "-r", _SYSCTLS]).stdout),
        "iptables": {
            program: _rules(ask([f"{program}-save"]).stdout)
            for program in ("iptables-nft", "ip6tables-nft", "iptables-legacy", "ip6tables-legacy")
        },
    }


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Lines of a unified diff of two snapshots, section by section; empty when they are equal."""
    lines: list[str] = []
    for section in sorted({*before, *after}):
        one, other = (_text(snapshot.get(section)) for snapshot in (before, after))
        lines += difflib.unified_diff(one, other, f"{section} before", f"{section} after", lineterm="", n=2)
    return lines


def counters(listing: str) -> dict[str, int]:
    """Family to packets, from ``nft -j list counters`` of the core's source filter."""
    found = [item["counter"] for item in json.loads(listing)["nftables"] if "counter" in item]
    return {f"ipv{counter['name'][-1]}": int(counter["packets"]) for counter in found}


def _forgetful(item: Any) -> Any:
    """A set without addresses that once concerned the router: they go by themselves (docs/linux-dataplane.md)."""
    held = item.get("set") or {}
    if held.get("table") == "sipmobility" and held.get("name") in _REMEMBERED:
        return {"set": {key: value for key, value in held.items() if key != "elem"}}
    return item


def _steady(value: Any) -> Any:
    """The value without what changes by itself."""
    if isinstance(value, dict):
        return {key: _steady(item) for key, item in value.items() if key not in _VOLATILE}
    if isinstance(value, list):
        return [_steady(item) for item in value]
    return value


def _sorted(entries: list[Any]) -> list[Any]:
    steady = [_steady(entry) for entry in entries]
    for entry in steady:
        if "flags" in entry:
            entry["flags"] = [flag for flag in entry["flags"] if flag not in ("linkdown", "dead")]
    return sorted(steady, key=lambda entry: json.dumps(entry, sort_keys=True))


def _lasting(route: Mapping[str, Any]) -> bool:
    return "cache" not in route and route.get("protocol") not in ("redirect", "ra")


def _sysctls(listing: str) -> dict[str, str]:
    pairs = (line.partition(" = ") for line in listing.splitlines())
    return {name: value for name, mark, value in pairs if mark and not _VOLATILE_SYSCTLS.fullmatch(name)}


def _rules(saved: str) -> list[str]:
    """Lines of ``iptables-save`` without comments and counters."""
    return [re.sub(r"\[\d+:\d+\]\s*", "", line).strip() for line in saved.splitlines() if not line.startswith("#")]


def _text(value: Any) -> list[str]:
    if isinstance(value, list):
        return [json.dumps(item, sort_keys=True) for item in value]
    if isinstance(value, Mapping):
        return [f"{key}: {line}" for key in sorted(value) for line in _text(value[key])]
    return [json.dumps(value, sort_keys=True)]
