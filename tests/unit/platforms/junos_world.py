# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An SRX that is prepared, a stand-in of tests/standins/junos in this process, and states that it can hold."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.model import (
    Entry,
    Freeze,
    Rewrite,
    RewriteKind,
    Route,
    Selector,
    Stamp,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.router_state import RouterState
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.junos.router import Junos
from ansible_collections.sipmobility.handover.plugins.module_utils.platforms.junos.standing import Interfaces
from ansible_collections.sipmobility.handover.plugins.plugin_utils.junos.router_device import junos_router
from ansible_collections.sipmobility.handover.plugins.plugin_utils.rendering import Renderer
from ansible_collections.sipmobility.handover.plugins.plugin_utils.router import ManagedRouter
from tests.standins.junos.router import CAPABILITIES, Router

from ..mobility.entries import holdable, states
from ..mobility.worlds import NEW, NOW, OLD, PEER

PLATFORM = Junos()
RENDERER = Renderer()
INSIDE, OUTSIDE = "ge-0/0/1.0", "ge-0/0/0.0"
BETWEEN = Interfaces(INSIDE, OUTSIDE)

STAMP = Stamp("8d7ac21f98194017", 3, NOW + 100_000)
#: What the visited router and the correspondent's hold for the patent's call, and how it is frozen.
SESSION = Selector(PEER, OLD, "tcp", 7000, 40000)
ENCODER = Rewrite(RewriteKind.OUTBOUND_DST, SESSION, NEW, STAMP)
DECODER = Rewrite(RewriteKind.INBOUND_SRC, replace(SESSION, destination=NEW).turned, OLD, STAMP)
FROZEN = Freeze(SESSION, STAMP)
ROUTE = Route(OLD, NEW, INSIDE, STAMP)

_FILTERS = "".join(
    f"<{family}>"
    "<filter><name>sipmobility-freeze</name><term><name>ready</name><then><next>term</next></then></term></filter>"
    "<filter><name>sipmobility-pass</name><term><name>all</name><then><accept/></then></term></filter>"
    f"</{family}>"
    for family in ("inet", "inet6")
)
_LISTS = "<filter><input-list>sipmobility-freeze</input-list><input-list>sipmobility-pass</input-list></filter>"
_UNIT = f"<unit><name>0</name><family><inet>{_LISTS}</inet><inet6>{_LISTS}</inet6></family></unit>"
#: A router as the role leaves it.
PREPARED = (
    f"<configuration><firewall><family>{_FILTERS}</family></firewall><interfaces>"
    + "".join(f"<interface><name>{name[:-2]}</name>{_UNIT}</interface>" for name in (INSIDE, OUTSIDE))
    + "</interfaces><security><flow><tcp-session><no-syn-check/><no-sequence-check/></tcp-session></flow></security>"
    "</configuration>"
)


class Session:
    """A session with the stand-in, without a network.

    :param bare: whether its answers lose their namespaces, as they do in a library that knows Junos.
    """

    def __init__(self, router: Router, number: int = 1, bare: bool = False) -> None:
        self.router = router
        self._number = number
        self._bare = bare

    @property
    def number(self) -> str:
        return str(self._number)

    @property
    def capabilities(self) -> Set[str]:
        return frozenset(CAPABILITIES)

    def requests(self, *operations: str) -> list[str]:
        return [self.request(operation) for operation in operations]

    def tell(self, operation: str) -> None:
        self.request(operation)

    def request(self, operation: str) -> str:
        answer = self.router.answer(self._number, operation)
        if self._bare:
            answer = answer.replace(' xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"', "")
            answer = answer.replace(' xmlns="http://xml.juniper.net/xnm/1.1/xnm"', "")
        return answer


def managed(router: Router, bare: bool = False) -> ManagedRouter:
    return junos_router("rb", PLATFORM, RENDERER, Session(router, bare=bare), BETWEEN)


def _held_by_junos(entry: Entry) -> Entry:
    return replace(entry, interface=INSIDE) if isinstance(entry, Route) else entry


def junos_entries() -> st.SearchStrategy[Entry]:
    """Entries that an SRX can hold, frozen flows among them."""
    usual = holdable().map(_held_by_junos).filter(lambda entry: not PLATFORM.objections(RouterState([entry])))
    return usual | usual.filter(lambda entry: isinstance(entry, Rewrite)).map(
        lambda entry: Freeze(entry.match, entry.stamp)  # type: ignore[union-attr]
    )


def junos_states(most: int = 10) -> st.SearchStrategy[RouterState]:
    """States that an SRX can hold."""
    return states(junos_entries(), most).filter(lambda state: not PLATFORM.objections(state))
