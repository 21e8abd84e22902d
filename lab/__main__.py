"""``python -m lab``: the lab from the command line."""

from __future__ import annotations

import argparse
import json
import sys
import time

from lab.image import remove as remove_images
from lab.lab import Lab
from lab.runtime import LabError


def main(argv: list[str] | None = None) -> int:
    """:returns: 0 done, 1 the lab said no, 2 bad usage; ``exec`` returns the program's own status."""
    args = _parser().parse_args(argv)
    try:
        return _do(args)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1


def _do(args: argparse.Namespace) -> int:
    lab = Lab()
    if args.verb == "up":
        start = time.monotonic()
        Lab.up(dict(pair.split("=", 1) for pair in args.platform), args.walk)
        print(f"lab: up in {time.monotonic() - start:.1f} s", file=sys.stderr)
    elif args.verb == "down":
        Lab.down()
        if args.images:
            remove_images()
    elif args.verb == "status":
        words = lab.status()
        print(json.dumps(words, indent=1))
        return int(set(words.values()) != {"running"})
    elif args.verb == "exec":
        command = args.command[1:] if args.command[:1] == ["--"] else args.command
        done = lab.run(args.node, command, check=False, timeout=3600)
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        return done.returncode
    elif args.verb == "move":
        moved = lab.move(args.node, args.lan, keep_old=not args.forget)
        print(f"{args.node}: {', '.join(map(str, moved.old))} -> {', '.join(map(str, moved.new))}")
    elif args.verb == "home":
        lab.home(args.node)
    elif args.verb == "restart":
        lab.restart(args.node)
    elif args.verb == "renew":
        lab.renew(args.node)
    elif args.verb == "snapshot":
        print(json.dumps(lab.snapshot(args.node), indent=1, sort_keys=True))
    elif args.verb == "pid":
        print(lab.pids[args.node])
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description="the container lab")
    verbs = parser.add_subparsers(dest="verb", required=True)
    nodes = sorted(Lab().topology.nodes)
    up = verbs.add_parser("up", help="bring up what is missing")
    up.add_argument("--platform", action="append", default=[], metavar="ROUTER=PLATFORM", help="see lab/platforms")
    up.add_argument("--walk", action="store_true", help="with a SIP server in each network, as make demo-full")
    down = verbs.add_parser("down", help="remove everything but the images")
    down.add_argument("--images", action="store_true", help="remove the images too")
    verbs.add_parser("status", help="one word per node; exit 1 unless all run")
    for verb, text in (
        ("exec", "run a program of the node in it, as root"),
        ("move", "move the mobile node to a LAN"),
        ("home", "put the mobile node back on its first LAN"),
        ("restart", "reboot a node"),
        ("renew", "replace a node by a new one"),
        ("snapshot", "print the state of a node's kernel"),
        ("pid", "print the process id whose namespaces are the node's"),
    ):
        verb_parser = verbs.add_parser(verb, help=text)
        verb_parser.add_argument("node", choices=nodes, metavar="NODE")
        if verb == "exec":
            verb_parser.add_argument("command", nargs=argparse.REMAINDER)
        elif verb == "move":
            verb_parser.add_argument("lan", choices=sorted(Lab().topology.lans))
            verb_parser.add_argument("--forget", action="store_true", help="do not keep the old address")
    return parser


if __name__ == "__main__":
    sys.exit(main())
