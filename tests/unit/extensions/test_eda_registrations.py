# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The event source and the event filter, loaded by their path as the rule engine does."""

from __future__ import annotations

import asyncio
import inspect
import json
import runpy
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.sipmobility.handover.agent.service.config import FeedConfig
from ansible_collections.sipmobility.handover.plugins.module_utils.asking.access import HomeAccess
from ansible_collections.sipmobility.handover.plugins.module_utils.errors import HandoverError

from ..asking.home_server import HomeServer, policy_text, world_of_today
from ..modules.test_registrations_info import OPTIONS
from ..sip.messages import binding, line

ROOT = Path(__file__).resolve().parents[3]
PLUGINS = ROOT / ".build/collections/ansible_collections/sipmobility/handover/extensions/eda/plugins"
POLICY = """\
managed_networks:
  location-101: [1.1.1.0/24]
  location-102: [2.2.2.0/24]
max_handovers: 100
correspondents: [3.3.3.20]
"""
Queue = asyncio.Queue[dict[str, Any]]


def loaded(kind: str) -> dict[str, Any]:
    return runpy.run_path(str(PLUGINS / kind / "registrations.py"))


@pytest.fixture
def told(tmp_path: Path) -> dict[str, Any]:
    """The arguments of the plugins."""
    policy = tmp_path / "policy.yml"
    policy.write_text(POLICY, encoding="utf-8")
    return {"policy": str(policy), "state_dir": str(tmp_path / "state"), "scope": "address"}


def moved(user: str, old: str, new: str, cseq: int = 1826) -> bytes:
    return line(
        aor=f"sip:{user}@example.com",
        auth_user=user,
        src_ip=new,
        contact=[f"<sip:{user}@{new}>"],
        tag=[f"<sip:{user}@{old}>"],
        before=[binding(old, contact=f"sip:{user}@{old}")],
        call_id=f"{user}@phone",
        cseq=cseq,
        time=time.time(),
    )


def run(args: dict[str, Any], story: Callable[[Queue], Awaitable[None]]) -> None:
    """Run the source beside a story, on a queue for one event as the rule engine's."""
    queue: Queue = asyncio.Queue(1)

    async def both() -> None:
        source = asyncio.create_task(loaded("event_source")["main"](queue, args))
        try:
            async with asyncio.timeout(60):
                await story(queue)
        finally:
            if not source.done():
                source.cancel()
            with suppress(asyncio.CancelledError):
                await source

    asyncio.run(both())


def news(event: dict[str, Any]) -> dict[str, str]:
    return {record["old"]: record["new"] for record in event.get("handovers", [])}


def test_a_move_is_told_at_once_and_what_comes_meanwhile_together(tmp_path: Path, told: dict[str, Any]) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"")

    async def story(queue: Queue) -> None:
        with log.open("ab", buffering=0) as file:
            file.write(moved("u1", "1.1.1.20", "2.2.2.20"))
            assert news(await queue.get()) == {"1.1.1.20": "2.2.2.20"}
            for number in range(21, 71):
                file.write(moved(f"u{number}", f"1.1.1.{number}", f"2.2.2.{number}"))
            file.write(moved("u21", "1.1.1.21", "2.2.2.121", cseq=1827))
            found: dict[str, str] = {}
            events = 0
            while len(found) < 50 or found["1.1.1.21"] != "2.2.2.121":
                found |= news(await queue.get())
                events += 1
        assert events <= 3, "51 moves in so many events"

    run({**told, "events": [{"log": str(log)}], "pause": 1}, story)


def test_handovers_come_with_the_policy_by_which_their_sessions_are_looked_for(
    tmp_path: Path, told: dict[str, Any]
) -> None:
    log = tmp_path / "log"
    log.write_bytes(moved("u1", "1.1.1.20", "2.2.2.20") + moved("u2", "9.9.9.20", "2.2.2.21"))

    async def story(queue: Queue) -> None:
        event = await queue.get()
        assert set(event) == {"handovers", "policy"}
        assert event["policy"] == yaml.safe_load(POLICY)
        assert set(await queue.get()) == {"refused"}

    run({**told, "events": [{"log": str(log)}], "pause": 0, "scope": "session", "sessions": "auto"}, story)


