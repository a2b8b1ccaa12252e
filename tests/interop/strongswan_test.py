#!/usr/bin/env python3
"""strongSwan of Debian 12 as a client of resurged: every way to authenticate, then a life of an SA.

Run by meson: strongswan_test.py --resurged PROGRAM --keys PROGRAM. By hand also with names of
cases, --list, --keep, and --against strongswan (is it the harness or the gateway?).
"""

import sys

import certs
import net
from cases import case, check, equal, main, wait_until
from lab import Lab, add_options, lab_factory
from offer import PSK, World, eap_offer, psk_offer, pubkey_offer
from strongswan import CHILD, Charon, dial, eap_secret, psk_secret

ALICE = "alice@example.org"
BOB = "bob@example.org"
IMPATIENT = "retransmit_timeout = 0.3\nretransmit_base = 1.3\nretransmit_tries = 3\n"


def start_psk(lab: Lab, offer=None, options: str = "", network: dict | None = None, **dialled):
    """A gateway with one pre-shared key for everybody and a client that is connected to it."""
    offer = offer or psk_offer()
    gateway = lab.gateway(World(offers=(offer,), psks={ALICE: PSK, BOB: PSK}), network)
    client = lab.strongswan(options)
    client.load(dial(offer, ALICE, **dialled) | psk_secret(PSK))
    client.initiate(offer.name)
    check_up(lab, gateway, client, offer.name)
    return gateway, client


def check_up(lab: Lab, gateway, client: Charon, connection: str) -> None:
    """The SA is up on the client's side, with an address; where ESP is carried, it is tried."""
    sa = client.sa(connection)
    check(len(sa.get("local-vips", [])) >= 1, f"{connection} got an address: {sa}")
    child(sa)
    if gateway.carries_esp:
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
    check_up(lab, gateway, client, "cert")
    return gateway, client


@case
def psk(lab: Lab) -> None:
    _, client = start_psk(lab)
    client.terminate("psk")
    client.wait_for_log(r"IKE_SA deleted")


@case
def rsa(lab: Lab) -> None:
    _, client = start_with_certificates(lab, certs.GATEWAY_RSA, certs.RSA)
    client.wait_for_log(r"authentication of '.*gw-rsa.*' with RSA_EMSA_PKCS1_SHA2_\d+ successful")


@case
def rsa_without_hash_negotiation(lab: Lab) -> None:
    """The classic methods of RFC 7296 §2.15."""
    _, client = start_with_certificates(
        lab, certs.GATEWAY_RSA, certs.RSA, options="signature_authentication = no\n",
    )
    client.wait_for_log(r"authentication of '.*gw-rsa.*' with RSA signature successful")


@case
def ecdsa(lab: Lab) -> None:
    _, client = start_with_certificates(lab, certs.GATEWAY_ECDSA, certs.ECDSA)
    client.wait_for_log(r"authentication of '.*gw-ecdsa.*' with ECDSA\S* successful")


@case
def ed25519(lab: Lab) -> None:
    _, client = start_with_certificates(lab, certs.GATEWAY_ED25519, certs.ED25519)
    client.wait_for_log(r"authentication of '.*gw-ed25519.*' with ED25519 successful")


@case
def eap_mschapv2(lab: Lab) -> None:
    offer = eap_offer("eap-mschapv2")
    gateway = lab.gateway(World(offers=(offer,), users={"alice": "wonderland"}))
    client = lab.strongswan()
    client.load(dial(offer, "alice") | eap_secret("alice", "wonderland"))
    client.initiate(offer.name)
    check_up(lab, gateway, client, offer.name)
    client.wait_for_log(r"EAP method EAP_MSCHAPV2 succeeded, MSK established")


@case
def eap_mschapv2_with_a_wrong_password(lab: Lab) -> None:
    offer = eap_offer("eap-mschapv2")
    lab.gateway(World(offers=(offer,), users={"alice": "wonderland"}))
    client = lab.strongswan()
    client.load(dial(offer, "alice") | eap_secret("alice", "underland"))
    client.fail_to_initiate(offer.name)
    client.wait_for_log(r"EAP-MS-CHAPv2 failed|received EAP_FAILURE|EAP_MSCHAPV2 .*failed")
    client.load(dial(offer, "alice") | eap_secret("alice", "wonderland"))
    client.initiate(offer.name)


