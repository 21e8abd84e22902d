"""Configuration of the SIP server, ready for its container: that of the role ``sip_server``, written out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2
import yaml

from lab.topology import ROOT, Address, Topology

_ROLE = ROOT / "roles" / "sip_server"
_DEFAULTS: dict[str, Any] = yaml.safe_load((_ROLE / "defaults" / "main.yml").read_text())
EVENTS: str = _DEFAULTS["sip_server_event_log"]
#: What runs there.
UNITS = (
    "/lib/systemd/system/kamailio.service",
    "/etc/systemd/system/sipmobility-events.socket",
    "/etc/systemd/system/sipmobility-events.service",
)
#: Where each template of the role goes, and its mode.
_PLACES = {
    "sipmobility.cfg": ("etc/kamailio/sipmobility.cfg", 0o644),
    "sipmobility-users.cfg": ("etc/kamailio/sipmobility-users.cfg", 0o644),
    "users/version": ("etc/kamailio/sipmobility-users/version", 0o644),
    "users/sip_ha1": ("etc/kamailio/sipmobility-users/sip_ha1", 0o644),
    "kamailio.cfg": ("etc/kamailio/kamailio.cfg", 0o644),
    "sipmobility-events.socket": ("etc/systemd/system/sipmobility-events.socket", 0o644),
    "sipmobility-events.service": ("etc/systemd/system/sipmobility-events.service", 0o644),
    "kamailio-service.conf": ("etc/systemd/system/kamailio.service.d/sipmobility.conf", 0o644),
}


def rendered(template: str, variables: Mapping[str, Any]) -> str:
    """A template of the role, with its defaults and these variables."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_ROLE / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["hash"] = lambda text, kind: hashlib.new(kind, text.encode()).hexdigest()
    return environment.get_template(f"{template}.j2").render({**_DEFAULTS, **variables})


def write_in(directory: Path, variables: Mapping[str, Any], told: bool = True) -> None:
    """The role's configuration in a directory of its own, for a server that no unit starts.

    :param told: whether it logs to standard error, where its events are then; else by syslog(3).
    """
    variables = {**variables, "sip_server_configuration_dir": str(directory)}
    users = directory / "sipmobility-users"
    users.mkdir(exist_ok=True)
    for name in ("version", "sip_ha1"):
        (users / name).write_text(rendered(f"users/{name}", variables), encoding="utf-8")
    secret = '#!define SIPMOBILITY_SECRET "of this lab alone"\n'
    (directory / "sipmobility-secret.cfg").write_text(secret, encoding="utf-8")
    tls = ["sipmobility-tls"] if variables.get("sip_server_tls_certificate") else []
    for name in ("kamailio", "sipmobility", "sipmobility-users", *tls):
        text = rendered(f"{name}.cfg", variables)
        if told:
            text = text.replace("log_stderror=no", "log_stderror=yes")
        (directory / f"{name}.cfg").write_text(text, encoding="utf-8")


def variables_of(topology: Topology, own: Address, passwords: Mapping[str, str]) -> dict[str, Any]:
    """The role's variables for the lab's server."""
    hosts = (str(own.v4.ip), f"[{own.v6.ip}]")
    return {
        "sip_server_listen": [f"{transport}:{host}:5060" for host in hosts for transport in ("udp", "tcp")],
        "sip_server_domains": [{"name": topology.sip_domain, "mobility": True}],
        "sip_server_users": [
            {"name": user, "domain": topology.sip_domain, "password": password} for user, password in passwords.items()
        ],
        "sip_server_children": 2,
        "sip_server_requests_per_source": 0,
        "sip_server_min_expires": 5,
    }


def files(topology: Topology, own: Address, passwords: Mapping[str, str]) -> Iterator[tuple[str, str, int]]:
    """Path, content and mode of each file."""
    variables = variables_of(topology, own, passwords)
    for template, (path, mode) in _PLACES.items():
        yield path, rendered(template, variables), mode
    writer = "sipmobility_events.py"
    yield f"etc/kamailio/{writer}", (_ROLE / "files" / writer).read_text(encoding="utf-8"), 0o644
    yield "etc/default/kamailio", "RUN_KAMAILIO=yes\nCFGFILE=/etc/kamailio/kamailio.cfg\n", 0o644
    # Tests restart it often.
    yield "etc/systemd/system/kamailio.service.d/lab.conf", "[Unit]\nStartLimitIntervalSec=0\n", 0o644
    # A burst of events is as much as a journal takes in a day.
    yield "etc/systemd/journald.conf.d/lab.conf", "[Journal]\nRateLimitIntervalSec=0\nForwardToSyslog=no\n", 0o644
    yield EVENTS.lstrip("/"), "", 0o640
