# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many pairs in one run of handover.yml, against two routers that are private namespaces of this machine.

Beside it an empty playbook, and a loop of ``ansible.builtin.iptables`` tasks: measured for 50 pairs, and
extrapolated, because 10,000 take hours.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from ...kernel.namespaces import Namespace
from ...kernel.test_preparation import prepare
from .figures import Aim, Part
from .rounds import Clock, Rounds, told

__all__ = ["measure_many"]

_ROOT = Path(__file__).resolve().parents[3]
_LOOPED = 50
#: Seconds that so many pairs may take above an empty playbook.
_MOST, _ASKED = 5.0, 10_000
#: Seconds, and seconds of processors, of each round, by what was run.
_Took = dict[str, list[tuple[float, float]]]

_LINKS = """
ip link add lan type veth peer name host
ip link add wan type veth peer name uplink
for link in lan host wan uplink; do ip link set $link up; done
nft add table ip theirs
"""
_ROUTERS = {"ra": "198.18.0.0/17", "rb": "198.18.128.0/17", "rc": "203.0.113.0/24"}
_LANS = {"rb": "198.18.255.254/17", "rc": "203.0.113.254/24"}

_EMPTY = """
- hosts: first_hop_routers
  gather_facts: false
  tasks: []
"""

_IPTABLES = """
- hosts: rb
  gather_facts: false
  tasks:
    - ansible.builtin.iptables:
        table: nat
        chain: "{{ item.0 }}"
        source: "{{ item.1.cn if item.0 == 'PREROUTING' else item.1.old }}"
        destination: "{{ item.1.new if item.0 == 'PREROUTING' else item.1.cn }}"
        jump: "{{ 'DNAT' if item.0 == 'PREROUTING' else 'SNAT' }}"
        to_destination: "{{ item.1.old if item.0 == 'PREROUTING' else omit }}"
        to_source: "{{ item.1.new if item.0 == 'POSTROUTING' else omit }}"
      loop: "{{ ['PREROUTING', 'POSTROUTING'] | product(pairs) }}"
      loop_control:
        label: "{{ item.1.old }}"
"""


def measure_many(pairs: int, most: int, seconds: float) -> Part:
    """What many pairs in one run take, beside an empty playbook and a loop of iptables tasks, as a table.

    :param most: rounds at most, see :class:`Rounds`; each with routers of its own.
    """
    took: _Took = {}
    with tempfile.TemporaryDirectory() as place:
        books = _books(Path(place), pairs)
        rounds = Rounds(f"{pairs:,} pairs", most, seconds)
        for _number in rounds:
            with _routers() as inventory:
                for name, arguments in books.items():
                    took.setdefault(name, []).append(_run(inventory, *arguments))
        told(f"iptables tasks for {_LOOPED} pairs")
        with _routers() as inventory:
            looped = _run(inventory, *_loop(Path(place)))
    empty, _few, handover = took.values()
    above = sorted(one[0] - other[0] for one, other in zip(handover, empty, strict=True))
    low, _middle, high = statistics.quantiles(above, n=4) if len(above) > 1 else above * 3
    aim = Aim(f"{pairs:,} pairs, above an empty playbook", statistics.median(above), _MOST, " s", (low, high))
    # The aim is of that many pairs, whatever number was asked for.
    return Part(_table(pairs, took, looped, rounds.done), (aim,) if pairs == _ASKED else ())


def _books(folder: Path, pairs: int) -> dict[str, tuple[str | Path, ...]]:
    """What ``ansible-playbook`` is given, by a name for it; the empty playbook first, many pairs last."""
    book = _ROOT / "playbooks" / "handover.yml"
    (folder / "empty.yml").write_text(_EMPTY, encoding="utf-8")
    (folder / "handovers.json").write_text(json.dumps(_handovers(pairs)), encoding="utf-8")
    (folder / "few.json").write_text(json.dumps(_handovers(pairs + 1)[-1:]), encoding="utf-8")
    return {
        "empty playbook": (folder / "empty.yml",),
        "handover.yml, 1 pair": (book, "-e", f"handover_src={folder / 'few.json'}"),
        f"handover.yml, {pairs:,} pairs": (book, "-e", f"handover_src={folder / 'handovers.json'}"),
    }


