# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of docs/pipeline.md, as they stand there, against routers in private namespaces."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
import yaml

from ansible_collections.sipmobility.handover.agent.data_file import load

from .jobs import Runner, blocks, runner_in

PAGE = "pipeline.md"


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    """Routers that the role has prepared, as far as a namespace goes: no systemd."""
    with runner_in(tmp_path_factory.mktemp("job")) as made:
        variables = blocks(PAGE, "yaml")[0]
        (made.place / "ci.yml").write_text(variables + "handover_drain: 0.1\n", encoding="utf-8")
        made.moves("alice", "1.1.1.20", "2.2.2.20")
        done = made.sh(
            "ansible-playbook -i inventory.yml sipmobility.handover.site -e first_hop_router_persistence=none"
        )
        assert done.returncode == 0, done.stdout + done.stderr
        yield made


def test_the_job_carries_moves_out_and_leaves_two_files(runner: Runner) -> None:
    job = blocks(PAGE, "sh")[0]
    done = runner.sh(job)
    assert done.returncode == 0, done.stdout + done.stderr
    plan, told = runner.read("plan.json"), runner.read("done.json")
    assert (plan["checked"], told["checked"]) == (True, False)
    assert [(one["old"], one["new"]) for one in told["handovers"]] == [("1.1.1.20", "2.2.2.20")]
    assert [step["id"] for step in plan["steps"]] == [step["id"] for step in told["steps"]]
    assert {step["router"] for step in told["steps"] if step["changed"]} == {"rb", "rc"}
    assert "1.1.1.20" in runner.routers["rb"].shell("nft list ruleset").stdout
    (example,) = blocks(PAGE, "json")
    assert set(json.loads(example)) == set(told), "the page shows what comes out"
    assert set(json.loads(example)["steps"][0]) <= set(told["steps"][0])

    # Once more, with nothing new in the log: it goes on from the cursor, and changes nothing.
    cursor = runner.read("state/cursor.json")
    again = runner.sh(job)
    assert again.returncode == 0, again.stdout + again.stderr
    assert runner.read("done.json")["handovers"] == []
    assert runner.read("state/cursor.json") == cursor

    # Somebody else registers with alice's old address: the rule of the page stops the job before the run.
    runner.moves("mallory", "1.1.1.20", "2.2.2.66")
    refused = runner.sh(job)
    assert refused.returncode != 0
    assert [one["code"] for one in runner.read("plan.json")["not_believed"]]
    assert runner.read("state/cursor.json") == cursor, "nothing was acknowledged"
    assert "2.2.2.66" not in runner.routers["rb"].shell("nft list ruleset").stdout


def test_the_job_fails_where_a_router_is_not_as_it_should_be(runner: Runner) -> None:
    lines = blocks(PAGE, "sh")[0].splitlines()
    audit = "\n".join([lines[0], next(text for text in lines if "reconcile" in text)])
    before = runner.sh(audit)
    assert before.returncode == 0, before.stdout + before.stderr
    runner.routers["rc"].shell("sysctl -qw net.ipv4.fwmark_reflect=0")
    after = runner.sh(audit)
    assert after.returncode != 0
    assert "rc: static" in after.stdout


def test_the_command_line_makes_the_text_without_ansible(runner: Runner) -> None:
    own = blocks(PAGE, "sh")[2]
    variables, topology, handovers = blocks(PAGE, "yaml")
    runner.write("policy.yml", yaml.safe_load(variables)["handover_policy"])
    (runner.place / "topology.yml").write_text(topology, encoding="utf-8")
    done = runner.sh(own)
    assert done.returncode == 0, done.stdout + done.stderr
    assert runner.read("pairs.json")["address_pairs"][0]["old"] == "1.1.1.20"
    steps = runner.read("steps.json")
    assert [stage["phase"] for stage in steps["stages"]] == ["decode", "encode"]
    assert "nft" in done.stdout

    # The file that the page shows is the one that its commands made.
    (runner.place / "shown.yml").write_text(handovers, encoding="utf-8")
    shown, made = load(str(runner.place / "shown.yml")), load(str(runner.place / "handovers.yml"))
    assert [{**one, "expires": None} for one in shown] == [{**one, "expires": None} for one in made]
    again = runner.sh("sip-handover plan --topology topology.yml --to shown.yml --json --fail-on-refused >shown.json")
    assert again.returncode == 0, again.stdout + again.stderr
    assert [one["id"] for one in runner.read("shown.json")["handovers"]] == [one["id"] for one in steps["handovers"]]


