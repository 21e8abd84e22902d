# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Digest: the examples of RFC 7616 section 3.9.1 and RFC 2617 section 3.5, and challenges of hostile servers."""

from __future__ import annotations

import pytest

from ansible_collections.sipmobility.handover.node.sip.digest import (
    best_challenge,
    credentials,
    parse_challenge,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError

RFC_7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    challenge = parse_challenge(RFC_7616.format(algorithm))
    told = credentials(challenge, "GET", "/dir/index.html", "Mufasa", "Circle of Life", b"", CNONCE, None)
    assert f'response="{response}"' in told
    assert "qop=auth," in told
    assert f"algorithm={algorithm}" in told
    assert 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"' in told


def test_auth_int_covers_the_body_and_is_taken_where_there_is_one() -> None:
    challenge = parse_challenge('Digest realm="r", nonce="n", qop="auth,auth-int"')
    one, two = (
        credentials(challenge, "REGISTER", "sip:r", "u", "p", body, "c", None) for body in (b"one body", b"another")
    )
    assert "qop=auth-int" in one
    assert one != two


def test_a_server_of_rfc_2069() -> None:
    told = credentials(parse_challenge('Digest realm="r", nonce="n"'), "REGISTER", "sip:r", "u", "p", b"x", "c", None)
    assert "qop" not in told
    assert "cnonce" not in told


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Digest",
        "Basic realm=x",
        'Digest realm="r"',
        'Digest realm="r", nonce="n", nonce="m"',
        'Digest realm="r", nonce="a\\"b"',
        'Digest realm="r", nonce="n',
        'Digest realm="r", nonce="n", ???',
        'Digest realm="r", nonce="' + "n" * 3000 + '"',
        'Digest realm="r\x0b", nonce="n"',
    ],
)
def test_what_is_no_challenge(text: str) -> None:
    with pytest.raises(HandoverError) as wrong:
        best_challenge([text])
    assert wrong.value.code == "bad_challenge"


def test_the_first_that_can_be_answered() -> None:
    """RFC 8760 section 2.3: several of one realm, the best on top."""
    texts = [f'Digest realm="r", nonce="{name}", algorithm={name}' for name in ("SHA-512-256", "SHA-256", "MD5")]
    assert best_challenge(texts).nonce == "SHA-256"
    with pytest.raises(HandoverError):
        best_challenge(texts[:1])


def test_a_quality_that_nobody_knows() -> None:
    with pytest.raises(HandoverError):
        best_challenge(['Digest realm="r", nonce="n", qop="auth-conf"'])
