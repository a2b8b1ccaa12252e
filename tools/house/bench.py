"""Runs a Google Benchmark program on one core and takes the median of each counter."""

import json
import pathlib
import statistics
import tempfile

import children


def command(program: pathlib.Path, pattern: str, repetitions: int) -> list[str]:
    return [
        "taskset", "-c", str(children.usable_cpus()[-1]), str(program),
        f"--benchmark_filter={pattern}",
        f"--benchmark_repetitions={repetitions}",
        "--benchmark_enable_random_interleaving=true",
    ]


def medians(output: str) -> dict[str, dict[str, float]]:
    """benchmark name -> counter or time -> median over its repetitions."""
    samples: dict[str, dict[str, list[float]]] = {}
    for sample in json.loads(output)["benchmarks"]:
        if sample["run_type"] != "iteration":
            continue
        if sample.get("error_occurred"):
            raise children.ChildError(f"{sample['run_name']}: {sample['error_message']}")
        values = samples.setdefault(sample["run_name"], {})
        for key, value in sample.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                values.setdefault(key, []).append(value)
    return {
        name: {key: statistics.median(list_) for key, list_ in values.items()}
        for name, values in samples.items()
    }


def run(program: pathlib.Path, pattern: str, repetitions: int = 5) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out.json"
        extra = [f"--benchmark_out={out}", "--benchmark_out_format=json"]
        children.run(command(program, pattern, repetitions) + extra, f"run {program.name}")
        text = out.read_text() if out.exists() else ""
    found = medians(text) if text else {}
    if not found:
        raise children.ChildError(f"{program.name} has no benchmark that fits {pattern}")
    return found