@case
def eap_tls(lab: Lab) -> None:
    offer = eap_offer("eap-tls")
    gateway = lab.gateway(World(offers=(offer,)))
    client = lab.strongswan()
    client.own(lab.authority.certificate(certs.ECDSA), lab.authority.key(certs.ECDSA))
    local = {"aaa_id": certs.RADIUS}
    client.load(dial(offer, certs.ECDSA, local=local))
    client.initiate(offer.name)
    check_up(lab, gateway, client, offer.name)
    client.wait_for_log(r"EAP method EAP_TLS succeeded, MSK established")


@case
def wrong_psk_is_refused(lab: Lab) -> None:
    _, client = start_psk(lab)
    client.terminate("psk")
    client.load(dial(psk_offer(), ALICE) | psk_secret("not the secret that was agreed on"))
    said = client.fail_to_initiate("psk")
    check("AUTHENTICATION_FAILED" in said, f"the client is told why\n{said}")
    client.load(dial(psk_offer(), ALICE) | psk_secret(PSK))
    client.initiate("psk")


@case
def unknown_identity_is_refused(lab: Lab) -> None:
    _, client = start_psk(lab, psk_offer(remote_id=ALICE))
    client.terminate("psk")
    client.load(dial(psk_offer(), "mallory@example.org") | psk_secret(PSK))
    said = client.fail_to_initiate("psk")
    check("AUTHENTICATION_FAILED" in said, f"the client is told why\n{said}")


@case
def revoked_certificate_is_refused(lab: Lab) -> None:
    """While others of the same authority are let in."""
    _, client = start_with_certificates(lab, certs.GATEWAY_ECDSA, certs.ECDSA)
    client.terminate("cert")
    client.own(lab.authority.certificate(certs.REVOKED), lab.authority.key(certs.REVOKED))
    client.load(dial(pubkey_offer("cert", certs.GATEWAY_ECDSA), certs.REVOKED))
    said = client.fail_to_initiate("cert")
    check("AUTHENTICATION_FAILED" in said, f"the client is told why\n{said}")


@case
def no_proposal_in_common(lab: Lab) -> None:
    _, client = start_psk(lab)
    client.terminate("psk")
    client.load(dial(psk_offer(), ALICE, proposals="aes192-sha1-modp1536") | psk_secret(PSK))
    said = client.fail_to_initiate("psk")
    check("NO_PROPOSAL_CHOSEN" in said, f"the client is told why\n{said}")


@case
def another_key_exchange_is_asked_for(lab: Lab) -> None:
    """INVALID_KE_PAYLOAD, RFC 7296 §1.2."""
    offer = psk_offer(proposals="aes256gcm16-prfsha256-ecp256")
    proposals = "aes256gcm16-prfsha256-x25519-ecp256"
    _, client = start_psk(lab, offer, proposals=proposals)
    client.wait_for_log(r"requested ECP_256")
    equal(client.sa("psk")["dh-group"], "ECP_256", "key exchange")


@case
def traffic_selectors_are_narrowed(lab: Lab) -> None:
    _, client = start_psk(lab, child={"remote_ts": "0.0.0.0/0"})
    equal(child(client.sa("psk"))["remote-ts"], [net.INSIDE_NET], "what the client may reach")


@case
def traffic_selectors_without_overlap(lab: Lab) -> None:
    """TS_UNACCEPTABLE, RFC 7296 §2.9; the IKE SA stays."""
    offer = psk_offer()
    lab.gateway(World(offers=(offer,), psks={ALICE: PSK}))
    client = lab.strongswan()
    client.load(dial(offer, ALICE, child={"remote_ts": "172.16.0.0/16"}) | psk_secret(PSK))
    said = client.fail_to_initiate("psk")
    check("TS_UNACCEPTABLE" in said, f"the client is told why\n{said}")
    equal(installed(client.sa("psk")), [], "Child SAs")


