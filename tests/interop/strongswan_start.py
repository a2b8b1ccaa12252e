"""What the cases with strongSwan begin with and look at: a gateway and a client that is in."""

import certs
from cases import check, equal, wait_until
from lab import Lab
from offer import PSK, World, psk_offer, pubkey_offer
from strongswan import Charon, dial, psk_secret

ALICE = "alice@example.org"
BOB = "bob@example.org"
IMPATIENT = "retransmit_timeout = 0.3\nretransmit_base = 1.3\nretransmit_tries = 3\n"


def start_psk(
    lab: Lab, offer=None, options: str = "", network: dict | None = None, pool_v6: str = "",
    **dialled,
):
    """A gateway with one pre-shared key for everybody and a client that is connected to it."""
    offer = offer or psk_offer()
    world = World(offers=(offer,), psks={ALICE: PSK, BOB: PSK}, pool_v6=pool_v6)
    gateway = lab.gateway(world, network)
    client = lab.strongswan(options)
    client.load(dial(offer, ALICE, **dialled) | psk_secret(PSK))
    client.initiate(offer.name)
    check_up(lab, client, offer.name)
    return gateway, client


def check_up(lab: Lab, client: Charon, connection: str) -> None:
    """The SA is up on the client's side, with an address, and the tunnel carries packets."""
    sa = client.sa(connection)
    check(len(sa.get("local-vips", [])) >= 1, f"{connection} got an address: {sa}")
    child(sa)
    lab.ping_inside()


def installed(sa: dict) -> list[dict]:
    """strongSwan keeps those that were rekeyed for a while, as DELETED."""
    return [c for c in sa["child-sas"].values() if c["state"] != "DELETED"]


def child(sa: dict) -> dict:
    found = installed(sa)
    equal([c["state"] for c in found], ["INSTALLED"], "states of the Child SAs")
    return found[0]


def start_with_certificates(lab: Lab, theirs: str, ours: str, options: str = "", **dialled):
    """The gateway shows `theirs`, the client `ours`; connected."""
    offer = pubkey_offer("cert", theirs)
    gateway = lab.gateway(World(offers=(offer,)))
    client = lab.strongswan(options)
    client.own(lab.authority.certificate(ours), lab.authority.key(ours))
    client.load(dial(offer, ours, **dialled))
    client.initiate("cert")
    check_up(lab, client, "cert")
    return gateway, client


def come_back_after_kill_nine(lab: Lab, gateway, client: Charon, connection: str = "psk") -> None:
    """By its liveness check, if that restarts the connection; to the address it had."""
    before = client.sa(connection)
    gateway.kill()
    gateway.start()
    what = "the client is back, and the old SA gone"
    wait_until(lambda: _is_other(client, before), what, seconds=30)
    equal(client.sa(connection)["local-vips"], before["local-vips"], "address")
    check_up(lab, client, connection)


def wait_for_new_child(client: Charon, before: dict, connection: str = "psk") -> None:
    def renewed() -> bool:
        found = installed(client.sa(connection))
        states = [c["state"] for c in found if c["spi-in"] != before["spi-in"]]
        return states == ["INSTALLED"] and len(found) == 1

    wait_until(renewed, "one Child SA, another than before")


def wait_for_new_ike_sa(client: Charon, before: dict) -> None:
    wait_until(lambda: _is_other(client, before), "one IKE SA, another than before")


def _is_other(client: Charon, before: dict) -> bool:
    up = [sa for sa in client.sas() if sa["state"] == "ESTABLISHED"]
    return len(client.sas()) == 1 and len(up) == 1 and (
        up[0]["responder-spi"] != before["responder-spi"]
    )