def test_what_was_told_is_not_told_again(tmp_path: Path, told: dict[str, Any]) -> None:
    log = tmp_path / "log"
    log.write_bytes(moved("u1", "1.1.1.20", "2.2.2.20"))
    args = {**told, "events": [{"log": str(log)}], "pause": 0}

    async def first(queue: Queue) -> None:
        assert news(await queue.get()) == {"1.1.1.20": "2.2.2.20"}
        while not (tmp_path / "state" / "cursors.json").exists():
            await asyncio.sleep(0.01)

    async def second(queue: Queue) -> None:
        with log.open("ab", buffering=0) as file:
            file.write(moved("u2", "1.1.1.21", "2.2.2.21"))
        assert news(await queue.get()) == {"1.1.1.21": "2.2.2.21"}

    run(args, first)
    run(args, second)


def test_what_nobody_took_is_told_at_the_next_start(tmp_path: Path, told: dict[str, Any]) -> None:
    log = tmp_path / "log"
    log.write_bytes(moved("u1", "1.1.1.20", "2.2.2.20"))
    args = {**told, "events": [{"log": str(log)}], "pause": 0}

    async def nobody_takes(queue: Queue) -> None:
        queue.put_nowait({})  # so the source waits
        await asyncio.sleep(1)
        assert queue.get_nowait() == {}

    async def taken(queue: Queue) -> None:
        assert news(await queue.get()) == {"1.1.1.20": "2.2.2.20"}

    run(args, nobody_takes)
    run(args, taken)


def test_feedback_is_awaited(tmp_path: Path, told: dict[str, Any]) -> None:
    log = tmp_path / "log"
    log.write_bytes(moved("u1", "1.1.1.20", "2.2.2.20"))
    feedback: asyncio.Queue[Any] = asyncio.Queue(1)
    cursors = tmp_path / "state" / "cursors.json"

    async def story(queue: Queue) -> None:
        event = await queue.get()
        await asyncio.sleep(0.5)
        assert not cursors.exists()
        await feedback.put(event)
        while not cursors.exists():
            await asyncio.sleep(0.01)

    run({**told, "events": [{"log": str(log)}], "pause": 0, "feedback": True, "eda_feedback_queue": feedback}, story)


def test_refusals_are_events_of_their_own(tmp_path: Path, told: dict[str, Any]) -> None:
    log = tmp_path / "log"
    stranger = moved("u1", "9.9.9.20", "2.2.2.20")
    log.write_bytes(stranger + b"{broken\n" + moved("u2", "1.1.1.21", "2.2.2.21"))

    async def story(queue: Queue) -> None:
        assert news(await queue.get()) == {"1.1.1.21": "2.2.2.21"}
        refused = (await queue.get())["refused"]
        assert "old_not_managed" in {item["code"] for item in refused}

    run({**told, "events": [{"log": str(log)}], "pause": 0}, story)


def test_no_phone_writes_a_template(tmp_path: Path, told: dict[str, Any]) -> None:
    """Extra variables are templates to Ansible; an instance may hold any text."""
    log = tmp_path / "log"
    evil = json.loads(moved("u1", "1.1.1.20", "2.2.2.20"))
    contact = '<sip:u1@2.2.2.20>;+sip.instance="<urn:{{ 7 * 7 }}>"'
    evil["contact_hex"] = [contact.encode().hex()]
    evil["before"][0]["instance"] = "<urn:{{ 7 * 7 }}>"
    log.write_bytes(json.dumps(evil).encode() + b"\n" + moved("u2", "1.1.1.21", "2.2.2.21"))

    async def story(queue: Queue) -> None:
        assert news(await queue.get()) == {"1.1.1.21": "2.2.2.21"}
        (refused,) = (await queue.get())["refused"]
        assert refused["code"] == "template_text"

    run({**told, "events": [{"log": str(log)}], "pause": 0}, story)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[HomeServer]:
    """The home server of example.com, which has seen Alice at home."""
    at_home = world_of_today(60)
    at_home.register("alice", "1.1.1.20")
    directory = tmp_path / "home"
    directory.mkdir()
    server = HomeServer(directory, at_home.log)
    yield server
    server.close()


