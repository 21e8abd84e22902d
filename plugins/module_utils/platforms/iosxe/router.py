# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco IOS-XE as routers of a handover, by NETCONF: what IOS holds, as data of Cisco-IOS-XE-native and -nat.

The meaning is that of the platform ios; see there for what such a router can hold.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, ClassVar, Dict, Iterable, Optional, Tuple

from ...errors import HandoverError
from ...mobility.model import Change
from ..base import Complaint, Output
from ..ios.complaints import COMPLAINTS
from ..ios.flow_lines import NatSettings
from ..ios.router import Ios
from ..ios.router_change import as_written
from ..ios.standing import Standing
from ..netconf_platform import NetconfPlatform
from ..netconf_reply import BASE, diagnosis, errors_of, reply_of, words_of
from .edit import edit_context
from .native import Native, native_of
from .release import NAT, NEWEST, Release, announced_release, library_release
from .route_tables import route_path

__all__ = ["IosxeNetconf"]

_GLOBAL_TABLE = NatSettings()
_LIBRARY = "urn:ietf:params:netconf:capability:yang-library:"


class IosxeNetconf(NetconfPlatform, Ios):
    """Static NAT, host routes, access lists of ours, and a record of each entry, in a datastore.

    :param nat: what all entries of the router have in common.
    :param release: what text is written for that is made without asking the router.
    """

    name = "iosxe_netconf"
    transport = "native_netconf"
    complaints: ClassVar[Tuple[Complaint, ...]] = (
        (
            r"(create|created) .*vrf first|VRF must be created",
            "no_such_vrf",
            "the VRF of an entry is configured, with the address family IPv4",
            "Configure the VRF first.",
        ),
        *COMPLAINTS,
    )
    gather_template = "iosxe_netconf/gather.xml.j2"
    step_template = "iosxe_netconf/step.xml.j2"

    def __init__(self, nat: NatSettings = _GLOBAL_TABLE, release: Release = NEWEST) -> None:
        self._nat = replace(nat, add_route=False)  # the modules have no leaf for it
        self._release = release

    def requires(self, announced: Iterable[str]) -> None:
        announced = list(announced)
        if announced_release(announced) is None and not any(uri.startswith(_LIBRARY) for uri in announced):
            raise HandoverError(
                "module_missing",
                NAT,
                "the router's NETCONF server has Cisco's modules of NAT and access lists",
                "Use the platform ietf_netconf or ios on that router.",
            )

    def release(self, announced: Iterable[str]) -> Optional[Release]:
        """What a server has, by its hello; None where it does not tell it there."""
        return announced_release(announced)

    def release_in(self, library: str) -> Release:
        """What a server has, by its YANG library.

        :raises HandoverError: ``module_missing``.
        """
        return library_release(reply_of(library))

    def standing(self, output: Output) -> Standing:
        return self.native(output).standing

    def native(self, output: Output) -> Native:
        """The router in what it answered.

        :raises HandoverError: ``foreign_entry``, ``unreadable_answer``.
        """
        data = reply_of(output.sections["data"]).find(f"{BASE}data")
        if data is None:
            raise HandoverError("unreadable_answer", "a reply without data", "a server answers with what it holds")
        return native_of(data)

    def context(self, change: Change, now: float) -> Dict[str, Any]:
        """On a router that is not at hand, and holds what the change takes away."""
        standing = as_written(Standing(), change, self._nat)
        gone = self.context_on(standing, change, now, self._nat)["routes"]["remove"]
        return self.context_native(Native(standing, frozenset(map(route_path, gone))), change, now, self._release)

    def context_native(self, native: Native, change: Change, now: float, release: Release) -> Dict[str, Any]:
        """The variables of the template of a step, on a router that stands so.

        :raises HandoverError: as :meth:`context`; ``already_mapped``, ``number_taken``.
        """
        return edit_context(self.context_on(native.standing, change, now, self._nat), native, release)

    def diagnose(self, router: str, said: str) -> HandoverError:
        """The device's own words come first: in an error they stand beside a tag that says no more than "refused"."""
        reply = reply_of(said)
        words = words_of(reply)
        for pattern, code, rule, advice in self.complaints:
            if re.search(pattern, words):
                return HandoverError(code, f"{router}: {words}", rule, advice)
        return diagnosis(router, errors_of(reply))
