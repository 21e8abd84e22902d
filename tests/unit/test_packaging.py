"""One version, two artefacts: the Galaxy tarball and the wheel hold the same files, and each works by itself.

Both are built from the working tree as a user would build them; nothing here uses the network (make venv has put the
wheels of the dependencies into .build/wheels).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.sipmobility.handover.agent.cli import COMMANDS
from ansible_collections.sipmobility.handover.agent.data_file import load

from .agent.patent import EXPECTED, FIXTURES, NOW, steps_in

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
INSIDE = "ansible_collections/sipmobility/handover/"
GALAXY = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GALAXY_NEEDS = PYPROJECT["project"]["dependencies"]
BOTH = FIXTURES / "both.yml"
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("[!_]*.py"))


def run(*command: object, cwd: Path = ROOT, **environment: str) -> str:
    """Standard output of a command that must succeed; the environment holds nothing that finds this tree."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "PYTHON"))}
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=cwd, env={**kept, **environment}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tarball")
    run(BIN / "ansible-galaxy", "collection", "build", "--output-path", out)
    (built,) = out.glob("*.tar.gz")
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    run(BIN / "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", out, ROOT)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def clean_venv(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and what it asks for, without ansible-core."""
    home = tmp_path_factory.mktemp("clean") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", home)
    python = home / "bin" / "python"
    offline = ("--no-index", "--find-links", ROOT / ".build" / "wheels")
    run(BIN / "pip", "--python", python, "install", "-q", *offline, wheel)
    return home


@pytest.fixture(scope="module")
def installed(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections directory into which ansible-galaxy installed the tarball."""
    path = tmp_path_factory.mktemp("collections")
    run(BIN / "ansible-galaxy", "collection", "install", "--offline", "-p", path, tarball, cwd=path)
    return path


def tarball_files(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        found = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        return {name: stream.read() for name, stream in found.items() if stream}


def wheel_files(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.startswith(INSIDE)]
        return {name.removeprefix(INSIDE): archive.read(name) for name in names}


def test_both_artefacts_hold_the_same_files(tarball: Path, wheel: Path) -> None:
    of_tarball, of_wheel = tarball_files(tarball), wheel_files(wheel)
    made_by_galaxy = {"MANIFEST.json", "FILES.json"}
    assert set(of_tarball) - made_by_galaxy == set(of_wheel) - {"galaxy.yml"}
    assert made_by_galaxy < set(of_tarball)
    assert [name for name in of_wheel if name != "galaxy.yml" and of_wheel[name] != of_tarball[name]] == []


def test_the_artefacts_hold_what_git_knows_and_no_tools(wheel: Path) -> None:
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    tools = ("collections/", "demo/", "lab/", "tests/", "tools/")
    files = ("MANIFEST.in", "Makefile", "constraints-dev.txt", "pyproject.toml", "requirements-dev.txt")
    wanted = {
        name for name in listed if not name.startswith((".", *tools)) and name not in files and (ROOT / name).is_file()
    }
    assert set(wheel_files(wheel)) == wanted


def test_one_version(tarball: Path, wheel: Path) -> None:
    manifest = json.loads(tarball_files(tarball)["MANIFEST.json"])
    assert manifest["collection_info"]["version"] == GALAXY["version"] == wheel.name.split("-")[1]


def test_execution_environments_get_what_the_wheel_asks_for() -> None:
    listed = (ROOT / "meta" / "ee-requirements.txt").read_text(encoding="utf-8").split()
    project = PYPROJECT["project"]
    # The service and the mobile node's client run beside Ansible, not in an execution environment.
    extras = project["optional-dependencies"].items()
    optional = [name for extra, names in extras if extra not in ("agent", "netconf", "node") for name in names]
    assert sorted(listed) == sorted([*project["dependencies"], *optional])


@pytest.mark.parametrize(
    ("variable", "extra"), [("FOR_SERVICE", "agent"), ("FOR_NODE", "node"), ("FOR_NETCONF", "netconf")]
)
def test_services_find_their_wheels_without_the_network(variable: str, extra: str) -> None:
    """The scenarios of the roles handover_agent and mobile_node install from .build/wheels."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (names,) = re.findall(rf"^{variable}\s*:= (.*)$", makefile, re.M)
    assert names.split() == [name.partition(">")[0] for name in PYPROJECT["project"]["optional-dependencies"][extra]]


def test_the_wheel_gives_the_command(clean_venv: Path) -> None:
    assert "sip-handover" in run(clean_venv / "bin" / "sip-handover", "--help", cwd=clean_venv)


def test_every_command_tells_of_itself_without_the_extras(clean_venv: Path) -> None:
    """What serves needs more than the wheel asks for; its help does not, and running it names what is missing."""
    for command in COMMANDS:
        assert "--help" in run(clean_venv / "bin" / "sip-handover", command, "--help", cwd=clean_venv)
    node = clean_venv / "bin" / "sip-handover-node"
    assert "run until SIGTERM" in run(node, "--help", cwd=clean_venv)
    missing = subprocess.run([node, "check"], capture_output=True, text=True, check=False)
    assert (missing.returncode, "pip install 'sipmobility-handover[node]'" in missing.stderr) == (1, True)


def test_the_core_imports_without_ansible(clean_venv: Path) -> None:
    script = """
import importlib, importlib.util, pathlib, sys
import ansible_collections.sipmobility.handover.plugins.module_utils.errors as errors
core = pathlib.Path(errors.__file__).parent
for path in sorted(core.rglob("*.py")):
    name = ".".join(path.relative_to(core).with_suffix("").parts)
    importlib.import_module("ansible_collections.sipmobility.handover.plugins.module_utils." + name)
    print(name)
assert importlib.util.find_spec("ansible") is None
"""
    names = run(clean_venv / "bin" / "python", "-c", script, cwd=clean_venv).split()
    core = ROOT / "plugins" / "module_utils"
    assert len(names) == len(list(core.rglob("*.py")))


def test_the_tarball_documents_every_module(installed: Path) -> None:
    names = [f"sipmobility.handover.{name}" for name in MODULES]
    told = run(
        BIN / "ansible-doc", "--json", "-t", "module", *names, cwd=installed, ANSIBLE_COLLECTIONS_PATH=str(installed)
    )
    docs = json.loads(told)
    assert set(docs) == set(names)
    assert all(str(installed) in doc["doc"]["filename"] for doc in docs.values())


PLAY: list[dict[str, Any]] = [
    {
        "hosts": "first_hop_routers",
        "gather_facts": False,
        "connection": "local",
        "tasks": [
            {
                "sipmobility.handover.plan_handover": {
                    "handovers": "{{ moved }}",
                    "routers": "{{ ansible_play_hosts_all }}",
                    "dest": "{{ playbook_dir }}/plan",
                },
                "register": "planned",
                "run_once": True,
                "delegate_to": "localhost",
            },
            {
                "sipmobility.handover.apply_step": {
                    "src": "{{ playbook_dir }}/plan",
                    "stage": "{{ item.index }}",
                    "render": True,
                    "now": NOW,
                },
                "loop": "{{ planned.stages }}",
                "register": "written",
            },
            {
                "ansible.builtin.copy": {
                    "content": "{{ written.results | to_json }}",
                    "dest": "{{ playbook_dir }}/{{ inventory_hostname }}.json",
                    "mode": "0644",
                }
            },
        ],
    }
]


@pytest.fixture(scope="module", params=["tarball", "wheel"])
def with_ansible(
    request: pytest.FixtureRequest, tarball: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A new environment with ansible-core and one artefact, and an empty directory to work in, beside it."""
    place = tmp_path_factory.mktemp("new")
    run(sys.executable, "-m", "venv", "--without-pip", place / "venv")
    python = place / "venv" / "bin" / "python"
    offline = ("--no-index", "--find-links", ROOT / ".build" / "wheels")
    # A tarball brings no Python: what it needs is what the wheel asks for (docs/start.md).
    wanted = [wheel] if request.param == "wheel" else GALAXY_NEEDS
    run(BIN / "pip", "--python", python, "install", "-q", *offline, "ansible-core", *wanted)
    (place / "work").mkdir()
    if request.param == "tarball":
        galaxy = place / "venv" / "bin" / "ansible-galaxy"
        run(galaxy, "collection", "install", "--offline", "-p", place / "collections", tarball, cwd=place)
    return place


def test_each_artefact_runs_the_patents_example_by_full_names(with_ansible: Path) -> None:
    """Modules of the collection, in an environment that has nothing else: the text of each step is the expected one."""
    work = with_ansible / "work"
    hosts = {
        name: {
            "handover_networks": router["networks"],
            "handover_platform": router["platform"],
            "handover_inside_interface": router["inside"],
            "handover_outside_interface": router["outside"],
            "ansible_python_interpreter": str(with_ansible / "venv" / "bin" / "python"),
        }
        for name, router in load(str(FIXTURES / "topology.yml")).items()
    }
    inventory = {"all": {"children": {"first_hop_routers": {"hosts": hosts, "vars": {"moved": load(str(BOTH))}}}}}
    (work / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    (work / "play.yml").write_text(yaml.safe_dump(PLAY), encoding="utf-8")
    found = with_ansible / "collections"
    told = {"HOME": str(with_ansible), **({"ANSIBLE_COLLECTIONS_PATH": str(found)} if found.exists() else {})}
    run(with_ansible / "venv" / "bin" / "ansible-playbook", "-i", "inventory.yml", "play.yml", cwd=work, **told)
    for name in hosts:
        results = json.loads((work / f"{name}.json").read_text(encoding="utf-8"))
        written = {one["step"]: one["rendered"] for one in results if one["step"] is not None}
        file = EXPECTED / f"both-{name}.txt"
        assert written == (steps_in(file.read_text(encoding="utf-8")) if file.exists() else {})
    # And the role, which writes the same into files, by the playbook's full name.
    out = work / "rendered"
    handovers = [{**load(str(BOTH))[0], "expires": "2099-01-01T00:00:00Z"}]
    role = {"render_only": True, "render_dir": str(out), "handovers": handovers}
    extra = json.dumps({f"first_hop_router_{key}": value for key, value in role.items()})
    words = ("-i", "inventory.yml", "sipmobility.handover.site", "-e", extra)
    run(with_ansible / "venv" / "bin" / "ansible-playbook", *words, cwd=work, **told)
    assert "1.1.1.1" in next((out / "rb").glob("01-*.sh")).read_text(encoding="utf-8")


def test_the_wheels_command_runs_the_patents_example(clean_venv: Path) -> None:
    """Without Ansible, the same text."""
    for name in ("rb", "rc"):
        words = ("--topology", FIXTURES / "topology.yml", "--to", BOTH, "--router", name, "--now", NOW)
        text = run(clean_venv / "bin" / "sip-handover", "render", *words, cwd=clean_venv)
        assert steps_in(text) == steps_in((EXPECTED / f"both-{name}.txt").read_text(encoding="utf-8"))


def test_the_action_group_names_every_module() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))
    assert runtime["action_groups"]["handover"] == MODULES