@pytest.fixture
def visited(tmp_path: Path, told: dict[str, Any]) -> dict[str, Any]:
    """The arguments at a server that knows nobody: Alice came, and Mallory who says that she was Alice."""
    Path(told["policy"]).write_text(policy_text(correspondents=["3.3.3.20"]), encoding="utf-8")
    abroad = world_of_today(2)
    abroad.register("alice", "2.2.2.20", "1.1.1.20")
    abroad.register("mallory", "2.2.2.21", "1.1.1.20")
    (tmp_path / "log").write_bytes(abroad.log)
    return {**told, "events": [{"log": str(tmp_path / "log")}], "pause": 0}


async def until_refused(queue: Queue) -> tuple[dict[str, str], list[str]]:
    """What is told until somebody is refused, and with which codes."""
    found: dict[str, str] = {}
    while True:
        event = await queue.get()
        found |= news(event)
        if codes := sorted(item["code"] for item in event.get("refused", [])):
            return found, codes


def test_the_home_servers_word_decides_about_who_is_not_known_here(home: HomeServer, visited: dict[str, Any]) -> None:
    async def story(queue: Queue) -> None:
        found: dict[str, str] = {}
        codes: list[str] = []
        while not (found and codes):
            event = await queue.get()
            found |= news(event)
            codes += [item["code"] for item in event.get("refused", [])]
        assert (found, codes) == ({"1.1.1.20": "2.2.2.20"}, ["home_denied"])

    run({**visited, "home": asdict(home.access())}, story)


@pytest.mark.parametrize("asks", [True, False], ids=["no answer", "nobody to ask"])
def test_who_waits_in_vain_is_refused_without_any_further_event(
    home: HomeServer, visited: dict[str, Any], asks: bool
) -> None:
    home.pause()

    async def story(queue: Queue) -> None:
        assert await until_refused(queue) == ({}, ["home_silent", "home_silent"])

    run({**visited, "home": asdict(home.access()) if asks else None}, story)


def test_the_home_options_are_those_of_the_module() -> None:
    documented = yaml.safe_load(loaded("event_source")["DOCUMENTATION"])["options"]["home"]["suboptions"]
    theirs = OPTIONS["home"]["suboptions"]
    assert set(documented) == set(theirs) == set(HomeAccess.__dataclass_fields__)
    for name, option in documented.items():
        assert [option.get(key) for key in ("required", "default")] == [
            theirs[name].get(key) for key in ("required", "default")
        ]


def test_a_filter_asks_nobody_and_says_so(told: dict[str, Any]) -> None:
    event = {"payload": moved("u1", "1.1.1.20", "2.2.2.20").decode()}
    with pytest.raises(HandoverError, match="cannot wait"):
        loaded("event_filter")["main"](event, **told, home={})


@pytest.mark.parametrize(
    ("change", "subject"),
    [
        ({"home": {"certificate": "/c", "private_key": "/k", "ca": "/nonexistent"}}, "/c"),
        ({"home": {"ca": "/nonexistent"}}, "home.certificate"),
        ({"home": {}}, "home.certificate"),
        ({"events": []}, "events"),
        ({"events": [{"log": "/x", "udp": "127.0.0.1:1"}]}, "events.0"),
        ({"pauze": 1}, "pauze"),
        ({"scope": "everything"}, "scope"),
        ({"policy": "/nonexistent"}, "/nonexistent"),
    ],
)
def test_wrong_arguments_are_named(told: dict[str, Any], change: dict[str, Any], subject: str) -> None:
    args = {**told, "events": [{"log": "/nonexistent/log"}], **change}
    with pytest.raises(HandoverError) as refused:
        asyncio.run(loaded("event_source")["main"](asyncio.Queue(1), args))
    assert subject in refused.value.subject


