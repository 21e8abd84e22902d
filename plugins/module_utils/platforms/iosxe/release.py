# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the YANG modules of an IOS-XE release have a place for, by their revisions.

Source: Cisco's modules in YangModels/yang, vendor/cisco/xe. The list of outside entries was split in two, without and
with a VRF, between 17.3.1 (Cisco-IOS-XE-nat 2020-07-01) and 17.4.1 (2020-11-01). The old one is deprecated since then,
and obsolete in 17.15.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Dict, Iterable, Mapping, Optional
from xml.etree.ElementTree import Element

from ...errors import HandoverError
from ..ios.static_nat import Side

__all__ = ["ACL", "NAT", "NEWEST", "Release", "announced_release", "library_release"]

NAT, ACL = "Cisco-IOS-XE-nat", "Cisco-IOS-XE-acl"
_REVISION = re.compile(r"\d{4}-\d\d-\d\d")
#: Revisions of Cisco-IOS-XE-nat: the split lists (17.4), redundancy of outside entries (17.9).
_SPLIT, _REDUNDANCY = "2020-11-01", "2022-07-01"
#: Cisco-IOS-XE-acl of 17.12 has the leaf host-address, and the older one as deprecated; 17.4 has the older one alone.
_HOST_ADDRESS = "2023-07-01"


@dataclass(frozen=True)
class Release:
    """The revisions of two modules, for what depends on them.

    :ivar nat: revision of Cisco-IOS-XE-nat.
    :ivar acl: revision of Cisco-IOS-XE-acl.
    :raises HandoverError: ``bad_revision``.
    """

    nat: str
    acl: str

    def __post_init__(self) -> None:
        for revision in (self.nat, self.acl):
            if _REVISION.fullmatch(revision) is None:
                raise HandoverError(
                    "bad_revision", revision, "a revision of a YANG module is a date: 2023-07-01", "See the hello."
                )

    @property
    def split(self) -> bool:
        """Outside entries stand in one list without a VRF, and in another one with it."""
        return self.nat >= _SPLIT

    @property
    def host_address(self) -> bool:
        """A single host of an access list is written as host-address."""
        return self.acl >= _HOST_ADDRESS

    def require(self, line: Mapping[str, Any]) -> None:
        """Refuse an outside entry with an option that the modules have no leaf for.

        :param line: its fields, by the names of :class:`StaticNat`.
        :raises HandoverError: ``unsupported_entry``.
        """
        if line["side"] == Side.INSIDE.value:
            return
        rule = ""
        if line["vrf"] is not None and not self.split:
            rule = "an outside entry in a VRF has match-in-vrf, which IOS-XE has a leaf for since 17.4"
        elif line["redundancy"] is not None and self.nat < _REDUNDANCY:
            rule = "an outside entry has a leaf for redundancy since IOS-XE 17.9"
        elif line["mapping_id"] is not None:
            rule = (
                "an outside entry of a numbered redundancy group has a mapping-id, which the modules have no leaf for"
            )
        if rule:
            asked = " ".join(f"{name} {line[name]}" for name in ("vrf", "redundancy") if line[name] is not None)
            subject = f"outside {line['global_address']} {line['local_address']} {asked}"
            raise HandoverError("unsupported_entry", subject, rule, "Use the platform ios on that router.")


#: For text that is made without asking a router: IOS-XE 17.12.
NEWEST = Release("2023-07-01", "2023-07-01")


def announced_release(announced: Iterable[str]) -> Optional[Release]:
    """The release by the capabilities of a hello, or None where they do not tell it.

    A module of YANG 1.1 need not stand there (RFC 7950 section 5.6.4); Cisco's are of YANG 1.1 since 17.10.
    """
    found: Dict[str, str] = {}
    for uri in announced:
        words = dict(word.partition("=")[::2] for word in re.split(r"[?&;]", uri.replace("&amp;", "&")))
        if words.get("module") in (NAT, ACL):
            found[words["module"]] = words.get("revision", "")
    return _release(found)


def library_release(library: Element) -> Release:
    """The release by a server's YANG library (RFC 7895, RFC 8525).

    :raises HandoverError: ``module_missing``.
    """
    shown = {
        item.findtext("{*}name", ""): item.findtext("{*}revision", "") for item in library.iterfind(".//{*}module")
    }
    release = _release(shown)
    if release is None:
        raise HandoverError(
            "module_missing",
            ", ".join(name for name in (NAT, ACL) if name not in shown),
            "the router's NETCONF server has Cisco's modules of NAT and access lists",
            "Use the platform ios on that router.",
        )
    return release


def _release(revisions: Dict[str, str]) -> Optional[Release]:
    return Release(revisions[NAT], revisions[ACL]) if NAT in revisions and ACL in revisions else None
