// ARP and neighbour discovery of the load generator: asking for the gateway, answering for clients.
#include <algorithm>
#include <array>

#include "tools/storm/framing.h"
#include "tools/storm/framing_layers.h"

namespace storm {
namespace {

using crypto::Bytes;
using crypto::load_be16;
using crypto::store_be16;

constexpr std::size_t kArpLen = 28;
constexpr std::uint16_t kArpRequest = 1;
constexpr std::uint16_t kArpReply = 2;
constexpr std::size_t kNeighbourLen = 32;  // with one link-layer address option
constexpr std::uint8_t kSolicitation = 135;
constexpr std::uint8_t kAdvertisement = 136;
constexpr dp::Mac kBroadcast = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

dp::Mac mac_at(const std::uint8_t* p) {
  dp::Mac mac;
  std::memcpy(mac.data(), p, mac.size());
  return mac;
}

}  // namespace

bool Framing::write_question(dp::Frame& frame) const {
  const Address asker = paths_.address(0);
  const Address& gateway = paths_.gateway();
  if (!gateway.is_ip6)
    return write_arp(frame, kArpRequest, kBroadcast, gateway.bytes(), asker.bytes());
  // RFC 4291 §2.7.1: the solicited-node group; RFC 2464 §7: its MAC.
  std::array<std::uint8_t, 16> group = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
  std::memcpy(group.data() + 13, gateway.octets.data() + 13, 3);
  dp::Mac mac = {0x33, 0x33};
  std::memcpy(mac.data() + 2, group.data() + 12, 4);
  return write_neighbour(frame, kSolicitation, mac, group, asker.bytes(), gateway.bytes());
}

bool Framing::write_arp(dp::Frame& frame, std::uint16_t operation, const dp::Mac& peer_mac,
                        Bytes peer, Bytes ours) const {
  const std::size_t len = std::max(l2_len() + kArpLen, dp::kEtherLenMin);
  if (frame.capacity < len) return false;
  // `peer` and `ours` may point into the frame that is written over.
  std::array<std::uint8_t, 8> addresses;
  std::memcpy(addresses.data(), ours.data(), 4);
  std::memcpy(addresses.data() + 4, peer.data(), 4);
  const dp::Mac to = peer_mac;
  std::memset(frame.data, 0, len);
  std::uint8_t* p = frame.data;
  std::memcpy(p, to.data(), 6);
  std::memcpy(p + 6, config_.mac.data(), 6);
  if (config_.vlan != 0) {
    store_be16(p + 12, dp::kEtherVlan);
    store_be16(p + 14, config_.vlan);
  }
  std::uint8_t* arp = p + l2_len();
  store_be16(arp - 2, dp::kEtherArp);
  constexpr std::array<std::uint8_t, 6> kEthernetIp4 = {0, 1, 8, 0, 6, 4};
  std::memcpy(arp, kEthernetIp4.data(), kEthernetIp4.size());
  store_be16(arp + 6, operation);
  std::memcpy(arp + 8, config_.mac.data(), 6);
  std::memcpy(arp + 14, addresses.data(), 4);
  if (operation == kArpReply) std::memcpy(arp + 18, to.data(), 6);
  std::memcpy(arp + 24, addresses.data() + 4, 4);
  frame.len = static_cast<std::uint32_t>(len);
  frame.offload_checksums = false;
  return true;
}

Received Framing::read_arp(dp::Frame& frame, std::size_t at) {
  const std::uint8_t* arp = frame.data + at;
  if (paths_.is_ip6() || frame.len < at + kArpLen || load_be16(arp + 2) != dp::kEtherIp4)
    return Received::other;
  const dp::Mac sender = mac_at(arp + 8);
  const std::uint16_t operation = load_be16(arp + 6);
  if (operation == kArpReply && std::ranges::equal(Bytes(arp + 14, 4), paths_.gateway().bytes())) {
    config_.gateway_mac = sender;
    return Received::gateway_mac;
  }
  if (operation != kArpRequest || !paths_.owns(arp + 24)) return Received::other;
  return write_arp(frame, kArpReply, sender, {arp + 14, 4}, {arp + 24, 4}) ? Received::question
                                                                           : Received::other;
}

// RFC 4861 §4.3, §4.4. The hop limit of 255 proves that the message was not routed.
bool Framing::write_neighbour(dp::Frame& frame, std::uint8_t type, const dp::Mac& peer_mac,
                              Bytes peer, Bytes ours, Bytes target) const {
  const std::size_t l4_at = l2_len() + dp::kIp6Len;
  if (frame.capacity < l4_at + kNeighbourLen) return false;
  dp::Flow flow;
  flow.local_mac = config_.mac;
  flow.peer_mac = peer_mac;
  flow.vlan = config_.vlan;
  flow.is_ip6 = true;
  std::memcpy(flow.peer.data(), peer.data(), 16);
  std::memcpy(flow.local.data(), ours.data(), 16);
  std::array<std::uint8_t, kNeighbourLen> icmp{};
  icmp[0] = type;
  if (type == kAdvertisement) icmp[4] = 0x60;  // solicited, override
  std::memcpy(icmp.data() + 8, target.data(), 16);
  icmp[24] = type == kAdvertisement ? 2 : 1;  // target's or source's link-layer address
  icmp[25] = 1;
  std::memcpy(icmp.data() + 26, config_.mac.data(), 6);
  const Layer3 ip{
      .source = flow.local.data(), .destination = flow.peer.data(), .protocol = dp::kProtocolIcmp6};
  store_be16(icmp.data() + 2, dp::checksum_fold(ip.sum(icmp, true)));
  std::memcpy(frame.data + l4_at, icmp.data(), icmp.size());
  dp::put_headers(frame.data + l4_at, flow, dp::kProtocolIcmp6, kNeighbourLen, 255);
  frame.len = static_cast<std::uint32_t>(l4_at + kNeighbourLen);
  frame.offload_checksums = false;
  return true;
}

Received Framing::read_icmp6(dp::Frame& frame, const Layer3& ip) {
  const Bytes icmp(frame.data + ip.l4_at, ip.l4_len);
  if (icmp.size() < 24 || frame.data[ip.l4_at - dp::kIp6Len + 7] != 255) return Received::other;
  if (!frame.l4_checksum_good && dp::checksum_fold(ip.sum(icmp, true)) != 0)
    return Received::wrong_checksum;
  const Bytes target = icmp.subspan(8, 16);
  if (icmp[0] == kAdvertisement && std::ranges::equal(target, paths_.gateway().bytes())) {
    // Without an option the sender of the frame is meant.
    const bool has_option = icmp.size() >= kNeighbourLen && icmp[24] == 2 && icmp[25] == 1;
    config_.gateway_mac = mac_at(has_option ? icmp.data() + 26 : frame.data + 6);
    return Received::gateway_mac;
  }
  if (icmp[0] != kSolicitation || !paths_.owns(target.data())) return Received::other;
  std::array<std::uint8_t, 16> peer, ours;
  std::memcpy(peer.data(), ip.source, 16);
  std::memcpy(ours.data(), target.data(), 16);
  return write_neighbour(frame, kAdvertisement, mac_at(frame.data + 6), peer, ours, ours)
             ? Received::question
             : Received::other;
}

}  // namespace storm
