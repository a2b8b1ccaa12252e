#!/usr/bin/env python3
"""strongSwan of Debian 12 as a client of resurged: the life of an SA, and the network.

Run by meson: strongswan_life_test.py --resurged PROGRAM --keys PROGRAM. By hand also with
names of cases, --list, --keep, and --against strongswan (is it the harness or the gateway?).
"""

import sys

import certs
import net
from cases import case, check, equal, main, wait_until
from lab import Lab, add_options, lab_factory
from offer import PSK, World, psk_offer, pubkey_offer
from strongswan import CHILD, dial, psk_secret
from strongswan_start import (
    ALICE, BOB, IMPATIENT, check_up, child, come_back_after_kill_nine, start_psk,
    start_with_certificates, wait_for_new_child, wait_for_new_ike_sa,
)


@case
def child_rekey_by_client(lab: Lab) -> None:
    _, client = start_psk(lab)
    before = child(client.sa("psk"))
    client.swanctl("--rekey", "--child", CHILD)
    wait_for_new_child(client, before)
    check_up(lab, client, "psk")


@case
def child_rekey_without_key_exchange(lab: Lab) -> None:
    _, client = start_psk(lab, child={"esp_proposals": "aes256gcm16"})
    before = child(client.sa("psk"))
    client.swanctl("--rekey", "--child", CHILD)
    wait_for_new_child(client, before)
    check_up(lab, client, "psk")


@case
def child_rekey_by_gateway(lab: Lab) -> None:
    offer = psk_offer(child={"rekey_time": "3s", "life_time": "20s"})
    _, client = start_psk(lab, offer)
    before = child(client.sa("psk"))
    client.wait_for_log(r"parsed CREATE_CHILD_SA request")
    wait_for_new_child(client, before)
    check_up(lab, client, "psk")


@case
def ike_rekey_by_client(lab: Lab) -> None:
    _, client = start_psk(lab)
    before = client.sa("psk")
    client.swanctl("--rekey", "--ike", "psk")
    wait_for_new_ike_sa(client, before)
    check_up(lab, client, "psk")
    # The new SA answers, and so does another rekey after it.
    client.swanctl("--rekey", "--child", CHILD)
    wait_for_new_child(client, child(before))
    equal(client.sa("psk")["local-vips"], before["local-vips"], "address after the rekey")


@case
def ike_rekey_by_gateway(lab: Lab) -> None:
    offer = psk_offer(options={"rekey_time": "3s", "over_time": "20s"})
    _, client = start_psk(lab, offer)
    before = client.sa("psk")
    client.wait_for_log(r"parsed CREATE_CHILD_SA request")
    wait_for_new_ike_sa(client, before)
    check_up(lab, client, "psk")


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


@case
def delete_by_gateway(lab: Lab) -> None:
    """resurgectl lists what the client sees, and ends it."""
    lab.need_resurged("resurgectl")
    gateway, client = start_psk(lab)
    sa = client.sa("psk")
    rows = gateway.ctl("list-sas", "--identity", ALICE)
    seen = [(row["ike"], row["connection"], row["addresses"]) for row in rows]
    equal(seen, [(sa["responder-spi"], "psk", sa["local-vips"])], "IKE SAs")
    spis = [{c["spi_in"], c["spi_out"]} for c in rows[0]["children"]]
    equal(spis, [{child(sa)["spi-in"], child(sa)["spi-out"]}], "SPIs of the Child SA")
    gateway.ctl("terminate", "--identity", ALICE)
    client.wait_for_log(r"received DELETE for IKE_SA psk")
    wait_until(lambda: not gateway.ctl("list-sas"), "nobody is there any more")


@case
def dead_client_loses_its_address(lab: Lab) -> None:
    """After liveness checks without an answer; the pool holds one address."""
    offer = psk_offer(options={"dpd_delay": "1s"})
    sections = {"ike": {"retransmit_timeout": "500ms", "retransmit_tries": 3}}
    world = World(
        offers=(offer,), psks={ALICE: PSK, BOB: PSK}, pool_v4="10.1.0.1-10.1.0.1",
        sections=sections,
    )
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

    wait_until(is_in, "the address of the dead is leased again", seconds=30, every=1)


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
    _, client = start_psk(lab, network={"ipv6": False})
    before = client.sa("psk")
    lab.net.move_client()
    client.wait_for_log(r"N\(UPD_SA_ADDR\)")
    wait_until(
        lambda: client.sa("psk")["local-host"] == net.CLIENT_OTHER, "the SA has moved"
    )
    after = client.sa("psk")
    equal(after["responder-spi"], before["responder-spi"], "responder SPI")
    check_up(lab, client, "psk")
    client.swanctl("--rekey", "--child", CHILD)
    wait_for_new_child(client, child(before))


