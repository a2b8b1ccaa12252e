"""The world of one case: a folder, a network, a gateway, its clients; gone when the case ends."""

import argparse
import contextlib
import functools
import pathlib
import tempfile
from collections.abc import Callable

import certs
import freeradius
import libreswan
import net
import strongswan
import trixie
from cases import Skipped, wait_until
from certs import Authority
from children import Children
from freeradius import FreeRadius, TlsFiles, User
from offer import World
from resurged import Resurged
from stand_in import LibreswanGateway, StrongSwanGateway

_TAIL_LINES = 60
_RADIUS_PORT = 1812


@functools.cache
def _authority() -> Authority:
    """One for the whole run, made when a case first needs it."""
    folder = tempfile.TemporaryDirectory(prefix="resurge-ca-")
    _KEPT.append(folder)
    return Authority(pathlib.Path(folder.name) / "ca")


_KEPT: list[tempfile.TemporaryDirectory] = []  # removed when the program ends


class Lab(contextlib.ExitStack):
    def __init__(self, folder: pathlib.Path, options):
        """`options`: those of add_options()."""
        super().__init__()
        self.folder = folder
        self._options = options
        self._logs: dict[str, Callable[[], str]] = {}
        self.children = self.enter_context(Children(folder))
        self.net: net.Network | None = None
        self._gateway = None

    @property
    def authority(self) -> Authority:
        return _authority()

    def gateway(self, world: World, network: dict | None = None, options: str = ""):
        """The gateway, started, in a network of its own.

        `network` is what Network is made with, `options` go to a stand-in's charon.
        """
        against = self._options.against
        kernel = against != "resurged"
        self.net = self.enter_context(net.Network(kernel_gateway=kernel, **(network or {})))
        common = (self.folder, self.net, self.children, self.authority, world)
        if against == "strongswan":
            gateway = StrongSwanGateway(*common, self._radius(world), options)
        elif against == "libreswan":
            gateway = LibreswanGateway(*common, self._options.shim, self._chroot("libreswan"))
        else:
            options = self._options
            programs = {
                "resurged": options.resurged, "resurge-keys": options.keys,
                "resurgectl": options.ctl,
            }
            gateway = Resurged(*common, programs, self._radius(world))
        self._logs[gateway.name] = gateway.log
        gateway.start()
        self._gateway = gateway
        return gateway

    def _radius(self, world: World) -> FreeRadius | None:
        """Behind the gateway when somebody comes by EAP."""
        if not any(offer.with_eap for offer in world.offers):
            return None
        if not pathlib.Path(freeradius.PROGRAM).exists():
            raise Skipped("no FreeRADIUS here; run tools/setup")
        certificate = self.authority.certificate(certs.RADIUS)
        tls = TlsFiles(self.authority.ca, certificate, self.authority.key(certs.RADIUS))
        server = FreeRadius(
            self.folder / "radius", self.children, tls=tls, namespace=self.net.gateway.name,
            port=_RADIUS_PORT, users=[User(*one) for one in world.users.items()],
            default_eap="tls" if world.offers[0].remote_auth == "eap-tls" else "mschapv2",
        )
        server.start()
        self._logs["freeradius"] = server.log
        return server

    def strongswan(
        self, options: str = "", name: str = "client", release: int = 5
    ) -> strongswan.Charon:
        """A client, started; it trusts the authority of the run. `release` 6: of Debian 13."""
        why = strongswan.why_not()
        if why:
            raise Skipped(why)
        charon = strongswan.Charon(
            name, self.folder, self.net.client, self.children, options,
            chroot=self._chroot("strongswan") if release == 6 else None,
        )
        charon.trust(self.authority.ca)
        self._logs[name] = charon.log
        charon.start()
        return charon

    def libreswan(self, name: str = "client", outside: str = "") -> libreswan.Pluto:
        """A client, not yet started: certificates come first.

        `outside`: its address to the gateway, when it is not the ordinary one.
        """
        pluto = libreswan.Pluto(
            name, self.folder, self.net.client, self.children, self._options.shim,
            self._chroot("libreswan"),
            outside or self.net.client_address,
        )
        self._logs[name] = pluto.log
        return pluto

    def finish(self) -> None:
        """A case that has passed asks the gateway to end: it must be there, and end well."""
        if self._gateway:
            self._gateway.stop()

    def need_resurged(self, what: str) -> None:
        if self._options.against != "resurged":
            raise Skipped(f"the stand-in lacks {what}")

    def ping_inside(self, address: str = net.INSIDE) -> None:
        """Through the tunnel, until one comes back."""

        def answered() -> bool:
            with contextlib.suppress(net.NetError):
                self.net.client.run("ping", "-n", "-c", "1", "-W", "1", address)
                return True
            return False

        wait_until(answered, f"an answer of {address} comes through the tunnel", seconds=10)

    def _chroot(self, peer: str) -> pathlib.Path:
        folder = trixie.of(peer, self._options.chroot)
        why = trixie.why_not(peer, folder)
        if why:
            raise Skipped(why)
        trixie.make(peer, folder)
        return folder

    def tell(self) -> str:
        """The end of every log, for whoever has to find out why a case failed."""
        told = []
        for name, log in self._logs.items():
            lines = log().splitlines()[-_TAIL_LINES:]
            told.append("\n".join([f"--- log of {name}", *lines]))
        return "\n".join(told)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--resurged", type=pathlib.Path, help="the program")
    parser.add_argument("--keys", type=pathlib.Path, help="the program resurge-keys")
    parser.add_argument("--ctl", type=pathlib.Path, help="the program resurgectl")
    parser.add_argument("--shim", type=pathlib.Path, help="xfrm_shim.c, compiled")
    parser.add_argument(
        "--against", choices=("resurged", "strongswan", "libreswan"), default="resurged",
        help="who is the gateway (default resurged)",
    )
    parser.add_argument(
        "--chroot", type=pathlib.Path, default=trixie.FOLDER, metavar="FOLDER",
        help=f"where the Debian 13 of libreswan is kept; strongSwan's lies beside it "
             f"(default {trixie.FOLDER})",
    )


def lab_factory(options):
    """What makes the Lab of a case of its folder; skips all where no network is to be had."""
    net.remove_leftovers()
    why = net.why_not()

    def make(folder: pathlib.Path) -> Lab:
        if why:
            raise Skipped(why)
        return Lab(folder, options)

    return make
