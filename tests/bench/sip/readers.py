# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One way of reading a REGISTER for each library that is measured, and the limit.

Each reader gives :class:`Facts`, what a handover needs of a message, or raises. A library's own parser does what it
can; what it leaves as text (a list of addresses, a host) is taken apart here in the shortest way that its users have.
Every host must be an address in the end. Nothing else is checked for a library that it does not check itself.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
import types
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message import parse_message
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.request import registration_of
from tests.bench.sip.registers import TAG

__all__ = ["Facts", "Reader", "readers"]

_COMMA = re.compile(r'(?:"(?:\\.|[^"\\])*"|<[^>]*>|[^,"<]|["<])+')
_HOST = re.compile(r"sips?:(?:[^@<>]*@)?(\[[^\]]*\]|[^:;?>\s]*)", re.IGNORECASE)
_AOR = re.compile(r"sips?:([^@<>]*)@([^:;?>\s]*)", re.IGNORECASE)
#: The ``expires`` of each address, or the empty string.
_EXPIRES = re.compile(r"<[^>]*>[^,<]*?(?:;\s*expires\s*=\s*([0-9]+)|(?=,|$))")
_USERNAME = re.compile(r'username="([^"]*)"')

Address = IPv4Address | IPv6Address


class Facts(NamedTuple):
    """What admission needs of a REGISTER, of the limit only the text of the first address of each kind.

    :ivar old: hosts in the patent's header.
    :ivar contacts: hosts of the Contacts.
    :ivar aor: the address of record, host in lower case.
    :ivar expires: seconds of the longest-lived Contact.
    :ivar user: whom the Digest credentials name, None without any.
    """

    call_id: str
    cseq: int
    old: tuple[Address | str, ...]
    contacts: tuple[Address | str, ...]
    aor: str
    expires: int
    user: str | None


@dataclass(frozen=True)
class Reader:
    """One library.

    :ivar name: with its version.
    :ivar read: the facts of a REGISTER; raises what it raises when it refuses.
    :ivar accept: reads any message as far as the library reads it: From, To, Call-ID, CSeq, Contact.
    :ivar limit: whether it is no reader, but the time that any must take.
    """

    name: str
    read: Callable[[bytes], Facts]
    accept: Callable[[bytes], object]
    limit: bool = False


def readers() -> list[Reader]:
    """Ours first, then the libraries, then the limit."""
    return [
        Reader("sipmobility.handover", _read_ours, parse_message),
        _twisted(),
        _sipmessage(),
        _voip_utils(),
        _dpkt(),
        Reader("limit: two regexes", _two_regexes, _two_regexes, limit=True),
    ]


def _read_ours(data: bytes) -> Facts:
    found = registration_of(parse_message(data), "")
    if found is None or found.call_id is None or found.cseq is None:
        raise HandoverError("not_sip", data[:40], "the bench reads REGISTERs")
    # A host that is no address ends here, as it does for the others.
    hosts = tuple([contact.host for contact in found.contacts if contact.host is not None])
    if len(hosts) != len(found.contacts) or len(found.old_addresses) != len(found.old_hosts):
        raise ValueError("a hostname")
    return Facts(found.call_id, found.cseq, found.old_addresses, hosts, found.aor, found.expires, found.claimed_user)


def _twisted() -> Reader:
    sip: Any = importlib.import_module("twisted.protocols.sip")
    # It logs what it cannot read; the log goes nowhere.
    importlib.import_module("twisted.logger").globalLogBeginner.beginLoggingTo([], redirectStandardIO=False)

    def message(data: bytes) -> Any:
        found: list[Any] = []
        parser = sip.MessagesParser(found.append)
        parser.dataReceived(data)
        parser.dataDone()
        (first,) = found
        return first

    def addresses(values: list[str]) -> list[Any]:
        return [sip.parseAddress(one) for value in values for one in _COMMA.findall(value) if one.strip()]

    def read(data: bytes) -> Facts:
        headers = message(data).headers
        contacts, to = addresses(headers["contact"]), sip.parseAddress(headers["to"][0])[1]
        return Facts(
            headers["call-id"][0],
            _cseq(headers["cseq"][0]),
            tuple([_address(url.host) for _name, url, _params in addresses(headers[TAG.lower()])]),
            tuple([_address(url.host) for _name, url, _params in contacts]),
            f"sip:{to.username}@{to.host.lower()}",
            _longest([params.get("expires") for _name, _url, params in contacts], headers["expires"][0]),
            _user(headers["authorization"][0]) if "authorization" in headers else None,
        )

    def accept(data: bytes) -> object:
        headers = message(data).headers
        names = [*headers["from"], *headers["to"], *headers.get("contact", [])]
        return [
            headers["call-id"],
            headers["cseq"],
            [sip.parseViaHeader(value) for value in headers["via"]],
            [sip.parseAddress(value) for value in names],
        ]

    return Reader(f"twisted {_version('twisted')}", read, accept)


