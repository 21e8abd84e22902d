# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Posts are believed by their signature, within a window, once; and come to the judge by HTTP."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from ansible_collections.sipmobility.handover.agent.service.config import Endpoint
from ansible_collections.sipmobility.handover.agent.service.inputs.signed import Signatures, load_secret
from ansible_collections.sipmobility.handover.agent.service.inputs.webhook import Webhook
from ansible_collections.sipmobility.handover.agent.service.looks import serve_looks
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError

_NOW = 1_700_000_000
_SECRET = b"a secret that nobody else has"


def signed(body: bytes, *, identity: str = "one", at: int = _NOW, secret: bytes = _SECRET) -> dict[str, str]:
    proof = hmac.digest(secret, f"{identity}.{at}.".encode() + body, hashlib.sha256)
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,{base64.b64encode(proof).decode()}",
    }


def status(signatures: Signatures, headers: Mapping[str, str], body: bytes) -> int:
    refused = signatures.refusal(headers, body)
    return 200 if refused is None else refused[0]


@pytest.fixture
def signatures() -> Signatures:
    return Signatures((_SECRET, b"the secret that comes after this one"), 60, lambda: _NOW)


def test_each_proof_counts_once(signatures: Signatures) -> None:
    headers = signed(b"body")
    assert status(signatures, headers, b"body") == 200
    assert status(signatures, headers, b"body") == 409
    assert status(signatures, signed(b"other"), b"other") == 409
    assert status(signatures, signed(b"body", identity="two"), b"body") == 200
    next_secret = signed(b"body", identity="three", secret=b"the secret that comes after this one")
    assert status(signatures, next_secret, b"body") == 200


@pytest.mark.parametrize(
    ("headers", "body", "answer"),
    [
        (signed(b"body"), b"altered", 401),
        (signed(b"body", secret=b"another secret, as long as that"), b"body", 401),
        ({**signed(b"body"), "webhook-id": "two"}, b"body", 401),
        ({**signed(b"body"), "webhook-timestamp": str(_NOW + 1)}, b"body", 401),
        ({**signed(b"body"), "webhook-signature": ""}, b"body", 401),
        ({**signed(b"body"), "webhook-signature": "v1,"}, b"body", 401),
        ({**signed(b"body"), "webhook-signature": "v1,?, v2,AAAA"}, b"body", 401),
        (
            {**signed(b"body"), "webhook-signature": signed(b"body")["webhook-signature"].replace("v1", "v2")},
            b"body",
            401,
        ),
        (signed(b"body", at=_NOW - 61), b"body", 401),
        (signed(b"body", at=_NOW + 61), b"body", 401),
        (signed(b"body", identity="with.point"), b"body", 400),
        (signed(b"body", identity=""), b"body", 400),
        ({}, b"body", 400),
        ({**signed(b"body"), "webhook-timestamp": "-1"}, b"body", 400),
    ],
)
def test_what_is_not_believed(signatures: Signatures, headers: dict[str, str], body: bytes, answer: int) -> None:
    assert status(signatures, headers, body) == answer


def test_ids_are_forgotten_when_their_time_is_refused() -> None:
    now = [float(_NOW)]
    signatures = Signatures((_SECRET,), 60, lambda: now[0])
    early = signed(b"body", at=_NOW + 60)  # the latest that an id can be good for
    assert status(signatures, early, b"body") == 200
    for later, answer in ((60, 409), (120, 409), (121, 401)):
        now[0] = _NOW + later
        assert status(signatures, early, b"body") == answer
    assert status(signatures, signed(b"body", at=_NOW + 121), b"body") == 200


def test_secrets(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"whsec_" + base64.b64encode(_SECRET) + b"\n\n" + _SECRET + b"\n")
    path.chmod(0o640)
    assert load_secret(str(path)) == (_SECRET, _SECRET)

    def refused(write: Callable[[], object]) -> str:
        write()
        with pytest.raises(HandoverError) as told:
            load_secret(str(path))
        assert told.value.code == "bad_config"
        return told.value.rule

    assert "everybody" in refused(lambda: path.chmod(0o644))
    path.chmod(0o600)
    assert "24 bytes" in refused(lambda: path.write_bytes(b"short\n"))
    assert "Base64" in refused(lambda: path.write_bytes(b"whsec_???\n"))
    assert "can be read" in refused(path.unlink)


def test_posts_by_http(tmp_path: Path) -> None:
    taken: list[list[bytes]] = []

    async def take(events: list[bytes]) -> None:
        taken.append(events)

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        at = Endpoint("127.0.0.1", probe.getsockname()[1])
    webhook = Webhook(Signatures((_SECRET,), 60, lambda: _NOW))
    server = serve_looks(at, {}, {"/events": webhook.post}, 100)

    def post(body: bytes, headers: Mapping[str, str], path: str = "/events") -> int:
        request = Request(f"http://{at}{path}", body, dict(headers))
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
                assert "told" in json.load(answer)
                return int(answer.status)
        except HTTPError as error:
            return error.code

    async def story() -> None:
        body = b'{"a": 1}\n\n{"b": 2}\n'
        assert await asyncio.to_thread(post, body, signed(body)) == 503
        webhook.open(take)
        assert await asyncio.to_thread(post, body, signed(body)) == 202
        assert await asyncio.to_thread(post, body, signed(body)) == 409
        assert await asyncio.to_thread(post, b"x" * 101, signed(b"x" * 101)) == 413
        assert await asyncio.to_thread(post, body, signed(body), "/status") == 404
        # A sender that is a shell.
        told = {"body": '{"c": 3}', "secret": _SECRET.decode(), "PATH": "/usr/bin:/bin"}
        script = f'printf %s "two.{_NOW}.$body" | openssl dgst -sha256 -hmac "$secret" -binary | base64'
        shell = await asyncio.to_thread(subprocess.run, ["sh", "-c", script], env=told, capture_output=True, text=True)
        proof = {**signed(b"", identity="two"), "webhook-signature": f"v1,{shell.stdout.strip()}"}
        assert await asyncio.to_thread(post, told["body"].encode(), proof) == 202, shell.stderr
        webhook.close()
        assert await asyncio.to_thread(post, body, signed(body, identity="three")) == 503

    try:
        asyncio.run(story())
    finally:
        server.shutdown()
        server.server_close()
    assert taken == [[b'{"a": 1}', b'{"b": 2}'], [b'{"c": 3}']]
