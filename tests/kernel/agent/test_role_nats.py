# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role handover_agent tells NATS, taken by a real server: its users may publish, and nobody else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import nats
import pytest
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ansible_collections.sipmobility.handover.agent.stream.config import PublishConfig

from .nats import nats_server, publishing

ROLE = Path(__file__).resolve().parents[3] / "roles" / "handover_agent"


def rendered(name: str, **variables: Any) -> str:
    """A template of the role, with its defaults."""
    environment = Environment(
        loader=FileSystemLoader(ROLE / "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["combine"] = _combine
    environment.filters["to_nice_json"] = json.dumps
    environment.filters["to_nice_yaml"] = lambda value, **_how: yaml.safe_dump(value)
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    return environment.get_template(name).render({"ansible_managed": "made", **defaults, **variables})


def _combine(first: dict[str, Any], *others: dict[str, Any], recursive: bool = False) -> dict[str, Any]:
    found = dict(first)
    for other in others:
        for key, value in other.items():
            both = recursive and isinstance(value, dict) and isinstance(found.get(key), dict)
            found[key] = _combine(found[key], value, recursive=True) if both else value
    return found


def test_its_users_and_nobody_else(tmp_path: Path) -> None:
    users = [{"user": "publisher", "password": 'kept "between" them'}, {"user": "agent", "password": "told"}]
    password, log = tmp_path / "password", tmp_path / "events"
    told = json.loads(rendered("nats.json.j2", handover_agent_nats_server={"users": users}))
    assert told["listen"] == "127.0.0.1:4222"
    password.write_text(users[0]["password"])
    log.touch()
    with nats_server(tmp_path / "nats", told=told) as server:
        login = server.config(user="publisher", password_file=str(password))
        with publishing(server, log, tmp_path / "publish", nats=login) as publisher:
            publisher.await_told("ready")

        async def logged_in(**login: str) -> bool:
            client = await nats.connect(server.url, allow_reconnect=False, connect_timeout=2, **login)
            try:
                return bool((await client.jetstream().account_info()).streams)
            finally:
                await client.close()

        assert asyncio.run(logged_in(user="agent", password="told"))
        for wrong in ({}, {"user": "agent", "password": "guessed"}):
            with pytest.raises(nats.errors.Error):
                asyncio.run(logged_in(**wrong))


def test_the_publisher_is_told_where_its_password_is() -> None:
    nats_there = {"servers": "tls://nats.example.net:4222", "user": "publisher"}
    told = {"handover_agent_publish": {"nats": nats_there, "partitions": 8}, "handover_agent_publish_password": "kept"}
    config = PublishConfig.from_dict(yaml.safe_load(rendered("publish.yml.j2", **told)))
    assert config.nats.password_file == "/etc/sip-handover/nats-publish"
    assert (config.nats.servers, config.partitions) == (("tls://nats.example.net:4222",), 8)
    assert config.log == "/var/log/sipmobility/registrations.jsonl"
