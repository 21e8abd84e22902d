# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the stream is reached, and what is told to the one who fills it."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from ...plugins.module_utils.errors import HandoverError
from ..service.config_values import bad_value, read_mapping, seconds, text, whole
from ..settings_file import load_settings

__all__ = ["NatsConfig", "PublishConfig", "load_publish_config", "nats_config"]

#: What a stream, a bucket and a key may be called.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class NatsConfig:
    """A stream of JetStream.

    Whoever may write to it states what the SIP server has authenticated. So without TLS it is on this machine.

    :ivar servers: URLs, ``nats://`` on the loopback, ``tls://`` elsewhere.
    :ivar stream: its name; its subjects begin with it.
    :ivar name: of this service among those that share the partitions; None for the machine's.
    :ivar user: to log in as; None for nobody.
    :ivar password_file: a file that holds the password alone.
    :ivar ca_file: certificates that the servers' are signed with; None for the system's.
    :ivar lease_seconds: how long a service that is not heard of any more keeps its partitions.
    """

    servers: tuple[str, ...]
    stream: str = "sip-registrations"
    name: str | None = None
    user: str | None = None
    password_file: str | None = None
    ca_file: str | None = None
    lease_seconds: float = 10.0

    def __str__(self) -> str:
        return f"{self.stream} at {', '.join(self.servers)}"

    @property
    def own_name(self) -> str:
        """Of this service: letters, digits, ``-`` and ``_``."""
        return self.name or re.sub(r"[^A-Za-z0-9_-]", "-", socket.gethostname())[:64]


@dataclass(frozen=True)
class PublishConfig:
    """What the one who fills the stream is told.

    :ivar log: the SIP server's log of events, which is followed; in Kamailio's format.
    :ivar state_dir: directory of the cursor.
    :ivar nats: the stream.
    :ivar partitions: of the stream, when it is made.
    :ivar keep_seconds: how long the stream keeps an event, when it is made.
    :ivar replicas: on how many servers of a cluster, when it is made.
    """

    log: str
    state_dir: str
    nats: NatsConfig
    partitions: int = 16
    keep_seconds: float = 7200.0
    replicas: int = 1

    @classmethod
    def from_dict(cls, data: object) -> PublishConfig:
        """Build from plain data.

        :raises HandoverError: ``unknown_config_key``, or ``bad_config``, whose subject begins with the key.
        """
        readers = {
            "log": text,
            "state_dir": text,
            "nats": nats_config,
            "partitions": whole(1, 64),
            "keep_seconds": seconds(60.0),
            "replicas": whole(1, 5),
        }
        return cls(**_required(read_mapping(data, cls, "", readers), "log", "state_dir", "nats"))


def load_publish_config(path: str) -> PublishConfig:
    """Read a configuration file.

    :raises HandoverError: ``bad_config`` or ``unknown_config_key``; its subject is file, line and what stands there.
    """
    return load_settings(path, PublishConfig.from_dict, "bad_config", "a configuration")


def nats_config(value: object, key: str) -> NatsConfig:
    """Read the keys of a stream.

    :raises HandoverError: as :meth:`PublishConfig.from_dict`.
    """
    readers = {
        "servers": _servers,
        "stream": _name,
        "name": _name,
        "user": text,
        "password_file": text,
        "ca_file": text,
        "lease_seconds": seconds(1.0),
    }
    found = NatsConfig(**_required(read_mapping(value, NatsConfig, f"{key}.", readers), "servers", prefix=f"{key}."))
    if (found.user is None) != (found.password_file is None):
        raise bad_value(f"{key}.user", found.user, "user and password_file stand together")
    return found


def _required(found: dict[str, Any], *keys: str, prefix: str = "") -> dict[str, Any]:
    for key in keys:
        if key not in found:
            raise HandoverError("bad_config", f"{prefix}{key}", "this is told")
    return found


def _servers(value: object, key: str) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    if not listed:
        raise bad_value(key, "none", "there is at least one server")
    for item in listed:
        url = urlsplit(text(item, key))
        if url.scheme not in ("nats", "tls") or not url.hostname or url.username or url.path or url.query:
            raise bad_value(key, item, "a server is nats://HOST:PORT or tls://HOST:PORT")
        if url.scheme == "nats" and not _on_this_machine(url.hostname):
            raise bad_value(key, item, "a server on another machine is reached by TLS, tls://HOST:PORT")
    return tuple(listed)


def _on_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _name(value: object, key: str) -> str:
    if not _NAME.fullmatch(text(value, key)):
        raise bad_value(key, value, "a name is made of letters, digits, - and _")
    return str(value)