def test_a_move_by_hand_is_planned_first_and_then_done_as_planned(runner: Runner) -> None:
    """As AWX's workflow does it: the plan's statistics are the variables of the run."""
    show = "export ANSIBLE_SHOW_CUSTOM_STATS=1; "
    play = "ansible-playbook -i inventory.yml sipmobility.handover.handover -e handover_drain=0.1 "
    asked = (
        "-e handover_old=1.1.1.30 -e handover_new=2.2.2.30 -e handover_aor=sip:carol@example.com "
        "-e handover_scope=correspondent -e handover_correspondents=3.3.3.20,3.3.3.21 -e handover_lifetime=600 "
    )
    planned = runner.sh(show + play + asked + "--check")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    (told,) = re.findall(r"CUSTOM STATS: \*+\n.*?RUN: (\{.*\})", planned.stdout, re.S)
    stats = json.loads(told)
    assert stats["handover_result"]["checked"] is True
    assert [one["correspondents"] for one in stats["handover_records"]] == [["3.3.3.20", "3.3.3.21"]]
    # What AWX hands on: the artifacts of the plan over the answers to the survey.
    runner.write("artifacts.yml", stats)
    done = runner.sh(show + play + asked.replace("2.2.2.30", "2.2.2.31") + "-e @artifacts.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    held = runner.routers["rb"].shell("nft list ruleset").stdout
    assert "2.2.2.30" in held
    assert "2.2.2.31" not in held, "what was planned is what is done"
    withdrawn = runner.sh(
        show + play.replace("handover.handover", "handover.withdraw") + "-e handover_withdraw=1.1.1.30"
    )
    assert withdrawn.returncode == 0, withdrawn.stdout + withdrawn.stderr
    assert '"not_undone"' in withdrawn.stdout
    assert "2.2.2.30" not in runner.routers["rb"].shell("nft list ruleset").stdout


def test_what_was_approved_is_carried_out_and_nothing_else(runner: Runner) -> None:
    """More than variables carry; and the log grows until somebody has approved."""
    job, approved, _own = blocks(PAGE, "sh")
    run, plan = job.splitlines()[0], next(line for line in job.splitlines() if "--check --diff" in line)
    wanted = {f"1.1.1.{host}": f"2.2.2.{host}" for host in range(101, 251)}
    for old, new in wanted.items():
        runner.moves(f"user{old}", old, new)
    planned = runner.sh(f"export ANSIBLE_SHOW_CUSTOM_STATS=1\n{run}\n{plan}")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    told = runner.read("plan.json")
    assert told["handovers_count"] == len(wanted)
    assert "handovers" not in told, "an empty list would be approved of, and carried out"
    records = runner.read("plan-handovers.json")
    assert told["handovers_src"] == str(runner.place / "plan-handovers.json")
    assert {one["old"]: one["new"] for one in records} == wanted
    (stats,) = re.findall(r"CUSTOM STATS: \*+\n.*?RUN: (\{.*\})", planned.stdout, re.S)
    assert json.loads(stats)["handover_records"] == records, "what AWX hands on"

    cursor = runner.read("state/cursor.json")
    runner.moves("late", "1.1.1.99", "2.2.2.99")
    done = runner.sh(f"{run}\n{approved}")
    assert done.returncode == 0, done.stdout + done.stderr
    held = runner.routers["rb"].shell("nft list ruleset").stdout
    assert [new for new in wanted.values() if new not in held] == []
    assert "2.2.2.99" not in held
    assert runner.read("done-handovers.json") == records
    assert runner.read("state/cursor.json") == cursor
