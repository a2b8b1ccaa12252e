#!/usr/bin/env python3
"""strongSwan 6 of Debian 13 as a client of resurged: several key exchanges (RFC 9242, RFC 9370).

Run by meson: strongswan6_test.py --resurged PROGRAM --keys PROGRAM. By hand also with names of
cases, --list and --keep. Its packages have no ML-KEM, so the additional methods are classic ones.
"""

import sys

from cases import case, check, equal, main
from lab import Lab, add_options, lab_factory
from offer import PSK, World, psk_offer
from strongswan import CHILD, Charon, dial, psk_secret
from strongswan_start import (
    ALICE, check_up, child, wait_for_new_child, wait_for_new_ike_sa,
)

TWO = "aes256gcm16-prfsha256-x25519-ke1_ecp384"
THREE = "aes256gcm16-prfsha384-x25519-ke1_ecp384-ke2_modp3072"
ESP_TWO = "aes256gcm16-x25519-ke1_ecp384"
FOLLOWED = r"parsed IKE_FOLLOWUP_KE response"


def start(lab: Lab, proposals: str, options: dict | None = None, **dialled):
    offer = psk_offer(
        proposals=proposals, options=options or {}, child={"esp_proposals": ESP_TWO}
    )
    gateway = lab.gateway(World(offers=(offer,), psks={ALICE: PSK}))
    client = lab.strongswan(release=6)
    client.load(
        dial(offer, ALICE, child={"esp_proposals": ESP_TWO}, **dialled) | psk_secret(PSK)
    )
    client.initiate("psk")
    check_up(lab, client, "psk")
    return gateway, client


def intermediates(client: Charon) -> int:
    return client.log().count("parsed IKE_INTERMEDIATE response")


@case
def two_key_exchanges(lab: Lab) -> None:
    _, client = start(lab, TWO)
    equal(intermediates(client), 1, "IKE_INTERMEDIATE exchanges")
    client.wait_for_log(r"selected proposal: IKE:\S*/CURVE_25519/KE1_ECP_384")


@case
def three_key_exchanges(lab: Lab) -> None:
    _, client = start(lab, THREE)
    equal(intermediates(client), 2, "IKE_INTERMEDIATE exchanges")


@case
def child_rekey_with_two_key_exchanges(lab: Lab) -> None:
    _, client = start(lab, TWO)
    before = child(client.sa("psk"))
    client.swanctl("--rekey", "--child", CHILD)
    client.wait_for_log(FOLLOWED)
    wait_for_new_child(client, before)
    check_up(lab, client, "psk")


@case
def ike_rekey_by_client_with_two_key_exchanges(lab: Lab) -> None:
    _, client = start(lab, TWO)
    before = client.sa("psk")
    client.swanctl("--rekey", "--ike", "psk")
    client.wait_for_log(FOLLOWED)
    wait_for_new_ike_sa(client, before)
    check_up(lab, client, "psk")
    client.swanctl("--rekey", "--child", CHILD)  # the new SA answers
    wait_for_new_child(client, child(before))


@case
def ike_rekey_by_gateway_with_two_key_exchanges(lab: Lab) -> None:
    _, client = start(lab, TWO, options={"rekey_time": "3s", "over_time": "20s"})
    before = client.sa("psk")
    client.wait_for_log(r"parsed IKE_FOLLOWUP_KE request")
    wait_for_new_ike_sa(client, before)
    check_up(lab, client, "psk")


@case
def client_without_them_is_refused(lab: Lab) -> None:
    """Where the gateway asks for two, one does not do."""
    offer = psk_offer(proposals=TWO)
    lab.gateway(World(offers=(offer,), psks={ALICE: PSK}))
    client = lab.strongswan(release=6)
    one = "aes256gcm16-prfsha256-x25519"
    client.load(dial(offer, ALICE) | psk_secret(PSK))
    client.initiate("psk")
    client.terminate("psk")
    client.load(dial(psk_offer(proposals=one), ALICE) | psk_secret(PSK))
    said = client.fail_to_initiate("psk")
    check("NO_PROPOSAL_CHOSEN" in said, f"it is told why\n{said}")


if __name__ == "__main__":
    sys.exit(main(__doc__, add_options, lab_factory))
