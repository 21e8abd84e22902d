# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events that are posted by HTTP: who sends them proves that he knows a secret, and each proof counts once.

The form is that of Standard Webhooks: ``webhook-id``, ``webhook-timestamp`` (Unix seconds) and ``webhook-signature``,
one or more of ``v1,`` and Base64 of HMAC-SHA256 (RFC 2104) over id, timestamp and body with points between, separated
by blanks: while a secret is being replaced there are two.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Lock

from ....plugins.module_utils.errors import HandoverError

__all__ = ["LONGEST_BODY", "Answer", "Signatures", "load_secret"]

#: Bytes of a post.
LONGEST_BODY = 1024 * 1024
#: Bytes of a secret, at least; posts whose ids are remembered, at most.
_SHORTEST_SECRET, _MOST_IDS = 24, 100_000
_ID = re.compile(r"[\x21-\x2d\x2f-\x7e]{1,128}")  # visible, without the point that separates
_TIME = re.compile(r"[0-9]{1,12}")

#: A status of HTTP, and why.
Answer = tuple[int, str]


class Signatures:
    """Says whether a post is to be believed. Any thread.

    :param secrets: each of them counts.
    :param window: seconds by which a timestamp may differ from our clock.
    """

    def __init__(self, secrets: tuple[bytes, ...], window: float, clock: Callable[[], float] = time.time) -> None:
        self._secrets = secrets
        self._window = window
        self._clock = clock
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._turn = Lock()

    def refusal(self, headers: Mapping[str, str], body: bytes) -> Answer | None:
        """Why a post is not believed; None where it is, and then never again.

        :param headers: by names in lower case.
        """
        identity, stamp = headers.get("webhook-id") or "", headers.get("webhook-timestamp") or ""
        if not _ID.fullmatch(identity) or not _TIME.fullmatch(stamp):
            return 400, "webhook-id and webhook-timestamp are there, and are an id and Unix seconds"
        signed = f"{identity}.{stamp}.".encode() + body
        proofs = [hmac.digest(secret, signed, hashlib.sha256) for secret in self._secrets]
        told = (headers.get("webhook-signature") or "")[:1000].split()
        if not any(hmac.compare_digest(proof, _decoded(one)) for proof in proofs for one in told):
            return 401, "one of webhook-signature is v1 with this body, time, id and the secret"
        now = self._clock()
        if abs(now - int(stamp)) > self._window:
            return 401, f"webhook-timestamp is at most {self._window:g} s away from our clock"
        with self._turn:
            # What is older than the window is refused for its time.
            while self._seen and next(iter(self._seen.values())) < now:
                self._seen.popitem(last=False)
            if identity in self._seen:
                return 409, "each webhook-id comes once"
            if len(self._seen) >= _MOST_IDS:
                return 503, "there are too many posts"
            self._seen[identity] = now + 2 * self._window
        return None


def load_secret(path: str) -> tuple[bytes, ...]:
    """The secrets of a file, one a line, as text or as Standard Webhooks writes them, ``whsec_`` and Base64.

    :raises HandoverError: ``bad_config``.
    """
    try:
        file = Path(path)
        if file.stat().st_mode & 0o007:
            raise HandoverError("bad_config", path, "a secret is not for everybody to read", f"chmod o= {path}")
        lines = [line.strip() for line in file.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise HandoverError("bad_config", f"{path}: {error.strerror}", "the secret can be read") from error
    found = tuple(_secret(line, path) for line in lines)
    if not found or min(map(len, found)) < _SHORTEST_SECRET:
        advice = f"openssl rand -base64 32 >{path}"
        raise HandoverError("bad_config", path, f"a secret has at least {_SHORTEST_SECRET} bytes", advice)
    return found


def _secret(line: bytes, path: str) -> bytes:
    if not line.startswith(b"whsec_"):
        return line
    try:
        return base64.b64decode(line[6:], validate=True)
    except binascii.Error as error:
        raise HandoverError("bad_config", path, "what follows whsec_ is Base64") from error


def _decoded(signature: str) -> bytes:
    version, _comma, text = signature.partition(",")
    try:
        return base64.b64decode(text, validate=True) if version == "v1" else b""
    except (binascii.Error, ValueError):
        return b""
