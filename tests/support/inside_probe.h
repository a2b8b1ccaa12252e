// InsideProbe: a gateway with clients in tunnels and a host on the private side, 10.0.0.9 and
// fd01::9 behind MAC 02:00:00:00:00:99.
#pragma once

#include <gtest/gtest.h>

#include "tests/support/esp_peer.h"

namespace rig {

inline constexpr dp::Mac kHostMac{2, 0, 0, 0, 0, 0x99};

class InsideProbe : public EspProbe {
 public:
  static Options with_inside(Options options = {}) {
    options.inside = true;
    return options;
  }
  explicit InsideProbe(const Options& options = {}) : EspProbe(with_inside(options)) {}

  // From the host to the gateway's inside address.
  static dp::PacketBuilder host() {
    dp::PacketBuilder b;
    b.source_mac = kHostMac;
    b.destination_mac = {2, 0, 0, 0, 0, 2};
    b.source4 = {10, 0, 0, 9};
    b.source6 = {0xfd, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9};
    b.destination4 = {10, 0, 0, 1};
    b.destination6 = {0xfd, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    return b;
  }
  // From the host to a client.
  static dp::PacketBuilder to_client(const Tunnel& t) {
    dp::PacketBuilder b = host();
    std::ranges::copy(t.ip4, b.destination4.begin());
    if (!t.ip6.empty()) std::ranges::copy(t.ip6, b.destination6.begin());
    return b;
  }
  // From a client to the host; Ethernet is cut off by `inner`.
  static dp::PacketBuilder from_client(const Tunnel& t, bool is_ip6 = false) {
    dp::PacketBuilder b;
    b.is_ip6 = is_ip6;
    std::ranges::copy(t.ip4, b.source4.begin());
    if (!t.ip6.empty()) std::ranges::copy(t.ip6, b.source6.begin());
    b.destination4 = host().source4;
    b.destination6 = host().source6;
    return b;
  }
  static Octets inner(const Octets& frame) { return Octets(frame.begin() + 14, frame.end()); }

  // What the inside port sends after this frame arrived there; `outside` gets the rest.
  std::vector<Octets> from_inside(const Octets& frame, unsigned w = 0) {
    EXPECT_TRUE(gateway.inside(w).inject(frame));
    outside = run();
    return sent_inside();
  }
  std::vector<Octets> sent_inside() {
    std::vector<Octets> all;
    for (unsigned i = 0; i < gateway.workers(); ++i)
      for (Octets& f : gateway.inside(i).take_sent()) all.push_back(std::move(f));
    return all;
  }
  // What the inside port sends after a client has sent this packet.
  std::vector<Octets> from_tunnel(Tunnel& t, const Octets& packet, unsigned w = 0) {
    outside = send_esp(t, t.peer.seal(packet), w).reaction;
    return sent_inside();
  }
  // The gateway knows the host's MAC address afterwards, of IPv4.
  void meet_host(Tunnel& t) {
    from_tunnel(t, inner(from_client(t).udp(Octets(1))));
    from_inside(host().arp(2, host().destination4));
    ++gateway.now.ms;
    run();
    sent_inside();
  }
  // What a client finds in the single packet that it got.
  static Octets opened(const Tunnel& t, const Reaction& reaction) {
    if (reaction.packets.size() != 1) {
      ADD_FAILURE() << reaction.describe();
      return {};
    }
    const dp::Packet& packet = reaction.packets[0];
    const auto found = t.peer.open(packet.protocol == 50 ? packet.l4 : packet.payload);
    EXPECT_TRUE(found.has_value());
    return found ? found->inner : Octets{};
  }

  Reaction outside;
};

}  // namespace rig
