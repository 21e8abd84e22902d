# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the bytes of a message bear out our refusal: each code told in another way than our reader tells it."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

__all__ = ["REFUSED_BY_US"]

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
