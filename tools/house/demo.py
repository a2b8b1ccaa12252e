"""100,000 clients connect to a gateway, which is killed, and come back to it.

Installs and builds what is missing, starts the gateway and the load generator as two DPDK processes
joined by a shared-memory port, and shows two phases side by side: every client connects by a full
handshake (PSK, X25519) and gets an address and a ticket; the gateway is killed with kill -9 while
it works at full load, is started again, and every client resumes. Each sends an echo request
through its tunnel as soon as it is up, and is back when the reply came through it. No hugepages, no
NIC and no configuration are needed; root is. The last line is one JSON object. Status 0 only when
every client connected and resumed with the address it had, every AUTH was right, and every echo
came back.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import chart
from builds import RELEASE, ROOT, BuildError
from demo_run import DemoRun
from children import ChildError, Children

PROGRAMS = ("resurged", "resurge-keys", "resurge-storm", "pure_chain_bench")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/demo",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--clients", type=int, default=100_000, metavar="N", help="1 to 2,000,000")
    parser.add_argument(
        "--rate", type=int, default=0, metavar="R",
        help="clients that start in a second (default 0: as fast as the gateway answers)",
    )
    parser.add_argument("--keep", action="store_true", help="keep the folder with all files")
    parser.add_argument(
        "--report", type=pathlib.Path, default=ROOT / "build" / "demo.html", metavar="FILE",
        help="where the HTML page goes (default build/demo.html)",
    )
    parser.add_argument(
        "--no-echo", action="store_true",
        help="nothing goes through the tunnels: what sessions alone cost",
    )
    parser.add_argument("--no-setup", action="store_true", help="do not look for missing packages")
    options = parser.parse_args()
    if not 1 <= options.clients <= 2_000_000:
        parser.error("--clients must lie between 1 and 2,000,000")
    if options.rate < 0:
        parser.error("--rate must not be negative")
    return options


def say(text: str) -> None:
    print(f"\n--- {text}", flush=True)


def prepare(options: argparse.Namespace) -> None:
    if os.geteuid() != 0:
        raise ChildError("the two processes share memory and lock it: run tools/demo as root")
    if not options.no_setup:
        say("packages")
        setup = subprocess.run([str(ROOT / "tools/setup"), "--run"], check=False)
        if setup.returncode != 0:
            raise ChildError("the packages above are needed")
    say("build")
    RELEASE.configure()
    programs = RELEASE.programs()
    missing = [name for name in PROGRAMS if name not in programs]
    if missing:
        raise ChildError(f"the build has no {', '.join(missing)}")
    RELEASE.compile(*(str(programs[name].relative_to(RELEASE.folder)) for name in PROGRAMS))


def show(run: DemoRun, options: argparse.Namespace, folder: pathlib.Path) -> None:
    say("result")
    print(chart.columns(run.phases()))
    print()
    print(chart.table(run.rows()))
    print()
    up, back = run.curves()
    title = "clients over time: # back, : up and waiting for the echo" if back else "sessions up"
    print(chart.curve(up, title, back))
    print(f"\nThe same as a page: {options.report}")
    if options.keep:
        print(f"Configuration, logs, tickets and keys: {folder}")


def demonstrate(options: argparse.Namespace) -> int:
    prepare(options)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="resurge-demo-"))
    try:
        with Children(folder) as children:
            run = DemoRun(folder, children, options)
            say("pure cryptography of one resumption, for comparison")
            run.measure_pure_crypto()
            say("gateway")
            run.start_gateway()
            say(f"{options.clients:,} clients connect by full handshakes")
            run.connect()
            say("kill -9 while more connect")
            run.crash()
            say(f"the gateway is started again, and {options.clients:,} clients resume")
            run.restart()
            run.stop_gateway()
        show(run, options, folder)
        result = run.result()
        complete = run.complete()
        if not complete:
            print(f"\nNot every client came back:\n{run.outcomes()}")
        print(json.dumps(result), flush=True)
        return 0 if complete else 1
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    # A signal ends the script the ordinary way, so that what it started is ended as well.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(128 + number))
    try:
        return demonstrate(parse_arguments())
    except (ChildError, BuildError, OSError) as why:
        print(f"demo: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
