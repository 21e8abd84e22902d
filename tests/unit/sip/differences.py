# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our reading of a message beside that of sipmessage, another strict reader, and why the two may differ.

Three kinds of explanation, each with its section of RFC 3261; docs/sip-grammar.md has the same rows with the reasons:

- :data:`SPELLINGS`: spellings that sipmessage does not know. Each has a respelling that it does know; after that, both
  must read the same.
- :data:`REFUSED_BY_US`: what we refuse and it takes, by our code, with a sign in the bytes that it is really there.
- :data:`UNKNOWN_TO_SIPMESSAGE`: what we read and it has no place for, told by what we read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import unquote

import sipmessage

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message import Message, parse_message
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.name_addr import NameAddr
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.uri import Uri

__all__ = ["REFUSED_BY_US", "SPELLINGS", "UNKNOWN_TO_SIPMESSAGE", "Facts", "explanations", "ours", "theirs"]


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


_TOKEN = r"[A-Za-z0-9.!%*_+`'~-]+"
_WORD = r"[A-Za-z0-9.!%*_+`'~()<>:\\\"/\[\]?{}-]+"
_SINGLE = "call-id content-length content-type cseq date expires from max-forwards min-expires to".split()
_LONG = {"i": "call-id", "l": "content-length", "c": "content-type", "f": "from", "t": "to", "m": "contact", "v": "via"}


def _lines(data: bytes) -> list[tuple[str, str]]:
    """Header lines, folding undone, taken apart at the first colon; names in lower case and long form."""
    head = re.sub(rb"\r\n[ \t]+", b" ", data.lstrip(b"\r\n").partition(b"\r\n\r\n")[0])
    found = []
    for line in head.decode("latin-1").split("\r\n")[1:]:
        name, _colon, value = line.partition(":")
        name = name.lower().rstrip(" \t")
        found.append((_LONG.get(name, name), value.strip(" \t")))
    return found


def _values(data: bytes, *names: str) -> list[str]:
    return [value for name, value in _lines(data) if name in names]


def _short_body(data: bytes) -> bool:
    there = len(data.partition(b"\r\n\r\n")[2])
    return any(value.isdigit() and int(value) > there for value in _values(data, "content-length"))


def _bad_number(data: bytes) -> bool:
    limits = {"cseq": 2**31 - 1, "max-forwards": 255, "expires": 2**32 - 1, "content-length": 65535}
    for name, value in _lines(data):
        digits = value.split()[0] if name == "cseq" and value else value
        if name in limits and (not re.fullmatch("[0-9]+", digits) or int(digits) > limits[name]):
            return True
    ports = re.findall(
        r":[ \t]*([0-9]+)", " ".join([_first_line(data), *_values(data, "from", "to", "contact", "via")])
    )
    return any(not 0 < int(port) < 65536 for port in ports)


def _first_line(data: bytes) -> str:
    return data.lstrip(b"\r\n").partition(b"\r\n")[0].decode("latin-1")


def _bad_start(data: bytes) -> bool:
    folded = re.match(rb"[^\r\n]*\r\n[ \t]", data.lstrip(b"\r\n")) is not None
    request = re.fullmatch(_TOKEN + r" [^ \t]+ SIP/2\.0", _first_line(data))
    status = re.fullmatch(r"SIP/2\.0 [1-6][0-9]{2} .*", _first_line(data))
    return folded or (request is None and status is None)


def _bad_header(data: bytes) -> bool:
    shapes = {
        "call-id": rf"{_WORD}(?:@{_WORD})?",
        "require": rf"{_TOKEN}(?:[ \t]*,[ \t]*{_TOKEN})*",
        "cseq": rf"[0-9]+[ \t]+{_TOKEN}",
        "date": r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT",
    }
    return any(
        re.fullmatch(_TOKEN, name) is None or (name in shapes and re.fullmatch(shapes[name], value, re.ASCII) is None)
        for name, value in _lines(data)
    ) or any(_odd_list(value, via=True) for value in _values(data, "via"))


#: What stands for a quoted string, and for a URI in its brackets, once it is crossed out.
_QUOTED, _BRACKETED = "\x01", "\x02"


