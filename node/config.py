# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the client is told: one YAML file, read strictly. docs/mobile-node.md has the keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from ..agent.settings_file import load_settings
from ..plugins.module_utils.errors import HandoverError
from ..plugins.module_utils.reader import Reader, count, flag, interface, items, optional, text
from ..plugins.module_utils.sip.grammar import Address
from ..plugins.module_utils.sip.uri import parse_uri
from .locate import Where, parse_where
from .model import Profile

__all__ = ["Config", "load_config"]

_DAY = 86400
#: RFC 3261 section 19.1.1: characters of a user part that need no escape, as far as one meets them.
_PLAIN = frozenset("-_.!~*'()&=+$,;?/")


@dataclass(frozen=True)
class Config:
    """The file.

    :ivar profile: who registers; its password is not yet read.
    :ivar enabled: the switch: false holds no old address and tells of none; it registers as any phone does.
    :ivar versions: the IP versions that are registered.
    :ivar servers: the SIP server of a place, by the network that the node's address is in.
    :ivar server: that of all other places; None to ask DNS for the domain.
    :ivar correspondent_servers: the server of a correspondent's domain; DNS is asked for others.
    :ivar interfaces: those whose addresses count; empty for all.
    :ivar ask_address: a command that asks for an address, with ``{interface}``; empty to wait for the system's own.
    :ivar ask_after: seconds with a carrier and without an address after which it is run.
    :ivar patience: seconds that a SIP server may take for an answer; RFC 3261's own limit is 32.
    :ivar dialogs: the file in which the user agent writes its calls.
    :ivar control: the socket by which hooks and ``status`` come in.
    """

    profile: Profile
    password_file: Path
    state_dir: Path = Path("/var/lib/sip-handover-node")
    control: Path = Path("/run/sip-handover-node/control")
    enabled: bool = True
    instance: str | None = None
    versions: tuple[int, ...] = (4, 6)
    servers: tuple[tuple[IPv4Network | IPv6Network, Where], ...] = ()
    server: Where | None = None
    correspondent_servers: tuple[tuple[str, Where], ...] = ()
    ca_file: str | None = None
    interfaces: tuple[str, ...] = ()
    ask_address: tuple[str, ...] = ()
    ask_after: float = 2.0
    patience: float = 8.0
    dialogs: Path | None = None

    def server_at(self, here: Address) -> Where:
        """The SIP server of the place that an address belongs to."""
        for network, where in self.servers:
            if here in network:
                return where
        return self.server or Where(self.profile.domain)

    def password(self) -> str:
        """:raises HandoverError: ``bad_password``."""
        try:
            found = self.password_file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, ValueError) as error:
            raise HandoverError("bad_password", self.password_file, f"the file can be read ({error})") from error
        if not found or not found.isprintable():
            raise HandoverError("bad_password", self.password_file, "the file holds one line")
        return found

    @classmethod
    def from_dict(cls, data: object) -> Config:
        """:raises HandoverError: ``bad_config``, whose subject begins with the key."""
        try:
            return _config(Reader(data, "configuration"))
        except HandoverError as error:
            raise HandoverError("bad_config", error.subject, error.rule, error.advice) from error


def load_config(path: str) -> Config:
    """Read a file.

    :raises HandoverError: ``bad_config``; its subject is file, line and what stands there.
    """
    return load_settings(path, Config.from_dict, "bad_config", "a configuration")


def _config(of: Reader) -> Config:
    user = of.take("user", _user)
    profile = Profile(
        user=user,
        domain=of.take("domain", _host),
        auth_user=of.take("auth_user", _quotable, user),
        password="",
        realm=of.take("realm", _quotable, ""),
        contact_port=of.take("contact_port", _number(1, 65535), 5060),
        expires=of.take("expires", _number(10, _DAY), 600),
        linger=of.take("linger", _seconds(0), 10.0),
        poll=of.take("poll", _seconds(0.1), 5.0),
        retry_first=of.take("retry_first", _seconds(0.1), 1.0),
        retry_most=of.take("retry_most", _seconds(1), 120.0),
        leave_sessions=of.take("leave_sessions", flag, True),
    )
    told: dict[str, Any] = {"profile": profile, "password_file": of.take("password_file", _path)}
    for key, read in _READERS.items():
        value = of.take(key, read, None)
        if value is not None:
            told[key] = value
    of.done()
    return Config(**told)


def _quotable(value: object) -> str:
    if not text(value) or not text(value).isprintable() or set('"\\') & set(text(value)):
        raise ValueError("text without quotes is wanted")
    return text(value)


def _user(value: object) -> str:
    if not text(value) or not all(char.isascii() and (char.isalnum() or char in _PLAIN) for char in text(value)):
        raise ValueError("the user part of a SIP URI is wanted")
    return text(value)


def _host(value: object) -> str:
    uri = parse_uri(f"sip:{text(value)}")
    if uri.text != f"sip:{uri.host}" or uri.user is not None:
        raise ValueError("a domain in small letters is wanted")
    return uri.host


def _path(value: object) -> Path:
    if not text(value).startswith("/") or not text(value).isprintable():
        raise ValueError("an absolute path is wanted")
    return Path(text(value))


def _number(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if not least <= count(value) <= most:
            raise ValueError(f"a whole number from {least} to {most} is wanted")
        return count(value)

    return read


def _seconds(least: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= _DAY:
            raise ValueError(f"seconds from {least:g} to {_DAY} are wanted")
        return float(value)

    return read


def _instance(value: object) -> str:
    if not text(value).startswith("urn:") or not all(
        char.isascii() and (char.isalnum() or char in ":-") for char in text(value)
    ):
        raise ValueError("a URN is wanted, as urn:uuid:...")
    return text(value)


def _versions(value: object) -> tuple[int, ...]:
    found = tuple(count(one) for one in items(value))
    if not found or set(found) - {4, 6}:
        raise ValueError("a list of 4 and 6 is wanted")
    return found


def _servers(value: object) -> tuple[tuple[IPv4Network | IPv6Network, Where], ...]:
    found = []
    for record in items(value):
        of = Reader(record, "server of a place")
        found.append((of.take("network", lambda one: ip_network(text(one))), of.take("server", parse_where)))
        of.done()
    return tuple(found)


def _by_domain(value: object) -> tuple[tuple[str, Where], ...]:
    if not isinstance(value, dict):
        raise TypeError("a mapping of domains is wanted")
    return tuple((_host(domain), parse_where(where)) for domain, where in value.items())


_READERS: dict[str, Callable[[Any], Any]] = {
    "state_dir": _path,
    "control": _path,
    "enabled": flag,
    "instance": _instance,
    "versions": _versions,
    "servers": _servers,
    "server": optional(parse_where),
    "correspondent_servers": _by_domain,
    "ca_file": lambda value: str(_path(value)),
    "interfaces": lambda value: tuple(interface(one) for one in items(value)),
    "ask_address": lambda value: tuple(text(one) for one in items(value)),
    "ask_after": _seconds(0),
    "patience": _seconds(0.5),
    "dialogs": optional(_path),
}
