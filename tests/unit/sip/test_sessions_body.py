# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of sessions: docs/sessions-body.md, its schema and its reader against each other."""

from __future__ import annotations

import importlib
import json
import re
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.selector import PROTOCOLS as ROUTED
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sessions_body import (
    MAX_BODY,
    MAX_SESSIONS,
    MEDIA_TYPE,
    PROTOCOLS,
    ListedSession,
    SessionList,
    parse_sessions,
)

from ..growth import LINEAR, TIMES, growth
from .messages import SESSIONS, sessions

DOCS = Path(__file__).resolve().parents[3] / "docs"
SCHEMA = json.loads((DOCS / "schemas" / "vnd.sipmobility.sessions.json").read_text(encoding="utf-8"))
ONE: dict[str, object] = {"protocol": "tcp", "port": 40001, "correspondent": "3.3.3.20", "correspondent_port": 7100}


def fits_schema(body: object) -> bool:
    """Whether the published schema takes a body."""
    jsonschema = importlib.import_module("jsonschema")
    validator = jsonschema.Draft202012Validator
    validator.check_schema(SCHEMA)
    fits: bool = validator(SCHEMA, format_checker=validator.FORMAT_CHECKER).is_valid(body)
    return fits


def refused(data: bytes) -> str:
    """The rule that a body breaks."""
    with pytest.raises(HandoverError) as caught:
        parse_sessions(data)
    assert caught.value.code == "bad_sessions"
    return caught.value.rule


def outcome(data: bytes) -> str:
    """The code of a body's refusal, or that it was read."""
    try:
        parse_sessions(data)
    except HandoverError as error:
        return error.code
    return "read"


def one(**values: object) -> bytes:
    """A body with one session, some of whose keys are replaced; ``...`` drops one."""
    return sessions(sessions=[{key: value for key, value in {**ONE, **values}.items() if value is not ...}])


def test_a_list() -> None:
    assert parse_sessions(sessions()) == SessionList(
        ip_address("1.1.1.20"),
        (
            ListedSession("tcp", 40001, ip_address("3.3.3.20"), 7100),
            ListedSession("udp", 4000, ip_address("3.3.3.20"), 5004),
        ),
    )
    assert fits_schema(SESSIONS)


def test_the_documents_example_is_what_it_says() -> None:
    text = (DOCS / "sessions-body.md").read_text(encoding="utf-8")
    head, _blank, body = text.partition("```\n")[2].partition("```")[0].partition("\n\n")
    assert f"Content-Type: {MEDIA_TYPE}\n" in head
    assert f"Content-Length: {len(body.encode()) - 1}" in head
    assert str(parse_sessions(body.encode()).old) in head
    assert fits_schema(json.loads(body))


def test_bounds_and_protocols_are_those_of_schema_document_and_routers() -> None:
    text = (DOCS / "sessions-body.md").read_text(encoding="utf-8")
    assert (SCHEMA["properties"]["sessions"]["maxItems"], f"{MAX_BODY:,} bytes" in text) == (MAX_SESSIONS, True)
    assert tuple(SCHEMA["$defs"]["session"]["properties"]["protocol"]["enum"]) == PROTOCOLS == ROUTED


ADDRESSES = st.sampled_from([st.ip_addresses(v=4), st.ip_addresses(v=6)])
PORTS = st.integers(1, 65535)


@st.composite
def lists(draw: st.DrawFn) -> SessionList:
    """Any list of sessions that may be sent."""
    addresses = draw(ADDRESSES)
    session = st.builds(ListedSession, st.sampled_from(PROTOCOLS), PORTS, addresses, PORTS)
    return SessionList(draw(addresses), tuple(draw(st.lists(session, min_size=1, max_size=8, unique=True))))


def written(listed: SessionList) -> dict[str, Any]:
    """A list as its body."""
    items = [{**vars(item), "correspondent": str(item.correspondent)} for item in listed.sessions]
    return {"version": 1, "old": str(listed.old), "sessions": items}


