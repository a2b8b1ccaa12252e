#!/usr/bin/env python3
"""strongSwan of Debian 12 as a client of resurged: all ways to authenticate and to agree.

Run by meson: strongswan_auth_test.py --resurged PROGRAM --keys PROGRAM. By hand also with
names of cases, --list, --keep, and --against strongswan (is it the harness or the gateway?).
"""

import sys

import certs
import net
from cases import case, check, equal, main
from lab import Lab, add_options, lab_factory
from offer import PSK, World, eap_offer, psk_offer, pubkey_offer
from strongswan import dial, eap_secret, psk_secret
from strongswan_start import (
    ALICE, BOB, check_up, child, installed, start_psk, start_with_certificates,
)


@case
def psk(lab: Lab) -> None:
    _, client = start_psk(lab)
    client.terminate("psk")
    client.wait_for_log(r"IKE_SA deleted")


@case
def rsa(lab: Lab) -> None:
    _, client = start_with_certificates(lab, certs.GATEWAY_RSA, certs.RSA)
    client.wait_for_log(r"authentication of '.*gw-rsa.*' with RSA_EMSA_\w+ successful")


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
    lab.gateway(World(offers=(offer,), users={"alice": "wonderland"}))
    client = lab.strongswan()
    client.load(dial(offer, "alice") | eap_secret("alice", "wonderland"))
    client.initiate(offer.name)
    check_up(lab, client, offer.name)
    client.wait_for_log(r"EAP method EAP_MSCHAPV2 succeeded, MSK established")


@case
def eap_mschapv2_with_a_wrong_password(lab: Lab) -> None:
    offer = eap_offer("eap-mschapv2")
    lab.gateway(World(offers=(offer,), users={"alice": "wonderland"}))
    client = lab.strongswan()
    client.load(dial(offer, "alice") | eap_secret("alice", "underland"))
    client.fail_to_initiate(offer.name)
    client.wait_for_log(r"EAP-MS-CHAPv2 failed|received EAP_FAILURE|AUTHENTICATION_FAILED notify")
    client.load(dial(offer, "alice") | eap_secret("alice", "wonderland"))
    client.initiate(offer.name)


@case
def eap_tls(lab: Lab) -> None:
    offer = eap_offer("eap-tls")
    lab.gateway(World(offers=(offer,)))
    client = lab.strongswan()
    client.own(lab.authority.certificate(certs.ECDSA), lab.authority.key(certs.ECDSA))
    local = {"aaa_id": certs.RADIUS}
    client.load(dial(offer, certs.ECDSA, local=local))
    client.initiate(offer.name)
    check_up(lab, client, offer.name)
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
    lab.gateway(World(offers=(offer,), psks={ALICE: PSK}))
    client = lab.strongswan()
    client.load(dial(offer, ALICE, childless="force") | psk_secret(PSK))
    client.initiate("psk")
    client.wait_for_log(r"generating IKE_AUTH request 1 \[ IDi N\(INIT_CONTACT\) (?!.* SA )")
    client.wait_for_log(r"generating CREATE_CHILD_SA request 2 \[ SA No KE TSi TSr \]")
    check_up(lab, client, "psk")


SUITES = (
    "aes128gcm16-prfsha256-ecp256",
    "aes256gcm16-prfsha384-ecp384",
    "aes256gcm16-prfsha512-ecp521",
    "chacha20poly1305-prfsha256-x25519",
    "aes128-sha256-modp2048",
    "aes256-sha384-modp3072",
    "aes256-sha512-modp4096",
)


@case
def every_kind_of_suite(lab: Lab) -> None:
    offer = psk_offer(proposals=", ".join(SUITES))
    lab.gateway(World(offers=(offer,), psks={ALICE: PSK}))
    client = lab.strongswan()
    for suite in SUITES:
        client.load(dial(offer, ALICE, proposals=suite) | psk_secret(PSK))
        client.initiate("psk")
        check_up(lab, client, "psk")
        client.terminate("psk")


@case
def over_ipv6(lab: Lab) -> None:
    start_psk(lab, remote_addrs=net.GATEWAY_V6)


@case
def addresses_of_both_families(lab: Lab) -> None:
    offer = psk_offer()
    lab.gateway(World(offers=(offer,), psks={ALICE: PSK}, pool_v6="2001:db8:1::1-2001:db8:1::ff"))
    client = lab.strongswan()
    child = {"remote_ts": f"{net.INSIDE_NET}, {net.INSIDE_NET_V6}"}
    client.load(dial(offer, ALICE, vips="0.0.0.0, ::", child=child) | psk_secret(PSK))
    client.initiate("psk")
    families = sorted(":" in address for address in client.sa("psk")["local-vips"])
    equal(families, [False, True], "leased addresses are of IPv6")
    check_up(lab, client, "psk")
    lab.ping_inside(net.INSIDE_V6)


if __name__ == "__main__":
    sys.exit(main(__doc__, add_options, lab_factory))
