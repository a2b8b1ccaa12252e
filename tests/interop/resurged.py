"""resurged in a network namespace, told by a configuration that is written from a World."""

import json
import os
import pathlib
import signal
import subprocess

import net
from cases import check, wait_until
from certs import Authority
from children import Children, run, usable_cpus
from freeradius import FreeRadius
from offer import Offer, World

READY_SECONDS = 60
LOG_LEVEL = "debug"
_RELOADED = "reload: "
_REACHED = [net.INSIDE_NET, net.INSIDE_NET_V6]  # by clients


class Resurged:
    """The gateway under test. State (keyring, used tickets) stays over kill() and start()."""

    name = "resurged"

    def __init__(
        self, folder: pathlib.Path, network: net.Network, children: Children,
        authority: Authority, world: World, programs: dict[str, pathlib.Path],
        radius: FreeRadius | None,
    ):
        """`radius`, when there is one, runs already."""
        self.folder = folder / self.name
        self.folder.mkdir()
        (self.folder / "state").mkdir(mode=0o700)
        self._network = network
        self._children = children
        self._authority = authority
        self._programs = programs
        self._radius = radius
        self._starts: list[str] = []  # names of logs, oldest first
        self._child: subprocess.Popen | None = None
        self.config = self.folder / "gateway.toml"
        _write_secret(self.config, toml(self._settings(world)))
        self.make_keyring()

    def make_keyring(self) -> None:
        """Another one in place of the one that is there: every ticket is worthless afterwards."""
        keyring = self.folder / "keyring"
        keyring.unlink(missing_ok=True)
        run([str(self._programs["resurge-keys"]), "create", str(keyring)], "make a keyring")

    def start(self) -> None:
        name = f"{self.name}-{len(self._starts) + 1}"
        self._starts.append(name)
        command = [str(self._programs["resurged"]), str(self.config), "--log-level", LOG_LEVEL]
        self._child = self._children.start(name, self._network.gateway.command(*command))
        self._children.wait_for_line(name, self._child, "READY", READY_SECONDS)

    def kill(self) -> None:
        """As a crash would: nothing is written, nothing is said."""
        self._child.send_signal(signal.SIGKILL)
        self._child.wait()

    def stop(self) -> None:
        status = self._children.stop(self._starts[-1], self._child)
        check(status == 0, f"resurged ends with status 0, not {status}")

    def configure(self, world: World) -> None:
        """From the next start on."""
        self.config.write_text(toml(self._settings(world)))

    def reload(self, world: World) -> None:
        """Puts another world in force, as far as a running gateway can."""
        self.configure(world)
        before = self.log().count(_RELOADED)
        self._child.send_signal(signal.SIGHUP)
        wait_until(lambda: self.log().count(_RELOADED) > before, "resurged reloads", 10)

    def ctl(self, *words: str) -> list[dict]:
        """The rows that resurgectl prints."""
        command = [str(self._programs["resurgectl"]), "--socket", f"{self.folder}/control"]
        said = run([*command, "--json", *words], f"{words[0]} by resurgectl")
        return [json.loads(line) for line in said.splitlines()]

    def counter(self, name: str) -> int:
        """Of all workers together; `drop.NAME` for a reason to drop."""
        found = [row["value"] for row in self.ctl("counters") if row["name"] == name]
        check(len(found) == 1, f"{name} is a counter")
        return found[0]

    def log(self) -> str:
        """Of every start, one after the other."""
        return "".join(self._children.log(n).read_text(errors="replace") for n in self._starts)

    def _settings(self, world: World) -> dict:
        cpus = usable_cpus()
        folder = self.folder
        tree = {
            "dpdk": {
                "eal": ["--no-telemetry", f"--file-prefix=rsg-{os.getpid()}"],
                "hugepages": "never", "memory_mib": 256, "workers": 1,
                "main_cpu": cpus[0], "worker_cpus": [cpus[-1]],
            },
            "outside": {
                "device": net.AF_PACKET,
                "addresses": [net.GATEWAY, net.GATEWAY_V6],
            },
            "inside": {"addresses": [f"{net.INSIDE}/24", f"{net.INSIDE_V6}/64"]}
            | ({"device": net.AF_XDP_INSIDE} if self._network.host else {}),
            "sessions": {"max": 1024},
            "tickets": {"keyring": f"{folder}/keyring", "state_dir": f"{folder}/state"},
            "pools": {k: v for k, v in (("ipv4", world.pool_v4), ("ipv6", world.pool_v6)) if v},
            "child": {"local_ts": _REACHED},
            "connections": {o.name: self._connection(o) for o in world.offers},
            "secrets": {
                f"ike-{i}": {"id": [identity], "secret": secret}
                for i, (identity, secret) in enumerate(world.psks.items())
            },
            "authorities": {
                "ca": {"cacert": str(self._authority.ca), "crls": [str(self._authority.crl)]}
            },
            "control": {"socket": f"{folder}/control"},
        }
        if self._radius:
            _write_secret(folder / "radius.secret", self._radius.secret + "\n")
            server = {
                "address": self._radius.address, "port": self._radius.port,
                "secret_file": f"{folder}/radius.secret",
            }
            tree["radius"] = {"servers": {"free": server}}
        for section, more in world.sections.items():
            tree[section] = tree.get(section, {}) | more
        return tree

    def _connection(self, offer: Offer) -> dict:
        local = {"auth": offer.local_auth, "id": offer.local_id}
        if offer.local_cert:
            local["certs"] = [str(self._authority.certificate(offer.local_cert))]
            local["private_key"] = str(self._authority.key(offer.local_cert))
        remote = {"auth": "eap-radius" if offer.with_eap else offer.remote_auth}
        if offer.remote_id:
            remote["id"] = [offer.remote_id]
        if offer.remote_auth == "pubkey":
            remote["revocation"] = "strict"
        tree = {"proposals": offer.proposals.split(", "), "local": local, "remote": remote}
        if offer.child:
            child = {"local_ts": _REACHED} | offer.child
            if "esp_proposals" in child:
                child["esp_proposals"] = child["esp_proposals"].split(", ")
            tree["children"] = {"net": child}
        return tree | offer.options


def _write_secret(path: pathlib.Path, text: str) -> None:
    """For the owner alone, as resurged demands of what holds secrets."""
    path.touch(mode=0o600)
    path.write_text(text)


def toml(tree: dict, path: tuple[str, ...] = ()) -> str:
    """Values first, then the sections below; JSON's texts, numbers and lists are TOML's too."""
    values = [f"{k} = {json.dumps(v)}" for k, v in tree.items() if not isinstance(v, dict)]
    head = [f"[{'.'.join(map(_key, path))}]"] if path else []
    below = [toml(v, (*path, k)) for k, v in tree.items() if isinstance(v, dict)]
    return "\n".join([*head, *values, "", *below])


def _key(word: str) -> str:
    return word if word.replace("-", "").replace("_", "").isalnum() else json.dumps(word)
