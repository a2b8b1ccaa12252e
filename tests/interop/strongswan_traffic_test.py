#!/usr/bin/env python3
"""strongSwan of Debian 12 as a client of resurged: what goes through the tunnel, in UDP.

Run by meson: strongswan_traffic_test.py --resurged PROGRAM --keys PROGRAM. By hand also with
names of cases, --list, --keep, and --against strongswan (is it the harness or the gateway?).
The traffic flows twice: before a kill -9 of the gateway, and when the client is back.
"""

import itertools
import sys

import net
from cases import case, check, main
from lab import Lab, add_options, lab_factory
from offer import PSK, World, psk_offer
from strongswan import CHILD, dial, psk_secret
from strongswan_start import (
    ALICE, IMPATIENT, check_up, child, come_back_after_kill_nine, start_psk, wait_for_new_child,
)
from traffic import Pings, Tcp, check_attacks, check_path_mtu, ping_all_sizes

POOL_V6 = "2001:db8:1::1-2001:db8:1::ff"
TUN = "ipsec0"  # of kernel-libipsec
REKEY_BY_GATEWAY = "parsed CREATE_CHILD_SA request"
SUITES = (
    "aes128gcm16", "aes256gcm16", "chacha20poly1305", "aes128-sha256", "aes256-sha384",
    "aes256-sha512",
)


def start(lab: Lab, nat: bool = False, **dialled):
    """A host behind the gateway, and a client that has addresses of both families."""
    reached = f"{net.INSIDE_NET}, {net.INSIDE_NET_V6}"
    options = {
        "vips": "0.0.0.0, ::", "dpd_delay": "1s",
        "child": {"remote_ts": reached, "dpd_action": "restart"},
    }
    network = {"nat": nat, "host": True}
    return start_psk(
        lab, options=IMPATIENT, network=network, pool_v6=POOL_V6, **(options | dialled)
    )


@case
def echoes_of_all_sizes(lab: Lab) -> None:
    """IPv4 in IPv4, IPv6 in IPv4; from the client and from the host."""
    gateway, client = start(lab)
    ping_all_sizes(lab.net.client, net.HOST, net.HOST_V6)
    come_back_after_kill_nine(lab, gateway, client)
    ping_all_sizes(lab.net.client, net.HOST, net.HOST_V6)
    ping_all_sizes(lab.net.host, *client.sa("psk")["local-vips"])


@case
def host_learns_the_path_mtu(lab: Lab) -> None:
    """Once for each family: its kernel remembers it for longer than a restart takes."""
    _, client = start(lab)
    for address in client.sa("psk")["local-vips"]:
        check_path_mtu(lab.net.host, address)


@case
def echoes_of_all_sizes_over_ipv6(lab: Lab) -> None:
    """IPv4 in IPv6, IPv6 in IPv6."""
    gateway, client = start(lab, remote_addrs=net.GATEWAY_V6)
    ping_all_sizes(lab.net.client, net.HOST, net.HOST_V6)
    come_back_after_kill_nine(lab, gateway, client)
    ping_all_sizes(lab.net.client, net.HOST, net.HOST_V6)


@case
def echoes_by_every_kind_of_suite(lab: Lab) -> None:
    offer = psk_offer(child={"esp_proposals": ", ".join(SUITES)})
    lab.gateway(World(offers=(offer,), psks={ALICE: PSK}))
    client = lab.strongswan()
    for suite in SUITES:
        client.load(dial(offer, ALICE, child={"esp_proposals": suite}) | psk_secret(PSK))
        client.initiate("psk")
        check_up(lab, client, "psk")
        client.terminate("psk")


@case
def tcp_over_rekeys(lab: Lab) -> None:
    """Two by the client; after the restart two by the gateway."""
    gateway, client = start(lab)
    tcp = Tcp(lab, TUN)
    tcp.start(net.HOST)
    for _ in range(2):
        tcp.flow(octets=1_000_000)
        before = child(client.sa("psk"))
        client.swanctl("--rekey", "--child", CHILD)
        wait_for_new_child(client, before)
    tcp.flow(octets=1_000_000)
    print(f"# {tcp.finish()}")
    offer = psk_offer(child={"rekey_time": "4s", "life_time": "30s"})
    gateway.configure(World(offers=(offer,), psks={ALICE: PSK}, pool_v6=POOL_V6))
    come_back_after_kill_nine(lab, gateway, client)
    before = client.log().count(REKEY_BY_GATEWAY)
    tcp.start(net.HOST)
    print(f"# {tcp.finish()}")
    rekeys = client.log().count(REKEY_BY_GATEWAY) - before
    check(rekeys >= 2, f"the gateway rekeyed twice, not {rekeys} times")


@case
def nat_rebinding_under_traffic(lab: Lab) -> None:
    """The gateway follows the first authentic packet that comes by the new port."""
    gateway, client = start(lab, nat=True, encap="no", mobike="no")
    ports = itertools.count(20000, 1000)

    def rebind() -> None:
        with Pings(lab, net.HOST) as pings:
            for _ in range(2):
                pings.go_on()
                moved = gateway.counter("peers_moved")
                lab.net.forget_mappings(first_port=next(ports))
                pings.go_on()
                check(gateway.counter("peers_moved") > moved, "the client came by another port")

    rebind()
    come_back_after_kill_nine(lab, gateway, client)
    rebind()


@case
def attacks_are_dropped_by_name(lab: Lab) -> None:
    lab.need_resurged("counters")
    gateway, client = start(lab)
    check_attacks(lab, gateway, net.HOST)
    come_back_after_kill_nine(lab, gateway, client)
    check_attacks(lab, gateway, net.HOST)


if __name__ == "__main__":
    sys.exit(main(__doc__, add_options, lab_factory))
