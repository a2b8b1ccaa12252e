// IPv6 neighbour discovery: a solicitation for one of our addresses becomes the advertisement.
#include <cstring>

#include "dataplane/answer_link.h"

namespace dp {
namespace {

using crypto::Bytes;
using crypto::store_be16;

constexpr std::size_t kSolicitationLen = 24;
constexpr std::size_t kAdvertisementLen = 32;  // with the target link-layer option
constexpr std::uint8_t kAdvertisement = 136;
constexpr std::uint8_t kSourceLinkLayer = 1;
constexpr std::uint8_t kTargetLinkLayer = 2;
constexpr std::uint8_t kSolicited = 0x40, kOverride = 0x20;

// Finds the source link-layer option (nullptr: none). False for an option of length 0, or cut
// short.
bool walk_options(Bytes options, const std::uint8_t*& source_mac) {
  source_mac = nullptr;
  while (!options.empty()) {
    if (options.size() < 2 || options[1] == 0) return false;
    const std::size_t len = std::size_t{options[1]} * 8;
    if (len > options.size()) return false;
    if (options[0] == kSourceLinkLayer && len == 8) source_mac = options.data() + 2;
    options = options.subspan(len);
  }
  return true;
}

bool is_unspecified(const std::array<std::uint8_t, 16>& address) {
  return address == std::array<std::uint8_t, 16>{};
}

// The list of RFC 4861 §7.1.1, and a target of ours. The destination is ours or our solicited-node
// group: classify saw to that.
bool is_valid(const Burst& burst, unsigned lane, const Link& link, const Proxied* proxied,
              const std::uint8_t*& source_mac) {
  const Path& path = burst.path[lane];
  const Bytes icmp = burst.message[lane];
  if (burst.frame[lane].data[path.l3_offset + 7] != 255) return false;  // came through a router
  if (icmp.size() < kSolicitationLen || icmp[1] != 0) return false;
  const std::uint64_t pseudo = pseudo_header_sum(path, kProtocolIcmp6, icmp.size());
  if (checksum_fold(checksum_add(pseudo, icmp)) != 0) return false;
  if (!walk_options(icmp.subspan(kSolicitationLen), source_mac)) return false;
  if (source_mac != nullptr && (source_mac[0] & 1) != 0) return false;
  if (is_unspecified(path.source) && (path.destination[0] != 0xff || source_mac != nullptr))
    return false;
  return link.owns6(icmp.data() + 8) ||
         (proxied != nullptr && proxied->has6(proxied->context, icmp.data() + 8));
}

}  // namespace

Drop answer_neighbour(Burst& burst, unsigned lane, const Link& link, const Proxied* proxied) {
  Frame& frame = burst.frame[lane];
  Path& path = burst.path[lane];
  const std::uint8_t* source_mac = nullptr;
  if (!is_valid(burst, lane, link, proxied, source_mac)) return Drop::arp_bad;
  if (frame.capacity < path.l4_offset + kAdvertisementLen) return Drop::reply_too_large;

  // RFC 4861 §7.2.4: unicast and solicited, or, to a node that probes for its own address, to all
  // nodes.
  Flow flow{.local_mac = link.mac, .vlan = link.vlan, .is_ip6 = true};
  const bool solicited = !is_unspecified(path.source);
  std::memcpy(flow.local.data(), burst.message[lane].data() + 8, 16);
  if (solicited) {
    flow.peer = path.source;
    std::memcpy(flow.peer_mac.data(), source_mac != nullptr ? source_mac : frame.data + 6, 6);
  } else {
    flow.peer = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    flow.peer_mac = {0x33, 0x33, 0, 0, 0, 1};
  }

  std::uint8_t* p = frame.data + path.l4_offset;
  std::memset(p, 0, 8);
  p[0] = kAdvertisement;
  // RFC 4861 §7.2.8: a proxy does not override the host itself.
  const bool ours = link.owns6(flow.local.data());
  p[4] = static_cast<std::uint8_t>((solicited ? kSolicited : 0) | (ours ? kOverride : 0));
  p[24] = kTargetLinkLayer;
  p[25] = 1;
  std::memcpy(p + 26, link.mac.data(), 6);
  path.source = flow.peer;
  path.destination = flow.local;
  const std::uint64_t pseudo = pseudo_header_sum(path, kProtocolIcmp6, kAdvertisementLen);
  store_be16(p + 2, checksum_fold(checksum_add(pseudo, {p, kAdvertisementLen})));

  std::uint8_t* start = put_headers(p, flow, kProtocolIcmp6, kAdvertisementLen, 255);
  frame.capacity -= static_cast<std::uint32_t>(start - frame.data);
  frame.data = start;
  frame.len = static_cast<std::uint32_t>(flow.l2_len() + kIp6Len + kAdvertisementLen);
  return Drop::none;
}

}  // namespace dp
