# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for AWX: its REST API as far as the modules of awx.awx speak to it when they set it up.

It keeps what it is given and gives it back, and knows which kinds of objects there are. It starts no job, checks no
survey, has no users. What a real AWX makes of the objects, it cannot tell.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Awx", "running"]

_JOBS = ("job_templates", "workflow_job_templates", "projects", "inventory_sources")
#: Kinds of objects, and what AWX calls one of them.
_KINDS = {
    **{name: name.removesuffix("s") for name in (*_JOBS, "organizations", "hosts", "groups", "schedules")},
    "credential_types": "credential_type",
    "credentials": "credential",
    "execution_environments": "execution_environment",
    "instance_groups": "instance_group",
    "inventories": "inventory",
    "workflow_approval_templates": "workflow_approval_template",
    "workflow_job_template_nodes": "workflow_job_template_node",
}
#: What stands below an object, where a module follows the link to it.
_PARTS = {
    "groups": ("children", "hosts"),
    "job_templates": ("survey_spec",),
    "workflow_job_templates": ("survey_spec",),
}
_PATH = re.compile(r"/api/v2/(?P<kind>\w+)/(?:(?P<id>\d+)/(?:(?P<part>\w+)/)?)?")


class Awx:
    """The objects, and what was asked for."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[int, dict[str, Any]]] = {kind: {} for kind in _KINDS}
        self.surveys: dict[tuple[str, int], dict[str, Any]] = {}
        self.linked: dict[tuple[str, int, str], list[int]] = {}
        self._last = 0

    def named(self, kind: str, name: str) -> dict[str, Any]:
        """The one object of a kind with this name (nodes: identifier)."""
        (found,) = (item for item in self.kept[kind].values() if name in (item.get("name"), item.get("identifier")))
        return found

    def answer(self, method: str, path: str, query: dict[str, str], data: dict[str, Any]) -> tuple[int, Any]:
        """Status and body of the answer to a request; the body is None where there is none."""
        found = _PATH.fullmatch(path)
        if found is None or (found["kind"] not in _KINDS and found["kind"] != "unified_job_templates"):
            return 404, {"detail": f"{path} is not known to the stand-in"}
        kind, part = found["kind"], found["part"]
        if found["id"] is None:
            return (201, self._made(kind, data)) if method == "POST" else (200, _page(self._found(kind, query)))
        number = int(found["id"])
        if number not in self.kept[kind]:
            return 404, {"detail": "Not found."}
        item = self.kept[kind][number]
        if part is None:
            if method == "PATCH":
                item.update(data)
            return 200, item
        if part == "survey_spec":
            if method == "POST":
                self.surveys[kind, number] = data
                return 200, None
            return 200, self.surveys.get((kind, number), {})
        if part == "create_approval_template":
            made = self._made("workflow_approval_templates", data)
            item["unified_job_template"] = made["id"]
            item["related"]["unified_job_template"] = made["url"]
            return 201, made
        return self._associated(method, (kind, number, part), data)

    def _made(self, kind: str, data: dict[str, Any]) -> dict[str, Any]:
        self._last += 1
        url = f"/api/v2/{kind}/{self._last}/"
        related = {part: f"{url}{part}/" for part in _PARTS.get(kind, ())}
        item = {"id": self._last, "url": url, "type": _KINDS[kind], "related": related, "summary_fields": {}, **data}
        if kind == "projects":
            item["scm_revision"] = ""  # it fetches nothing
        self.kept[kind][self._last] = item
        return item

    def _found(self, kind: str, query: dict[str, str]) -> list[dict[str, Any]]:
        kinds = _JOBS if kind == "unified_job_templates" else (kind,)
        items = [item for one in kinds for item in self.kept[one].values()]
        wanted = {name: value for name, value in query.items() if name not in ("page_size", "order_by")}
        return [item for item in items if all(str(item.get(name)) == value for name, value in wanted.items())]

    def _associated(self, method: str, link: tuple[str, int, str], data: dict[str, Any]) -> tuple[int, Any]:
        ids = self.linked.setdefault(link, [])
        if method == "POST":
            if data.get("disassociate"):
                ids.remove(data["id"])
            else:
                ids.append(data["id"])
            return 204, None
        return 200, _page([{"id": number} for number in ids])


def _page(results: list[dict[str, Any]]) -> dict[str, Any]:
    return {"count": len(results), "next": None, "previous": None, "results": results}


@contextmanager
def running() -> Iterator[tuple[str, Awx]]:
    """A stand-in that listens on the loopback: its address, and what it holds."""
    awx = Awx()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            data = json.loads(self.rfile.read(size) or b"{}")
            status, body = awx.answer(self.command, parts.path, dict(parse_qsl(parts.query)), data)
            text = b"" if body is None else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("X-API-Product-Name", "AWX")
            self.send_header("X-API-Product-Version", "24.6.1")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_PATCH = do_DELETE = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", awx
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
