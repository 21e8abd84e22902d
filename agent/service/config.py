# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service is told: one YAML file, read strictly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_address
from typing import Any, TypeVar

from ...plugins.module_utils.asking.access import HomeAccess
from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.model import Directions, Scope
from ...plugins.module_utils.mobility.plan import DRAIN
from ...plugins.module_utils.mobility.recover import Goal
from ...plugins.module_utils.sip.sources import FORMATS
from ..settings_file import load_settings

__all__ = ["Config", "Endpoint", "EventInput", "FeedConfig", "Sessions", "Ssh", "load_config"]

_T = TypeVar("_T")


@dataclass(frozen=True)
class Endpoint:
    """An address and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True)
class EventInput:
    """Where events come from: one of ``log``, ``socket``, ``udp`` and ``evapi``.

    :ivar log: a file that is followed; nothing in it is lost while the service is down.
    :ivar socket: path of a Unix datagram socket that the service makes, one event a datagram.
    :ivar udp: an address of this machine's loopback, one event a datagram.
    :ivar evapi: where Kamailio's module evapi listens.
    :ivar format: of what comes.
    """

    log: str | None = None
    socket: str | None = None
    udp: Endpoint | None = None
    evapi: Endpoint | None = None
    format: str = "kamailio"

    def __str__(self) -> str:
        return next(f"{name} {value}" for name, value in vars(self).items() if value is not None)


class Sessions:
    """Where a handover's sessions come from; the words of the key ``sessions``."""

    LISTED = "listed"
    AUTO = "auto"


@dataclass(frozen=True)
class Ssh:
    """How routers are reached by SSH. Host keys are always checked.

    :ivar known_hosts: a file; None for the login's own.
    :ivar connect_timeout: seconds.
    :ivar command_timeout: seconds that a router may take for one step.
    :ivar keepalive: seconds between two signs of life; after three that nobody answers a router is gone.
    """

    known_hosts: str | None = None
    connect_timeout: float = 10.0
    command_timeout: float = 10.0
    keepalive: float = 5.0


@dataclass(frozen=True)
class Config:
    """What the service is told.

    :ivar inventory: of Ansible: a file, or a directory.
    :ivar policy: file of the rules by which registrations are believed.
    :ivar state_dir: directory of ledger, history and cursors.
    :ivar group: the inventory's group of routers.
    :ivar scope: how much is rewritten.
    :ivar sessions: where sessions come from with the scope session.
    :ivar widen: where routers cannot express what is asked, do what all of them can.
    :ivar freeze: whether flows may be dropped while routers that rewrite both ways at once change.
    :ivar drain: seconds between the last encoder and the first decoder that goes.
    :ivar recover: what becomes of a handover that is found half-made and that the ledger does not know.
    :ivar reconcile_seconds: between two looks at the routers.
    :ivar home: how home servers are asked; None asks nobody.
    :ivar http: where ``/healthz``, ``/metrics`` and ``/status`` are; None for nowhere.
    :ivar template_dir: templates that replace ours.
    :ivar dry_run: decide and plan, and change nothing.
    """

    inventory: str
    policy: str
    state_dir: str
    events: tuple[EventInput, ...]
    group: str = "first_hop_routers"
    scope: Scope = Scope.SESSION
    directions: Directions = Directions.BOTH
    sessions: str = Sessions.LISTED
    widen: bool = False
    freeze: bool = True
    drain: float = DRAIN
    recover: Goal = Goal.DONE
    reconcile_seconds: float = 300.0
    home: HomeAccess | None = None
    http: Endpoint | None = None
    template_dir: str | None = None
    dry_run: bool = False
    ssh: Ssh = field(default_factory=Ssh)

    def in_dry_run(self) -> Config:
        """The same, but nothing is changed."""
        return replace(self, dry_run=True)

    @classmethod
    def from_dict(cls, data: object) -> Config:
        """Build from plain data.

        :raises HandoverError: ``unknown_config_key``, or ``bad_config``, whose subject begins with the key.
        """
        return cls(**_told(data, cls, ("inventory", "policy", "state_dir", "events")))


@dataclass(frozen=True)
class FeedConfig:
    """What a feed of handovers for others is told; the attributes of :class:`Config` mean the same here.

    :ivar pause: seconds between two events, about what a playbook takes; what comes meanwhile is one event.
    """

    policy: str
    state_dir: str
    events: tuple[EventInput, ...] = ()
    scope: Scope = Scope.SESSION
    directions: Directions = Directions.BOTH
    sessions: str = Sessions.LISTED
    pause: float = 3.0

    @classmethod
    def from_dict(cls, data: object) -> FeedConfig:
        """Build from plain data.

        :raises HandoverError: as :meth:`Config.from_dict`.
        """
        return cls(**_told(data, cls, ("policy", "state_dir")))


