# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RFC 4475, the torture messages: each point of syntax, in messages of our own.

Names are the RFC's. Left out are messages whose point is not in what is read here: mpart01 and sdp01 (bodies),
the transaction and proxy behaviour of sections 3.2 and 3.3 where the syntax is plain.
"""

from __future__ import annotations

import pytest

from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.message import parse_message

from .messages import message

Headers = list[tuple[str, str]]


def request(method: str, *more: tuple[str, str], **instead: str | None) -> bytes:
    """A request with the mandatory headers; keyword arguments replace one (``from_`` for From) or drop it."""
    base: Headers = [
        ("Via", "SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKkdjuw"),
        ("Max-Forwards", "70"),
        ("From", "sip:caller@example.com;tag=93942939o2"),
        ("To", "sip:j.user@example.com"),
        ("Call-ID", "torture.0ha0isndaksdj"),
        ("CSeq", f"63104 {method}"),
        ("Content-Length", "0"),
    ]
    start = instead.pop("start", f"{method} sip:user@example.com SIP/2.0")
    assert start is not None
    values = {key.rstrip("_").replace("_", "-"): value for key, value in instead.items()}
    kept = [(name, values.get(name.lower(), value)) for name, value in base]
    return message([(name, value) for name, value in kept if value is not None] + list(more), start)


def response(line: str, **instead: str | None) -> bytes:
    """A response with this status line."""
    return request("INVITE", start=line, **instead)


#: A short tortuous INVITE: odd white space, folds, empty parameters' neighbours, unknown headers.
WSINV = (
    b"INVITE sip:vivekg@chair-dnrc.example.com;unknownparam SIP/2.0\r\n"
    b"TO :\r\n sip:vivekg@chair-dnrc.example.com ;   tag    = 1918181833n\r\n"
    b'from   : "J Rosenberg \\\\\\""       <sip:jdrosen@example.com>\r\n  ;\r\n  tag = 98asjd8\r\n'
    b"MaX-fOrWaRdS: 0068\r\n"
    b"Call-ID: wsinv.ndaksdj@192.0.2.1\r\n"
    b"Content-Length   : 5\r\n"
    b"cseq: 0009\r\n  INVITE\r\n"
    b"Via  : SIP  /   2.0\r\n /UDP\r\n    192.0.2.2;branch=390skdjuw\r\n"
    b"s :\r\n"
    b"NewFangledHeader:   newfangled value\r\n continued newfangled value\r\n"
    b"UnknownHeaderWithUnusualValue: ;;,,;;,;\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Route:\r\n <sip:services.example.com;lr;unknownwith=value;unknown-no-value>\r\n"
    b"v:  SIP  / 2.0  / TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,\r\n"
    b" SIP  /    2.0   / UDP  192.168.255.111   ; branch=\r\n z9hG4bK30239\r\n"
    b'm:"Quoted string \\"\\"" <sip:jdrosen@example.com> ; newparam =\r\n      newvalue ;\r\n'
    b"  secondparam ; q = 0.33\r\n"
    b"\r\n"
    b"v=0\r\n"
)

VALID = {
    "3.1.1.1 wsinv": WSINV,
    "3.1.1.2 intmeth": request(
        "!interesting-Method0123456789_*+`.%indeed'~",
        ("extensionHeader-!.%*+_`'~", "\xef\xbb\xbf\xe5\xa4\xa7\xe5\x81\x9c\xe9\x9b\xbb"),
        start="!interesting-Method0123456789_*+`.%indeed'~ "
        "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com"
        " SIP/2.0",
        via="SIP/2.0/TCP host1.example.com;branch=z9hG4bK-.!%66*_+`'~",
        to='"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <sip:1_unusual.URI~(to-be!sure)&isn\'t+it$/crazy?,/;;*@example.com>',
        from_="token1~` token2'+_ token3*%!.- <sip:mundane@example.com>"
        ";fromParam''~+*_!.-%=\"\xd1\x80\xd0\xb0\xd0\xb1\";tag=_token~1'+`*%!-.",
        call_id="intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{",
        cseq="139122385 !interesting-Method0123456789_*+`.%indeed'~",
    ),
    "3.1.1.3 esc01": request(
        "INVITE",
        ("Contact", "<sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31>"),
        start="INVITE sip:sips%3Auser%40example.com@example.net SIP/2.0",
        to="sip:%75se%72@example.com",
        from_="<sip:I%20have%20spaces@example.net>;tag=1",
    ),
    "3.1.1.4 escnull": request(
        "REGISTER",
        ("Contact", "<sip:%00@host5.example.com>"),
        ("Contact", "<sip:%00%00@host5.example.com>"),
        to="sip:null-%00-null@example.com",
        from_="sip:null-%00-null@example.com;tag=839923423",
    ),
    "3.1.1.5 esc02": request(
        "RE%47IST%45R", ("Contact", "<sip:alias1@host1.example.com>"), to='"%Z%45" <sip:resource@example.com>'
    ),
    "3.1.1.6 lwsdisp": request("OPTIONS", from_="caller<sip:caller@example.com>;tag=323"),
    "3.1.1.7 longreq": request(
        "INVITE",
        ("Unknown-" + "Long" * 20, "unknown-" + "long" * 20 + "-value;" + "p=" + "long" * 20),
        ("Contact", "<sip:" + "amazinglylongcallername" * 5 + "@host5.example.net>"),
        to='"I have a user name of ' + "extreme" * 10 + ' proportion"<sip:user@example.com:6000'
        ";unknownparam1=very"
        + "long" * 20
        + "value;longparam"
        + "name" * 25
        + "=shortvalue;very"
        + "long" * 25
        + "ParameterNameWithNoValue>",
        from_="sip:"
        + "amazinglylongcallername" * 5
        + "@example.net;tag=12"
        + "982424" * 50
        + ";unknownheaderparam"
        + "name" * 20
        + "=unknowheaderparam"
        + "value" * 15,
        call_id="longreq.one" + "really" * 20 + "longcallid",
        via=", ".join(f"SIP/2.0/TCP sip{n}.example.com" for n in range(33)) + ";branch=very" + "long" * 50 + "branch",
    ),
    "3.1.1.8 dblreq": request("REGISTER") + request("INVITE"),
    "3.1.1.9 semiuri": request("OPTIONS", start="OPTIONS sip:user;par=u%40example.net@example.com SIP/2.0"),
    "3.1.1.10 transports": request(
        "OPTIONS",
        ("Via", "SIP/2.0/SCTP t2.example.com;branch=z9hG4bKklasjdhf"),
        ("Via", "SIP/2.0/UNKNOWN t4.example.com;branch=z9hG4bKasd0f3en"),
        ("Via", "SIP/2.0/TLS t5.example.com;branch=z9hG4bK0a9idfnee"),
    ),
    "3.1.1.12 unreason": response("SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe \xd1\x81\xd1\x82\xd0\xbe - 2"),
    "3.1.1.13 noreason": response("SIP/2.0 100 "),
    "3.2.1 badbranch": request("OPTIONS", via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK"),
    "3.3.2 unkscm": request("OPTIONS", start="OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"),
    "3.3.3 novelsc": request("OPTIONS", start="OPTIONS soap.beep://192.0.2.103:3002 SIP/2.0"),
    "3.3.4 unksm2": request(
        "REGISTER", ("Contact", "<name:John_Smith>"), to="isbn:2983792873", from_="<http://www.example.com>;tag=3"
    ),
    "3.3.5 bext01": request("OPTIONS", ("Require", "nothingSupportsThis, nothingSupportsThisEither")),
    "3.3.7 regaut01": request("REGISTER", ("Authorization", "NoOneKnowsThisScheme opaque-data=here")),
    "3.3.10 bcast": response("SIP/2.0 200 OK", via="SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23"),
    "3.3.11 zeromf": request("OPTIONS", max_forwards="0"),
    "3.3.12 cparam01": request("REGISTER", ("Contact", "sip:+19725552222@gw1.example.net;unknownparam")),
    "3.3.13 cparam02": request("REGISTER", ("Contact", "<sip:+19725552222@gw1.example.net;unknownparam>")),
    "3.3.14 regescrt": request("REGISTER", ("Contact", "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>")),
    "3.4.1 inv2543": request(
        "INVITE",
        start="INVITE sip:UserB@example.com SIP/2.0",
        via="SIP/2.0/UDP iftgw.example.com",
        from_="<sip:+13035551111@ift.client.example.net;user=phone>",
        max_forwards=None,
    ),
}

# An overlarge Expires alone is refused on purpose: RFC 3261 section 20.10 would let a server read it as 3600 seconds.
INVALID = {
    "3.1.2.1 badinv01 Via": ("bad_header", request("INVITE", via="SIP/2.0/UDP 192.0.2.15;;,;,,")),
    "3.1.2.1 badinv01 Contact": ("bad_address", request("INVITE", ("Contact", '"Joe" <sip:joe@example.org>;;;;'))),
    "3.1.2.2 clerr": ("truncated_message", request("INVITE", content_length="9999") + b"v=0\r\n"),
    "3.1.2.3 ncl": ("bad_number", request("INVITE", content_length="-999") + b"v=0\r\n"),
    "3.1.2.4 scalar02 CSeq": ("bad_number", request("REGISTER", cseq="36893488147419103232 REGISTER")),
    "3.1.2.4 scalar02 Max-Forwards": ("bad_number", request("REGISTER", max_forwards="300")),
    "3.1.2.4 scalar02 Expires": ("bad_number", request("REGISTER", ("Expires", "1000000000000000000000000000000"))),
    "3.1.2.5 scalarlg": ("bad_number", response("SIP/2.0 503 Unavailable", cseq="9292394834772304023312 INVITE")),
    "3.1.2.6 quotbal": ("bad_address", request("INVITE", to='"Mr. J. User <sip:j.user@example.com>')),
    "3.1.2.7 ltgtruri": ("bad_uri", request("INVITE", start="INVITE <sip:user@example.com> SIP/2.0")),
    "3.1.2.8 lwsruri": ("bad_start_line", request("INVITE", start="INVITE sip:user@example.com; lr SIP/2.0")),
    "3.1.2.9 lwsstart": ("bad_start_line", request("INVITE", start="INVITE  sip:user@example.com  SIP/2.0")),
    "3.1.2.10 trws": ("bad_start_line", request("OPTIONS", start="OPTIONS sip:remote-target@example.com SIP/2.0  ")),
    "3.1.2.11 escruri": (
        "bad_uri", request("INVITE", start="INVITE sip:user@example.com?Route=%3Csip:example.com%3E SIP/2.0"),
    ),
    "3.1.2.12 baddate": ("bad_header", request("INVITE", ("Date", "Fri, 01 Jan 2010 16:00:00 EST"))),
    "3.1.2.13 regbadct": (
        "bad_address", request("REGISTER", ("Contact", "sip:user@example.com?Route=%3Csip:sip.example.com%3E")),
    ),
    "3.1.2.14 badaspec": ("bad_uri", request("OPTIONS", to='"Watson, Thomas" < sip:t.watson@example.org >')),
    "3.1.2.15 baddn": ("bad_uri", request("OPTIONS", from_="Bell, Alexander <sip:a.g.bell@example.com>;tag=43")),
    "3.1.2.16 badvers": ("unsupported_version", request("OPTIONS", start="OPTIONS sip:t.watson@example.org SIP/7.0")),
    "3.1.2.17 mismatch01": ("method_mismatch", request("OPTIONS", cseq="8 INVITE")),
    "3.1.2.18 mismatch02": ("method_mismatch", request("NEWMETHOD", cseq="34 INVITE")),
    "3.1.2.19 bigcode": ("bad_start_line", response("SIP/2.0 4294967301 better not break the receiver")),
    "3.3.1 insuf": ("missing_header", request("INVITE", call_id=None, from_=None, to=None)),
    "3.3.8 multi01": (
        "duplicate_header", request("INVITE", ("To", "sip:other@example.com"), ("Call-ID", "multi01.98asdh@192.0.2.2")),
    ),
    "3.3.9 mcl01": ("duplicate_header", request("OPTIONS", ("Content-Length", "5")) + b"12345"),
}  # fmt: skip


@pytest.mark.parametrize("name", VALID)
def test_valid(name: str) -> None:
    assert parse_message(VALID[name]).call_id


@pytest.mark.parametrize("name", INVALID)
def test_invalid(name: str) -> None:
    code, data = INVALID[name]
    with pytest.raises(HandoverError) as caught:
        parse_message(data)
    assert caught.value.code in (code, "bad_address" if code == "bad_uri" else code)


def test_wsinv_means_what_it_says() -> None:
    found = parse_message(WSINV)
    assert (found.cseq.number, found.content_length, found.body) == (9, 5, b"v=0\r\n")
    assert found.to.param("tag") == "1918181833n"
    assert found.from_.display == 'J Rosenberg \\"'
    assert [via.transport for via in found.vias] == ["udp", "tcp", "udp"]
    assert dict(found.contacts[0].params) == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert found.values("subject") == [""]


def test_intmeth_means_what_it_says() -> None:
    found = parse_message(VALID["3.1.1.2 intmeth"])
    assert found.uri is not None
    assert found.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert found.to.display == "BEL:\x07 NUL:\x00 DEL:\x7f"


def test_dblreq_is_one_register() -> None:
    assert parse_message(VALID["3.1.1.8 dblreq"]) == parse_message(request("REGISTER"))


def test_cparam_belongs_to_the_header_or_to_the_uri() -> None:
    header = parse_message(VALID["3.3.12 cparam01"]).contacts[0]
    uri = parse_message(VALID["3.3.13 cparam02"]).contacts[0]
    assert (header.params, header.uri.params) == ((("unknownparam", None),), ())
    assert (uri.params, uri.uri.params) == ((), (("unknownparam", None),))
