# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The platforms that are only written, each with what it can express. Sources: docs/platforms/render-only.md."""

from __future__ import annotations

from dataclasses import replace
from typing import FrozenSet, Iterable

from ...mobility.model import Directions, Entry, Scope
from ..base import Capabilities, Narrower, Output, Part
from .platform import WrittenOnly
from .read_routeros import entries_in as routeros_entries
from .read_vyos import entries_in as vyos_entries

__all__ = ["Eos", "Iosxr", "Nxos", "Routeros", "Vyos"]

_NOBODY: FrozenSet[Scope] = frozenset()
_BOTH = frozenset((Directions.BOTH,))
_STATIC = Capabilities(
    frozenset((Scope.ADDRESS,)),
    _BOTH,
    joint=True,
    atomic=True,
    expires=False,
    freezes=False,
    written_only=True,
)
#: Connection tracking: as iptables, but for what goes by itself.
_TRACKED = Capabilities(frozenset(Scope), _BOTH, joint=True, expires=False, written_only=True)
_ONE_LIST = (
    "an interface of {} has one access list, and this text is written without asking the router whether it has one: "
    "one router of the handover at most may rewrite both ways at once"
)
_NO_NAT = (
    "IOS XR has no NAT but that of carrier-grade service cards (CGN), which knows no static pair of a moved phone: a "
    "route is all that it can hold"
)


class Nxos(WrittenOnly):
    """Cisco NX-OS: static NAT, both ways, of whole addresses."""

    name = "nxos"
    capabilities = replace(_STATIC, by_side=True)
    lines = True
    unfrozen = _ONE_LIST.format("NX-OS")


class Eos(WrittenOnly):
    """Arista EOS: static NAT, both ways, of whole addresses."""

    name = "eos"
    capabilities = _STATIC
    lines = True
    unfrozen = _ONE_LIST.format("EOS")


class Vyos(WrittenOnly):
    """VyOS 1.5: rules of NAT before and behind connection tracking, and a filter that drops before it."""

    name = "vyos"
    capabilities = _TRACKED

    def _entries(self, output: Output) -> Iterable[Entry]:
        return vyos_entries(output.sections["data"])


class Routeros(WrittenOnly):
    """MikroTik RouterOS 7: as VyOS."""

    name = "routeros"
    capabilities = _TRACKED

    @property
    def step_template(self) -> str:
        return "routeros/step.rsc.j2"

    def _entries(self, output: Output) -> Iterable[Entry]:
        return routeros_entries(output.sections["data"])


class Iosxr(WrittenOnly):
    """Cisco IOS XR: routes alone."""

    name = "iosxr"
    capabilities = Capabilities(
        frozenset(Scope),
        frozenset(Directions),
        joint=False,
        expires=False,
        narrower={part: Narrower(_NOBODY, _NO_NAT) for part in Part},
        written_only=True,
    )
    lines = True
    versions = (4, 6)