def _odd_list(value: str, via: bool = False) -> bool:
    """Whether a list of addresses or hops has another form than it may have: by crossing out what is well formed."""
    value = re.sub(r'"(?:[^"\\]|\\[\x00-\x7f])*"', _QUOTED, value)
    value = re.sub(rf'<[^<>"\s{_QUOTED}]*>', _BRACKETED, value)
    hop = rf"{_TOKEN}\s*/\s*{_TOKEN}\s*/\s*{_TOKEN}\s+(?:\[[^\]]*\]|[A-Za-z0-9.-]+)\s*(?::\s*[0-9]+)?"
    address = rf"(?:{_QUOTED}\s*|(?:{_TOKEN}\s*)*){_BRACKETED}|[^\s<>\"?;,{_QUOTED}{_BRACKETED}]+"
    one = hop if via else address
    said = rf"{_QUOTED}|\[[0-9A-Fa-f:.]+\]|{_TOKEN}"
    params = rf"(?:\s*;\s*(?:received\s*=\s*[0-9A-Fa-f:.]+|{_TOKEN}\s*(?:=\s*(?:{said})\s*)?))*"
    for part in value.split(","):
        if re.fullmatch(rf"\s*(?:{one}){params}\s*", part) is None:
            return True
        names = [name.lower() for name in re.findall(rf";\s*({_TOKEN})", part)]
        if len(set(names)) != len(names):
            return True
    return False


def _bad_address(data: bytes) -> bool:
    single = [re.sub(r'"(?:[^"\\]|\\.)*"|<[^<>]*>', "", value) for value in _values(data, "from", "to")]
    if any("," in value for value in single):
        return True  # From and To are no lists
    return any(_odd_list(value) for value in _values(data, "from", "to", "contact")) or any(
        _odd_list(value, via=True) for value in _values(data, "via")
    )


def _bad_uri(data: bytes) -> bool:
    texts = _first_line(data).split()[1:2]
    for value in _values(data, "from", "to", "contact"):
        value = re.sub(r'"(?:[^"\\]|\\.)*"', "", value)
        texts += re.findall(r"<([^<>]*)>", value)
        # A part of the list without brackets is an addr-spec.
        parts = re.sub(r"<[^<>]*>", "<>", value).split(",")
        texts += [part.partition(";")[0].strip() for part in parts if "<" not in part]
    via = [
        found for value in _values(data, "via") for found in re.findall(r"/\s*[^\s/]+\s+(\[[^\]]*\]|[^\s;:,]+)", value)
    ]
    odd = any(_odd_uri(text) for text in texts) or any(_odd_host(host) for host in via)
    # A word that is no display name is read as an addr-spec, and is no URI either.
    return odd or _bad_address(data)


def _odd_uri(text: str) -> bool:
    found = re.fullmatch(r"(?i:sips?):(?:([^@]*)@)?(\[[^\]]*\]|[^:;?@]*)(?::([0-9]+))?((?:;[^;?@]+)*)", text)
    if found is None or not text.isascii() or re.search(r"%(?![0-9A-Fa-f]{2})", text):
        return True
    user, host, _port, params = found.groups()
    parts = params.split(";")[1:]
    names = [part.partition("=")[0].lower() for part in parts]
    return (
        _odd_host(host)
        or (user is not None and re.fullmatch(r"[\w.!~*'()%&=+$,;?/-]+(:[\w.!~*'()%&=+$,-]*)?", user, re.ASCII) is None)
        or len(set(names)) != len(names)
        or any(
            re.fullmatch(r"[\w.!~*'()%\[\]/:&+$-]+(=[\w.!~*'()%\[\]/:&+$-]+)?", p) is None
            for p in params.split(";")[1:]
        )
    )


def _odd_host(host: str) -> bool:
    try:
        if host[:1] == "[":
            return not isinstance(ip_address(host[1:-1]), IPv6Address) or "%" in host
        if re.fullmatch(r"[0-9.]*", host):
            return not isinstance(ip_address(host), IPv4Address)
    except ValueError:
        return True
    labels = host.removesuffix(".").split(".")
    good = all(re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?", label) for label in labels)
    return not good or not labels[-1][0].isalpha() or len(host) > 255


def _other_method(data: bytes) -> bool:
    return any(value.split()[-1:] != _first_line(data).split()[:1] for value in _values(data, "cseq"))


def _missing(data: bytes) -> bool:
    return any(not _values(data, name) for name in ("via", "from", "to", "call-id", "cseq"))


#: What we refuse and sipmessage takes: our code, and whether the bytes, looked at in another way, bear it out.
REFUSED_BY_US: dict[str, Callable[[bytes], bool]] = {
    "bad_address": _bad_address,
    "bad_header": _bad_header,
    "bad_line_ending": lambda data: re.search(rb"\r(?!\n)|(?<!\r)\n", data.partition(b"\r\n\r\n")[0]) is not None,
    "bad_number": _bad_number,
    "bad_start_line": _bad_start,
    "bad_uri": _bad_uri,
    "control_character": lambda data: re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", data) is not None,
    "duplicate_header": lambda data: any(len(_values(data, name)) > 1 for name in _SINGLE),
    "message_too_large": lambda data: len(data) > 65535,
    "method_mismatch": _other_method,
    "missing_header": _missing,
    "too_many_headers": lambda data: len(_lines(data)) > 256,
    "truncated_message": _short_body,
}