@case
def connection_is_chosen_by_identity(lab: Lab) -> None:
    """The same secret, other rights."""
    one = psk_offer("alices", remote_id=ALICE, child={"local_ts": "10.99.0.0/25"})
    two = psk_offer("bobs", remote_id=BOB, child={"local_ts": "10.99.0.0/26"})
    lab.gateway(World(offers=(one, two), psks={ALICE: PSK, BOB: PSK}))
    client = lab.strongswan()
    for offer, identity, expected in (
        (one, ALICE, "10.99.0.0/25"), (two, BOB, "10.99.0.0/26"),
    ):
        client.load(dial(offer, identity) | psk_secret(PSK))
        client.initiate(offer.name)
        equal(child(client.sa(offer.name))["remote-ts"], [expected], f"what {identity} may reach")


@case
def child_sa_after_a_childless_start(lab: Lab) -> None:
    """RFC 6023, then CREATE_CHILD_SA for the first Child SA."""
    offer = psk_offer()
    gateway = lab.gateway(World(offers=(offer,), psks={ALICE: PSK}))
    client = lab.strongswan()
    client.load(dial(offer, ALICE, childless="force") | psk_secret(PSK))
    client.initiate("psk")
    client.wait_for_log(r"generating IKE_AUTH request 1 \[ IDi N\(INIT_CONTACT\) (?!.* SA )")
    client.wait_for_log(r"generating CREATE_CHILD_SA request 2 \[ SA No KE TSi TSr \]")
    check_up(lab, gateway, client, "psk")


SUITES = (
    "aes128gcm16-prfsha256-ecp256",
    "aes256gcm16-prfsha384-ecp384",
    "aes256gcm16-prfsha512-ecp521",
    "chacha20poly1305-prfsha256-x25519",
    "aes128-sha256-modp2048",
    "aes256-sha384-modp3072",
    "aes256-sha512-modp4096",
)


@case(limit=60)
def every_kind_of_suite(lab: Lab) -> None:
    offer = psk_offer(proposals=", ".join(SUITES))
    gateway = lab.gateway(World(offers=(offer,), psks={ALICE: PSK}))
    client = lab.strongswan()
    for suite in SUITES:
        client.load(dial(offer, ALICE, proposals=suite) | psk_secret(PSK))
        client.initiate("psk")
        check_up(lab, gateway, client, "psk")
        client.terminate("psk")


@case
def over_ipv6(lab: Lab) -> None:
    start_psk(lab, remote_addrs=net.GATEWAY_V6)


@case
def addresses_of_both_families(lab: Lab) -> None:
    offer = psk_offer()
    lab.gateway(World(offers=(offer,), psks={ALICE: PSK}, pool_v6="2001:db8:1::1-2001:db8:1::ff"))
    client = lab.strongswan()
    client.load(dial(offer, ALICE, vips="0.0.0.0, ::") | psk_secret(PSK))
    client.initiate("psk")
    families = sorted(":" in address for address in client.sa("psk")["local-vips"])
    equal(families, [False, True], "leased addresses are of IPv6")


@case
def child_rekey_by_client(lab: Lab) -> None:
    gateway, client = start_psk(lab)
    before = child(client.sa("psk"))
    client.swanctl("--rekey", "--child", CHILD)
    wait_for_new_child(client, before)
    check_up(lab, gateway, client, "psk")


@case
def child_rekey_without_key_exchange(lab: Lab) -> None:
    gateway, client = start_psk(lab, child={"esp_proposals": "aes256gcm16"})
    before = child(client.sa("psk"))
    client.swanctl("--rekey", "--child", CHILD)
    wait_for_new_child(client, before)
    check_up(lab, gateway, client, "psk")


@case
def child_rekey_by_gateway(lab: Lab) -> None:
    offer = psk_offer(child={"rekey_time": "3s", "life_time": "20s"})
    gateway, client = start_psk(lab, offer)
    before = child(client.sa("psk"))
    client.wait_for_log(r"parsed CREATE_CHILD_SA request")
    wait_for_new_child(client, before)
    check_up(lab, gateway, client, "psk")


