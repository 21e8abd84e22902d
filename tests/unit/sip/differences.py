# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our reading of a message beside that of sipmessage, another strict reader, and why the two may differ.

Three kinds of explanation, each with its section of RFC 3261; docs/sip-grammar.md has the same rows with the reasons:

- :data:`SPELLINGS`: spellings that sipmessage does not know. Each has a respelling that it does know; after that, both
  must read the same.
- :data:`.evidence.REFUSED_BY_US`: what we refuse and it takes, by our code, with a sign that it is really there.
- :data:`UNKNOWN_TO_SIPMESSAGE`: what we read and it has no place for, told by what we read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

import sipmessage

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message import Message, parse_message
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.name_addr import NameAddr
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.uri import Uri

from .evidence import REFUSED_BY_US

__all__ = ["SPELLINGS", "UNKNOWN_TO_SIPMESSAGE", "Facts", "explanations", "ours", "theirs"]


@dataclass(frozen=True)
class Facts:
    """What both can say of a message; users without escapes, hosts in lower case."""

    method: str | None
    call_id: str
    cseq: tuple[int, str]
    addresses: tuple[tuple[str | None, str, int | None], ...]


def ours(data: bytes) -> Facts | str:
    """Our facts, or the code of our refusal."""
    try:
        found = parse_message(data)
    except HandoverError as error:
        return error.code
    return _facts(found)


def theirs(data: bytes) -> Facts | None:
    """sipmessage's facts, every header that both read being read; None when it refuses."""
    try:
        found = sipmessage.Message.parse(data)
        addresses = [found.from_address, found.to_address, *found.contact]
        _read = [found.via, found.max_forwards, found.expires, found.content_length, found.date]
        return Facts(
            found.method if isinstance(found, sipmessage.Request) else None,
            found.call_id,
            (found.cseq.sequence, found.cseq.method),
            tuple((one.uri.user, one.uri.host.lower().strip("[]").rstrip("."), one.uri.port) for one in addresses),
        )
    # It names ValueError, but lets others out, too (KeyError for a header that is missing).
    except Exception:
        return None


def explanations(data: bytes) -> list[str] | None:
    """Why the two differ on a message: names of rows; empty where they agree, None where no row explains it."""
    mine, other = ours(data), theirs(data)
    if isinstance(mine, str):
        if other is None:
            return []
        return [mine] if mine in REFUSED_BY_US and REFUSED_BY_US[mine](data) else None
    if mine == other:
        return []
    used: list[str] = []
    text = data
    for name, respell in SPELLINGS.items():
        changed = respell(text)
        if changed != text:
            used, text = [*used, name], changed
    if used and mine == theirs(text):
        return used
    message = parse_message(data)
    return [name for name, holds in UNKNOWN_TO_SIPMESSAGE.items() if holds(message)] or None


def _facts(found: Message) -> Facts:
    return Facts(
        found.method,
        found.call_id,
        (found.cseq.number, found.cseq.method),
        tuple(
            (None if one.uri.user is None else unquote(one.uri.user), _host_as_written(one.uri), one.uri.port)
            for one in _name_addrs(found)
        ),
    )


def _name_addrs(found: Message) -> list[NameAddr]:
    return [found.from_, found.to, *found.contacts]


def _host_as_written(uri: Uri) -> str:
    """An IPv6 address has many spellings; sipmessage keeps the one that was sent."""
    written = re.search(r"\[([^\]]*)\]", uri.text) if ":" in uri.host else None
    return written.group(1).lower() if written else uri.host


def _headers(respell: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """A respelling of each header line, the body left alone."""

    def whole(data: bytes) -> bytes:
        head, end, body = data.partition(b"\r\n\r\n")
        first, *lines = head.split(b"\r\n")
        return b"\r\n".join([first, *(respell(line) for line in lines)]) + end + body

    return whole


def _name_without_space(line: bytes) -> bytes:
    name, colon, value = line.partition(b":")
    return name.rstrip(b" \t") + colon + value


def _schemes(data: bytes) -> bytes:
    return re.sub(rb"(?i)(?<![A-Za-z0-9.+-])(sips?):", lambda found: found.group().lower(), data)


def _version(data: bytes) -> bytes:
    first, end, rest = data.partition(b"\r\n")
    return re.sub(rb"(?i)(^|(?<= ))sip/2\.0", b"SIP/2.0", first) + end + rest


def _via(line: bytes) -> bytes:
    if re.match(rb"(?i)(?:via|v):", line) is None:
        return line
    return re.sub(rb" *([/:]) *", rb"\1", re.sub(rb"[ \t]+", b" ", line))


#: Name, and the same message in a spelling that sipmessage knows. Applied in this order.
SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "empty lines first": lambda data: data.lstrip(b"\r\n"),
    "folding": lambda data: (
        re.sub(rb"\r\n[ \t]+", b" ", data.partition(b"\r\n\r\n")[0]) + data[data.index(b"\r\n\r\n") :]
    ),
    "white space before the colon": _headers(_name_without_space),
    "version in any case": _version,
    "scheme in any case": _schemes,
    "bytes that are not UTF-8": lambda data: data.decode("utf-8", "replace").replace("\ufffd", "?").encode(),
    "white space in a Via": _headers(_via),
}


#: What sipmessage has no place for, and whether a message has it.
UNKNOWN_TO_SIPMESSAGE: dict[str, Callable[[Message], bool]] = {
    "asterisk": lambda found: found.contact_asterisk,
    "other scheme": lambda found: any(not uri.is_sip for uri in _uris(found)),
    "headers in a URI": lambda found: any(uri.headers for uri in _uris(found)),
    "empty password": lambda found: any(":@" in uri.text for uri in _uris(found)),
    "digit in the top label": lambda found: any(
        re.search(r"[a-z][a-z0-9-]*[0-9]|-", host.rstrip(".").rpartition(".")[2].lower()) is not None
        for host in [*(uri.host for uri in _uris(found) if uri.address is None), *(via.host for via in found.vias)]
    ),
    "two quoted strings": lambda found: any(value.count('"') > 2 for value in _address_lines(found)),
    "semicolon in a quoted string": lambda found: any(
        ";" in quoted for value in _address_lines(found) for quoted in re.findall(r'"(?:[^"\\]|\\.)*"', value)
    ),
    "Via of another protocol": lambda found: any(
        re.match(r"SIP ?/ ?2\.0 ?/", hop.strip()) is None for value in found.values("via") for hop in value.split(",")
    ),
    "IPv6 in received": lambda found: any(":" in (value or "") for via in found.vias for _name, value in via.params),
    "date that is none": lambda found: bool(found.values("date")),
}


def _uris(found: Message) -> list[Uri]:
    return [*([found.uri] if found.uri is not None else []), *(one.uri for one in _name_addrs(found))]


def _address_lines(found: Message) -> list[str]:
    return [value for name in ("from", "to", "contact", "via") for value in found.values(name)]
