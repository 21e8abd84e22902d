# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a home server that answers is told: one YAML file, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from ...plugins.module_utils.asking.access import PORT
from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.sip.sources import FORMATS
from ..settings_file import load_settings

__all__ = ["HomeConfig", "load_home_config"]


@dataclass(frozen=True)
class HomeConfig:
    """What it is told.

    :ivar log: the SIP server's event log, which is followed.
    :ivar policy: file of the rules by which its registrations are believed.
    :ivar state_dir: directory of history and cursor.
    :ivar certificate: file of the certificate that is shown.
    :ivar private_key: file of its key.
    :ivar ca: file of the authorities by which askers' certificates are known.
    :ivar askers: the DNS names in certificates of those who may ask.
    :ivar listen: address on which questions come.
    :ivar port: TCP port.
    :ivar format: of the log.
    """

    log: str
    policy: str
    state_dir: str
    certificate: str
    private_key: str
    ca: str
    askers: tuple[str, ...]
    listen: str = "::"
    port: int = PORT
    format: str = "kamailio"

    @classmethod
    def from_dict(cls, data: object) -> HomeConfig:
        """Build from plain data.

        :raises HandoverError: ``unknown_config_key``, or ``bad_config``, whose subject begins with the key.
        """
        if not isinstance(data, Mapping):
            raise HandoverError("bad_config", data, "this is a mapping")
        known = {item.name: item for item in fields(cls)}
        found: dict[str, Any] = {}
        for key, value in data.items():
            if key not in known:
                raise HandoverError("unknown_config_key", key, f"the keys here are {', '.join(known)}")
            found[key] = _read(key, value)
        for key in ("log", "policy", "state_dir", "certificate", "private_key", "ca", "askers"):
            if key not in found:
                raise HandoverError("bad_config", key, "a home server that answers is told this")
        return cls(**found)


def load_home_config(path: str) -> HomeConfig:
    """Read a configuration file.

    :raises HandoverError: ``bad_config`` or ``unknown_config_key``; its subject is file, line and what stands there.
    """
    return load_settings(path, HomeConfig.from_dict, "bad_config", "a configuration")


def _read(key: str, value: object) -> object:
    if key == "askers":
        if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
            raise HandoverError("bad_config", f"{key}: {value}", "the value is a list of names in certificates")
        return tuple(item.lower() for item in value)
    if key == "port":
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 65536:
            raise HandoverError("bad_config", f"{key}: {value}", "the value is a TCP port")
        return value
    if not isinstance(value, str) or not value or not value.isprintable():
        raise HandoverError("bad_config", f"{key}: {value}", "the value is text")
    if key == "format" and value not in FORMATS:
        raise HandoverError("bad_config", f"{key}: {value}", f"the value is one of {', '.join(sorted(FORMATS))}")
    return value
