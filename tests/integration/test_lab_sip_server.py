"""The lab's SIP server: who is let in, what is refused, and that each accepted REGISTER is told once and whole."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import pytest

from lab import Lab
from lab.registrar import Registrar
from lab.topology import ROOT

FAMILIES = pytest.mark.parametrize("family", [0, 1], ids=["ipv4", "ipv6"])
TAG = "com.cisco.TerminalMobilityUsingNat"


@pytest.fixture
def registrar(at_home: Lab) -> Registrar:
    it = Registrar(at_home)
    it.clear()
    return it


@FAMILIES
def test_tagged_register_is_accepted_and_told(at_home: Lab, registrar: Registrar, family: int) -> None:
    """US 7,082,118: the new address in Contact, the old one in the tag's header."""
    old = at_home.topology.address("mn").ips[family]
    registrar.register_told(old, "--port", "5060")
    moved = at_home.move("mn", "b")
    report, event = registrar.register_told(moved.new[family], "--port", "5060", "--old", str(old))
    assert report["status"] == 200
    host = f"[{old}]" if family else str(old)
    assert [bytes.fromhex(value).decode() for value in event["tag_hex"]] == [f"<sip:alice@{host}>"]
    assert [bytes.fromhex(value).decode() for value in event["require_hex"]] == [TAG]
    assert ip_address(event["src_ip"]) == moved.new[family]
    assert (event["v"], event["event"], event["rc"]) == (1, "register", 1)
    assert (event["auth_user"], event["auth_realm"], event["cseq"]) == ("alice", "visited.example", 2)
    assert [binding["contact"] for binding in event["before"]] == [f"sip:alice@{host}:5060"]


def test_bindings_of_another_phone_are_not_told_again(at_home: Lab, registrar: Registrar) -> None:
    """Kamailio's ``$var`` belongs to the process: a second user's event must not carry the first one's bindings."""
    local = at_home.topology.address("mn").ips[0]
    for _ in range(4):
        registrar.register_told(local, user="alice")
    _, event = registrar.register_told(local, user="bob")
    assert event["before"] == []
    assert event["tag_hex"] == []


@pytest.mark.parametrize(
    ("options", "password", "status"),
    [
        ([], "wrong", 401),
        (["--domain", "other.example"], None, 404),
        (["--require", "x.example.tag"], None, 420),
        (["--require", f"{TAG}, 100rel", "--require", "gruu"], None, 420),
    ],
    ids=["wrong password", "another domain", "another tag", "tags in lists"],
)
def test_refused_registrations_are_answered_and_not_told(
    at_home: Lab, registrar: Registrar, options: list[str], password: str | None, status: int
) -> None:
    report = registrar.register(at_home.topology.address("mn").ips[0], *options, password=password)
    assert report["status"] == status
    expected = {"x.example.tag": ["x.example.tag"], f"{TAG}, 100rel": ["100rel, gruu"]}
    assert report["unsupported"] == (expected[options[1]] if status == 420 else [])
    _, event = registrar.register_told(at_home.topology.address("mn").ips[0])
    assert [json.loads(line) for line in registrar.lines()] == [event]


def test_one_user_cannot_register_for_another(at_home: Lab, registrar: Registrar) -> None:
    """Bob's credentials, Alice's address of record."""
    local = at_home.topology.address("mn").ips[0]
    report = registrar.register(local, "--aor-user", "alice", user="bob")
    assert report["status"] == 403
    assert registrar.lines() == []


def test_long_and_strange_headers_come_through_whole(at_home: Lab, registrar: Registrar) -> None:
    """Longer than Kamailio's default buffers, with a fold, quotes, and Kamailio's own word for nothing."""
    tag, long = '"<null> \\" é"\r\n <sip:alice@198.18.10.50>', "x" * 12000
    headers = ["--header", f"{TAG}: {tag}", "--header", f"Contact: <sip:alice@198.18.10.50:5070>;x={long}"]
    _, event = registrar.register_told(at_home.topology.address("mn").ips[0], *headers, "--require", TAG)
    assert bytes.fromhex(event["tag_hex"][0]).decode() == tag
    assert bytes.fromhex(event["contact_hex"][1]).decode().endswith(long)


