# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The calls of the phone's user agent, as it writes them to a file: what unconnected RTP sockets cannot tell.

docs/mobile-node.md says what stands in it. The user agent writes the file anew (a temporary file, then rename) with
each call that begins, changes or ends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.reader import Reader, address, count, items, text
from ..plugins.module_utils.sip.grammar import TOKEN, Address
from ..plugins.module_utils.sip.header import CALL_ID, MAX_CSEQ
from ..plugins.module_utils.sip.name_addr import parse_name_addr
from ..plugins.module_utils.sip.sessions_body import PROTOCOLS, ListedSession
from ..plugins.module_utils.sip.uri import parse_uri
from .model import Dialog

__all__ = ["MAX_SIZE", "parse_dialogs", "read_dialogs"]

_T = TypeVar("_T")
MAX_SIZE = 256 * 1024
_MOST = 64
_TAG = re.compile(rf"[{TOKEN}]{{1,256}}")
_CALL_ID = re.compile(CALL_ID)


def read_dialogs(path: Path) -> tuple[Dialog, ...]:
    """What the file says; nothing where there is none.

    :raises HandoverError: ``bad_dialogs``.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_SIZE + 1)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise HandoverError("bad_dialogs", path, f"the file can be read ({error.strerror})") from error
    return parse_dialogs(data)


def parse_dialogs(data: bytes) -> tuple[Dialog, ...]:
    """:raises HandoverError: ``bad_dialogs``."""
    if len(data) > MAX_SIZE:
        raise HandoverError("bad_dialogs", f"{len(data)} bytes", f"the file has at most {MAX_SIZE}")
    try:
        record = Reader(json.loads(data), "file of dialogs")
        if record.take("version", count) != 1:
            raise ValueError("the version is 1")
        listed = record.take("dialogs", items)
        record.done()
        if len(listed) > _MOST:
            raise ValueError(f"at most {_MOST} dialogs")
        return tuple(_dialog(one) for one in listed)
    except (RecursionError, ValueError) as error:  # HandoverError is one
        raise HandoverError(
            "bad_dialogs", error, "the user agent writes its calls as docs/mobile-node.md says"
        ) from error


def _dialog(record: object) -> Dialog:
    of = Reader(record, "dialog")
    found = Dialog(
        call_id=of.take("call_id", _matching(_CALL_ID, "a Call-ID")),
        local_tag=of.take("local_tag", _matching(_TAG, "a tag")),
        remote_tag=of.take("remote_tag", _matching(_TAG, "a tag")),
        local_uri=of.take("local_uri", _uri),
        remote_uri=of.take("remote_uri", _uri),
        remote_target=of.take("remote_target", _uri),
        cseq=of.take("cseq", _cseq),
        route=of.take("route", lambda value: tuple(map(_route, items(value))), ()),
        media=of.take("media", lambda value: tuple(map(_stream, items(value))), ()),
    )
    of.done()
    return found


def _stream(record: object) -> tuple[Address, ListedSession]:
    of = Reader(record, "stream")
    local = of.take("local", address)
    stream = ListedSession(
        of.take("protocol", _protocol),
        of.take("port", _port),
        of.take("correspondent", address),
        of.take("correspondent_port", _port),
    )
    of.done()
    if local.version != stream.correspondent.version:
        raise HandoverError("bad_record", f"{local} {stream.correspondent}", "both ends of a stream are of one family")
    return local, stream


def _matching(pattern: re.Pattern[str], what: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if len(text(value)) > 256 or pattern.fullmatch(text(value)) is None:
            raise ValueError(f"{what} is wanted")
        return text(value)

    return read


def _uri(value: object) -> str:
    uri = parse_uri(text(value))
    if not uri.is_sip or uri.headers:
        raise ValueError("a SIP URI is wanted")
    return uri.text


def _route(value: object) -> str:
    parse_name_addr(text(value), "Route")
    if not text(value).isprintable():
        raise ValueError("a Route value is printable")
    return text(value)


def _protocol(value: object) -> str:
    if value not in PROTOCOLS:
        raise ValueError("one of " + ", ".join(PROTOCOLS) + " is wanted")
    return text(value)


def _port(value: object) -> int:
    if not 0 < count(value) < 65536:
        raise ValueError("a port is a number from 1 to 65535")
    return count(value)


def _cseq(value: object) -> int:
    if count(value) > MAX_CSEQ - 1000:
        raise ValueError("a CSeq is less than 2**31")
    return count(value)
