"""The contract of the core (design: sans-I/O): what may be imported and called below plugins/module_utils.

Pure functions of bytes and facts can be tested without a network, are the same through every skin, and run on any
Python from 3.9. So the core imports a short list of pure standard modules and itself, in one direction:

    errors  <-  sip  <-  mobility        (not sip/sources: text has become a Registration before mobility sees it)
    mobility, platforms  <-  widening  <-  planning  <-  repair        (a plan that its routers can hold: for the skins)
    errors  <-  mobility/model, mobility/handover  <-  platforms        (the records, not what decides on them)
    mobility/model  <-  reader        (plain data from outside, read strictly)

Beside the core, store/ keeps a memory in a file, asking/ asks home servers, and log_files opens logs: Ansible takes
nothing but module_utils to a managed host. Nothing of the core knows them. What registrations_info does with them is
in registrations, for the module and for its action plugin.

It opens nothing, prints nothing and asks no clock: rendering is given `now`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CORE = Path(__file__).resolve().parents[2] / "plugins" / "module_utils"

#: Standard modules without input, output, clock or chance. A new one is added here on purpose or not at all.
PURE = frozenset(
    "__future__ abc base64 binascii bisect collections collections.abc copy dataclasses datetime enum functools "
    "hashlib heapq hmac ipaddress itertools json math numbers operator re string struct textwrap types typing "
    "unicodedata xml.etree.ElementTree zlib".split()
)
#: What the one file that is a skin may do besides, by its name: the modules and the calls.
SKIN = {"log_files": frozenset({"os", "stat", "open"})}
#: What a file may import of the core, by the beginning of its own name; the longest that fits is used.
ALLOWED = {
    "errors": (),
    "reader": ("errors", "mobility.model"),
    "sip": ("errors", "sip"),
    "mobility": ("errors", "reader", "sip", "mobility"),
    "mobility.selector": ("errors",),
    "mobility.model": ("errors", "mobility.selector"),
    "mobility.router_state": ("errors", "mobility.selector", "mobility.model"),
    "mobility.handover": ("errors", "mobility.model", "mobility.selector"),
    "mobility.connection": ("errors", "reader", "mobility.model", "mobility.handover"),
    "platforms": (
        "errors",
        "reader",
        "mobility.selector",
        "mobility.model",
        "mobility.router_state",
        "mobility.handover",
        "mobility.connection",
        "platforms",
    ),
    "planning": ("errors", "reader", "mobility", "platforms", "widening"),
    "widening": ("errors", "mobility", "platforms"),
    "topologies": ("mobility", "platforms"),
    "repair": ("mobility", "planning"),
    "log_files": ("errors", "sip"),
    "store": ("errors", "mobility.memory", "store"),
    "asking": ("errors", "mobility.home", "mobility.home_json", "asking"),
    "registrations": ("errors", "sip", "mobility", "log_files", "store", "asking"),
}
#: What else a room beside the core may import of the standard library.
IMPURE = {
    "store": frozenset({"contextlib", "os", "secrets", "sqlite3", "time"}),
    "asking": frozenset({"http.client", "os", "queue", "socket", "ssl", "threading", "time"}),
}
#: What stays out although its parent is allowed.
REFUSED = {"mobility": ("sip.sources",)}
CALLS = frozenset("__import__ breakpoint compile eval exec input open print".split())
CLOCKS = frozenset({"now", "today", "utcnow"})


def core_files() -> list[Path]:
    return sorted(CORE.rglob("*.py"))


def breaches(source: str, name: str) -> Iterator[str]:
    """What in the source of the core module `name` (dotted, below module_utils) breaks the contract."""
    try:
        tree = ast.parse(source, feature_version=(3, 9))
    except SyntaxError as problem:
        yield f"not Python 3.9: {problem.msg}, line {problem.lineno}"
        return
    if tree.body and not _postpones_annotations(tree):
        yield "from __future__ import annotations is missing"
    annotations = {id(inner) for part in _annotations(tree) for inner in ast.walk(part)}
    for node in ast.walk(tree):
        where = f"line {getattr(node, 'lineno', 0)}"
        for imported in _imports(node, name):
            if problem_of := _import_breach(imported, name):
                yield f"{where}: {problem_of}"
        called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if called in CALLS - SKIN.get(name, frozenset()):
            yield f"{where}: calls {called}()"
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS and _is_date_class(node.value):
            yield f"{where}: asks the clock"
        if isinstance(node, ast.BinOp) and id(node) not in annotations and _is_union(node):
            yield f"{where}: X | Y of types at run time needs Python 3.10"


def core_imports(source: str, name: str) -> set[str]:
    """The core modules that a core module imports, dotted, below module_utils."""
    found = {target for node in ast.walk(ast.parse(source)) for target in _imports(node, name)}
    inside = {target[1:] for target in found if target.startswith(".")}
    return {f"{target}.__init__" if CORE.joinpath(*target.split(".")).is_dir() else target for target in inside}


def circular(graph: dict[str, set[str]]) -> list[str]:
    """The modules that stand in a circle of imports, or lead into one."""
    left = dict(graph)
    while free := [name for name, targets in left.items() if not targets & set(left)]:
        for name in free:
            del left[name]
    return sorted(left)


def _postpones_annotations(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.module == "__future__" and node.names[0].name == "annotations"
        for node in tree.body[:2]
    )


def _annotations(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        for field in ("annotation", "returns"):
            if isinstance(part := getattr(node, field, None), ast.expr):
                yield part


def _imports(node: ast.AST, name: str) -> Iterator[str]:
    """What a node imports: `json` for the standard library, `.sip.message` for a core module, `..` for above it."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield str(node.module)
    elif isinstance(node, ast.ImportFrom):
        package = name.split(".")[: -node.level]
        if node.level > name.count(".") + 1:
            yield ".."
            return
        base = [*package, *(str(node.module).split(".") if node.module else [])]
        for alias in node.names:
            full = [*base, alias.name]
            exists = (CORE.joinpath(*full).with_suffix(".py")).exists() or CORE.joinpath(*full).is_dir()
            yield "." + ".".join(full if exists else base)


