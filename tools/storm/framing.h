// Framing: IKE messages and ESP packets of clients to Ethernet frames and back, and the neighbours
// on the link. ESP goes in UDP when the later messages of IKE go to port 4500, else plain.
//
// One MAC serves all clients. ARP (RFC 826) and neighbour discovery (RFC 4861) find the gateway and
// answer for the clients' addresses. One thread.
#pragma once

#include <optional>

#include "dataplane/frame.h"
#include "dataplane/packet_port.h"
#include "tools/storm/client_paths.h"

namespace storm {

struct FramingConfig {
  dp::Mac mac{};  // ours
  std::uint16_t vlan = 0;
  std::uint16_t mtu = 1500;
  std::optional<dp::Mac> gateway_mac;  // none: to be asked for
};

// What a received frame is.
enum class Received : std::uint8_t {
  message,         // IKE for the client that its SPIi names
  esp,             // ESP for the client that its SPI names
  question,        // turned into our answer in place: to be transmitted
  gateway_mac,     // the gateway told its MAC; noted
  misaddressed,    // for a client, but not to that client's address and port
  wrong_checksum,  // IPv4 header or UDP
  other,           // nothing of ours
};

class Framing {
 public:
  Framing(const FramingConfig& config, const ClientPaths& paths) : config_(config), paths_(paths) {}

  bool knows_gateway() const { return config_.gateway_mac.has_value(); }
  const ClientPaths& paths() const { return paths_; }
  // Puts the message of a client of `paths` (of the same gateway) into `frame` (fresh from the
  // port, its data after the headroom). False when it does not fit the frame or the MTU, or the
  // gateway's MAC is not known.
  [[nodiscard]] bool write(const Outgoing& out, const ClientPaths& paths, dp::Frame& frame,
                           bool offload_checksums) const;
  // Asks who has the gateway's address, in the name of client 0.
  [[nodiscard]] bool write_question(dp::Frame& frame) const;
  // `message` is set for Received::message and Received::esp and points into the frame.
  Received read(dp::Frame& frame, crypto::Bytes& message);

 private:
  struct Layer3;
  Received read_ip(dp::Frame& frame, std::size_t at, crypto::Bytes& message);
  Received read_udp(const dp::Frame& frame, const Layer3& ip, crypto::Bytes& message) const;
  bool is_from_gateway(const Layer3& ip) const;
  Received read_esp(const Layer3& ip, std::optional<std::uint16_t> port,
                    crypto::Bytes message) const;
  bool write_esp(const Outgoing& out, const dp::Flow& flow, dp::Frame& frame) const;
  Received read_arp(dp::Frame& frame, std::size_t at);
  Received read_icmp6(dp::Frame& frame, const Layer3& ip);
  bool write_arp(dp::Frame& frame, std::uint16_t operation, const dp::Mac& peer_mac,
                 crypto::Bytes peer, crypto::Bytes ours) const;
  bool write_neighbour(dp::Frame& frame, std::uint8_t type, const dp::Mac& peer_mac,
                       crypto::Bytes peer, crypto::Bytes ours, crypto::Bytes target) const;
  std::size_t l2_len() const { return dp::kEtherLen + (config_.vlan != 0 ? dp::kVlanTagLen : 0); }

  FramingConfig config_;
  const ClientPaths& paths_;
};

}  // namespace storm
