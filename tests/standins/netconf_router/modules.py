# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The YANG modules that the test router serves: RFC modules as the package pyang ships them, and our own."""

from __future__ import annotations

import re
import shutil
from importlib import metadata
from pathlib import Path

__all__ = ["MODULES", "OURS", "STANDARD", "make_module_directory"]

OURS = Path(__file__).resolve().parents[3] / "docs" / "schemas" / "sipmobility-nat.yang"

#: What the server loads, in this order; our plug-in loads ietf-nat.
MODULES = (
    "iana-if-type",
    "ietf-interfaces",
    "ietf-nat",
    "ietf-routing",
    "ietf-ipv4-unicast-routing",
    "ietf-ipv6-unicast-routing",
    "sipmobility-nat",
)
#: The same without our augmentation.
STANDARD = MODULES[:-1]
#: What these import or include.
_BELOW = ("ietf-inet-types", "ietf-ip", "ietf-ipv6-router-advertisements", "ietf-yang-types")
#: Of YANG 1.1 (RFC 7950 section 7.20.2). netconfd 2.13 takes such an expression for the name of a feature that it does
#: not have; it has them all, so the statements can go.
_IF_FEATURE = re.compile(r'if-feature\s+"[^"]*"(\s*\+\s*"[^"]*")*\s*;')


def make_module_directory(directory: Path) -> None:
    """Copy the modules, ietf-nat without its ``if-feature`` statements."""
    shipped = {Path(str(file)).stem: file.locate() for file in metadata.files("pyang") or () if file.suffix == ".yang"}
    for name in (*MODULES[:-1], *_BELOW):
        text = Path(str(shipped[name])).read_text(encoding="utf-8")
        (directory / f"{name}.yang").write_text(_IF_FEATURE.sub("", text) if name == "ietf-nat" else text)
    shutil.copy(OURS, directory)