def _import_breach(imported: str, name: str) -> str | None:
    if imported == "..":
        return "imports from outside the core"
    if not imported.startswith("."):
        if imported in PURE | SKIN.get(name, frozenset()) | IMPURE.get(name.split(".")[0], frozenset()):
            return None
        kind = "is not pure" if imported.split(".")[0] in sys.stdlib_module_names else "is not the standard library"
        return f"imports {imported}, which {kind}"
    target = imported[1:]
    room = max((key for key in ALLOWED if _below(name, key)), key=len, default=None)
    if room is None:
        return f"{name} stands in no room of the core: {', '.join(ALLOWED)}"
    refused = any(_below(target, part) for part in REFUSED.get(room, ()))
    if refused or not any(_below(target, part) for part in ALLOWED[room]):
        return f"{room} may not import {target}"
    return None


def _below(name: str, parent: str) -> bool:
    return name == parent or name.startswith(parent + ".")


def _is_date_class(node: ast.expr) -> bool:
    last = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return last in {"datetime", "date"}


def _is_union(node: ast.BinOp) -> bool:
    return isinstance(node.op, ast.BitOr) and any(_is_type(side) for side in (node.left, node.right))


def _is_type(node: ast.expr) -> bool:
    """A builtin type, a CamelCase name, or None; flags are written in capitals, values in small letters."""
    if isinstance(node, ast.Constant):
        return node.value is None
    if not isinstance(node, ast.Name):
        return False
    return node.id in {"bool", "bytes", "dict", "float", "int", "list", "set", "str", "tuple"} or (
        node.id[:1].isupper() and not node.id.isupper()
    )


def _name(path: Path) -> str:
    return ".".join(path.relative_to(CORE).with_suffix("").parts)


def test_there_is_a_core() -> None:
    assert {"errors", "sip", "mobility", "platforms"} <= {_name(path).split(".")[0] for path in core_files()}


@pytest.mark.parametrize("path", core_files(), ids=_name)
def test_core_keeps_the_contract(path: Path) -> None:
    assert list(breaches(path.read_text(encoding="utf-8"), _name(path))) == []


def test_no_import_goes_in_a_circle() -> None:
    graph = {_name(path): core_imports(path.read_text(encoding="utf-8"), _name(path)) for path in core_files()}
    assert circular(graph) == []


