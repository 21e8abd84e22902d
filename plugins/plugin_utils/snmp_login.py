# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the inventory says to log in by SNMP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..module_utils.errors import HandoverError

__all__ = ["AUTH", "PRIVACY", "VARIABLES", "SnmpLogin", "login_of"]

#: RFC 7860; SHA-1 (RFC 3414) for routers that have no better. MD5 is not among them.
AUTH = {
    "sha256": "USM_AUTH_HMAC192_SHA256",
    "sha384": "USM_AUTH_HMAC256_SHA384",
    "sha512": "USM_AUTH_HMAC384_SHA512",
    "sha224": "USM_AUTH_HMAC128_SHA224",
    "sha1": "USM_AUTH_HMAC96_SHA",
}
#: RFC 3826, and the longer keys as Cisco and net-snmp have them. DES is not among them.
PRIVACY = {"aes128": "USM_PRIV_CFB128_AES", "aes192": "USM_PRIV_CFB192_AES", "aes256": "USM_PRIV_CFB256_AES"}

_PREFIX = "handover_snmp_"
_TEXTS = ("user", "auth_key", "privacy_key", "auth", "privacy", "community")
_NUMBERS = {"port": int, "timeout": float, "retries": int}

#: The variables that a login is made of.
VARIABLES = ("ansible_host", *(_PREFIX + key for key in ("host", *_TEXTS, *_NUMBERS, "allow_v2c")))


@dataclass(frozen=True)
class SnmpLogin:
    """Who asks, and where. Keys are not shown.

    :ivar host: the router's address or name.
    :ivar user: the user of SNMPv3.
    :ivar auth_key: his passphrase for authentication.
    :ivar privacy_key: his passphrase for privacy.
    :ivar auth: ``sha256``, ``sha384``, ``sha512``, ``sha224`` or ``sha1``.
    :ivar privacy: ``aes128``, ``aes192`` or ``aes256``.
    :ivar community: of SNMPv2c, in place of user and keys.
    :ivar allow_v2c: whether that may be used: everybody on the way can read it, and do the same.
    :ivar timeout: seconds that an answer may take.
    :ivar retries: how often a question is repeated; a SET never is.
    """

    host: str
    user: str = ""
    auth_key: str = field(default="", repr=False)
    privacy_key: str = field(default="", repr=False)
    auth: str = "sha256"
    privacy: str = "aes128"
    community: str = field(default="", repr=False)
    allow_v2c: bool = False
    port: int = 161
    timeout: float = 5
    retries: int = 2

    def __post_init__(self) -> None:
        if self.community:
            if not self.allow_v2c:
                raise HandoverError(
                    "plain_snmp",
                    self.host,
                    "routers are changed by SNMPv3 with authentication and privacy; a community goes over the network "
                    "in the clear",
                    "Give user and keys, or allow SNMPv2c explicitly.",
                )
            return
        if not self.user or min(len(self.auth_key), len(self.privacy_key)) < 8:
            raise HandoverError(
                "bad_login",
                f"{self.user or 'no user'} on {self.host}",
                "SNMPv3 has a user, and two keys of 8 characters at least (RFC 3414 section 11.2)",
            )
        for given, known in ((self.auth, AUTH), (self.privacy, PRIVACY)):
            if given not in known:
                raise HandoverError("bad_login", given, f"a protocol is one of {', '.join(known)}")


def login_of(name: str, variables: Mapping[str, Any]) -> SnmpLogin:
    """The login in a router's variables: ``handover_snmp_user``, ``handover_snmp_auth_key`` and so on.

    :param name: the router's inventory name, which is its address where no other is given.
    :raises HandoverError: ``bad_login``, ``plain_snmp``. No message has a key in it.
    """
    given: dict[str, Any] = {"host": str(variables.get("ansible_host") or name)}
    for key in ("host", *_TEXTS):
        if variables.get(_PREFIX + key) is not None:
            given[key] = str(variables[_PREFIX + key])
    try:
        for key, kind in _NUMBERS.items():
            if variables.get(_PREFIX + key) is not None:
                given[key] = kind(variables[_PREFIX + key])
    except (TypeError, ValueError) as error:
        raise HandoverError("bad_login", f"{name}: {_PREFIX}{key}", "port, timeout and retries are numbers") from error
    allowed = variables.get(f"{_PREFIX}allow_v2c")
    return SnmpLogin(**given, allow_v2c=str(allowed).lower() in ("true", "yes", "1"))