@pytest.mark.parametrize(
    ("around", "more"),
    [
        (lambda text: {"payload": text}, {}),
        (lambda text: {"payload": json.loads(text)}, {}),
        (lambda text: {"body": text}, {}),
        (lambda text: {"journald": {"message": text}}, {}),
        (lambda text: {"deep": {"inside": text}}, {"text": "deep.inside", "format": "kamailio"}),
    ],
    ids=["text", "data", "body", "journal", "named"],
)
def test_the_filter_finds_registrations(
    told: dict[str, Any], around: Callable[[str], dict[str, Any]], more: dict[str, str]
) -> None:
    main = loaded("event_filter")["main"]
    event = around(moved("u1", "1.1.1.20", "2.2.2.20").decode())
    found = main({**event, "meta": 1}, **told, **more)
    assert news(found) == {"1.1.1.20": "2.2.2.20"}
    assert found["policy"] == yaml.safe_load(POLICY)
    assert found["meta"] == 1
    assert "handovers" not in main({**event}, **told, **more), "the same event again"


def test_the_filter_lets_the_rest_pass(told: dict[str, Any]) -> None:
    main = loaded("event_filter")["main"]
    assert main({"alert": "disk"}, **told) == {"alert": "disk"}
    other = main({"payload": {"alert": "disk"}}, **told)
    assert [item["code"] for item in other["refused"]] == ["unknown_event"]
    garbage = main({"payload": "REGISTER sip:x SIP/2.0\r\nContact: <\r\n\r\n"}, **told, format="sip")
    assert "handovers" not in garbage
    assert garbage["refused"]


@pytest.mark.parametrize("kind", ["event_source", "event_filter"])
def test_the_documented_options_are_those_that_are_read(kind: str) -> None:
    module = loaded(kind)
    documented = set(yaml.safe_load(module["DOCUMENTATION"])["options"])
    read = set(FeedConfig.__dataclass_fields__)
    if kind == "event_source":
        assert documented == read | {"feedback"}
    else:
        own = {name for name in inspect.signature(module["main"]).parameters if name not in ("event", "told")}
        assert documented == own | (read - {"events", "pause", "home"})


@pytest.mark.parametrize("path", sorted((ROOT / "extensions/eda/rulebooks").glob("*.yml")), ids=lambda path: path.stem)
def test_rulebooks_use_options_that_exist(path: Path) -> None:
    for ruleset in yaml.safe_load(path.read_text(encoding="utf-8")):
        (source,) = ruleset["sources"]
        args = source["sipmobility.handover.registrations"]
        assert set(args) <= set(FeedConfig.__dataclass_fields__) | {"feedback"}
        assert {"events", "policy", "state_dir"} <= set(args)
        for rule in ruleset["rules"]:
            (told,) = rule["action"].values()
            variables = told.get("job_args", told).get("extra_vars", {})
            # What is looked for is looked for by the policy that judged.
            assert ("handover_sessions" in variables) == ("handover_policy" in variables)


def test_a_log_that_falls_silent_is_noted(tmp_path: Path, told: dict[str, Any]) -> None:
    """What concerns no handover moves the cursor, too, a moment after the last of it."""
    log, cursors = tmp_path / "log", tmp_path / "state" / "cursors.json"
    log.write_bytes(line(tag=[], require=[], time=time.time()))

    async def story(queue: Queue) -> None:
        while not cursors.exists() or json.loads(cursors.read_text())[str(log)]["offset"] == 0:
            await asyncio.sleep(0.05)
        assert queue.empty()

    run({**told, "events": [{"log": str(log)}], "pause": 0}, story)
