# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digest authentication of a request (RFC 3261 section 22.4; RFC 7616; RFC 8760 for SHA-256 in SIP)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ...plugins.module_utils.errors import HandoverError
from ...plugins.module_utils.sip.grammar import QUOTED, TOKEN, unquoted

__all__ = ["Challenge", "best_challenge", "credentials", "parse_challenge"]

_SCHEME = re.compile(r"[dD][iI][gG][eE][sS][tT][ \t]+")
_PARAM = re.compile(rf"([{TOKEN}]+)[ \t]*=[ \t]*({QUOTED}|[{TOKEN}]+)[ \t]*(?:,[ \t]*(?!\Z)|\Z)|.+", re.DOTALL)
_HASHES = {"MD5": "md5", "SHA-256": "sha256"}
_MAX = 2048


@dataclass(frozen=True)
class Challenge:
    """What a server asks for.

    :ivar qop: qualities of protection that it offers; none from a server of RFC 2069.
    :ivar stale: the credentials were right, and their nonce too old.
    """

    realm: str
    nonce: str
    qop: tuple[str, ...] = ()
    algorithm: str = "MD5"
    opaque: str | None = None
    stale: bool = False


def parse_challenge(text: str) -> Challenge:
    """Read a WWW-Authenticate or Proxy-Authenticate value.

    :raises HandoverError: ``bad_challenge``: it cannot be read, or what it holds could not be given back in quotes.
    """
    scheme = _SCHEME.match(text) if len(text) <= _MAX else None
    pairs = [] if scheme is None else _PARAM.findall(text, scheme.end())
    given = {name.lower(): unquoted(value) for name, value in pairs}
    if not pairs or "" in given or len(given) != len(pairs) or not {"realm", "nonce"} <= given.keys():
        raise HandoverError("bad_challenge", text, "a challenge is Digest with a realm and a nonce, each once")
    if any(char in value or not value.isprintable() for value in given.values() for char in '"\\'):
        raise HandoverError("bad_challenge", text, "a challenge holds no quotes and backslashes within quotes")
    return Challenge(
        realm=given["realm"],
        nonce=given["nonce"],
        qop=tuple(word.lower() for word in re.split(r"[ \t,]+", given.get("qop", "")) if word),
        algorithm=given.get("algorithm", "MD5").upper(),
        opaque=given.get("opaque"),
        stale=given.get("stale", "").lower() == "true",
    )


def best_challenge(values: Sequence[str]) -> Challenge:
    """The first that can be answered: a server puts the one that it likes best on top (RFC 8760 section 2.3).

    :raises HandoverError: ``bad_challenge``.
    """
    wrong: HandoverError | None = None
    for value in values[:8]:
        try:
            challenge = parse_challenge(value)
        except HandoverError as error:
            wrong = error
            continue
        if challenge.algorithm in _HASHES and (not challenge.qop or {"auth", "auth-int"} & {*challenge.qop}):
            return challenge
    raise wrong or HandoverError("bad_challenge", ", ".join(values), "a challenge has MD5 or SHA-256, auth or auth-int")


def credentials(
    challenge: Challenge, method: str, uri: str, user: str, password: str, body: bytes, cnonce: str, qop: str | None
) -> str:
    """The value of Authorization, for a nonce that has not been used before.

    :param body: what a digest with ``auth-int`` covers.
    :param qop: ``auth`` or ``auth-int``; None for the better one that is offered: ``auth-int`` beside a body.
    """

    def digest(data: str | bytes) -> str:
        raw = data if isinstance(data, bytes) else data.encode()
        return hashlib.new(_HASHES[challenge.algorithm], raw, usedforsecurity=False).hexdigest()

    fields = {"username": user, "realm": challenge.realm, "nonce": challenge.nonce, "uri": uri}
    result = ", ".join(f'{name}="{value}"' for name, value in fields.items())
    if challenge.opaque is not None:
        result += f', opaque="{challenge.opaque}"'
    secret = digest(f"{user}:{challenge.realm}:{password}")
    if not challenge.qop:
        response = digest(f"{secret}:{challenge.nonce}:{digest(f'{method}:{uri}')}")
        return f'Digest {result}, response="{response}", algorithm={challenge.algorithm}'
    if qop is None:
        whole = "auth-int" in challenge.qop and (body or "auth" not in challenge.qop)
        qop = "auth-int" if whole else "auth"
    covered = f":{digest(body)}" if qop == "auth-int" else ""
    asked = digest(f"{method}:{uri}{covered}")
    response = digest(f"{secret}:{challenge.nonce}:00000001:{cnonce}:{qop}:{asked}")
    return (
        f'Digest {result}, qop={qop}, nc=00000001, cnonce="{cnonce}", response="{response}", '
        f"algorithm={challenge.algorithm}"
    )