def _loop(folder: Path) -> tuple[str | Path, ...]:
    (folder / "iptables.yml").write_text(_IPTABLES, encoding="utf-8")
    (folder / "looped.json").write_text(json.dumps({"pairs": _pairs(_LOOPED)}), encoding="utf-8")
    return folder / "iptables.yml", "-e", f"@{folder / 'looped.json'}"


def _table(pairs: int, took: _Took, looped: tuple[float, float], rounds: int) -> str:
    lines = [
        f"{pairs:,} pairs in one run of handover.yml, session scope, both directions, two of three routers; medians of "
        f"{rounds} rounds.",
        "",
        f"{'':34}{'s':>8}{'above empty':>13}{'ms a pair':>11}{'processor s':>13}",
    ]
    counts = (0, 1, pairs, _LOOPED)
    empty = next(iter(took.values()))
    shown = {**took, f"iptables tasks, {_LOOPED} pairs, 1 router": [looped] * rounds}
    aboves = []
    for (name, runs), count in zip(shown.items(), counts, strict=True):
        taken = statistics.median(run[0] for run in runs)
        above, used = (
            statistics.median(run[which] - other[which] for run, other in zip(runs, empty, strict=True))
            for which in (0, 1)
        )
        each = above / count * 1e3 if count else 0
        lines.append(f"{name:34}{taken:8.1f}{above:13.1f}{each:11.2f}{used:13.1f}")
        aboves.append(above)
    extrapolated = aboves[-1] / _LOOPED * pairs * 2
    lines += [
        "",
        f"A loop of ansible.builtin.iptables tasks for {pairs:,} pairs on two routers, extrapolated from {_LOOPED} on",
        f"one: {extrapolated:,.0f} s, {extrapolated / aboves[-2]:,.0f} times as long. It would take longer yet: each "
        "rule of a longer list",
        "costs more.",
    ]
    return "\n".join(lines) + "\n"


def _pairs(count: int) -> list[dict[str, str]]:
    first_old, first_new, first_cn = map(ip_address, ("198.18.0.1", "198.18.128.1", "203.0.113.1"))
    return [{"old": str(first_old + n), "new": str(first_new + n), "cn": str(first_cn + n % 250)} for n in range(count)]


def _handovers(count: int) -> list[dict[str, Any]]:
    return [
        {
            "aor": f"sip:phone{n}@home.example",
            "old": pair["old"],
            "new": pair["new"],
            "expires": int(time.time()) + 3600,
            "sessions": [
                {"protocol": "udp", "port": 4000, "correspondent": pair["cn"], "correspondent_port": 5000},
            ],
        }
        for n, pair in enumerate(_pairs(count))
    ]


@contextmanager
def _routers() -> Iterator[Path]:
    """An inventory of routers, each a private namespace that Ansible's local connection enters through its shell."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        hosts: dict[str, dict[str, Any]] = {}
        for name, network in _ROUTERS.items():
            namespace = stack.enter_context(Namespace())
            namespace.shell(_LINKS)
            if name in _LANS:
                namespace.shell(f"ip address add {_LANS[name]} dev lan")
            prepare(namespace, persistence="none")
            shell = place / f"{name}.sh"
            shell.write_text(
                f'#!/bin/sh\nexec nsenter --target {namespace.pid} --net --mount /bin/sh "$@"\n', encoding="utf-8"
            )
            shell.chmod(0o755)
            hosts[name] = {
                "handover_networks": [network],
                "handover_platform": "nftables",
                "handover_inside_interface": "lan",
                "handover_outside_interface": "wan",
                "ansible_connection": "local",
                "ansible_shell_executable": str(shell),
                "ansible_python_interpreter": sys.executable,
            }
        inventory = place / "inventory.json"
        inventory.write_text(json.dumps({"first_hop_routers": {"hosts": hosts}}), encoding="utf-8")
        target = place / "hosts.yml"
        inventory.replace(target)  # JSON is YAML; the plugin goes by the name
        yield target


def _run(inventory: Path, *arguments: str | Path) -> tuple[float, float]:
    """Seconds of one ansible-playbook, and of processors in it (routers included: they are this machine, too)."""
    tool = Path(sys.executable).with_name("ansible-playbook")
    clock = Clock()
    done = subprocess.run(
        [tool, "-i", inventory, *arguments],
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_RETRY_FILES_ENABLED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stdout[-4000:])
    return clock.read()