@case
def behind_nat(lab: Lab) -> None:
    """Port 4500, and the new port after the NAT forgot its mapping. RFC 7296 §2.23."""
    _, client = start_psk(lab, network={"nat": True}, encap="no", mobike="no")
    sa = client.sa("psk")
    equal((sa.get("nat-local"), sa["remote-port"]), ("yes", "4500"), "NAT and port")
    lab.net.forget_mappings(first_port=20000)
    client.swanctl("--rekey", "--child", CHILD)
    wait_for_new_child(client, child(sa))
    check_up(lab, client, "psk")


@case
def ike_fragments_both_ways(lab: Lab) -> None:
    _, client = start_with_certificates(
        lab, certs.GATEWAY_LARGE, certs.LARGE, options="fragment_size = 600\n",
    )
    client.wait_for_log(r"splitting IKE message \(\d+ bytes\) into \d+ fragments")
    client.wait_for_log(r"received fragment #\d+ of \d+, reassembled fragmented IKE message")


@case
def ip_fragments_of_a_large_message(lab: Lab) -> None:
    """By AF_XDP: behind AF_PACKET it is the kernel that puts fragments of IPv4 together."""
    start_with_ip_fragments(lab, net.AF_XDP)


@case
def ip_fragments_over_ipv6(lab: Lab) -> None:
    start_with_ip_fragments(lab, net.AF_PACKET, remote_addrs=net.GATEWAY_V6)


def start_with_ip_fragments(lab: Lab, device: str, **dialled) -> None:
    offer = pubkey_offer("cert", certs.GATEWAY_ECDSA)
    lab.gateway(World(offers=(offer,), sections={"outside": {"device": device}}))
    client = lab.strongswan()
    client.own(lab.authority.certificate(certs.LARGE), lab.authority.key(certs.LARGE))
    client.load(dial(offer, certs.LARGE, fragmentation="no", **dialled))
    client.initiate("cert")
    check_up(lab, client, "cert")
    check("splitting" not in client.log(), "the client sent one IKE message in IP fragments")


@case
def cookie_is_answered(lab: Lab) -> None:
    lab.need_resurged("cookies without load")
    offer = psk_offer()
    sections = {"admission": {"cookies": "always"}}
    world = World(offers=(offer,), psks={ALICE: PSK}, sections=sections)
    lab.gateway(world)
    client = lab.strongswan()
    client.load(dial(offer, ALICE) | psk_secret(PSK))
    client.initiate("psk")
    check_up(lab, client, "psk")
    client.wait_for_log(r"parsed IKE_SA_INIT response 0 \[ N\(COOKIE\) \]")


@case
def reload_keeps_what_is_up(lab: Lab) -> None:
    """A connection and a secret more: who is in stays in, another one comes in."""
    alices = psk_offer("alices", remote_id=ALICE)
    gateway = lab.gateway(World(offers=(alices,), psks={ALICE: PSK}))
    client = lab.strongswan()
    client.load(dial(alices, ALICE) | psk_secret(PSK))
    client.initiate("alices")
    before = client.sa("alices")
    bobs = psk_offer("bobs", remote_id=BOB)
    gateway.reload(World(offers=(alices, bobs), psks={ALICE: PSK, BOB: PSK}))
    tree = dial(alices, ALICE) | psk_secret(PSK)
    tree["connections"] |= dial(bobs, BOB)["connections"]
    client.load(tree)
    client.initiate("bobs")
    client.swanctl("--rekey", "--child", CHILD, "--ike", "alices")
    wait_for_new_child(client, child(before), "alices")
    equal(client.sa("alices")["responder-spi"], before["responder-spi"], "responder SPI")


@case
def reconnects_after_kill_nine(lab: Lab) -> None:
    """By liveness check and full handshake: this client knows neither tickets nor QCD."""
    gateway, client = start_psk(
        lab, options=IMPATIENT, dpd_delay="1s", child={"dpd_action": "restart"},
    )
    come_back_after_kill_nine(lab, gateway, client)


if __name__ == "__main__":
    sys.exit(main(__doc__, add_options, lab_factory))
