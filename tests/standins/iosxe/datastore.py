# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a datastore says, to be compared before and after: containers that are left empty say nothing."""

from __future__ import annotations

from xml.etree import ElementTree

__all__ = ["said"]

#: Containers that stay when their last entry goes; without presence they mean nothing (RFC 7950 section 7.5.1).
_EMPTY = {"access-list", "nat", "event", "manager", "in", "acl", "access-group", "static", "source", "route"}


def said(answer: str) -> str:
    """What is below ``native`` in an answer, or in its part from ``data`` on."""
    start, end = answer.index("<native"), answer.index("</native>") + len("</native>")
    native = ElementTree.fromstring(answer[start:end])
    _prune(native)
    return ElementTree.tostring(native, encoding="unicode")


def _prune(item: ElementTree.Element) -> bool:
    """Take out what says nothing; whether anything is left."""
    full = len(item) > 0
    for child in [child for child in item if not _prune(child)]:
        item.remove(child)
    item.text, item.tail = (item.text or "").strip(), ""
    return len(item) > 0 or not (full or item.tag.partition("}")[2] in _EMPTY)
