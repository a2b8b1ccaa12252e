// PacketBuilder: frames round an IKE message (or anything else), right by default and wrong where a
// test wants it. read_packet() is its inverse for replies. Written apart from dataplane/frame.cc,
// with a checksum of its own, so that the two prove each other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "crypto/base/bytes.h"
#include "dataplane/api/config.h"

namespace dp {

// RFC 1071 the slow way.
std::uint16_t plain_checksum(crypto::Bytes octets);

struct PacketBuilder {
  using Octets = std::vector<std::uint8_t>;
  struct ExtensionHeader {
    std::uint8_t type = 60;            // 0 hop-by-hop, 43 routing, 44 fragment, 60 destination
    Octets body = {1, 4, 0, 0, 0, 0};  // after Next Header and Length; 6 + 8n octets
  };

  Mac source_mac{0x02, 0, 0, 0, 0, 0x0c};
  Mac destination_mac{0x02, 0, 0, 0, 0, 0x01};
  std::optional<std::uint16_t> vlan;  // tag control word
  bool is_ip6 = false;
  ike::Ip4 source4{192, 0, 2, 10};
  ike::Ip4 destination4{192, 0, 2, 1};
  ike::Ip6 source6{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10};
  ike::Ip6 destination6{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x01};
  std::uint8_t ttl = 64;
  std::uint16_t ip4_fragment_word = 0x4000;  // flags and offset
  Octets ip4_options;                        // padded to 4 with zeros
  std::vector<ExtensionHeader> extension_headers;
  std::uint16_t source_port = 500;
  std::uint16_t destination_port = 500;
  bool udp_checksum = true;  // else 0: none
  std::size_t padding = 0;   // octets after the IP packet, 0xee each

  // An IKE message in UDP; with the non-ESP marker when the destination port is 4500.
  Octets ike(crypto::Bytes message) const;
  // The same into a caller's buffer, without allocation when there are no options, extension
  // headers or padding. Returns the frame's length; 0 when it does not fit.
  std::size_t write_ike(crypto::Bytes message, crypto::MutBytes out) const;
  Octets udp(crypto::Bytes payload) const;
  // `l4` in IP with this protocol, checksums of `l4` as they stand.
  Octets ip(std::uint8_t protocol, crypto::Bytes l4) const;
  // `payload` in Ethernet.
  Octets ether(std::uint16_t type, crypto::Bytes payload) const;

  Octets echo_request(crypto::Bytes body) const;  // ICMP or ICMPv6
  Octets icmp6(Octets message) const;             // computes its checksum
  Octets arp(std::uint16_t operation, const ike::Ip4& target) const;
  // To the solicited-node group of `target`, with the source link-layer option (RFC 4861 §4.3).
  Octets neighbour_solicitation(const ike::Ip6& target) const;

  // A builder for the opposite direction.
  PacketBuilder reversed() const;
};

// A frame taken apart.
struct Packet {
  Mac source_mac{}, destination_mac{};
  std::optional<std::uint16_t> vlan;
  std::uint16_t ether_type = 0;
  bool is_ip6 = false;
  std::vector<std::uint8_t> source, destination;  // 4 or 16 octets
  std::uint8_t ttl = 0;
  std::uint8_t protocol = 0;
  std::size_t ip_header_len = 0;
  std::uint16_t ip4_identification = 0, ip4_fragment_word = 0;
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint16_t udp_checksum = 0;
  std::vector<std::uint8_t> l4;       // with its header
  std::vector<std::uint8_t> payload;  // of UDP
  bool marker = false;                // 4500 and four zero octets
  std::vector<std::uint8_t> ike;      // payload without marker
};

// Checks lengths and every checksum there is; `why` says what was wrong when the result is empty.
std::optional<Packet> read_packet(crypto::Bytes frame, std::string* why = nullptr);

}  // namespace dp