@given(lists(), st.sampled_from([None, 0, 2]))
def test_what_is_written_is_read_in_any_layout(listed: SessionList, indent: int | None) -> None:
    body = written(listed)
    assert fits_schema(body)
    assert parse_sessions(json.dumps(body, indent=indent).encode()) == listed


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["tcp", "3.3.3.20", "::1", 1, 80]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*SESSIONS, *ONE]) | st.text(), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(st.data())
def test_a_changed_list_is_read_only_where_the_schema_takes_it(data: st.DataObject) -> None:
    body: dict[str, Any] = json.loads(sessions())
    where = data.draw(st.sampled_from([body, body["sessions"][0]]))
    key = data.draw(st.sampled_from(sorted(where)) | st.text(max_size=8))
    where[key] = data.draw(JSON)
    assert outcome(json.dumps(body).encode()) == "bad_sessions" or fits_schema(body)


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    assert outcome(data) in ("read", "bad_sessions")


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (sessions(version=2), "the version is 1"),
        (sessions(version=True), "the version is 1"),
        (sessions(version="1"), "the version is 1"),
        (sessions(version=...), "with the keys"),
        (sessions(old=...), "with the keys"),
        (sessions(sessions=...), "with the keys"),
        (sessions(comment="hello"), "with the keys"),
        (sessions(sessions=[]), "1 to 200 sessions"),
        (sessions(sessions={}), "1 to 200 sessions"),
        (sessions(sessions=[[]]), "a session is an object"),
        (sessions(sessions=[ONE] * 2), "listed once"),
        (one(port=...), "with the keys"),
        (one(outside="9.9.9.9"), "with the keys"),
        (one(protocol="icmp"), "the protocol is one of"),
        (one(protocol="TCP"), "the protocol is one of"),
        (one(protocol=["tcp"]), "the protocol is one of"),
        (one(port=0), "from 1 to 65535"),
        (one(port=65536), "from 1 to 65535"),
        (one(port=True), "from 1 to 65535"),
        (one(port="80"), "from 1 to 65535"),
        (one(port=-1), "from 1 to 65535"),
        (one(port=80.0), "a number is whole"),
        (one(port=float("nan")), "a number is whole"),
        (one(port=float("inf")), "a number is whole"),
        (one().replace(b"7100", b"71e2"), "a number is whole"),
        (one().replace(b"7100", b"007100"), "one JSON object"),
        (one().replace(b"7100", b"9" * 20000), "a number is a version or a port"),
        (one(correspondent="cn.example.com"), "an address is"),
        (one(correspondent="3.3.3.020"), "an address is"),
        (one(correspondent="[2001:db8::1]"), "an address is"),
        (one(correspondent=80), "an address is"),
        (one(correspondent="2001:db8::1"), "of one family"),
        (sessions(old="2001:db8::1"), "of one family"),
        (sessions(old="fe80::1%eth0"), "an address is"),
        (sessions().replace(b'"version": 1', b'"version": 1, "version": 1'), "a key stands once"),
        (one().replace(b'"port": 40001', b'"port": 40001, "port": 40002'), "a key stands once"),
        (sessions() + b" {}", "one JSON object"),
        (b"\xef\xbb\xbf" + sessions(), "one JSON object"),
        (sessions().decode().encode("utf-16"), "one JSON object"),
        (sessions(old="\ud800"), "an address is"),
        (b"[" * 20000, "one JSON object"),
        (b'{"version":' * 2000, "one JSON object"),
        (b"[1]", "with the keys"),
        (b"null", "with the keys"),
        (b"", "one JSON object"),
        (sessions() + b" " * MAX_BODY, "at most 24576 bytes"),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else value,
)
def test_a_body_that_could_be_read_in_two_ways_or_none(data: bytes, rule: str) -> None:
    assert rule in refused(data)


def test_one_session_in_two_spellings_is_listed_twice() -> None:
    two = [{**ONE, "correspondent": address} for address in ("2001:db8::1", "2001:DB8:0::1")]
    assert "listed once" in refused(sessions(old="2001:db8:1::20", sessions=two))


def long_list(count: int) -> bytes:
    """A list of so many sessions, each with as many characters as it can have."""
    far = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"
    many = [
        {"protocol": "udplite", "port": 10000 + n, "correspondent": far, "correspondent_port": 65535}
        for n in range(count)
    ]
    return json.dumps({"version": 1, "old": far, "sessions": many}, separators=(",", ":")).encode()


def test_the_longest_list_fits_in_an_event_line() -> None:
    body = long_list(MAX_SESSIONS)
    assert len(body) < MAX_BODY
    assert len(parse_sessions(body).sessions) == MAX_SESSIONS
    assert "1 to 200" in refused(long_list(MAX_SESSIONS + 1))


def test_the_longest_list_takes_linear_time() -> None:
    def work(body: bytes) -> None:
        # Once is too short to measure.
        for _n in range(20):
            parse_sessions(body)

    small, large = (long_list(count) for count in (MAX_SESSIONS // TIMES, MAX_SESSIONS))
    assert growth(lambda: work(small), lambda: work(large)) < LINEAR


def test_the_schema_and_the_document_name_the_same_keys() -> None:
    text = (DOCS / "sessions-body.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(?:sessions\[\]\.)?(\w+)` \|", text.partition("## Where")[0], re.MULTILINE)
    assert told == [*SCHEMA["properties"], *SCHEMA["$defs"]["session"]["properties"]]
