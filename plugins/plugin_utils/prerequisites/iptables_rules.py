# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that ``iptables-save`` prints, in the words of nft's JSON: one reader of firewalls for both."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from ...module_utils.errors import HandoverError

__all__ = ["objects_of"]

Json = Mapping[str, Any]

_HOOKS = {"INPUT": "input", "FORWARD": "forward", "OUTPUT": "output"}
_VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "REJECT": "reject", "RETURN": "return"}
#: Targets after which the next rule is looked at.
_GOING_ON = frozenset({"LOG", "NFLOG", "MARK", "CONNMARK", "TCPMSS", "TRACE", "CLASSIFY", "DSCP"})


def objects_of(family: str, saved: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Chains and rules of the table ``filter``, as :func:`.table_layout.objects` gives them.

    :param family: ``ip`` or ``ip6``.
    :raises HandoverError: ``unreadable_answer``.
    """
    for line in saved.splitlines():
        if line.startswith(":"):
            name, policy, *_counters = line[1:].split()
            chain: dict[str, Any] = {"family": family, "table": "filter", "name": name}
            if policy != "-":
                chain.update(type="filter", hook=_HOOKS[name], policy=policy.lower())
            yield "chain", chain
        elif line.startswith("-A "):
            yield "rule", {"family": family, "table": "filter", **_rule(line)}


def _rule(line: str) -> dict[str, Any]:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise HandoverError("unreadable_answer", line, "iptables-save quotes as a shell does") from error
    found: dict[str, Any] = {"chain": words[1], "expr": []}
    turned = False
    index = 2
    while index < len(words):
        word, value = words[index], words[index + 1] if index + 1 < len(words) else ""
        if word == "!":
            turned, index = True, index + 1
            continue
        if word == "--comment":
            found["comment"] = value
        elif word in ("-j", "-g"):
            found["expr"].append(_target(word, value))
            break  # what follows are the target's own options
        elif word != "-m" and word.startswith("-"):
            found["expr"].append(_match(word, value, turned))
        # An option without a value is followed by another option.
        index += 1 if value.startswith("-") and word != "-m" else 2
        turned = False
    return found


def _match(option: str, value: str, turned: bool) -> Json:
    operator = "!=" if turned else "=="
    if option in ("-i", "-o"):
        key = "iifname" if option == "-i" else "oifname"
        return _test({"meta": {"key": key}}, value.replace("+", "*"), operator)
    if option in ("--ctstate", "--state"):
        return _test({"ct": {"key": "state"}}, value.lower().split(","), "!=" if turned else "in")
    if option == "--mark":
        mark, _slash, mask = value.partition("/")
        meta = {"meta": {"key": "mark"}}
        return _test({"&": [meta, int(mask or "0xffffffff", 0)]}, int(mark, 0), operator)
    return {"xt": option}


def _test(left: Json, right: object, operator: str) -> Json:
    return {"match": {"op": operator, "left": left, "right": right}}


def _target(option: str, value: str) -> Json:
    if value in _VERDICTS:
        return {_VERDICTS[value]: None}
    if value in _GOING_ON:
        return {"log": None}
    return {"jump" if option == "-j" else "goto": {"target": value}}
