# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way to NATS: connected again whenever it is lost."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nats
from nats.aio.client import Client
from nats.errors import Error

from ...plugins.module_utils.errors import HandoverError
from .config import NatsConfig

__all__ = ["ANSWER_WITHIN", "TROUBLE", "connected"]

#: What a request to NATS may end in while it is not there; it is made again.
TROUBLE = (Error, OSError, TimeoutError)
#: Seconds that NATS may take for an answer, between two signs of life, and between two attempts to reach it.
ANSWER_WITHIN, _KEEPALIVE, _AGAIN = 3.0, 2, 0.5


async def connected(config: NatsConfig, told: Callable[[str], None]) -> Client:
    """A connection. It is waited for, and it comes back by itself.

    :param told: is told why there is none, and when there is one.
    :raises HandoverError: ``bad_config`` where password or certificates cannot be read.
    """

    async def lost() -> None:
        told("lost")

    async def back() -> None:
        told("connected")

    async def failed(error: Exception) -> None:
        told(str(error) or type(error).__name__)

    options: dict[str, Any] = {} if config.user is None else {"user": config.user, "password": _password(config)}
    if any(server.startswith("tls:") for server in config.servers):
        options["tls"] = _certificates(config)
    client = await nats.connect(
        list(config.servers),
        name=f"sip-handover {config.own_name}",
        error_cb=failed,
        disconnected_cb=lost,
        reconnected_cb=back,
        max_reconnect_attempts=-1,
        reconnect_time_wait=_AGAIN,
        connect_timeout=ANSWER_WITHIN,
        ping_interval=_KEEPALIVE,
        max_outstanding_pings=2,
        **options,
    )
    told("connected")
    return client


def _password(config: NatsConfig) -> str:
    try:
        return Path(config.password_file or "").read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise HandoverError("bad_config", f"nats.password_file: {error}", "the file can be read") from error


def _certificates(config: NatsConfig) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=config.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise HandoverError("bad_config", f"nats.ca_file: {error}", "the file holds certificates") from error
