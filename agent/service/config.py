# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the service is told: one YAML file, read strictly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from ...plugins.module_utils.asking.access import HomeAccess
from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.mobility.model import Directions, Scope
from ...plugins.module_utils.mobility.plan import DRAIN
from ...plugins.module_utils.mobility.recover import Goal
from ...plugins.module_utils.sip.sources import FORMATS
from ..settings_file import load_settings
from ..stream.config import NatsConfig, nats_config
from .config_values import Endpoint, bad_value, endpoint, flag, loopback, read_mapping, seconds, text, texts, word

__all__ = ["Config", "Endpoint", "EventInput", "FeedConfig", "Sessions", "Ssh", "Webhook", "load_config"]


@dataclass(frozen=True)
class EventInput:
    """Where events come from: one of ``log``, ``socket``, ``udp``, ``evapi``, ``webhook`` and ``nats``.

    :ivar log: a file that is followed; nothing in it is lost while the service is down.
    :ivar socket: path of a Unix datagram socket that the service makes, one event a datagram.
    :ivar udp: an address of this machine's loopback, one event a datagram.
    :ivar evapi: where Kamailio's module evapi listens.
    :ivar webhook: posts by HTTP, signed.
    :ivar nats: a stream of JetStream, of which several services share the partitions.
    :ivar format: of what comes.
    """

    log: str | None = None
    socket: str | None = None
    udp: Endpoint | None = None
    evapi: Endpoint | None = None
    webhook: Webhook | None = None
    nats: NatsConfig | None = None
    format: str = "kamailio"

    def __str__(self) -> str:
        return next(f"{name} {value}" for name, value in vars(self).items() if value is not None)


@dataclass(frozen=True)
class Webhook:
    """Events that are posted to ``/events`` of :ivar:`Config.http`, signed.

    :ivar secret_file: a file with a secret, or with the old one and the new one, one a line.
    :ivar window: seconds by which the sender's clock may differ from ours.
    """

    secret_file: str
    window: float = 60.0

    def __str__(self) -> str:
        return "/events"


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

    :ivar inventory: of Ansible: files or directories.
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

    inventory: tuple[str, ...]
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

    @property
    def webhook(self) -> EventInput | None:
        """The input that is posted to, where there is one."""
        return next((one for one in self.events if one.webhook is not None), None)

    @property
    def stream(self) -> NatsConfig | None:
        """The stream that events come from, where they do; it is the one input then."""
        return self.events[0].nats

    def in_dry_run(self) -> Config:
        """The same, but nothing is changed."""
        return replace(self, dry_run=True)

    @classmethod
    def from_dict(cls, data: object) -> Config:
        """Build from plain data.

        :raises HandoverError: ``unknown_config_key``, or ``bad_config``, whose subject begins with the key.
        """
        found = cls(**_told(data, cls, ("inventory", "policy", "state_dir", "events")))
        hooks = sum(one.webhook is not None for one in found.events)
        if hooks > 1 or (hooks and found.http is None):
            raise bad_value("events", "webhook", "it is there once, and http says at which address")
        return found


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
    home: HomeAccess | None = None
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
    found = read_mapping(data, kind, "", _READERS)
    for key in required:
        if key not in found:
            raise HandoverError("bad_config", key, "the service is told this")
    return found


def _home(value: object, key: str) -> HomeAccess:
    try:
        return HomeAccess.from_dict(value)
    except HandoverError as error:
        raise HandoverError("bad_config", f"{key}.{error.subject}", error.rule, error.advice) from error


def _events(value: object, key: str) -> tuple[EventInput, ...]:
    if not isinstance(value, list) or not value:
        raise bad_value(key, value, "the value is a list of inputs")
    found = tuple(_event(item, f"{key}.{number}.") for number, item in enumerate(value))
    if len(found) > 1 and any(one.nats is not None for one in found):
        # What another service must be able to go on with comes to all of them.
        raise bad_value(key, "nats and others", "the input nats stands alone; what else there is goes into the stream")
    return found


def _event(value: object, prefix: str) -> EventInput:
    readers = {
        "log": text,
        "socket": text,
        "udp": loopback,
        "evapi": endpoint,
        "webhook": _webhook,
        "nats": nats_config,
        "format": word(str, tuple(sorted(FORMATS))),
    }
    found = read_mapping(value, EventInput, prefix, readers)
    ways = [name for name in found if name != "format"]
    if len(ways) != 1:
        raise bad_value(
            prefix.rstrip("."), ", ".join(ways) or "none", "an input is one of log, socket, udp, evapi and nats"
        )
    return EventInput(**found)


def _webhook(value: object, key: str) -> Webhook:
    found = read_mapping(value, Webhook, f"{key}.", {"secret_file": text, "window": seconds(1.0)})
    if "secret_file" not in found:
        raise HandoverError("bad_config", f"{key}.secret_file", "this is told")
    return Webhook(**found)


def _ssh(value: object, key: str) -> Ssh:
    times = dict.fromkeys(("connect_timeout", "command_timeout", "keepalive"), seconds(0.1))
    return Ssh(**read_mapping(value, Ssh, f"{key}.", {"known_hosts": text, **times}))


_READERS: dict[str, Callable[[Any, str], Any]] = {
    "inventory": texts,
    "policy": text,
    "state_dir": text,
    "events": _events,
    "group": text,
    "scope": word(Scope, tuple(item.value for item in Scope)),
    "directions": word(Directions, tuple(item.value for item in Directions)),
    "sessions": word(str, (Sessions.LISTED, Sessions.AUTO)),
    "drain": seconds(0.0),
    "pause": seconds(0.0),
    "recover": word(Goal, tuple(item.value for item in Goal)),
    "reconcile_seconds": seconds(1.0),
    "home": _home,
    "http": loopback,
    "template_dir": text,
    "dry_run": flag,
    "freeze": flag,
    "widen": flag,
    "ssh": _ssh,
}
