"""Measures the numbers that the README names, and prints what was asked and what was found.

    tools/figures                     every figure
    tools/figures NAME...             just those
    tools/figures --json [NAME...]    the same as JSON, the only thing on standard output
    tools/figures --update-readme     every figure, and writes the block in README.md
    tools/figures --esp-table         ESP at every size and number of SAs, for docs/architecture.md

Each figure is the median of several repetitions on one pinned core. Status 0 when all are met.
"""

import argparse
import contextlib
import json
import pathlib
import platform
import subprocess
import sys

import esp_table
import measures
from builds import RELEASE, ROOT, BuildError
from children import ChildError, usable_cpus

README = ROOT / "README.md"
BEGIN = "<!-- figures: written by tools/figures --update-readme -->"
END = "<!-- end of figures -->"


def machine() -> str:
    fields = {}
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        fields.setdefault(key.strip(), value.strip())
    flags = fields.get("flags", "").split()
    known = (("AVX-512", "avx512f"), ("VAES", "vaes"), ("SHA-NI", "sha_ni"))
    extras = [name for name, flag in known if flag in flags]
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return (
        f"{fields.get('model name', 'unknown processor')} (family {fields.get('cpu family')}, "
        f"model {fields.get('model')}; {', '.join(extras)}), {len(usable_cpus())} CPUs, {system}, "
        f"kernel {platform.release()}"
    )


def measure(name: str) -> dict:
    """One figure; a measurement that did not come about is a figure that is not met."""
    figure = measures.FIGURES[name]
    row = {"name": name, "asked": f"{figure.relation} {figure.bound:,}", "unit": figure.unit}
    try:
        value = figure.measure()
    except (ChildError, BuildError, KeyError, subprocess.SubprocessError) as why:
        print(f"{name}: {why}", file=sys.stderr)
        return row | {"measured": None, "met": False, "command": figure.command}
    met = {">=": value >= figure.bound, "<=": value <= figure.bound, "=": value == figure.bound}
    return row | {
        "measured": float(f"{value:.4g}") if value < 1e4 else round(value),
        "met": met[figure.relation],
        "command": figure.command,
    }


def shown(value: float | None) -> str:
    return "-" if value is None else f"{value:,g}" if value < 1e4 else f"{value:,.0f}"


def print_row(row: dict) -> None:
    met = "met" if row["met"] else "MISSED"
    measured = f"{shown(row['measured'])} {row['unit']}"
    print(f"{row['name']:22} {row['asked']:>12}  {measured:50} {met:7} {row['command']}")
    sys.stdout.flush()


def update_readme(rows: list[dict]) -> None:
    text = README.read_text()
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    lines = ["", "", f"Measured on {machine()}.", ""]
    lines += ["| figure | asked | measured | what | command |", "|---|---|---|---|---|"]
    for row in rows:
        measured = shown(row["measured"]) + ("" if row["met"] else " (missed)")
        figure = f"`{row['name']}`"
        command = row["command"].replace("|", r"\|")  # or it ends the cell
        lines.append(
            f"| {figure} | {row['asked']} | {measured} | {row['unit']} | `{command}` |"
        )
    lines += ["", ""]
    README.write_text(text[:begin] + "\n".join(lines) + text[end:])


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="tools/figures", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(measures.FIGURES))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--update-readme", action="store_true")
    parser.add_argument("--esp-table", action="store_true")
    parser.add_argument("--no-setup", action="store_true", help="do not look for missing packages")
    options = parser.parse_args()
    unknown = set(options.names) - set(measures.FIGURES)
    if unknown:
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    if options.update_readme and options.names:
        parser.error("--update-readme measures all figures; leave the names out")
    # What building prints must not come between the JSON and its reader.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            measures.prepare(setup=not options.no_setup)
        except (ChildError, BuildError) as why:
            print(f"figures: {why}")
            return 1
        print(machine())
    if options.esp_table:
        esp_table.print_table()
        return 0
    rows = []
    for name in options.names or measures.FIGURES:
        rows.append(measure(name))
        if not options.json:
            print_row(rows[-1])
    if options.json:
        print(json.dumps({"machine": machine(), "figures": rows}, indent=2))
    if options.update_readme:
        update_readme(rows)
    return 0 if all(row["met"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
