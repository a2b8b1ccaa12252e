#!/usr/bin/env python3
"""libreswan of Debian 13 as a client of resurged: full handshakes, then RFC 5723 with its tickets.

Run by meson: libreswan_test.py --resurged PROGRAM --keys PROGRAM --shim FILE. By hand also with
names of cases, --list, --keep, and --against libreswan (is it the harness or the gateway?).
"""

import sys

import certs
import libreswan
import net
from cases import case, check, equal, main, wait_until
from lab import Lab, add_options, lab_factory
from libreswan import RESUMED
from libreswan_start import BOB, check_up, resume, start, start_psk, start_signing
from offer import GATEWAY_ID, PSK, World, psk_offer


@case
def psk(lab: Lab) -> None:
    start_psk(lab)


@case
def rsa(lab: Lab) -> None:
    start_signing(lab, certs.GATEWAY_RSA, certs.RSA)


@case
def ecdsa(lab: Lab) -> None:
    start_signing(lab, certs.GATEWAY_ECDSA, certs.ECDSA)


@case
def wrong_psk_is_refused(lab: Lab) -> None:
    offer = psk_offer(remote_id=BOB)
    lab.gateway(World(offers=(offer,), psks={BOB: PSK}))
    client = lab.libreswan()
    wrong = {f"@{BOB} @{GATEWAY_ID}": "not the secret that was agreed on"}
    client.configure([libreswan.client("psk", BOB, GATEWAY_ID)], wrong)
    client.start()
    client.add("psk")
    said = client.whack("--initiate", "--name", "psk", "--asynchronous")
    client.wait_for_log(r"AUTHENTICATION_FAILED")
    check(libreswan.ESTABLISHED not in said + client.log(), "it did not come up")


@case
def intermediate_exchange_is_covered(lab: Lab) -> None:
    """RFC 9242 without a key exchange: AUTH of both sides covers it all the same."""
    _, client = start_psk(lab, client={"intermediate": "yes"})
    client.wait_for_log(r"processed IKE_INTERMEDIATE response")
    client.suspend("psk")
    resume(lab, client, "psk")


@case
def ticket_is_received(lab: Lab) -> None:
    _, client = start_psk(lab)
    client.wait_for_log(libreswan.GOT_TICKET)
    ticket = client.ticket("psk")
    check("length: " in ticket and "expires-in: " in ticket, f"a ticket with a lifetime: {ticket}")


@case
def suspend_and_resume(lab: Lab) -> None:
    """Three times: each resumption brings the ticket of the next."""
    _, client = start_psk(lab)
    for _ in range(3):
        client.suspend("psk")
        resume(lab, client, "psk")


@case
def suspend_and_resume_after_rsa(lab: Lab) -> None:
    _, client = start_signing(lab, certs.GATEWAY_RSA, certs.RSA)
    client.suspend("cert")
    resume(lab, client, "cert")


@case
def suspend_and_resume_after_ecdsa(lab: Lab) -> None:
    _, client = start_signing(lab, certs.GATEWAY_ECDSA, certs.ECDSA)
    client.suspend("cert")
    resume(lab, client, "cert")


@case
def resume_without_delete(lab: Lab) -> None:
    """As a client that lost its network: the gateway still holds the old SA."""
    _, client = start_psk(lab)
    client.whack("--impair", "send-no-delete")
    client.suspend("psk")
    resume(lab, client, "psk")


@case
def resume_over_ipv6(lab: Lab) -> None:
    outside = {"left": net.CLIENT_V6, "right": net.GATEWAY_V6}
    _, client = start_psk(lab, client=outside)
    client.suspend("psk")
    resume(lab, client, "psk")


@case
def resume_behind_nat(lab: Lab) -> None:
    """This client leaves port 4500 when it resumes; the gateway answers wherever it is asked."""
    _, client = start_psk(lab, network={"nat": True})
    client.wait_for_log(r"UDP/4500")
    client.suspend("psk")
    resume(lab, client, "psk")


@case
def resume_after_a_rotation_of_keys(lab: Lab) -> None:
    """The key before still opens; the new ticket is sealed by the new one."""
    lab.need_resurged("resurgectl")
    gateway, client = start_psk(lab)
    for _ in range(2):
        gateway.ctl("rotate-keys")
        client.suspend("psk")
        resume(lab, client, "psk")


@case
def revoked_identity_authenticates_anew(lab: Lab) -> None:
    """Tickets of before are refused; the secret is as good as ever."""
    lab.need_resurged("resurgectl")
    gateway, client = start_psk(lab)
    gateway.ctl("revoke", "--identity", BOB)
    client.suspend("psk")
    client.whack("--initiate", "--name", "psk", "--asynchronous")
    client.wait_for_log(r"TICKET_NACK")
    client.wait_for_log(libreswan.ESTABLISHED, times=2, seconds=30)
    check(RESUMED not in client.log(), "it came back by a full handshake")


