// Fuzz target: packets into tunnels, out of them and through the inside port, past every ICV. What
// leaves has right headers and goes to whom it may go; frames are conserved.
//
//   input = records   kind(1) | length(2) | octets
//     kind % 8   0 a frame to the inside port        1 an IP packet to the inside port
//                2 an IP packet of the first client  3 the same of the second, who is behind a NAT
//                4 ESP text of the first: next header, padding length, then what they follow
//                5 an ESP packet as it is            6 a fragment of one: flags and offset first
//                7 time passes: length * 8 ms
//     kind & 8   run the worker after this record; else it waits for the next (a burst)
#include <algorithm>
#include <cstdint>
#include <vector>

#include "crypto/base/error.h"
#include "tests/support/esp_peer.h"
#include "tests/support/fuzz_records.h"

namespace {

using crypto::Bytes;
using Octets = std::vector<std::uint8_t>;

constexpr dp::Mac kInsideMac{2, 0, 0, 0, 0, 2};
constexpr dp::Mac kHost{2, 0, 0, 0, 0, 0x99};

rig::Options options() {
  rig::Options o;
  o.sessions_max = 64;
  o.port_buffers = 256;
  o.inside = true;
  o.configure = [](dp::WorkerConfig& c) {
    c.admission.half_open_max = 16;
    c.inside.mtu = 1300;
    c.inside_route.gateway4 = ike::Ip4{10, 0, 0, 254};
  };
  return o;
}

class World {
 public:
  World() : probe_(options()), plain_(probe_.tunnel({.ip6 = true})) {
    CHECK(plain_.ip4.size() == 4);
    natted_ = std::make_unique<rig::Tunnel>(probe_.tunnel({.ip6 = true, .encapsulated = true}));
  }

  void take(std::uint8_t kind, Bytes octets) {
    const Octets text(octets.begin(), octets.end());
    switch (kind % 8) {
      case 0:
        probe_.gateway.inside().inject(text);
        break;
      case 1:
        from_host(text);
        break;
      case 2:
      case 3:
        from_client(kind % 8 == 2 ? plain_ : *natted_, text, {});
        break;
      case 4:
        if (text.size() > 2)
          from_client(plain_, Octets(text.begin() + 2, text.end()),
                      {.next_header = text[0], .pad_len = text[1]});
        break;
      case 5:
        probe_.gateway.port().inject(probe_.path.ip(50, text));
        break;
      case 6:
        fragment(text);
        break;
      default:
        probe_.gateway.now.ms += octets.size() * 8;
    }
    if ((kind & 8) != 0) run();
  }

  // Silence until nothing waits any more.
  void settle() {
    run();
    probe_.gateway.now.ms += 3000;
    run();
    CHECK(probe_.gateway.conserved());
    CHECK(probe_.gateway.inside().buffers_free() == 256);
    CHECK(probe_.gateway.port().buffers_free() == 256);
  }

 private:
  void from_host(const Octets& packet) {
    dp::PacketBuilder b;
    b.source_mac = kHost;
    b.destination_mac = kInsideMac;
    const bool is_ip6 = !packet.empty() && packet[0] >> 4 == 6;
    probe_.gateway.inside().inject(b.ether(is_ip6 ? dp::kEtherIp6 : dp::kEtherIp4, packet));
  }
  void from_client(rig::Tunnel& t, const Octets& packet, const rig::EspPeer::Edit& edit) {
    if (packet.size() > 1800) return;
    probe_.gateway.port().inject(rig::EspProbe::frame(t, t.peer.seal(packet, edit)));
  }
  void fragment(const Octets& text) {
    if (text.size() < 2) return;
    dp::PacketBuilder b = probe_.path;
    b.ip4_fragment_word = crypto::load_be16(text.data());
    probe_.gateway.port().inject(b.ip(50, Bytes(text).subspan(2)));
  }

  void run() {
    probe_.gateway.run();
    probe_.gateway.port().drain_sent([&](Bytes frame) { check_outside(frame); });
    probe_.gateway.inside().drain_sent([&](Bytes frame) { check_inside(frame); });
  }

  // A client can open it, and it is for that client.
  void check_outside(Bytes frame) const {
    const auto packet = dp::read_packet(frame);
    CHECK(packet.has_value());
    const Octets& esp = packet->protocol == 50 ? packet->l4 : packet->payload;
    for (const rig::Tunnel* t : {&plain_, const_cast<const rig::Tunnel*>(natted_.get())}) {
      const auto opened = t->peer.open(esp);
      if (!opened) continue;
      const bool is_ip6 = opened->next_header == 41;
      CHECK(is_ip6 || opened->next_header == 4);
      const Octets& inner = opened->inner;
      CHECK(inner[0] >> 4 == (is_ip6 ? 6 : 4));
      CHECK(std::ranges::equal(Bytes(inner).subspan(is_ip6 ? 24 : 16, is_ip6 ? 16 : 4),
                               is_ip6 ? t->ip6 : t->ip4));
      check_ip(inner);
      return;
    }
    CHECK(false);
  }
  void check_inside(Bytes frame) const {
    CHECK(frame.size() >= dp::kEtherLenMin && frame.size() <= 14 + 1300);
    CHECK(std::ranges::equal(frame.subspan(6, 6), kInsideMac));
    const std::uint16_t type = crypto::load_be16(frame.data() + 12);
    CHECK(type == dp::kEtherArp || type == dp::kEtherIp4 || type == dp::kEtherIp6);
    if (type != dp::kEtherArp) check_ip(frame.subspan(14));
  }
  static void check_ip(Bytes packet) {
    if (packet[0] >> 4 == 6) {
      CHECK(packet[7] != 0);
      return;
    }
    const std::size_t header_len = std::size_t{packet[0] & 15u} * 4;
    CHECK(header_len >= 20 && dp::plain_checksum(packet.first(header_len)) == 0);
    CHECK(packet[8] != 0);
  }

  rig::EspProbe probe_;
  rig::Tunnel plain_;
  std::unique_ptr<rig::Tunnel> natted_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  static World world;
  rig::for_each_record(Bytes(octets, std::min<std::size_t>(len, 16384)),
                       [&](std::uint8_t kind, Bytes record) { world.take(kind, record); });
  world.settle();
  return 0;
}