def test_a_circle_is_found() -> None:
    assert circular({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]


HEAD = "from __future__ import annotations\n"


@pytest.mark.parametrize(
    ("name", "line", "told"),
    [
        ("sip.message", "import socket", "imports socket, which is not pure"),
        ("sip.message", "def f():\n    from asyncio import run", "imports asyncio, which is not pure"),
        ("sip.message", "import ansible.module_utils.basic", "which is not the standard library"),
        ("sip.message", "from jinja2 import Template", "which is not the standard library"),
        ("sip.message", "from urllib.request import urlopen", "imports urllib.request, which is not pure"),
        ("sip.message", "import os.path", "imports os.path, which is not pure"),
        ("sip.message", "open('/etc/hosts')", "calls open()"),
        ("mobility.plan", "__import__('socket')", "calls __import__()"),
        ("mobility.plan", "import datetime\nx = datetime.datetime.now()", "asks the clock"),
        ("sip.message", "from ..platforms import nftables", "sip may not import platforms"),
        ("sip.message", "from ..mobility.model import Step", "sip may not import mobility.model"),
        ("platforms.nftables", "from ..sip.message import Message", "platforms may not import sip.message"),
        ("platforms.nftables", "from ..mobility.plan import plan", "platforms may not import mobility.plan"),
        ("mobility.plan", "from ..platforms.nftables import render", "mobility may not import platforms.nftables"),
        ("mobility.admission", "from ..sip.sources.kamailio import parse", "may not import sip.sources.kamailio"),
        ("mobility.plan", "from ..planning import make_plan", "mobility may not import planning"),
        ("mobility.model", "from .plan import plan", "mobility.model may not import mobility.plan"),
        ("sip.sources.__init__", "from ...mobility.plan import plan", "sip may not import mobility.plan"),
        ("errors", "from .sip import message", "errors may not import sip"),
        ("sip.sources.cursor", "from ...log_files import LogReader", "sip may not import log_files"),
        ("planning", "from .log_files import LogReader", "planning may not import log_files"),
        ("log_files", "import socket", "imports socket, which is not pure"),
        ("log_files", "print('x')", "calls print()"),
        ("mobility.intake", "from ..store.sqlite import Store", "mobility may not import store.sqlite"),
        ("mobility.memory", "import sqlite3", "imports sqlite3, which is not pure"),
        ("store.sqlite", "import socket", "imports socket, which is not pure"),
        ("mobility.home", "from ..asking.client import Client", "mobility may not import asking.client"),
        ("asking.client", "from ..mobility.intake import Intake", "asking may not import mobility.intake"),
        ("store.sqlite", "from ..mobility.intake import Intake", "store may not import mobility.intake"),
        ("helpers", "from .errors import HandoverError", "stands in no room"),
        ("sip.message", "from ...plugin_utils import render", "imports from outside the core"),
        ("sip.message", "match 1:\n    case 1:\n        pass", "not Python 3.9"),
        ("sip.message", "Address = IPv4Address | IPv6Address", "needs Python 3.10"),
        ("sip.message", "isinstance(1, int | str)", "needs Python 3.10"),
    ],
)
def test_a_breach_is_found(name: str, line: str, told: str) -> None:
    found = list(breaches(HEAD + line, name))
    assert len(found) == 1
    assert told in found[0]


def test_annotations_must_be_postponed() -> None:
    assert list(breaches("import json", "sip.message")) == ["from __future__ import annotations is missing"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("sip.message", "import re, json\nfrom collections.abc import Iterator"),
        ("sip.sources.__init__", "from ..message import parse\nfrom . import kamailio"),
        ("sip.sources.kamailio", "from ...errors import HandoverError\nfrom ..message import parse"),
        ("mobility.admission", "from ..sip.registration import Registration\nfrom .model import Step"),
        ("platforms.nftables", "from ..mobility.model import RouterState\nfrom .capabilities import Capabilities"),
        ("sip.message", "def f(a: int | None) -> str | None:\n    return re.I | re.M | FLAG | a"),
    ],
)
def test_what_is_allowed_is_not_refused(name: str, line: str) -> None:
    assert list(breaches(HEAD + line, name)) == []
