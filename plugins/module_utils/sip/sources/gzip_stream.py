# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compressed input (RFC 1952), known by its first bytes; memory stays flat however much it holds."""

from __future__ import annotations

import zlib
from itertools import chain
from typing import Iterable, Iterator

from ...errors import HandoverError

__all__ = ["MAGIC", "inflated"]

MAGIC = b"\x1f\x8b"

_CHUNK = 64 * 1024
_GZIP = 16 + zlib.MAX_WBITS


def inflated(stream: Iterable[bytes]) -> Iterator[bytes]:
    """The stream as it is, or what it holds where it is gzip: one member or several.

    :raises HandoverError: ``unreadable_input``, after all that could be read.
    """
    chunks = iter(stream)
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= len(MAGIC):
            break
    whole = chain([head] if head else [], chunks)
    return _members(whole) if head.startswith(MAGIC) else whole


def _members(chunks: Iterator[bytes]) -> Iterator[bytes]:
    unzip = zlib.decompressobj(_GZIP)
    pending = b""
    begun = False
    for chunk in chunks:
        pending += chunk
        # The next member's first bytes may be split; zeros between members are padding.
        while pending:
            if not begun:
                pending = pending.lstrip(b"\0")
                if len(pending) < len(MAGIC):
                    break
                if not pending.startswith(MAGIC):
                    raise _damaged("text behind the compressed data")
                begun = True
            try:
                data = unzip.decompress(pending, _CHUNK)
            except zlib.error as error:
                raise _damaged(str(error)) from error
            pending = unzip.unconsumed_tail
            if data:
                yield data
            if unzip.eof:
                pending, unzip, begun = unzip.unused_data, zlib.decompressobj(_GZIP), False
    if begun or pending.strip(b"\0"):
        raise _damaged("its end is missing")


def _damaged(problem: str) -> HandoverError:
    return HandoverError("unreadable_input", problem, "compressed data is whole")
