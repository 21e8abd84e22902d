# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for NetBox: the answers of its REST API that netbox.netbox.nb_inventory asks for.

``answers.json`` has the form of NetBox 4.2's API, with the keys that the plugin or we read; it was written by hand from
the documentation, and not recorded from a NetBox. What is not in it is an empty list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

__all__ = ["running"]

_ANSWERS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "answers.json").read_text(encoding="utf-8")
)
_FILTERS = [{"name": name} for name in ("limit", "role", "tag")]
_SCHEMA = {
    "info": {"version": "4.2.0 (4.2)"},
    "paths": {
        "/api/dcim/devices/": {"get": {"parameters": _FILTERS}},
        "/api/virtualization/virtual-machines/": {"get": {"parameters": _FILTERS}},
    },
}


def _answer(path: str, wanted: dict[str, str]) -> Any:
    if path == "/api/status/":
        return {"netbox-version": "4.2.0"}
    if path == "/api/schema/":
        return _SCHEMA
    results = _ANSWERS.get(path.rstrip("/"), [])
    if "tag" in wanted:
        results = [item for item in results if wanted["tag"] in [tag["slug"] for tag in item["tags"]]]
    return {"count": len(results), "next": None, "previous": None, "results": results}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        text = json.dumps(_answer(parts.path, dict(parse_qsl(parts.query)))).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@contextmanager
def running() -> Iterator[str]:
    """A stand-in that listens on the loopback: its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
