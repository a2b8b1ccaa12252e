#!/usr/bin/env python3
"""libreswan of Debian 13 as a client of resurged: what goes through the tunnel, by esp_tun.py.

Run by meson: libreswan_traffic_test.py --resurged PROGRAM --keys PROGRAM --shim FILE. By hand also
with names of cases, --list, --keep, and --against libreswan (is it the harness or the gateway?).
The traffic flows twice: before a kill -9 of the gateway, and when the client has resumed.
"""

import itertools
import sys

import net
from cases import case, check, main
from lab import Lab, add_options, lab_factory
from libreswan import TUN, Pluto
from libreswan_start import resume_after_kill_nine, start_psk
from traffic import Pings, Tcp, check_attacks, check_dropped_inside, ping_all_sizes

POOL_V6 = "2001:db8:1::1-2001:db8:1::ff"
OVER_IPV6 = {"left": net.CLIENT_V6, "right": net.GATEWAY_V6}
IPV6_INSIDE = {"leftsubnet": "::/0", "rightsubnet": net.INSIDE_NET_V6}


def start(lab: Lab, nat: bool = False, **client):
    """A host behind the gateway, and a client that holds a ticket."""
    lab.need_resurged("tickets that outlive its process")
    network = {"nat": nat, "host": True}
    return start_psk(lab, network=network, pool_v6=POOL_V6, client=client)


@case
def echoes_of_all_sizes(lab: Lab) -> None:
    gateway, client = start(lab)
    ping_all_sizes(lab.net.client, net.HOST)
    resume_after_kill_nine(lab, gateway, client, "psk")
    ping_all_sizes(lab.net.client, net.HOST)


@case
def echoes_of_ipv6_in_ipv4(lab: Lab) -> None:
    gateway, client = start(lab, **IPV6_INSIDE)
    ping_all_sizes(lab.net.client, net.HOST_V6)
    resume_after_kill_nine(lab, gateway, client, "psk")
    ping_all_sizes(lab.net.client, net.HOST_V6)


@case
def echoes_of_ipv4_in_ipv6(lab: Lab) -> None:
    gateway, client = start(lab, **OVER_IPV6)
    ping_all_sizes(lab.net.client, net.HOST)
    resume_after_kill_nine(lab, gateway, client, "psk")
    ping_all_sizes(lab.net.client, net.HOST)


@case
def tcp_over_rekeys(lab: Lab) -> None:
    """After the resumption the first takes the IKE SA from its worker to the control thread."""
    gateway, client = start(lab)
    tcp = Tcp(lab, TUN)
    _rekey_twice(client, tcp)
    resume_after_kill_nine(lab, gateway, client, "psk")
    _rekey_twice(client, tcp)


def _rekey_twice(client: Pluto, tcp: Tcp) -> None:
    tcp.start(net.HOST)
    for _ in range(2):
        tcp.flow(octets=500_000)
        said = client.whack("--rekey-child", "--name", "psk", seconds=20)
        check("rekeyed Child SA" in said, f"the Child SA is rekeyed\n{said}")
    tcp.flow(octets=500_000)
    print(f"# {tcp.finish()}")


@case
def tcp_outlives_the_gateway(lab: Lab) -> None:
    """The connection of before the kill -9 goes on once the client has resumed."""
    gateway, client = start(lab)
    tcp = Tcp(lab, TUN)
    tcp.start(net.HOST)
    tcp.flow(octets=500_000)
    resume_after_kill_nine(lab, gateway, client, "psk")
    tcp.flow(octets=500_000)


@case
def nat_rebinding_under_traffic(lab: Lab) -> None:
    """ESP in UDP follows its mapping. The resumed SA has plain ESP, which has no ports."""
    gateway, client = start(lab, nat=True)
    ports = itertools.count(20000, 1000)
    with Pings(lab, net.HOST) as pings:
        for _ in range(2):
            pings.go_on()
            moved = gateway.counter("peers_moved")
            lab.net.forget_mappings(first_port=next(ports))
            pings.go_on()
            check(gateway.counter("peers_moved") > moved, "the client came by another port")
    resume_after_kill_nine(lab, gateway, client, "psk")
    with Pings(lab, net.HOST) as pings:
        pings.go_on()
        lab.net.forget_mappings(first_port=next(ports))
        pings.go_on()


@case
def attacks_are_dropped_by_name(lab: Lab) -> None:
    gateway, client = start(lab)
    check_attacks(lab, gateway, net.HOST)
    check_dropped_inside(lab, gateway, TUN)
    resume_after_kill_nine(lab, gateway, client, "psk")
    check_attacks(lab, gateway, net.HOST)
    check_dropped_inside(lab, gateway, TUN)


if __name__ == "__main__":
    sys.exit(main(__doc__, add_options, lab_factory))
