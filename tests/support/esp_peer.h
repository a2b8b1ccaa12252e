// EspPeer: the other end of one Child SA with every octet in the open, and EspProbe: a gateway with
// clients whose tunnels carry packets.
//
// Written from RFC 4303, RFC 4106, RFC 7634 and RFC 3602 and not from dataplane/, over OpenSSL.
#pragma once

#include <memory>
#include <optional>

#include "tests/support/gateway_probe.h"

namespace rig {

class EspPeer {
 public:
  // `keymat` as RFC 7296 §2.17 has it; the peer began the exchange.
  EspPeer(const ike::Suite& suite, const Octets& keymat, std::uint32_t gateway_spi,
          std::uint32_t own_spi);

  // Right by default.
  struct Edit {
    std::optional<std::uint64_t> number;
    std::optional<std::uint8_t> next_header;
    Octets tfc = {};  // after the inner packet
    std::optional<std::uint8_t> pad_len;
    std::uint8_t first_pad = 1;
    std::optional<std::uint32_t> spi;
  };
  Octets seal(const Octets& inner) { return seal(inner, Edit{}); }
  Octets seal(const Octets& inner, const Edit& edit);

  struct Opened {
    Octets inner;
    std::uint8_t next_header = 0;
    std::uint64_t number = 0;
    Octets padding;
  };
  // Empty when it is not for us, or the ICV is wrong.
  std::optional<Opened> open(crypto::Bytes esp) const;

  ike::Suite suite;
  std::uint32_t gateway_spi = 0, own_spi = 0;
  std::uint64_t sent = 0;
  std::uint64_t high = 0;  // high half of what the gateway sends (ESN)

 private:
  struct Way {
    Octets key, salt, integ;
  };
  Octets icv(const Way& way, crypto::Bytes covered, std::uint64_t number) const;
  Way out_, in_;
  std::unique_ptr<crypto::Engine> engine_;
};

// A client that has resumed and speaks ESP.
struct Tunnel {
  ScalarClient client;
  EspPeer peer;
  Octets ip4, ip6;  // leased; empty when there is none
  dp::PacketBuilder path;
};

class EspProbe : public GatewayProbe {
 public:
  explicit EspProbe(const Options& options = {}) : GatewayProbe(options) {}

  struct TunnelEdit {
    ike::Suite child;
    bool ip6 = false;
    bool encapsulated = false;  // IKE on port 4500
    unsigned worker = 0;
  };
  Tunnel tunnel() { return tunnel(TunnelEdit{}); }
  Tunnel tunnel(const TunnelEdit& edit);

  // An echo request through the tunnel to the gateway's inside address, `len` octets of data.
  Octets echo(const Tunnel& t, std::size_t len = 56);
  Octets echo6(const Tunnel& t, std::size_t len = 56);
  // The outer frame round ESP octets: plain or in UDP as the path's ports say.
  static Octets frame(const Tunnel& t, const Octets& esp);
  // Sends ESP and returns what comes back opened; `drops` gets the reaction.
  struct Back {
    std::vector<EspPeer::Opened> packets;
    std::vector<dp::Packet> outer;
    Reaction reaction;
  };
  Back send_esp(Tunnel& t, const Octets& esp, unsigned w = 0);
  // Several ESP packets in one burst.
  Back send_all_esp(Tunnel& t, const std::vector<Octets>& esp, unsigned w = 0);
  // A Child SA at the control thread's place `place` of worker 0 with the tunnel's leases, by
  // order.
  struct InstallEdit {
    std::uint64_t sent = 0;
    bool we_initiated = false;
    dp::ChildLimits limits = {};
    bool esn = false;
  };
  EspPeer install(const Tunnel& t, std::uint32_t place, const InstallEdit& edit);
  // Empty when an echo makes the round trip.
  std::string echo_complaint(Tunnel& t, unsigned w = 0);
};

// Reads what a packet says, with plain code.
bool is_echo_reply(const Octets& request, const Octets& reply);

}  // namespace rig