def _sipmessage() -> Reader:
    library: Any = importlib.import_module("sipmessage")

    def read(data: bytes) -> Facts:
        found = library.Message.parse(data)
        old = [one for value in found.headers.getlist(TAG) for one in library.Address.parse_many(value)]
        contacts, to, credentials = found.contact, found.to_address.uri, found.authorization
        return Facts(
            found.call_id,
            found.cseq.sequence,
            tuple([_address(one.uri.host) for one in old]),
            tuple([_address(one.uri.host) for one in contacts]),
            f"{to.scheme}:{to.user}@{to.host.lower()}",
            _longest([one.parameters.get("expires") for one in contacts], found.expires),
            None if credentials is None else credentials.parameters.get("username"),
        )

    def accept(data: bytes) -> object:
        found = library.Message.parse(data)
        return [
            found.call_id,
            found.cseq,
            found.from_address,
            found.to_address,
            found.via,
            found.contact,
            found.max_forwards,
            found.expires,
            found.content_length,
            found.date,
        ]

    return Reader(f"sipmessage {_version('sipmessage')}", read, accept)


def _voip_utils() -> Reader:
    # The package itself wants an audio library of the system on import; its SIP module does not.
    spec = importlib.util.find_spec("voip_utils")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("voip_utils")
    package = types.ModuleType("voip_utils")
    package.__path__ = [str(Path(spec.origin).parent)]
    sys.modules["voip_utils"] = package
    sip: Any = importlib.import_module("voip_utils.sip")

    def read(data: bytes) -> Facts:
        headers = sip.SipMessage.parse_sip(data.decode()).headers
        return _from_text(
            headers.get("call-id") or headers["i"],
            headers["cseq"],
            headers[TAG.lower()],
            headers.get("contact") or headers["m"],
            headers.get("to") or headers["t"],
            headers["expires"],
            headers.get("authorization"),
        )

    def accept(data: bytes) -> object:
        headers = sip.SipMessage.parse_sip(data.decode()).headers
        return [
            headers.get(long) or headers[short]
            for long, short in (("from", "f"), ("to", "t"), ("call-id", "i"), ("via", "v"))
        ]

    return Reader(f"voip-utils {_version('voip-utils')}", read, accept)


def _dpkt() -> Reader:
    sip: Any = importlib.import_module("dpkt.sip")

    def both(headers: Any, long: str, short: str) -> str:
        value = headers.get(long) or headers[short]
        return ",".join(value) if isinstance(value, list) else str(value)

    def read(data: bytes) -> Facts:
        headers = sip.Request(data).headers
        return _from_text(
            both(headers, "call-id", "i"),
            both(headers, "cseq", "cseq"),
            both(headers, TAG.lower(), TAG.lower()),
            both(headers, "contact", "m"),
            both(headers, "to", "t"),
            headers["expires"],
            headers.get("authorization"),
        )

    def accept(data: bytes) -> object:
        kind = sip.Response if data.lstrip().startswith(b"SIP/") else sip.Request
        headers = kind(data).headers
        return [
            both(headers, long, short)
            for long, short in (("from", "f"), ("to", "t"), ("call-id", "i"), ("via", "v"), ("cseq", "cseq"))
        ]

    return Reader(f"dpkt {_version('dpkt')}", read, accept)


_LIMIT_CONTACT = re.compile(rb"\r\n(?:Contact|m)[ \t]*:[^\r]*?sips?:[^@>\r]*@?(\[[^\]]*\]|[0-9.]+)", re.IGNORECASE)
_LIMIT_OLD = re.compile(rb"\r\n" + TAG.encode() + rb"[ \t]*:[^\r]*?sips?:[^@>\r]*@?(\[[^\]]*\]|[0-9.]+)", re.IGNORECASE)


def _two_regexes(data: bytes) -> Facts:
    new, old = _LIMIT_CONTACT.search(data), _LIMIT_OLD.search(data)
    if new is None or old is None:
        raise ValueError("no match")
    return Facts("", 0, (old.group(1).decode().strip("[]"),), (new.group(1).decode().strip("[]"),), "", 0, None)


def _version(name: str) -> str:
    metadata = importlib.import_module("importlib.metadata")
    return str(metadata.version(name))


def _cseq(value: str) -> int:
    return int(value.split()[0])


def _from_text(
    call_id: str, cseq: str, old: str, contact: str, to: str, expires: str, authorization: str | None
) -> Facts:
    """From headers that a library leaves as text."""
    aor = _AOR.search(to)
    if aor is None:
        raise ValueError("no address of record")
    return Facts(
        call_id,
        _cseq(cseq),
        _hosts(old),
        _hosts(contact),
        f"sip:{aor.group(1)}@{aor.group(2).lower()}",
        _longest([said or None for said in _EXPIRES.findall(contact)], expires),
        None if authorization is None else _user(authorization),
    )


def _longest(said: list[str | None], default: str | int) -> int:
    return max([int(default if one is None else one) for one in said])


def _user(credentials: str) -> str | None:
    found = _USERNAME.search(credentials)
    return found.group(1) if found is not None else None


def _hosts(value: str) -> tuple[Address, ...]:
    return tuple(_address(host) for host in _HOST.findall(value))


def _address(host: str) -> Address:
    return ip_address(host.strip("[]"))
