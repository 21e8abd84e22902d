# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module registrations_info: its documentation against the core, and the module itself as Ansible starts it."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from dataclasses import MISSING, asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.registration_policy import (
    Inference,
    Policy,
)
from ansible_collections.sipmobility.handover.plugins.module_utils.mobility.report import report_to_record
from ansible_collections.sipmobility.handover.plugins.module_utils.registrations import HOME as HOME_SPEC
from ansible_collections.sipmobility.handover.plugins.module_utils.registrations import POLICY as POLICY_SPEC
from ansible_collections.sipmobility.handover.plugins.module_utils.sip.sources import AUTO, FORMATS
from ansible_collections.sipmobility.handover.plugins.modules import registrations_info

from ..asking.home_server import HOME, HomeServer, world_of_today
from ..mobility.test_admission import POLICY as ADMISSION
from ..mobility.test_admission import judged
from ..sip.messages import line, register
from ..sip.reading import FIXTURES

OPTIONS = yaml.safe_load(registrations_info.DOCUMENTATION)["options"]
RETURN = yaml.safe_load(registrations_info.RETURN)

POLICY = {"managed_networks": {"location-101": ["1.1.1.0/24"], "location-102": ["2.2.2.0/24"]}}


def run(tmp_path: Path, check: bool = True, **options: Any) -> dict[str, Any]:
    """The result of the module, run in a process of its own, in check mode if nothing else is said."""
    args = tmp_path / "args.json"
    args.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {"_ansible_check_mode": check, **options}}))
    # Ansible imports the module by its full name; so does this, for its relative imports.
    code = f"from {registrations_info.__name__} import main; main()"
    done = subprocess.run([sys.executable, "-c", code, args], capture_output=True, text=True, check=False, env=ENV)
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == int(found.get("failed", False))
    return found


ENV = {"PYTHONPATH": ":".join(path for path in sys.path if path)}


def test_formats_are_those_of_the_core() -> None:
    assert OPTIONS["format"]["choices"] == [AUTO, *sorted(FORMATS)]


def test_policy_options_are_those_of_the_core() -> None:
    told = {name: option.get("default", MISSING) for name, option in OPTIONS["policy"]["suboptions"].items()}
    plain: dict[object, object] = {(): [], dict: {}, Inference(): MISSING}
    core = {
        item.name: plain.get(item.default, item.default) if item.default_factory is MISSING else {}
        for item in fields(Policy)
    }
    assert told == core
    ways = OPTIONS["policy"]["suboptions"]["infer"]["suboptions"]
    assert {name: way["default"] for name, way in ways.items()} == vars(Inference())


def test_policy_options_are_those_of_the_argument_spec() -> None:
    def shape(options: dict[str, Any], inner: str) -> dict[str, Any]:
        keys = ("type", "elements", "default", "required")
        return {
            name: ({key: option.get(key) for key in keys}, shape(option.get(inner, {}), inner))
            for name, option in options.items()
        }

    told = shape(OPTIONS["policy"]["suboptions"], "suboptions")
    assert told == shape(POLICY_SPEC, "options")


def test_home_options_are_those_of_the_argument_spec() -> None:
    told = {
        name: {key: option[key] for key in ("type", "required", "default") if key in option}
        for name, option in OPTIONS["home"]["suboptions"].items()
    }
    assert told == HOME_SPEC


def test_it_asks_the_home_server_and_waits_for_its_word(tmp_path: Path) -> None:
    at_home, abroad = world_of_today(60), world_of_today(2)
    at_home.register("alice", "1.1.1.20")
    abroad.register("alice", "2.2.2.20", "1.1.1.20")
    abroad.register("mallory", "2.2.2.21", "1.1.1.20")
    policy = {**POLICY, "home_servers": {"example.com": [HOME]}}
    server = HomeServer(tmp_path, at_home.log)
    try:
        found = run(tmp_path, content=abroad.log.decode(), policy=policy, home=asdict(server.access()))
    finally:
        server.close()
    assert [(pair["aor"], pair["admitted"]) for pair in found["address_pairs"]] == [("sip:alice@example.com", True)]
    assert [item["code"] for item in found["refused"]] == ["home_denied"]
    assert "questions" not in found


def test_every_key_of_a_result_is_documented() -> None:
    asking = replace(ADMISSION, home_servers={"example.com": ("home",)})
    for policy, extra in ((ADMISSION, {"questions", "dialogs", "draft"}), (asking, {"dialogs", "draft"})):
        record = report_to_record(judged(line() + line() + line(cseq=9999, tag=["1.1.1.77"]), policy))
        assert {*record, "cursor", *extra} == set(RETURN)
        for name, items in record.items():
            if items:
                assert set(items[0]) == set(RETURN[name]["contains"]), name


