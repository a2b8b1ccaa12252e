"""What the cases with libreswan begin with and look at: a gateway and a client that is in."""

import libreswan
import net
from cases import check, equal
from lab import Lab
from libreswan import RESUMED, Pluto
from offer import GATEWAY_ID, PSK, Offer, World, psk_offer, pubkey_offer

BOB = "bob.example.org"
RESUME_SENT = "sent IKE_SESSION_RESUME request"
INIT_SENT = "sent IKE_SA_INIT request"


def start(
    lab: Lab, offer: Offer, identity: str, more: dict, network: dict | None = None,
    pool_v6: str = "",
):
    """A gateway with this offer, and a client that is connected to it and holds a ticket."""
    gateway = lab.gateway(World(offers=(offer,), psks={BOB: PSK}, pool_v6=pool_v6), network)
    keys = {"left": lab.net.client_address} | more
    client = lab.libreswan(outside=keys["left"])
    if offer.local_cert:
        client.own(lab.authority, identity)
    client.configure(
        [libreswan.client(offer.name, identity, offer.local_id, **keys)],
        libreswan.psk_for(BOB, GATEWAY_ID),
    )
    client.start()
    client.add(offer.name)
    said = client.initiate(offer.name)
    check(RESUMED not in said, f"the first connection is a full handshake\n{said}")
    check_up(lab, client, offer.name)
    return gateway, client


def start_psk(lab: Lab, **more):
    return start(lab, psk_offer(remote_id=BOB), BOB, more.pop("client", {}), **more)


def start_signing(lab: Lab, theirs: str, ours: str):
    offer = pubkey_offer("cert", theirs, remote_id=ours)
    return start(lab, offer, ours, libreswan.signing(ours))


def check_up(lab: Lab, client: Pluto, connection: str) -> None:
    """An address and a ticket are there, and the tunnel carries packets."""
    address = client.address(connection)
    check(client.ticket(connection) != "none;", "the client holds a ticket")
    client.carry_esp(address)
    lab.ping_inside(net.INSIDE_V6 if ":" in address else net.INSIDE)


def resume(lab: Lab, client: Pluto, connection: str) -> None:
    """By its ticket, to the address it had, and with a new ticket afterwards."""
    address = client.address(connection)
    said = client.initiate(connection)
    check(RESUME_SENT in said and INIT_SENT not in said, f"no full handshake\n{said}")
    check(RESUMED in said, f"both sides proved that they know the old keys\n{said}")
    equal(client.address(connection), address, "address after the resumption")
    check_up(lab, client, connection)


def resume_after_kill_nine(lab: Lab, gateway, client: Pluto, connection: str) -> None:
    """The gateway crashes and comes back; the client is told to come back, too."""
    gateway.kill()
    client.whack("--impair", "send-no-delete")
    client.suspend(connection)
    client.whack("--impair", "none")
    gateway.start()
    resume(lab, client, connection)
