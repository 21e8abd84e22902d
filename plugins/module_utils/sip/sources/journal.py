# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kamailio's event lines in a journal: what ``journalctl --output json`` writes, one object a line.

``MESSAGE`` holds the line that :mod:`.kamailio` reads, with the level's name before it; as text, or as a list of byte
values where it is not UTF-8. Export only what Kamailio logged (``-t kamailio``): other programs' objects would be
refused as unknown events, and whoever may write to the journal may write events.
"""

from __future__ import annotations

import re
from typing import Iterable, Iterator, Optional

from ...errors import HandoverError
from ..refusal import refusal
from .json_values import parse_object
from .kamailio import event_in
from .line_items import line_items, not_text
from .lines import Position
from .source import Item, Source

__all__ = ["SOURCE", "parse"]

_OBJECT = re.compile(rb'[ \t]*\{[ \t]*"')


def parse(stream: Iterable[bytes], where: str, position: Optional[Position] = None) -> Iterator[Item]:
    """Read an export, as :func:`.line_items.line_items` does."""
    return line_items(stream, where, position, _read)


SOURCE = Source("journal", parse, telling=re.compile(rb'\A\{.*"(?:__REALTIME_TIMESTAMP|__CURSOR)"[ \t]*:[ \t]*"'))


def _read(data: bytes, where: str) -> Optional[Item]:
    if not _OBJECT.match(data):
        return not_text(data, where)
    try:
        message = parse_object(data).get("MESSAGE")
        if isinstance(message, list):
            message = _bytes(message)
        elif isinstance(message, str):
            message = message.encode("utf-8", "surrogatepass")
        # Null stands for a message that journald found too long to export.
        return None if message is None else event_in(_whole(message), where)
    except HandoverError as error:
        return refusal(error, where)


def _whole(message: object) -> bytes:
    if not isinstance(message, bytes):
        raise HandoverError("bad_value", f"MESSAGE: {message!r:.100}", "a message is text or a list of byte values")
    return message.rstrip(b"\n")


def _bytes(values: object) -> object:
    try:
        return bytes(values)  # type: ignore[call-overload]
    except (TypeError, ValueError):
        return values
