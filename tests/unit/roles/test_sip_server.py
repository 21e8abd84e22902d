# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role sip_server makes of Kamailio, with a real one on loopback; the role itself runs in molecule."""

from __future__ import annotations

import json
import secrets
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.phone import TAG, Request

from .private_kamailio import ADDRESS, DOMAIN, PASSWORD, Kamailio, request

pytestmark = pytest.mark.skipif(shutil.which("kamailio") is None, reason="Kamailio is not installed on this host")

OTHER = "other.example"
REQUIRED = (f"Require: {TAG}", f"{TAG}: <sip:alice@198.51.100.20>")

Started = Callable[..., Kamailio]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """Starts a server with variables of the role, and ends it."""
    servers: list[Kamailio] = []

    def start(own: str | None = None, listen: Sequence[str] = (), **settings: Any) -> Kamailio:
        servers.append(Kamailio(tmp_path, settings, own, listen))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def asked(user: str = "alice", domain: str = DOMAIN, headers: tuple[str, ...] = REQUIRED) -> Request:
    return replace(request(secrets.token_hex(8), user), domain=domain, headers=headers)


def told(server: Kamailio, wanted: Request) -> dict[str, Any]:
    """The event of a request that was accepted."""
    line = server.events(wanted.call_id)
    event: dict[str, Any] = json.loads(line[line.index(b"{") :])
    return event


def connected(port: int) -> socket.socket:
    """To whom events are pushed: a process of its own listens, and phones may be answered before it does."""
    until = time.monotonic() + 60
    while True:
        try:
            return socket.create_connection((ADDRESS, port), 60)
        except ConnectionRefusedError:
            if time.monotonic() > until:
                raise
        time.sleep(0.1)


def users(**mobility: bool) -> list[dict[str, Any]]:
    names = [(name, domain) for name in ("alice", "bob") for domain in (DOMAIN, OTHER)]
    return [
        {"name": name, "domain": domain, "password": PASSWORD}
        | ({"mobility": mobility[name]} if name in mobility and domain == DOMAIN else {})
        for name, domain in names
    ]


def test_the_tag_is_understood_where_it_is_switched_on(started: Started) -> None:
    """By domain, and by user whatever the domain says; elsewhere 420 names it (RFC 3261 section 8.2.2.3)."""
    domains = [{"name": DOMAIN, "mobility": True}, {"name": OTHER}]
    server = started(sip_server_domains=domains, sip_server_users=users(bob=False))
    answers = {
        (user, domain): server.phone().register(asked(user, domain), PASSWORD)
        for user in ("alice", "bob")
        for domain in (DOMAIN, OTHER)
    }
    assert {key: answer.status for key, answer in answers.items()} == {
        ("alice", DOMAIN): 200,
        ("bob", DOMAIN): 420,
        ("alice", OTHER): 420,
        ("bob", OTHER): 420,
    }
    assert answers["bob", DOMAIN].all("Unsupported") == [TAG]


def test_one_user_of_a_domain_where_it_is_off(started: Started) -> None:
    server = started(sip_server_domains=[{"name": DOMAIN}], sip_server_users=users(bob=True)[:3])
    assert server.phone().register(asked("bob"), PASSWORD).status == 200
    assert server.phone().register(asked("alice"), PASSWORD).status == 420


def test_where_it_is_off_the_header_alone_means_nothing(started: Started) -> None:
    server = started(sip_server_domains=[{"name": DOMAIN}])
    wanted = asked(headers=REQUIRED[1:])
    assert server.phone().register(wanted, PASSWORD).status == 200
    assert told(server, wanted)["tag_hex"] == []


@pytest.mark.parametrize("value", ["", "soon", "-1", "0600", "99999999999", '6"0'])
def test_a_strange_expires_leaves_the_line_whole(started: Started, value: str) -> None:
    """On a Kamailio of the operator's own, too, which may not look at it first."""
    server = started(OWN)
    wanted = replace(asked(headers=(f"Expires: {value}",)), expires=None)
    answer = server.phone().register(wanted, PASSWORD)
    if answer.status == 200:
        assert isinstance(told(server, wanted)["expires"], int)


def test_other_tags_are_named_too(started: Started) -> None:
    server = started(sip_server_domains=[{"name": DOMAIN}])
    answer = server.phone().register(asked(headers=(f"Require: path, {TAG}", "Require: gruu")), PASSWORD)
    assert (answer.status, answer.all("Unsupported")) == (420, [f"path, {TAG}, gruu"])


def test_a_domain_that_is_not_served(started: Started) -> None:
    server = started()
    assert server.phone().register(asked(domain="nowhere.example"), PASSWORD).status == 404


def test_credentials_of_one_domain_are_none_of_another(started: Started) -> None:
    server = started(
        sip_server_domains=[{"name": DOMAIN, "mobility": True}, {"name": OTHER, "mobility": True}],
        sip_server_users=[
            {"name": "alice", "domain": DOMAIN, "password": PASSWORD},
            {"name": "alice", "domain": OTHER, "password": "another"},
        ],
    )
    assert server.phone().register(asked(domain=OTHER), PASSWORD).status == 401
    assert server.phone().register(asked(domain=OTHER), "another").status == 200


