"""The stages of `make test`: what is run, in which lane, and for how long at most.

A lane is a row of stages that run one after the other; the lanes run side by side. What uses the lab is in one lane,
because it is one lab. What only reads the tree, or makes private namespaces of its own, is in the two others: stages
wait for routers and playbooks half of their time, and a third lane works meanwhile.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".build" / "logs"
#: The first is shown as it goes.
LANES = ("lab", "tree", "aside")
_ANSIBLE_LINT = ("ansible-lint", "--offline", "--profile", "production", "--nocolor", "-q")
COLLECTION = "ansible_collections.sipmobility.handover"


@dataclass(frozen=True)
class Stage:
    """One command whose exit status counts, as one test or, for pytest, as the tests it reports.

    Attributes:
        name: unique, also the name of its log.
        group: what `make GROUP` runs.
        command: argument vector, run in the root of the repository.
        lane: one of :data:`LANES`.
        junit: where pytest writes its counts; None for everything else.
        limit_s: seconds after which it is ended and has failed.
        again: for what talks to real servers, whose tests a busy machine can fail: the command that runs once more what
            failed, and nothing else. None: what failed has failed.
    """

    name: str
    group: str
    command: tuple[str, ...]
    lane: str = "aside"
    junit: Path | None = None
    limit_s: int = 300
    again: Stage | None = None


#: A run that was ended in the middle of a scenario has left word, outside the tree, that its instances are prepared.
_MOLECULE = Stage(
    "molecule",
    "molecule",
    ("sh", "-c", "molecule reset --all && exec molecule test --all"),
    "lab",
    limit_s=2400,
)


def stages() -> tuple[Stage, ...]:
    """All stages in the order in which each lane runs them."""
    return (
        _pytest("unit", "tests/unit", "aside", 2400),
        _with_servers("kernel", "tests/kernel", "tree", 4200),
        _with_servers("standins", "tests/standins", "aside", 2400),
        _with_servers("pages", "tests/pages", "aside", 900),
        _with_servers("moves", "tests/moves", "aside", 300),
        # A short run; make fuzz takes its time. What it finds stays in tests/fuzz/findings, and the unit tests try it.
        Stage("fuzz", "fuzz", ("env", "FUZZ_TOTAL_SECONDS=10", sys.executable, "-m", "tests.fuzz"), limit_s=180),
        Stage("ruff check", "lint", ("ruff", "check", "--output-format=concise", ".")),
        Stage("ruff format", "lint", ("ruff", "format", "--quiet", "--check", "--diff", ".")),
        Stage("mypy", "lint", ("mypy", *_packages())),
        Stage("vermin", "lint", ("vermin", "--no-tips", "--violations", "-t=3.9-", *_target_python())),
        Stage("shellcheck", "lint", ("shellcheck", *_scripts())),
        Stage("yamllint", "lint", ("yamllint", "--strict", ".")),
        # In a home of its own: its mocks of modules lie there, and the run that ends first takes them away.
        Stage("ansible-lint", "lint", ("env", f"ANSIBLE_HOME={ROOT / '.build' / 'ansible'}", *_ANSIBLE_LINT)),
        Stage(
            "antsibull-docs",
            "lint",
            ("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs", "self", "."),
        ),
        Stage("antsibull-changelog", "lint", ("antsibull-changelog", "lint")),
        Stage("sanity", "sanity", ("tools/sanity.sh",), limit_s=900),
        Stage("lab up", "integration", (sys.executable, "-m", "lab", "up"), "lab", limit_s=600),
        _with_servers("integration", "tests/integration", "lab", 3600),
        replace(_MOLECULE, again=replace(_MOLECULE, name="molecule again")),
        Stage("lab down", "integration", (sys.executable, "-m", "lab", "down"), "lab", limit_s=120),
    )


def _pytest(name: str, path: str, lane: str, limit_s: int, *options: str) -> Stage:
    junit = LOGS / f"{name}.xml"
    command = (sys.executable, "-m", "pytest", "-m", "not deep", "--durations=5", f"--junitxml={junit}", *options, path)
    return Stage(name, path.split("/")[1], command, lane, junit, limit_s)


def _with_servers(name: str, path: str, lane: str, limit_s: int) -> Stage:
    # Stages run side by side; each remembers its own failures.
    memory = ("-o", f"cache_dir={ROOT / '.build' / 'pytest' / name}")
    second = _pytest(f"{name} again", path, lane, limit_s, *memory, "--last-failed", "--last-failed-no-failures=none")
    return replace(_pytest(name, path, lane, limit_s, *memory), again=second)


def _target_python() -> tuple[str, ...]:
    """What must run on Python 3.9: the core, and modules that run on the managed host."""
    return tuple(part for part in ("plugins/module_utils", "plugins/modules") if (ROOT / part).is_dir())


def _scripts() -> tuple[str, ...]:
    rooms = (".ci", "demo", "lab", "roles", "tests", "tools")
    found = [path for room in rooms for path in (ROOT / room).rglob("*") if path.suffix == ".sh" or path.name == "run"]
    return tuple(sorted(str(path.relative_to(ROOT)) for path in found))


def _packages() -> tuple[str, ...]:
    """The typed Python of the project, named as it is imported."""
    inside = [part for part in ("plugins", "agent", "node") if (ROOT / part).is_dir()]
    beside = [part for part in ("lab", "demo", "tools", "tests") if any((ROOT / part).rglob("*.py"))]
    names = [f"{COLLECTION}.{part}" for part in inside] + beside
    return tuple(word for name in names for word in ("-p", name))
