# Copyright: (c) 2026, sipmobility.handover contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-in: the statements that it knows, and the edits of RFC 6241 section 7.2 on a tree of them."""

from __future__ import annotations

import copy
from xml.etree.ElementTree import Element, SubElement

__all__ = ["Refusal", "edit", "plain"]

#: Each statement with what may stand in it. ``*`` is a list with a name as its key, ``+`` one of values; the rest of a
#: line after a colon are leaves.
_STATEMENTS = """\
applications
  application*: protocol source-port destination-port
firewall
  family
    inet
      filter*
        term*
          from: protocol source-port destination-port
            source-address*
            destination-address*
          then: accept
            discard
            next
interfaces
  interface*
    unit*
      family
        inet
          filter: input-list+
          address*
routing-options
  static
    route*: next-hop+ discard
      qualified-next-hop*: interface
  rib*
    static
      route*: next-hop+ discard
        qualified-next-hop*: interface
security
  flow
    tcp-session: no-syn-check no-sequence-check
  nat
    destination
      pool*
        address: ipaddr
      rule-set*
        from: interface+ zone+
        rule*: description
          dest-nat-rule-match: source-address+ application+ protocol+
            destination-address: dst-addr
            destination-port*
          then
            destination-nat: off
              pool: pool-name
    source
      pool*: address-shared
        address*
        port: no-translation
      rule-set*
        from: interface+ zone+
        to: interface+ zone+
        rule*: description
          src-nat-rule-match: source-address+ destination-address+ application+ protocol+
            source-port*
            destination-port*
          then
            source-nat: off
              interface
              pool: pool-name
"""


class Refusal(Exception):
    """An rpc-error, by its tag, the path and a message."""

    def __init__(self, tag: str, path: str, message: str, severity: str = "error") -> None:
        super().__init__(tag, path, message)
        self.tag, self.path, self.message, self.severity = tag, path, message, severity


class _Kind:
    """A statement: what may stand in it, and whether there may be more than one."""

    def __init__(self, mark: str = "") -> None:
        self.mark = mark
        self.inner: dict[str, _Kind] = {}


def _read(text: str) -> _Kind:
    root = _Kind()
    open_at: dict[int, _Kind] = {-1: root}
    for line in text.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        name, _colon, leaves = line.strip().partition(":")
        kind = _add(open_at[depth - 1], name)
        open_at[depth] = kind
        for leaf in leaves.split():
            _add(kind, leaf)
    return root


def _add(parent: _Kind, name: str) -> _Kind:
    kind = _Kind(name[-1] if name[-1] in "*+" else "")
    if kind.mark == "*":
        kind.inner["name"] = _Kind()
    parent.inner[name.rstrip("*+")] = kind
    return kind


_ROOT = _read(_STATEMENTS)
_FIREWALL = _ROOT.inner["firewall"].inner["family"]
_FIREWALL.inner["inet6"] = _read(_STATEMENTS).inner["firewall"].inner["family"].inner["inet"]
_FROM = _FIREWALL.inner["inet6"].inner["filter"].inner["term"].inner["from"].inner
_FROM["next-header"] = _FROM.pop("protocol")
_UNIT = _ROOT.inner["interfaces"].inner["interface"].inner["unit"].inner["family"]
_UNIT.inner["inet6"] = _UNIT.inner["inet"]
#: May stand in any statement that is no leaf.
_MACRO = _read("apply-macro*\n  data*: value").inner["apply-macro"]


def plain(element: Element) -> Element:
    """A copy without namespaces, comments and white space."""
    found = Element(element.tag.partition("}")[2] or element.tag)
    found.attrib.update({name.partition("}")[2] or name: value for name, value in element.attrib.items()})
    found.text = (element.text or "").strip() or None
    found.extend(plain(child) for child in element if isinstance(child.tag, str))
    return found


def edit(configuration: Element, change: Element) -> tuple[Element, list[Refusal]]:
    """The configuration after an edit, and the warnings.

    :raises Refusal: nothing is changed then.
    """
    after = copy.deepcopy(configuration)
    warnings: list[Refusal] = []
    _merge(after, change, _ROOT, "", warnings)
    return after, warnings


def _merge(into: Element, change: Element, kind: _Kind, path: str, warnings: list[Refusal]) -> None:
    for item in change:
        where = f"{path}/{item.tag}"
        inner = _MACRO if item.tag == "apply-macro" and kind.inner else kind.inner.get(item.tag)
        if inner is None:
            raise Refusal("unknown-element", where, "syntax error")
        operation = item.get("operation", "merge")
        held = _standing(into, item, inner)
        if inner.mark == "*":
            if item.findtext("name") is None:
                raise Refusal("missing-element", where, "a list entry has its name")
            where += f"[name='{item.findtext('name')}']"
        if operation == "delete":
            if held is None:
                warnings.append(Refusal("operation-failed", where, "statement not found", "warning"))
            else:
                into.remove(held)
            continue
        if operation == "create" and held is not None:
            raise Refusal("data-exists", where, "statement already exists")
        if operation not in ("merge", "create", "replace"):
            raise Refusal("bad-attribute", where, f"operation {operation}")
        if operation == "replace" and held is not None:
            at = list(into).index(held)
            into.remove(held)
            held = Element(item.tag)
            into.insert(at, held)
        if held is None:
            held = SubElement(into, item.tag)
        if len(item) == 0:
            held.text = item.text
        elif not inner.inner:
            raise Refusal("unknown-element", where, "a leaf has no statements in it")
        _merge(held, item, inner, where, warnings)


def _standing(into: Element, item: Element, kind: _Kind) -> Element | None:
    for held in into.iterfind(item.tag):
        same_name = kind.mark == "*" and held.findtext("name") == item.findtext("name")
        if same_name or (kind.mark == "+" and held.text == item.text) or not kind.mark:
            return held
    return None
