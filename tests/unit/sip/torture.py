# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The torture messages of RFC 4475 and RFC 5118: each point of syntax, in messages of our own.

Names are the RFCs' sections. A section with several points has a message for each. Of RFC 4475, the transaction and
proxy behaviour of sections 3.2 and 3.3 is left out where the syntax is plain.
"""

from __future__ import annotations

from .messages import message

__all__ = ["INVALID", "IPV6_INVALID", "IPV6_VALID", "VALID", "WSINV", "request", "response"]

Headers = list[tuple[str, str]]


def request(method: str, *more: tuple[str, str], **instead: str | None) -> bytes:
    """A request with the mandatory headers; keyword arguments replace one (``from_`` for From) or drop it."""
    base: Headers = [
        ("Via", "SIP/2.0/UDP 198.51.100.15;branch=z9hG4bKkdjuw"),
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
    b"Call-ID: wsinv.ndaksdj@198.51.100.1\r\n"
    b"Content-Length   : 5\r\n"
    b"cseq: 0009\r\n  INVITE\r\n"
    b"Via  : SIP  /   2.0\r\n /UDP\r\n    198.51.100.2;branch=390skdjuw\r\n"
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

#: A body of two parts, one of them binary, with an empty line and what looks like a header in it.
MPART = (
    b"--7a9cbec02ceef655\r\nContent-Type: text/plain\r\n\r\nContact: <sip:nobody@203.0.113.9>\r\n"
    b"--7a9cbec02ceef655\r\nContent-Type: application/octet-stream\r\n\r\n\x00\xff\r\r\n\n\x80\r\n--7a9cbec02ceef655--"
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
    "3.1.1.11 mpart01": request(
        "MESSAGE",
        ("Contact", "<sip:fluffy@host5.example.com>"),
        ("Content-Type", "multipart/mixed;boundary=7a9cbec02ceef655"),
        content_length=str(len(MPART)),
    )
    + MPART,
    "3.1.1.12 unreason": response("SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe \xd1\x81\xd1\x82\xd0\xbe - 2"),
    "3.1.1.13 noreason": response("SIP/2.0 100 "),
    "3.2.1 badbranch": request("OPTIONS", via="SIP/2.0/UDP 198.51.100.1;branch=z9hG4bK"),
    "3.3.2 unkscm": request("OPTIONS", start="OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0"),
    "3.3.3 novelsc": request("OPTIONS", start="OPTIONS soap.beep://198.51.100.103:3002 SIP/2.0"),
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
    "3.1.2.1 badinv01 Via": ("bad_header", request("INVITE", via="SIP/2.0/UDP 198.51.100.15;;,;,,")),
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
        "duplicate_header", request("INVITE", ("To", "sip:other@example.com"), ("Call-ID", "multi01.98asdh@host")),
    ),
    "3.3.9 mcl01": ("duplicate_header", request("OPTIONS", ("Content-Length", "5")) + b"12345"),
}  # fmt: skip

_SDP = b"v=0\r\no=user 1 1 IN IP6 2001:db8::1\r\ns=-\r\nt=0 0\r\n"


def _reach(host: str) -> bytes:
    return request("REGISTER", start=f"REGISTER sip:{host} SIP/2.0")


def _body(*lines: bytes) -> bytes:
    body = _SDP + b"".join(line + b"\r\n" for line in lines)
    return request("INVITE", ("Content-Type", "application/sdp"), content_length=str(len(body))) + body


# RFC 5118
IPV6_VALID = {
    "4.1 ipv6-good": _reach("[2001:db8::10]"),
    "4.3 port-ambiguous": _reach("[2001:db8::10:5070]"),
    "4.4 port-unambiguous": _reach("[2001:db8::10]:5070"),
    "4.5 via-received-param-with-delim": request(
        "OPTIONS", via="SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3"
    ),
    "4.5 via-received-param-no-delim": request(
        "OPTIONS", via="SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3"
    ),
    "4.6 ipv6-in-sdp": _body(b"c=IN IP6 2001:db8::20", b"m=audio 6000 RTP/AVP 0"),
    "4.7 mult-ip-in-header": request(
        "BYE",
        ("Via", "SIP/2.0/TCP 198.51.100.1;branch=z9hG4bKjhja8781hjuaij65144,SIP/2.0/UDP [2001:db8::9:255];branch=a"),
        via="SIP/2.0/UDP [2001:db8::9:1]:6050;branch=z9hG4bKas3-111",
    ),
    "4.8 mult-ip-in-sdp": _body(
        b"m=audio 22334 RTP/AVP 0", b"c=IN IP4 203.0.113.1", b"m=video 6024 RTP/AVP 107", b"c=IN IP6 2001:db8::1"
    ),
    "4.9 ipv4-mapped-ipv6": request(
        "INVITE",
        ("Contact", '"T desk phone" <sip:ted@[::ffff:198.51.100.2]>'),
        via="SIP/2.0/UDP [::ffff:198.51.100.10]:19823;branch=z9hG4bKbh19",
    ),
}
IPV6_INVALID = {
    "4.2 ipv6-bad": _reach("2001:db8::10"),
    # RFC 3261's own grammar allows three colons; no reader makes an address of them.
    "4.10 ipv6-bug-abnf-3-colons": _reach("user@[2001:db8:::198.51.100.1]"),
}