def wait_for_new_child(client: Charon, before: dict) -> None:
    def renewed() -> bool:
        found = installed(client.sa("psk"))
        states = [c["state"] for c in found if c["spi-in"] != before["spi-in"]]
        return states == ["INSTALLED"] and len(found) == 1

    wait_until(renewed, "one Child SA, another than before")


@case
def ike_rekey_by_client(lab: Lab) -> None:
    gateway, client = start_psk(lab)
    before = client.sa("psk")
    client.swanctl("--rekey", "--ike", "psk")
    wait_for_new_ike_sa(client, before)
    check_up(lab, gateway, client, "psk")
    # The new SA answers, and so does another rekey after it.
    client.swanctl("--rekey", "--child", CHILD)
    wait_for_new_child(client, child(before))
    equal(client.sa("psk")["local-vips"], before["local-vips"], "address after the rekey")


@case
def ike_rekey_by_gateway(lab: Lab) -> None:
    offer = psk_offer(options={"rekey_time": "3s", "over_time": "20s"})
    gateway, client = start_psk(lab, offer)
    before = client.sa("psk")
    client.wait_for_log(r"parsed CREATE_CHILD_SA request")
    wait_for_new_ike_sa(client, before)
    check_up(lab, gateway, client, "psk")


def wait_for_new_ike_sa(client: Charon, before: dict) -> None:
    def renewed() -> bool:
        up = [sa for sa in client.sas() if sa["state"] == "ESTABLISHED"]
        return len(client.sas()) == 1 and len(up) == 1 and (
            up[0]["responder-spi"] != before["responder-spi"]
        )

    wait_until(renewed, "one IKE SA, another than before")


@case
def liveness_check_by_client(lab: Lab) -> None:
    _, client = start_psk(lab, dpd_delay="1s")
    client.wait_for_log(r"sending DPD request[\s\S]*?parsed INFORMATIONAL response", times=2)
    client.sa("psk")


@case
def liveness_check_by_gateway(lab: Lab) -> None:
    offer = psk_offer(options={"dpd_delay": "1s"})
    _, client = start_psk(lab, offer)
    client.wait_for_log(r"parsed INFORMATIONAL request \d+ \[ \]", times=2)
    client.sa("psk")


@case(limit=90)
def dead_client_loses_its_address(lab: Lab) -> None:
    """After liveness checks without an answer; the pool holds one address."""
    offer = psk_offer(options={"dpd_delay": "1s"})
    world = World(offers=(offer,), psks={ALICE: PSK, BOB: PSK}, pool_v4="10.1.0.1-10.1.0.1")
    lab.gateway(world, options=IMPATIENT)
    client = lab.strongswan()
    client.load(dial(offer, ALICE) | psk_secret(PSK))
    client.initiate("psk")
    client.kill()
    other = lab.strongswan(name="other")
    other.load(dial(offer, BOB) | psk_secret(PSK))

    def is_in() -> bool:
        # An IKE SA without a Child SA is what remains of a try in vain (RFC 7296 §3.15.4).
        other.terminate("psk", may_fail=True)
        return "initiate completed" in other.try_to_initiate("psk")

    wait_until(is_in, "the address of the dead is leased again", seconds=75, every=1)


@case
def pool_is_exhausted_and_delete_frees(lab: Lab) -> None:
    offer = psk_offer()
    world = World(offers=(offer,), psks={ALICE: PSK, BOB: PSK}, pool_v4="10.1.0.1-10.1.0.1")
    lab.gateway(world)
    client = lab.strongswan()
    client.load(dial(offer, ALICE) | psk_secret(PSK))
    client.initiate("psk")
    second = dial(offer, BOB)["connections"]["psk"]
    tree = dial(offer, ALICE) | psk_secret(PSK)
    tree["connections"]["second"] = second
    client.load(tree)
    said = client.fail_to_initiate("second")
    check("INTERNAL_ADDRESS_FAILURE" in said, f"the client is told why\n{said}")
    client.terminate("second", may_fail=True)  # the IKE SA without a Child SA
    client.terminate("psk")
    client.initiate("second")
    equal(client.sa("second")["local-vips"], ["10.1.0.1"], "the address that was given back")


