"""Sends one request to the server and prints the first line of its answer, and its Unsupported header if it has one."""

import socket
import sys

method, domain, require = (*sys.argv[1:], "")[:3]
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
    one.settimeout(3)
    one.connect(("203.0.113.5", 5060))
    host, port = one.getsockname()
    lines = [
        f"{method} sip:{domain} SIP/2.0",
        f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bKask",
        "Max-Forwards: 70",
        f"From: <sip:alice@{domain}>;tag=a",
        f"To: <sip:alice@{domain}>",
        "Call-ID: ask",
        f"CSeq: 1 {method}",
        f"Contact: <sip:alice@{host}>",
        *([f"Require: {require}"] if require else []),
        "Content-Length: 0",
    ]
    one.send(("\r\n".join(lines) + "\r\n\r\n").encode())
    print(one.recv(65535).decode().splitlines()[0])