def load_config(path: str) -> Config:
    """Read a configuration file.

    :raises HandoverError: ``bad_config`` or ``unknown_config_key``; its subject is file, line and what stands there.
    """
    return load_settings(path, Config.from_dict, "bad_config", "a configuration")


def _told(data: object, kind: type, required: tuple[str, ...]) -> dict[str, Any]:
    """The keys of a whole configuration."""
    found = _read(data, kind, "", _READERS)
    for key in required:
        if key not in found:
            raise HandoverError("bad_config", key, "the service is told this")
    return found


def _read(data: object, kind: type, prefix: str, readers: Mapping[str, Callable[[Any, str], Any]]) -> dict[str, Any]:
    """The keys of one mapping, each by its reader."""
    if not isinstance(data, Mapping):
        raise _bad(prefix.rstrip("."), data, "this is a mapping")
    known = [item.name for item in fields(kind)]
    found = {}
    for key, value in data.items():
        if key not in known:
            raise HandoverError("unknown_config_key", f"{prefix}{key}", f"the keys here are {', '.join(known)}")
        found[key] = readers[key](value, prefix + key)
    return found


def _text(value: object, key: str) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise _bad(key, value, "the value is text")
    return value


def _flag(value: object, key: str) -> bool:
    if not isinstance(value, bool):
        raise _bad(key, value, "the value is true or false")
    return value


def _seconds(least: float) -> Callable[[object, str], float]:
    def read(value: object, key: str) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= 86400:
            raise _bad(key, value, f"the value is a number of seconds, from {least:g} to 86400")
        return float(value)

    return read


def _word(read: Callable[[str], _T], words: tuple[str, ...]) -> Callable[[object, str], _T]:
    def chosen(value: object, key: str) -> _T:
        if value not in words:
            raise _bad(key, value, f"the value is one of {', '.join(words)}")
        return read(str(value))

    return chosen


def _endpoint(value: object, key: str) -> Endpoint:
    host, colon, port = _text(value, key).rpartition(":")
    host = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise _bad(key, value, "the value is ADDRESS:PORT")
    return Endpoint(host, int(port))


def _loopback(value: object, key: str) -> Endpoint:
    """Whoever reaches this may state what the SIP server has authenticated, or read what the service knows."""
    found = _endpoint(value, key)
    try:
        inside = ip_address(found.host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise _bad(key, value, "the address is one of the loopback, 127.0.0.1 or ::1")
    return found


def _home(value: object, key: str) -> HomeAccess:
    try:
        return HomeAccess.from_dict(value)
    except HandoverError as error:
        raise HandoverError("bad_config", f"{key}.{error.subject}", error.rule, error.advice) from error


def _events(value: object, key: str) -> tuple[EventInput, ...]:
    if not isinstance(value, list) or not value:
        raise _bad(key, value, "the value is a list of inputs")
    return tuple(_event(item, f"{key}.{number}.") for number, item in enumerate(value))


def _event(value: object, prefix: str) -> EventInput:
    readers = {
        "log": _text,
        "socket": _text,
        "udp": _loopback,
        "evapi": _endpoint,
        "format": _word(str, tuple(sorted(FORMATS))),
    }
    found = _read(value, EventInput, prefix, readers)
    ways = [name for name in found if name != "format"]
    if len(ways) != 1:
        raise _bad(prefix.rstrip("."), ", ".join(ways) or "none", "an input is one of log, socket, udp and evapi")
    return EventInput(**found)


def _ssh(value: object, key: str) -> Ssh:
    seconds = dict.fromkeys(("connect_timeout", "command_timeout", "keepalive"), _seconds(0.1))
    return Ssh(**_read(value, Ssh, f"{key}.", {"known_hosts": _text, **seconds}))


_READERS: dict[str, Callable[[Any, str], Any]] = {
    "inventory": _text,
    "policy": _text,
    "state_dir": _text,
    "events": _events,
    "group": _text,
    "scope": _word(Scope, tuple(item.value for item in Scope)),
    "directions": _word(Directions, tuple(item.value for item in Directions)),
    "sessions": _word(str, (Sessions.LISTED, Sessions.AUTO)),
    "drain": _seconds(0.0),
    "pause": _seconds(0.0),
    "recover": _word(Goal, tuple(item.value for item in Goal)),
    "reconcile_seconds": _seconds(1.0),
    "home": _home,
    "http": _loopback,
    "template_dir": _text,
    "dry_run": _flag,
    "freeze": _flag,
    "widen": _flag,
    "ssh": _ssh,
}


def _bad(key: str, value: object, rule: str) -> HandoverError:
    return HandoverError("bad_config", f"{key}: {value}" if key else value, rule)