def test_twenty_thousand_users(started: Started) -> None:
    """More than Kamailio takes in its configuration, by ten times."""
    table = [{"name": f"u{number}", "domain": DOMAIN, "ha1": f"{number:032x}"} for number in range(20_000)]
    server = started(sip_server_users=[*table, *users(), {"name": "last", "domain": DOMAIN, "password": "hers"}])
    assert server.phone().register(asked("alice", headers=()), PASSWORD).status == 200
    assert server.phone().register(asked("last", headers=()), "hers").status == 200
    assert server.phone().register(asked("u19999", headers=()), "guessed").status == 401


def test_no_password_gets_to_the_server(started: Started, tmp_path: Path) -> None:
    started()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b":alice@" in written
    assert PASSWORD.encode() not in written


def test_a_source_that_sends_too_much_hears_nothing(started: Started) -> None:
    server = started(sip_server_requests_per_source=20)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.connect((ADDRESS, server.port))
        one.settimeout(0.2)
        heard = 0
        for number in range(60):
            one.send(asked().text(secrets.token_hex(4), str(number), one.getsockname()[1]))
            with suppress(TimeoutError):
                heard += one.recv(65535).startswith(b"SIP/2.0 401")
                continue
            break
    assert 10 <= heard < 60


def test_events_are_pushed_to_whoever_is_connected(started: Started) -> None:
    """A netstring each, the same text as in the log; without anybody the log has it alone."""
    with socket.socket() as free:
        free.bind((ADDRESS, 0))
        port = free.getsockname()[1]
    server = started(sip_server_push=f"{ADDRESS}:{port}")
    alone, heard = asked(), asked()
    assert server.phone().register(alone, PASSWORD).status == 200
    told(server, alone)
    with connected(port) as one:
        time.sleep(0.2)  # the server takes the connection in a process of its own
        assert server.phone().register(heard, PASSWORD).status == 200
        event = told(server, heard)
        one.settimeout(60)
        data = one.recv(65535)
    size, _, rest = data.partition(b":")
    assert (int(size), rest[-1:]) == (len(rest) - 1, b",")
    assert json.loads(rest[:-1]) == event


OWN = """#!KAMAILIO
LISTEN
log_stderror=yes
children=1
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "use_domain", 1)
include_file "DIRECTORY/sipmobility.cfg"
request_route {
    if (is_method("REGISTER")) {
        if (!pv_www_authenticate("$td", "kept between alice and her server", "0")) {
            www_challenge("$td", "1");
            exit;
        }
        route(SIPMOBILITY_REGISTER);
    }
    sl_send_reply("200", "OK");
}
"""


def test_a_kamailio_that_the_operator_configured_himself(started: Started) -> None:
    """One file included, one line in place of ``save``; what his digest covered he need not tell."""
    server = started(OWN)
    wanted = asked()
    assert server.phone().register(wanted, PASSWORD).status == 200
    event = told(server, wanted)
    assert (event["event"], event["auth_user"], event["qop"], len(event["tag_hex"])) == ("register", "alice", None, 1)
    assert server.phone().register(asked(headers=("Require: path",)), PASSWORD).status == 420


def test_tls(started: Started, tmp_path: Path) -> None:
    """A client whose certificate is not known is refused before it says a word of SIP."""
    for name in ("server", "client", "stranger"):
        files = ["-keyout", str(tmp_path / f"{name}.key"), "-out", str(tmp_path / f"{name}.pem")]
        subject = ["-subj", f"/CN={name}.example", "-days", "1"]
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        subprocess.run(["openssl", "req", "-x509", *key, *subject, *files], check=True, capture_output=True)
    with socket.socket() as free:
        free.bind((ADDRESS, 0))
        port = free.getsockname()[1]
    started(
        listen=[f"tls:{ADDRESS}:{port}"],
        sip_server_tls_certificate=str(tmp_path / "server.pem"),
        sip_server_tls_private_key=str(tmp_path / "server.key"),
        sip_server_tls_ca_list=str(tmp_path / "client.pem"),
        sip_server_tls_verify_client=True,
    )

    def answer(client: str) -> bytes:
        context = ssl.create_default_context(cafile=str(tmp_path / "server.pem"))
        context.check_hostname = False
        context.load_cert_chain(tmp_path / f"{client}.pem", tmp_path / f"{client}.key")
        with socket.create_connection((ADDRESS, port), 60) as plain, context.wrap_socket(plain) as secured:
            text = asked().text("z9hG4bKtls", "t", secured.getsockname()[1]).replace(b"SIP/2.0/UDP", b"SIP/2.0/TLS")
            secured.sendall(text)
            return bytes(secured.recv(65535))

    assert answer("client").startswith(b"SIP/2.0 401")
    with suppress(ssl.SSLError, ConnectionError):  # or not even an orderly end
        assert answer("stranger") == b""
