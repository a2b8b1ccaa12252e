"""What DPDK's own dpdk-test-crypto-perf (package dpdk-dev) says of AES-GCM-256 over the driver
crypto_aesni_mb: the library's ceiling behind the cryptodev layer, one key."""

import statistics
import subprocess

import children


def _command(size: int, direction: str) -> list[str]:
    cpu = children.usable_cpus()[-1]
    return [
        "dpdk-test-crypto-perf", "--no-pci", "--no-huge", "--no-shconf", "--no-telemetry",
        "-m", "256", "--vdev", "crypto_aesni_mb0", "--lcores", f"0@{cpu},1@{cpu}", "--",
        "--devtype", "crypto_aesni_mb", "--ptest", "throughput", "--optype", "aead",
        "--aead-algo", "aes-gcm", "--aead-key-sz", "32", "--aead-iv-sz", "12",
        "--aead-aad-sz", "12", "--digest-sz", "16", "--burst-sz", "32",
        "--total-ops", "1000000", "--silent", "--csv-friendly",
        "--aead-op", direction, "--buffer-sz", str(size),
    ]


def rate(size: int, direction: str = "decrypt", repetitions: int = 5) -> float:
    """Operations a second, the median."""
    found = []
    for _ in range(repetitions):
        try:
            done = subprocess.run(
                _command(size, direction), capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError) as why:
            raise children.ChildError(f"dpdk-test-crypto-perf (package dpdk-dev): {why}") from None
        # lcore, size, burst, enqueued, dequeued, failed, failed, Mops, Gbps, cycles
        rows = [line.split(",") for line in done.stdout.splitlines() if line.startswith("1,")]
        if len(rows) != 1 or len(rows[0]) != 10:
            raise children.ChildError(f"dpdk-test-crypto-perf said\n{done.stdout}")
        found.append(float(rows[0][7]) * 1e6)
    return statistics.median(found)