@FAMILIES
def test_a_list_of_sessions_under_auth_int_comes_through(at_home: Lab, registrar: Registrar, family: int) -> None:
    """docs/sessions-body.md: the body whole, and what the verified digest covered."""
    old, peer = at_home.topology.address("mn").ips[family], at_home.topology.address("cn").ips[family]
    session = f"tcp:40001:{f'[{peer}]' if family else peer}:7100"
    moved = at_home.move("mn", "b")
    for options, qop in (([], "auth-int"), (["--qop", "auth"], "auth")):
        _, event = registrar.register_told(moved.new[family], "--old", str(old), "--session", session, *options)
        assert event["qop"] == qop
        listed = json.loads(bytes.fromhex(event["body_hex"]))
        assert (listed["old"], listed["sessions"][0]["correspondent"]) == (str(old), str(peer))


def test_a_list_that_was_altered_under_auth_int_is_refused(at_home: Lab, registrar: Registrar) -> None:
    """RFC 7616 section 3.4.3: the digest is of another body than the one that came."""
    options = ["--old", "198.18.10.50", "--session", "tcp:40001:198.51.100.10:7100", "--signed-body", "{}"]
    local = at_home.topology.address("mn").ips[0]
    assert registrar.register(local, *options)["status"] == 401
    assert registrar.lines() == []


def test_no_event_of_a_burst_is_lost_even_with_the_log_daemon_restarted(at_home: Lab, registrar: Registrar) -> None:
    local = at_home.topology.address("mn").ips[0]
    with ThreadPoolExecutor(1) as pool:
        burst = pool.submit(registrar.register, local, "--repeat", "1000")
        time.sleep(0.5)
        at_home.run("pcscf", ["systemctl", "restart", "sipmobility-events"])
        assert burst.result()["status"] == 200
    end = time.monotonic() + 60
    while len(registrar.lines()) < 1000 and time.monotonic() < end:
        time.sleep(0.1)
    assert sorted(json.loads(line)["cseq"] for line in registrar.lines()) == list(range(2, 2002, 2))


@pytest.mark.parametrize(("user", "written"), [("kamailio", 1), ("nobody", 0)])
def test_none_but_the_server_can_write_an_event(at_home: Lab, registrar: Registrar, user: str, written: int) -> None:
    """What is written there is believed."""
    logger = ["logger", "--socket", "/run/sipmobility/events.sock", "--socket-errors=on", "-p", "local1.info"]
    become = ["setpriv", f"--reuid={user}", f"--regid={'kamailio' if written else 'nogroup'}", "--clear-groups"]
    done = at_home.run("pcscf", [*become, *logger, '{"v": 1}'], check=False)
    assert (done.returncode == 0) is bool(written), done.stderr
    registrar.register_told(at_home.topology.address("mn").ips[0])
    assert [line for line in registrar.lines() if line == '{"v": 1}'] == ['{"v": 1}'] * written


def test_a_forgotten_binding_is_told_when_it_expires(at_home: Lab, registrar: Registrar) -> None:
    report, _ = registrar.register_told(at_home.topology.address("mn").ips[0], "--expires", "5", "--port", "5060")
    end = time.monotonic() + 12
    expired: list[dict[str, object]] = []
    while not expired and time.monotonic() < end:
        time.sleep(0.2)
        expired = [event for event in map(json.loads, registrar.lines()) if event["event"] == "expired"]
    assert [(event["aor"], event["contact"], event["call_id"]) for event in expired] == [
        ("sip:alice@visited.example", "sip:alice@198.18.10.50:5060", report["call_id"])
    ]


def test_the_fixtures_have_the_keys_that_the_server_writes(at_home: Lab, registrar: Registrar) -> None:
    """Tests read recorded lines; they must not grow apart from the configuration."""
    _, event = registrar.register_told(at_home.topology.address("mn").ips[0])
    fixtures = sorted((ROOT / "tests" / "fixtures" / "kamailio").glob("register_*.jsonl"))
    assert len(fixtures) >= 10
    for path in fixtures:
        for line in path.read_text().splitlines():
            assert set(json.loads(line)) == set(event), path.name
