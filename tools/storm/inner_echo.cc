// ICMP and ICMPv6 echo, octet by octet.
#include "tools/storm/inner_echo.h"

#include <algorithm>
#include <cstring>

#include "crypto/base/error.h"
#include "dataplane/frame.h"

namespace storm {
namespace {

using crypto::Bytes;
using crypto::load_be16;
using crypto::load_be32;
using crypto::load_be64;
using crypto::MutBytes;
using crypto::store_be16;
using crypto::store_be32;
using crypto::store_be64;

constexpr std::uint8_t kHopLimit = 64;
constexpr std::size_t kIcmpLen = 8;

std::uint8_t protocol_of(bool is_ip6) { return is_ip6 ? dp::kProtocolIcmp6 : dp::kProtocolIcmp; }

// The pseudo-header is that of both directions (RFC 8200 §8.1); ICMP over IPv4 has none.
std::uint64_t pseudo_sum(const EchoEnds& ends, std::size_t len) {
  if (!ends.is_ip6) return 0;
  dp::Path path;
  path.is_ip6 = true;
  path.source = ends.client;
  path.destination = ends.target;
  return dp::pseudo_header_sum(path, dp::kProtocolIcmp6, len);
}

void write_data(const EchoMark& mark, MutBytes data) {
  store_be32(data.data(), mark.client);
  store_be32(data.data() + 4, mark.number);
  store_be64(data.data() + 8, mark.sent_ns);
  data[16] = mark.kind;
  for (std::size_t i = kEchoMarkLen; i < data.size(); ++i)
    data[i] = static_cast<std::uint8_t>(i + mark.number);
}

bool data_are_of(const EchoMark& mark, Bytes data) {
  for (std::size_t i = kEchoMarkLen; i < data.size(); ++i)
    if (data[i] != static_cast<std::uint8_t>(i + mark.number)) return false;
  return true;
}

std::uint16_t low(std::uint32_t value) { return static_cast<std::uint16_t>(value); }

void write_ip_header(const EchoEnds& ends, MutBytes packet) {
  std::uint8_t* p = packet.data();
  std::memset(p, 0, ends.header_len());
  if (ends.is_ip6) {
    p[0] = 0x60;
    store_be16(p + 4, static_cast<std::uint16_t>(packet.size() - 40));
    p[6] = protocol_of(true);
    p[7] = kHopLimit;
    std::memcpy(p + 8, ends.client.data(), 16);
    std::memcpy(p + 24, ends.target.data(), 16);
    return;
  }
  p[0] = 0x45;
  store_be16(p + 2, static_cast<std::uint16_t>(packet.size()));
  p[8] = kHopLimit;
  p[9] = protocol_of(false);
  std::memcpy(p + 12, ends.client.data(), 4);
  std::memcpy(p + 16, ends.target.data(), 4);
  store_be16(p + 10, dp::ip4_header_checksum(p));
}

// Of a packet from the target to the client, whole and without options.
bool is_ip_header_right(const EchoEnds& ends, Bytes packet) {
  const std::uint8_t* p = packet.data();
  const std::size_t source_at = ends.is_ip6 ? 8 : 12, len = ends.address_len();
  if (!std::ranges::equal(packet.subspan(source_at, len), Bytes(ends.target).first(len)) ||
      !std::ranges::equal(packet.subspan(source_at + len, len), Bytes(ends.client).first(len)))
    return false;
  if (ends.is_ip6)
    return p[0] >> 4 == 6 && load_be16(p + 4) == packet.size() - 40 && p[6] == protocol_of(true) &&
           p[7] != 0;
  return p[0] == 0x45 && load_be16(p + 2) == packet.size() && (load_be16(p + 6) & 0x3fff) == 0 &&
         p[8] != 0 && p[9] == protocol_of(false) && dp::ip4_header_checksum(p) == 0;
}

}  // namespace

void write_echo_request(const EchoEnds& ends, const EchoMark& mark, MutBytes packet) {
  CHECK(packet.size() >= echo_len_min(ends.is_ip6));
  write_ip_header(ends, packet);
  const MutBytes icmp = packet.subspan(ends.header_len());
  icmp[0] = ends.is_ip6 ? 128 : 8;
  icmp[1] = 0;
  store_be16(icmp.data() + 2, 0);
  store_be16(icmp.data() + 4, low(mark.client));
  store_be16(icmp.data() + 6, low(mark.number));
  write_data(mark, icmp.subspan(kIcmpLen));
  const std::uint64_t sum = dp::checksum_add(pseudo_sum(ends, icmp.size()), icmp);
  store_be16(icmp.data() + 2, dp::checksum_fold(sum));
}

bool read_echo_reply(const EchoEnds& ends, std::uint32_t client, Bytes packet, EchoMark& mark) {
  if (packet.size() < echo_len_min(ends.is_ip6) || !is_ip_header_right(ends, packet)) return false;
  const Bytes icmp = packet.subspan(ends.header_len());
  if (icmp[0] != (ends.is_ip6 ? 129 : 0) || icmp[1] != 0 ||
      dp::checksum_fold(dp::checksum_add(pseudo_sum(ends, icmp.size()), icmp)) != 0)
    return false;
  const Bytes data = icmp.subspan(kIcmpLen);
  mark = {.client = load_be32(data.data()),
          .number = load_be32(data.data() + 4),
          .sent_ns = load_be64(data.data() + 8),
          .kind = data[16]};
  return mark.client == client && load_be16(icmp.data() + 4) == low(client) &&
         load_be16(icmp.data() + 6) == low(mark.number) && data_are_of(mark, data);
}

}  // namespace storm
