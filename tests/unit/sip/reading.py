# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading for tests of the sources."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ansible_collections.sipmobility.handover.plugins.module_utils.sip.dialog_message import DialogMessage
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.refusal import Refusal
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.registration import Expired, Registration
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import Item, open_source
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources.lines import Position

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
WRITTEN = FIXTURES / "from_documentation"


def items(format_name: str, data: bytes, chunk: int = 1 << 16, position: Position | None = None) -> list[Item]:
    """The items of an input that comes in chunks of this size."""
    chunks = (data[start : start + chunk] for start in range(0, len(data), chunk))
    return list(open_source(format_name, chunks, "log", position)[1])


def of_registrations(found: Iterable[Item]) -> list[Registration | Refusal | Expired]:
    """What is told of registrations, and what was refused."""
    return [item for item in found if not isinstance(item, DialogMessage)]


def registrations(found: list[Item]) -> list[Registration]:
    """The registrations among items."""
    return [item for item in found if isinstance(item, Registration)]


def codes(found: list[Item]) -> list[tuple[str, int]]:
    """Code and line of the refusals among items."""
    return [(item.code, int(item.where.rpartition(":")[2])) for item in found if isinstance(item, Refusal)]


def told(found: list[Item]) -> list[str]:
    """Each item in a few words: what became of whose contact, and in which line."""
    words = []
    for item in of_registrations(found):
        line = item.where.rpartition(":")[2]
        if isinstance(item, Registration):
            kind = "held" if item.snapshot else "registered"
            words += [f"{line} {kind} {item.aor} {contact.uri} {contact.expires}" for contact in item.contacts]
        elif isinstance(item, Expired):
            words.append(f"{line} gone {item.aor} {item.contact}".rstrip())
        else:
            words.append(f"{line} refused {item.code}")
    return words
