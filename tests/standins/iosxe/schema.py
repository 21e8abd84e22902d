# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cisco's own YANG modules of IOS-XE 16.9.3, and the same ones with what 17.12 has otherwise of what we use.

Those of 16.9.3 are Cisco's files, from a package that the Makefile unpacks. Three things in them no tool here takes,
and are mended in the copy: a pattern with ``{,3}``, and two descriptions with a backslash at the end of a line.

Of 17.12 no package has the files. **Its copy is ours**: the files of 16.9.3, with the two lists of outside entries and
the leaves for hosts added, as they stand in YangModels/yang, vendor/cisco/xe/17121. A directory with Cisco's own files
of 17.12 can be given in $SIPMOBILITY_IOSXE_YANG; then they are used instead.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

__all__ = ["MODULES", "lint_modules", "make_schema"]

ROOT = Path(__file__).resolve().parents[3]
PUBLISHED = ROOT / ".build" / "iosxe-yang"
#: What a step is written in.
MODULES = tuple(f"Cisco-IOS-XE-{name}" for name in ("native", "nat", "acl", "eem", "route-map"))
_NAT, _ACL, _ROUTE_MAP = "Cisco-IOS-XE-nat.yang", "Cisco-IOS-XE-acl.yang", "Cisco-IOS-XE-route-map.yang"

_LEAVES = """
  leaf global-ip { type inet:ipv4-address; }
  leaf local-ip { type inet:ipv4-address; }
  %s
  leaf extendable { type empty; }
  leaf no-payload { type empty; }
  leaf redundancy { type union { type uint8; type string; } }
  leaf match-in-vrf { type empty; }
  leaf pool { type string; }
"""
_OUTSIDE = (
    'list nat-static-transport-list-no-vrf { key "global-ip local-ip";' + _LEAVES % "" + "}\n"
    'list nat-static-transport-list-with-vrf { key "global-ip local-ip vrf";'
    + _LEAVES % "leaf vrf { type string; }"
    + "}\n"
)


def make_schema(directory: Path, release: str) -> Path:
    """Put the modules of a release, ``16.9`` or ``17.12``, into a directory."""
    assert (PUBLISHED / ".unpacked").exists(), "make .build/iosxe-yang/.unpacked"
    given = os.environ.get("SIPMOBILITY_IOSXE_YANG") if release == "17.12" else None
    for file in (PUBLISHED / "ietf-netconf.yang", *Path(given or PUBLISHED).glob("*.yang")):
        shutil.copy(file, directory)
    if given:
        return directory
    _change(directory / _ACL, ("{,3}", "{0,3}"))
    _change(directory / _ROUTE_MAP, ("\\\n", "\n"))
    if release == "17.12":
        _change(directory / _NAT, ("  revision 2018-12-18 {", "  revision 2023-07-01;\n  revision 2018-12-18 {"))
        _insert(directory / _NAT, ("container outside {", "list nat-static-transport-list {"), _OUTSIDE)
        _change(directory / _ACL, ("  revision ", "  revision 2023-07-01;\n  revision "), 1)
        grouping = "grouping ipv4-acl-src-dst-addr-port-grouping {"
        for leaf in ("host", "dst-host"):
            added = f"leaf {leaf}-address {{ type inet:ipv4-address; }}\n"
            _insert(directory / _ACL, (grouping, f"leaf {leaf} {{"), added)
    return directory


def lint_modules(directory: Path) -> list[Path]:
    """The files that yanglint reads: those of a step, and what gives an edit its operations (RFC 6241)."""
    return [directory / f"{name}.yang" for name in ("ietf-netconf", *MODULES)]


def _change(file: Path, change: tuple[str, str], count: int = -1) -> None:
    text = file.read_text(encoding="utf-8")
    assert change[0] in text, (file.name, change[0])
    file.write_text(text.replace(*change, count), encoding="utf-8")


def _insert(file: Path, path: tuple[str, ...], added: str) -> None:
    """Put something before the last of these words, which are looked for one after the other."""
    text, at = file.read_text(encoding="utf-8"), 0
    for words in path:
        at = text.index(words, at)
    file.write_text(text[:at] + added + text[at:], encoding="utf-8")