@case
def initial_contact_replaces_the_dead_sa(lab: Lab) -> None:
    """A client that was reset is let in at once, with the address it had. RFC 7296 §2.4."""
    offer = psk_offer()
    lab.gateway(World(offers=(offer,), psks={ALICE: PSK}, pool_v4="10.1.0.1-10.1.0.1"))
    client = lab.strongswan()
    tree = dial(offer, ALICE) | psk_secret(PSK)
    client.load(tree)
    client.initiate("psk")
    client.kill()
    client.start()
    client.load(tree)
    client.initiate("psk")
    equal(client.sa("psk")["local-vips"], ["10.1.0.1"], "address")


@case
def address_change_with_mobike(lab: Lab) -> None:
    # With IPv6 it may prefer to go there.
    gateway, client = start_psk(lab, network={"ipv6": False})
    before = client.sa("psk")
    lab.net.move_client()
    client.wait_for_log(r"N\(UPD_SA_ADDR\)")
    wait_until(
        lambda: client.sa("psk")["local-host"] == net.CLIENT_OTHER, "the SA has moved"
    )
    after = client.sa("psk")
    equal(after["responder-spi"], before["responder-spi"], "responder SPI")
    check_up(lab, gateway, client, "psk")
    client.swanctl("--rekey", "--child", CHILD)
    wait_for_new_child(client, child(before))


@case
def behind_nat(lab: Lab) -> None:
    """Port 4500, and the new port after the NAT forgot its mapping. RFC 7296 §2.23."""
    gateway, client = start_psk(lab, network={"nat": True}, encap="no", mobike="no")
    sa = client.sa("psk")
    equal((sa.get("nat-local"), sa["remote-port"]), ("yes", "4500"), "NAT and port")
    lab.net.forget_mappings(first_port=20000)
    client.swanctl("--rekey", "--child", CHILD)
    wait_for_new_child(client, child(sa))
    check_up(lab, gateway, client, "psk")


@case
def ike_fragments_both_ways(lab: Lab) -> None:
    _, client = start_with_certificates(
        lab, certs.GATEWAY_LARGE, certs.LARGE, options="fragment_size = 600\n",
    )
    client.wait_for_log(r"splitting IKE message \(\d+ bytes\) into \d+ fragments")
    client.wait_for_log(r"received fragment #\d+ of \d+, reassembled fragmented IKE message")


@case
def ip_fragments_of_a_large_message(lab: Lab) -> None:
    _, client = start_with_certificates(
        lab, certs.GATEWAY_ECDSA, certs.LARGE, fragmentation="no", encap="yes",
    )
    check("splitting" not in client.log(), "the client sent one IKE message in IP fragments")


@case
def cookie_is_answered(lab: Lab) -> None:
    lab.need_resurged("cookies without load")
    offer = psk_offer()
    sections = {"admission": {"cookies": "always"}}
    world = World(offers=(offer,), psks={ALICE: PSK}, sections=sections)
    gateway = lab.gateway(world)
    client = lab.strongswan()
    client.load(dial(offer, ALICE) | psk_secret(PSK))
    client.initiate("psk")
    check_up(lab, gateway, client, "psk")
    client.wait_for_log(r"parsed IKE_SA_INIT response 0 \[ N\(COOKIE\) \]")


@case(limit=60)
def reconnects_after_kill_nine(lab: Lab) -> None:
    """By liveness check and full handshake: this client knows neither tickets nor QCD."""
    gateway, client = start_psk(
        lab, options=IMPATIENT, dpd_delay="1s", child={"dpd_action": "restart"},
    )
    before = client.sa("psk")
    gateway.kill()
    gateway.start()
    client.wait_for_log(r"peer not responding|giving up after", seconds=30)
    wait_until(
        lambda: [sa for sa in client.sas() if sa["state"] == "ESTABLISHED"
                 and sa["responder-spi"] != before["responder-spi"]],
        "the client is back", seconds=30,
    )
    wait_until(lambda: len(client.sas()) == 1, "the old SA is gone")
    equal(client.sa("psk")["local-vips"], before["local-vips"], "address")
    check_up(lab, gateway, client, "psk")


if __name__ == "__main__":
    sys.exit(main(__doc__, add_options, lab_factory))
