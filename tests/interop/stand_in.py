"""Foreign responders in the gateway's place: what fails against them too is the harness's fault."""

import pathlib

import net
from certs import Authority
from children import Children
from freeradius import FreeRadius
from libreswan import SUITE, Pluto, signing
from offer import GATEWAY_ID, Offer, World
from strongswan import CHILD, Charon

NAME = "gateway"


class StrongSwanGateway:
    """A responder as resurged.Gateway is one; without tickets."""

    name = NAME

    def __init__(
        self, folder: pathlib.Path, network: net.Network, children: Children,
        authority: Authority, world: World, radius: FreeRadius | None, options: str = "",
    ):
        plugins = {"eap-radius": _radius_settings(radius)} if radius else {}
        self._charon = Charon(NAME, folder, network.gateway, children, options, plugins)
        self._charon.trust(authority.ca, authority.crl)
        for offer in world.offers:
            if offer.local_cert:
                self._charon.own(
                    authority.certificate(offer.local_cert), authority.key(offer.local_cert)
                )
        self._world = world

    def start(self) -> None:
        self._charon.start()
        self._charon.load(_settings(self._world))

    def stop(self) -> None:
        self._charon.stop()

    def configure(self, world: World) -> None:
        self._world = world

    def reload(self, world: World) -> None:
        self._charon.load(_settings(world))

    def kill(self) -> None:
        self._charon.kill()

    def log(self) -> str:
        return self._charon.log()


class LibreswanGateway:
    """With tickets, but none of them outlives the process."""

    name = NAME

    def __init__(
        self, folder: pathlib.Path, network: net.Network, children: Children,
        authority: Authority, world: World, shim: pathlib.Path, chroot: pathlib.Path,
    ):
        self._pluto = Pluto(
            NAME, folder, network.gateway, children, shim, chroot, net.GATEWAY
        )
        for offer in world.offers:
            if offer.local_cert:
                self._pluto.own(authority, offer.local_cert)
        self._serves_esp = False
        conns = [conn for offer in world.offers for conn in _conns(offer, world)]
        self._names = [name for name, _ in conns]
        secrets = {f"@{GATEWAY_ID} @{i}": secret for i, secret in world.psks.items()}
        self._pluto.configure(conns, secrets)

    def start(self) -> None:
        self._pluto.start()
        for name in self._names:
            self._pluto.add(name)
        if not self._serves_esp:
            self._pluto.serve_esp("10.1.0.0/24")
            self._serves_esp = True

    def stop(self) -> None:
        self._pluto.kill()

    def make_keyring(self) -> None:
        """Every start of pluto makes its own."""

    def kill(self) -> None:
        self._pluto.kill()

    def log(self) -> str:
        return self._pluto.log()


def _conns(offer: Offer, world: World) -> list[tuple[str, dict]]:
    """One for each family of outer addresses."""
    keys = {
        "leftid": f"@{offer.local_id}", "leftsubnet": net.INSIDE_NET,
        "leftmodecfgserver": "yes", "leftupdown": "/bin/true",
        "right": "%any", "rightid": f"@{offer.remote_id}", "rightmodecfgclient": "yes",
        "rightaddresspool": world.pool_v4, "narrowing": "yes", "keyexchange": "ikev2",
        "ike": SUITE, "esp": "aes_gcm256-null", "auto": "ignore", "session-resumption": "yes",
        "authby": "secret",
    }
    keys |= signing(offer.local_cert) if offer.local_cert else {}
    return [
        (offer.name, {"left": net.GATEWAY} | keys),
        (f"{offer.name}-v6", {"left": net.GATEWAY_V6, "hostaddrfamily": "ipv6"} | keys),
    ]


def _settings(world: World) -> dict:
    pools = {name: addresses for name, addresses in
             (("v4", world.pool_v4), ("v6", world.pool_v6)) if addresses}
    secrets = {
        f"ike-{i}": {"id-1": _quoted(identity), "secret": _quoted(secret)}
        for i, (identity, secret) in enumerate(world.psks.items())
    }
    return {
        "connections": {o.name: _connection(o, list(pools)) for o in world.offers},
        "pools": {name: {"addrs": addresses} for name, addresses in pools.items()},
        "secrets": secrets,
    }


def _connection(offer: Offer, pools: list[str]) -> dict:
    local = {"auth": offer.local_auth, "id": offer.local_id}
    if offer.local_cert:
        local["certs"] = f"{offer.local_cert}.pem"
    remote = {"auth": "eap-radius" if offer.with_eap else offer.remote_auth}
    if offer.remote_id:
        remote["id"] = offer.remote_id
    if offer.remote_auth == "pubkey":
        remote["revocation"] = "strict"
    if offer.with_eap:
        remote["eap_id"] = "%any"
    child = {
        "local_ts": f"{net.INSIDE_NET}, {net.INSIDE_NET_V6}",
        "esp_proposals": "aes256gcm16,aes256gcm16-x25519",
        "rand_time": "0s",
    }
    return {
        "version": 2, "proposals": offer.proposals, "pools": ", ".join(pools),
        # kernel-libipsec speaks ESP in UDP alone.
        "encap": "yes", "rand_time": "0s", "local": local, "remote": remote,
        "children": {CHILD: child | offer.child},
    } | offer.options


def _radius_settings(server: FreeRadius) -> dict:
    free = {"address": server.address, "auth_port": server.port, "secret": server.secret}
    return {"servers": {"free": free}}


def _quoted(text: str) -> str:
    return f'"{text}"'
