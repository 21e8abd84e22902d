"""docs/support.md from what `make test` and `make cores` left: make support, or python -m tools.support_matrix [LOGS].

Counts are of tests that passed in that run, by the platform that a test's name or file names; what failed is told
beside them. Nothing is written where a run is not whole.
"""

from __future__ import annotations

import platform
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

from tools.stages import LOGS, ROOT

PAGE = ROOT / "docs" / "support.md"
#: The stages that tell platforms apart, and what each is made of.
STAGES = {
    "unit": "text and plans",
    "kernel": "real parts, private namespaces",
    "standins": "labelled stand-ins",
    "integration": "the lab's routers",
}
#: What in a test's name or file says which platform it is about; the first that is found counts.
PLATFORMS = (
    ("iosxe_netconf", r"iosxe"),
    ("junos", r"junos"),
    ("ietf_netconf_plain", r"netconf.*plain|plain_netconf|netconf_plain"),
    ("ietf_netconf", r"netconf"),
    ("snmp", r"snmp"),
    ("ios", r"(?<![a-z])ios(?![a-z])|config_copy|copied_lines"),
    ("iptables", r"iptables"),
    ("nxos, eos, vyos, routeros, iosxr", r"written_only|nxos|(?<![a-z])eos|vyos|routeros|iosxr"),
    ("nftables", r"nftables|^tests\.kernel|^tests\.integration"),
)
ROWS = (
    *("nftables", "iptables", "ietf_netconf", "ietf_netconf_plain", "snmp", "ios", "iosxe_netconf", "junos"),
    "nxos, eos, vyos, routeros, iosxr",
    "all of them, or none",
)
HEAD = """# Support

Made by `make support` from the results of one whole `make test`, of {day} (`.build/logs/*.xml`): Debian 12, Linux
{kernel}, Python {python}, ansible-core {core}. What kind of proof each column is stands in
[platforms](platforms/README.md). The numbers say where tests are, not how good a platform is. What did not pass is
told; nothing else was left out.

| tests that passed | {columns} |
|---|{rules}|
"""
TAIL = """
| | Supported | Tried |
|---|---|---|
| ansible-core | 2.19 and newer (`meta/runtime.yml`) | {tried} |
| Python of the controller | 3.11 and newer | {python} |
| Python of a host that a module runs on | 3.9 and newer | by the language's grammar (vermin), and {python} |
| routers with Linux | a shell, nftables 1.0.6 or iptables 1.8, iproute2; no Python | Debian 12 |

Older releases of this collection get no fixes before 1.0.0: take the newest.
"""


def main(arguments: list[str]) -> int:
    """Write the page; the exit status."""
    logs = Path(arguments[0]) if arguments else LOGS
    missing = [name for name in STAGES if not (logs / f"{name}.xml").exists()]
    if missing:
        print(f"support_matrix: {logs} has no results of {', '.join(missing)}", file=sys.stderr)
        return 1
    results = {name: list(_cases(logs / f"{name}.xml")) for name in STAGES}
    PAGE.write_text(page(results, list(_others(logs)), _day(logs / "unit.xml")), encoding="utf-8")
    return 0


def page(
    results: dict[str, list[tuple[str, bool | None]]], others: Sequence[str] = (), day: str = "an unknown day"
) -> str:
    """The page, from the cases of each stage: name, and whether it passed (None: left out).

    :param others: in words, what became of the tests on other versions of ansible-core.
    :param day: when the run was.
    """
    counts = {name: Counter((about(case), passed) for case, passed in cases) for name, cases in results.items()}
    told = {
        "day": day,
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
        "core": version("ansible-core"),
    }
    columns = " | ".join(f"{name}: {what}" for name, what in STAGES.items())
    lines = []
    for row in ROWS:
        lines.append(f"| {row} | " + " | ".join(_cell(counts[name], row) for name in STAGES) + " |\n")
    head = HEAD.format(columns=columns, rules="|".join("---" for _ in STAGES), **told)
    tried = "; ".join([f"{told['core']} by every run", *others])
    return head + "".join(lines) + TAIL.format(tried=tried, **told)


def _cell(counts: Mapping[tuple[str, bool | None], int], row: str) -> str:
    words = {False: "failed", None: "skipped"}
    rest = [f"{counts[row, passed]} {word}" for passed, word in words.items() if counts[row, passed]]
    return ", ".join([str(counts[row, True] or "-"), *rest])


def about(case: str) -> str:
    """The platform that a test is about."""
    return next((name for name, pattern in PLATFORMS if re.search(pattern, case)), "all of them, or none")


def _others(logs: Path) -> Iterator[str]:
    """What `make cores` left."""
    for path in sorted(logs.glob("core-*.xml")):
        suite = next(ElementTree.parse(path).getroot().iter("testsuite"))
        counts = Counter(passed for _case, passed in _cases(path))
        lost = f", {counts[False]} failed" if counts[False] else ""
        sanity = path.with_suffix(".sanity")
        told = f", sanity {sanity.read_text(encoding='utf-8').strip()}" if sanity.exists() else ""
        yield f"{suite.get('name')}: {counts[True]} unit tests of what uses Ansible passed{lost}{told}"


def _day(path: Path) -> str:
    suite = next(ElementTree.parse(path).getroot().iter("testsuite"))
    return suite.get("timestamp", "an unknown day").partition("T")[0]


def _cases(path: Path) -> Iterator[tuple[str, bool | None]]:
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        failed = any(case.find(kind) is not None for kind in ("failure", "error"))
        skipped = case.find("skipped") is not None
        yield f"{case.get('classname')}.{case.get('name')}", False if failed else None if skipped else True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
