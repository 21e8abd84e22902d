# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How home servers are reached: settings that module, command line and service share."""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass, field, fields
from typing import Any, Dict, Mapping

from ..errors import HandoverError

__all__ = ["PORT", "HomeAccess", "secured"]

#: Where a home server answers, unless it is said otherwise.
PORT = 5443


@dataclass(frozen=True)
class HomeAccess:
    """How home servers are reached.

    :ivar certificate: file of our own certificate, by which a home server knows us.
    :ivar private_key: file of its key.
    :ivar ca: file of the authorities that sign home servers' certificates.
    :ivar port: TCP port of home servers.
    :ivar addresses: addresses of home servers that are not to be looked up, by name.
    """

    certificate: str
    private_key: str
    ca: str
    port: int = PORT
    addresses: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: object) -> HomeAccess:
        """Build from plain data.

        :raises HandoverError: ``bad_home_access``; its subject begins with the key.
        """
        if not isinstance(data, Mapping):
            raise HandoverError("bad_home_access", data, "this is a mapping")
        found: Dict[str, Any] = {}
        known = [item.name for item in fields(cls)]
        for key, value in data.items():
            if key not in known:
                raise HandoverError("bad_home_access", key, "the keys here are " + ", ".join(known))
            found[key] = _read(key, value)
        for key in ("certificate", "private_key", "ca"):
            if key not in found:
                raise HandoverError("bad_home_access", key, "both sides show a certificate; this names a file")
        return cls(**found)


def secured(side: ssl.Purpose, certificate: str, private_key: str, ca: str) -> ssl.SSLContext:
    """TLS with certificates on both sides (RFC 8446 section 4.3.2).

    :param side: ``SERVER_AUTH`` for who asks, ``CLIENT_AUTH`` for who answers.
    :raises HandoverError: ``bad_certificate``, where a file cannot be used.
    """
    for path in (certificate, private_key, ca):
        if not os.access(path, os.R_OK):
            raise HandoverError("bad_certificate", path, "the file can be read")
    try:
        context = ssl.create_default_context(side, cafile=ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = False  # the names are compared where the certificate is read
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(certificate, private_key)
    except (OSError, ValueError) as error:
        raise HandoverError("bad_certificate", f"{certificate}, {private_key}, {ca}", f"PEM files ({error})") from error
    return context


def _read(key: str, value: object) -> object:
    if key == "port":
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 65536:
            raise HandoverError("bad_home_access", f"{key}: {value}", "the value is a TCP port")
        return value
    if key == "addresses":
        if not isinstance(value, Mapping) or not all(isinstance(item, str) for pair in value.items() for item in pair):
            raise HandoverError("bad_home_access", f"{key}: {value}", "the value maps a server's name to its address")
        return {name.lower(): address for name, address in value.items()}
    if not isinstance(value, str) or not value:
        raise HandoverError("bad_home_access", f"{key}: {value}", "the value is a file")
    return value