def test_a_log_is_read_on_from_the_cursor(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(line(time=time.time()))
    first = run(tmp_path, path=str(log), policy=POLICY)
    assert first["changed"] is False
    assert [(pair["old"], pair["new"], pair["admitted"]) for pair in first["address_pairs"]] == [
        ("1.1.1.20", "2.2.2.20", True)
    ]
    again = run(tmp_path, path=str(log), policy=POLICY, cursor=first["cursor"])
    assert (again["registrations"], again["cursor"]) == ([], first["cursor"])


def test_a_log_that_was_rotated_and_compressed_is_read_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(line(cseq=1))
    first = run(tmp_path, path=str(log))
    (tmp_path / "log.1.gz").write_bytes(gzip.compress(line(cseq=1) + line(cseq=2)))
    log.unlink()
    log.write_bytes(line(cseq=3, time=time.time()))
    found = run(tmp_path, path=str(log), cursor=first["cursor"])
    assert [item["cseq"] for item in found["registrations"]] == [2, 3]
    assert found["refused"] == []


def test_registrations_may_be_left_out(tmp_path: Path) -> None:
    found = run(tmp_path, content=(line(cseq=1) + line(cseq=2)).decode(), list_registrations=False)
    assert (found["registrations"], len(found["address_pairs"])) == ([], 2)


def test_a_dump_lists_what_is_held(tmp_path: Path) -> None:
    dump = (FIXTURES / "kamailio_dump" / "plain.txt").read_text()
    found = run(tmp_path, content=dump.rstrip(), format="kamailio_dump")
    assert {item["snapshot"] for item in found["registrations"]} == {True}
    assert found["registrations"][0]["held_since"].endswith("Z")
    assert (found["address_pairs"], found["refused"]) == ([], [])


def test_a_store_carries_the_history_from_run_to_run(tmp_path: Path) -> None:
    now, store = time.time(), str(tmp_path / "history.db")
    home = line(time=now, src_ip="1.1.1.20", contact=["<sip:alice@1.1.1.20>"], tag=[], require=[], before=[], cseq=1)
    away = line(time=now, before=[], cseq=2)

    def read(data: bytes, check: bool = False, **options: Any) -> dict[str, Any]:
        return run(tmp_path, check, content=data.decode(), policy=POLICY, store=store, **options)

    def told(result: dict[str, Any]) -> tuple[list[str], list[str]]:
        return [pair["old"] for pair in result["address_pairs"]], [item["code"] for item in result["refused"]]

    first = read(home)
    assert told(read(away)) == ([], ["no_history"])
    for again in (True, False, False):
        found = read(away, check=again, commit=first["draft"])
        assert told(found) == (["1.1.1.20"], [])
        assert ("draft" in found) == (not again)
    assert run(tmp_path, False, store=store, commit=found["draft"])["address_pairs"] == []
    assert told(read(away)) == ([], ["replayed"])
    assert run(tmp_path, False, store=store, commit="0" * 16)["code"] == "unknown_draft"


def test_a_call_of_an_earlier_run_is_known(tmp_path: Path) -> None:
    """A recorded call between 198.51.100.20 and .30. Of calls of phones that stay, nothing is told."""
    store, now = str(tmp_path / "history.db"), time.time()
    events = (FIXTURES / "dialogs" / "call.jsonl").read_text().splitlines(keepends=True)
    policy = {"managed_networks": {"a": ["198.51.100.0/24"], "b": ["2.2.2.0/24"]}, "require_ownership": False}

    def moved(old: str) -> str:
        return line(time=now, tag=[f"<sip:alice@{old}>"], before=[]).decode()

    def read(content: str, **options: Any) -> dict[str, Any]:
        return run(tmp_path, False, content=content, policy=policy, store=store, **options)

    first = read("".join(events[:4]))
    assert "dialogs" not in first, "nobody has moved"
    other = read(moved("198.51.100.99"), commit=first["draft"])
    assert [pair["old"] for pair in other["address_pairs"]] == ["198.51.100.99"]
    assert "dialogs" not in other
    found = read(moved("198.51.100.20"))
    assert [(one["use"], one["port"], one["peer_port"]) for one in found["dialogs"]] == [
        ("rtp", 4000, 5000),
        ("rtcp", 4010, 5001),
        ("rtp", 4002, 5002),
        ("rtcp", 4003, 5003),
    ]
    assert set(found["dialogs"][0]) == set(RETURN["dialogs"]["contains"])
    assert "dialogs" not in read("".join(events[4:]) + moved("198.51.100.20")), "they hung up"


def test_check_mode_makes_no_store(tmp_path: Path) -> None:
    assert "draft" not in run(tmp_path, content="", store=str(tmp_path / "history.db"))
    assert not (tmp_path / "history.db").exists()


def test_content_without_policy_is_only_parsed(tmp_path: Path) -> None:
    found = run(tmp_path, content=register().decode())
    assert [(pair["admitted"], pair["source"]) for pair in found["address_pairs"]] == [(False, "content:1")]
    assert found["cursor"] == {}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "one of the following is required: path, content, commit"),
        ({"commit": "x"}, "store"),
        ({"content": "", "store": "/nonexistent/history.db", "_ansible_check_mode": False}, "store_unreadable"),
        ({"content": "", "live": [{"old": "1.1.1.20"}]}, "bad_record"),
        ({"content": "", "policy": {**POLICY, "infer": {"guess": True}}}, "guess"),
        ({"content": "", "path": "x"}, "mutually exclusive"),
        ({"content": "", "policy": {}}, "managed_networks"),
        ({"content": "", "policy": {**POLICY, "require_tls": True}}, "require_tls"),
        ({"content": "", "policy": {"managed_networks": {"a": ["1.1.1.1/24"]}}}, "managed_networks.a: 1.1.1.1/24"),
        ({"content": "", "cursor": {"x": 1}}, "bad_cursor"),
        ({"path": "/nonexistent/log"}, "No such file"),
    ],
)
def test_a_failure_says_why(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    found = run(tmp_path, **options)
    assert found["failed"]
    assert told in found["msg"]