@case
def resumed_sa_is_listed(lab: Lab) -> None:
    """It lives at its worker; a liveness check or rekey later it lives on the control thread."""
    lab.need_resurged("resurgectl")
    gateway, client = start_psk(lab)
    client.suspend("psk")
    resume(lab, client, "psk")
    for served_by in ("worker", "control"):
        rows = gateway.ctl("list-sas", "--identity", BOB)
        seen = [(row["connection"], row["served_by"], row["resumptions"], row["addresses"])
                for row in rows]
        equal(seen, [("psk", served_by, 1, [client.address("psk")])], "IKE SAs")
        client.whack("--rekey-child", "--name", "psk", seconds=20)


@case
def resumed_sa_is_ended_by_gateway(lab: Lab) -> None:
    """A worker serves it; it is found by its address, and its client is told."""
    lab.need_resurged("resurgectl")
    gateway, client = start_psk(lab)
    client.suspend("psk")
    resume(lab, client, "psk")
    gateway.ctl("terminate", "--address", client.address("psk"))
    client.wait_for_log(r"received Delete|received delete")
    wait_until(lambda: not gateway.ctl("list-sas"), "nobody is there any more")
    equal(gateway.counter("recalled"), 1, "SAs that the worker gave up")


@case
def liveness_check_after_resumption(lab: Lab) -> None:
    offer = psk_offer(remote_id=BOB)
    _, client = start(lab, offer, BOB, {"dpddelay": "1s"})
    client.suspend("psk")
    resume(lab, client, "psk")
    client.whack("--debug", "base")
    client.wait_for_log(r"received an INFORMATIONAL liveness check response", times=2)


@case
def child_rekey_after_resumption(lab: Lab) -> None:
    """Other than resuming this is work for the control thread, which takes the SA over."""
    _, client = start_psk(lab)
    client.suspend("psk")
    resume(lab, client, "psk")
    said = client.whack("--rekey-child", "--name", "psk", seconds=20)
    check("rekeyed Child SA" in said, f"the Child SA is rekeyed\n{said}")
    check_up(lab, client, "psk")


@case
def ike_rekey_after_resumption(lab: Lab) -> None:
    _, client = start_psk(lab)
    client.suspend("psk")
    resume(lab, client, "psk")
    said = client.whack("--rekey-ike", "--name", "psk", seconds=20)
    check("rekeyed IKE SA" in said, f"the IKE SA is rekeyed\n{said}")
    said = client.whack("--rekey-child", "--name", "psk", seconds=20)
    check("rekeyed Child SA" in said, f"the Child SA is rekeyed\n{said}")
    check_up(lab, client, "psk")


@case
def resume_after_kill_nine(lab: Lab) -> None:
    """With the address it had, although another client was there before it."""
    lab.need_resurged("tickets that outlive its process")
    gateway, client = start_psk(lab)
    gateway.kill()
    client.whack("--impair", "send-no-delete")
    client.suspend("psk")
    gateway.start()
    resume(lab, client, "psk")
    client.whack("--impair", "none")
    client.suspend("psk")
    resume(lab, client, "psk")


@case
def resume_after_kill_nine_and_liveness_check(lab: Lab) -> None:
    """Nobody tells the client anything: it finds out by itself and comes back by its ticket."""
    lab.need_resurged("tickets that outlive its process")
    offer = psk_offer(remote_id=BOB)
    more = {"dpddelay": "1s", "retransmit-timeout": "3s", "auto": "keep"}
    gateway, client = start(lab, offer, BOB, more)
    address = client.address("psk")
    gateway.kill()
    gateway.start()
    wait_until(lambda: client.log().count(RESUMED) == 1, "the client resumed", seconds=40)
    equal(client.address("psk"), address, "address after the resumption")
    check_up(lab, client, "psk")


@case
def refused_ticket_leads_to_a_full_handshake(lab: Lab) -> None:
    """TICKET_NACK, RFC 5723 §4.3.2: the keyring that sealed the ticket is gone."""
    gateway, client = start_psk(lab)
    gateway.kill()
    client.whack("--impair", "send-no-delete")
    client.suspend("psk")
    gateway.make_keyring()
    gateway.start()
    client.whack("--initiate", "--name", "psk", "--asynchronous")
    client.wait_for_log(r"TICKET_NACK")
    client.wait_for_log(libreswan.ESTABLISHED, times=2, seconds=30)
    check(RESUMED not in client.log(), "it came back by a full handshake")
    check_up(lab, client, "psk")


if __name__ == "__main__":
    sys.exit(main(__doc__, add_options, lab_factory))
