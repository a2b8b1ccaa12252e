// Traffic selectors: reading, writing and intersecting.
#include "ike/traffic_selector.h"

#include <algorithm>
#include <utility>

#include "crypto/base/error.h"

namespace ike {
namespace {

constexpr std::size_t kSelectorFixedLen = 8;

std::size_t address_len(TsType type) { return type == TsType::ipv4_addr_range ? 4 : 16; }

// RFC 7296 §3.13.1: start 65535 and end 0 mean that the ports cannot be seen.
bool is_opaque(const Selector& s) { return s.start_port == 65535 && s.end_port == 0; }
bool is_any_port(const Selector& s) { return s.start_port == 0 && s.end_port == 65535; }

bool narrow_ports(const Selector& a, const Selector& b, Selector& out) {
  if (is_opaque(a) || is_opaque(b)) {
    out.start_port = 65535;
    out.end_port = 0;
    return (is_opaque(a) || is_any_port(a)) && (is_opaque(b) || is_any_port(b));
  }
  out.start_port = std::max(a.start_port, b.start_port);
  out.end_port = std::min(a.end_port, b.end_port);
  return out.start_port <= out.end_port;
}

// Address order: the octets as one big-endian number. The octets behind an IPv4 address are zero in
// every selector, so that 16 octets compare right.
bool is_below(const std::array<std::uint8_t, 16>& a, const std::array<std::uint8_t, 16>& b) {
  const std::uint64_t high_a = crypto::load_be64(a.data());
  const std::uint64_t high_b = crypto::load_be64(b.data());
  if (high_a != high_b) return high_a < high_b;
  return crypto::load_be64(a.data() + 8) < crypto::load_be64(b.data() + 8);
}

// Of a word whose first `fixed` bits belong to the network.
std::uint64_t host_bits(unsigned fixed) { return fixed < 64 ? ~std::uint64_t{0} >> fixed : 0; }

bool narrow_one(const Selector& a, const Selector& b, Selector& out) {
  if (a.type != b.type) return false;
  if (a.ip_protocol != b.ip_protocol && a.ip_protocol != 0 && b.ip_protocol != 0) return false;
  out.type = a.type;
  out.ip_protocol = a.ip_protocol != 0 ? a.ip_protocol : b.ip_protocol;
  out.start = is_below(a.start, b.start) ? b.start : a.start;
  out.end = is_below(b.end, a.end) ? b.end : a.end;
  return !is_below(out.end, out.start) && narrow_ports(a, b, out);
}

}  // namespace

ParseError parse_selectors(crypto::Bytes ts_body, SelectorList& out) {
  out.count = 0;
  crypto::ByteReader reader(ts_body);
  crypto::Bytes list_fixed;
  if (!reader.take(4, list_fixed)) return ParseError::bad_selector;
  const std::size_t announced = list_fixed[0];
  if (announced == 0 || announced > kSelectorsMax) return ParseError::bad_selector;
  for (std::size_t i = 0; i < announced; ++i) {
    crypto::Bytes fixed;
    if (!reader.take(kSelectorFixedLen, fixed)) return ParseError::bad_selector;
    const std::size_t len = crypto::load_be16(fixed.data() + 2);
    crypto::Bytes addresses;
    if (len < kSelectorFixedLen || !reader.take(len - kSelectorFixedLen, addresses))
      return ParseError::bad_selector;
    const auto type = static_cast<TsType>(fixed[0]);
    if (type != TsType::ipv4_addr_range && type != TsType::ipv6_addr_range) continue;
    const std::size_t half = address_len(type);
    if (addresses.size() != 2 * half) return ParseError::bad_selector;
    Selector& s = out.items[out.count++];
    s.type = type;
    s.ip_protocol = fixed[1];
    s.start_port = crypto::load_be16(fixed.data() + 4);
    s.end_port = crypto::load_be16(fixed.data() + 6);
    s.start = {};
    s.end = {};
    std::memcpy(s.start.data(), addresses.data(), half);
    std::memcpy(s.end.data(), addresses.data() + half, half);
  }
  return reader.at_end() ? ParseError::none : ParseError::bad_selector;
}

void write_selectors(ChainBuilder& chain, PayloadType type, const SelectorList& list) {
  CHECK(list.count <= kSelectorsMax);
  chain.open(type);
  crypto::ByteWriter& writer = chain.writer();
  writer.be32(static_cast<std::uint32_t>(list.count) << 24);
  for (const Selector& s : std::span(list.items).first(list.count)) {
    const std::size_t half = address_len(s.type);
    std::uint8_t* out = writer.reserve(kSelectorFixedLen + 2 * half);
    if (out == nullptr) break;
    out[0] = std::to_underlying(s.type);
    out[1] = s.ip_protocol;
    crypto::store_be16(out + 2, static_cast<std::uint16_t>(kSelectorFixedLen + 2 * half));
    crypto::store_be16(out + 4, s.start_port);
    crypto::store_be16(out + 6, s.end_port);
    std::memcpy(out + kSelectorFixedLen, s.start.data(), half);
    std::memcpy(out + kSelectorFixedLen + half, s.end.data(), half);
  }
  chain.close();
}

void narrow(const SelectorList& offered, const SelectorList& allowed, SelectorList& out) {
  out.count = 0;
  for (const Selector& offer : std::span(offered.items).first(offered.count)) {
    for (const Selector& limit : std::span(allowed.items).first(allowed.count)) {
      Selector part;
      if (!narrow_one(offer, limit, part)) continue;
      const auto known = std::span(out.items).first(out.count);
      // A packet's own selector and the range around it often narrow to the same thing.
      if (std::ranges::find(known, part) != known.end()) continue;
      if (out.count == kSelectorsMax) return;
      out.items[out.count++] = part;
    }
  }
}

bool is_one_address(const Selector& s, crypto::Bytes address) {
  const bool is_ip4 = address.size() == 4;
  if (s.type != (is_ip4 ? TsType::ipv4_addr_range : TsType::ipv6_addr_range)) return false;
  if (s.ip_protocol != 0 || !is_any_port(s)) return false;
  // In words, for the reason given in selector_of().
  const auto is = [&](const std::array<std::uint8_t, 16>& end) {
    if (is_ip4) return crypto::load_be32(end.data()) == crypto::load_be32(address.data());
    return crypto::load_be64(end.data()) == crypto::load_be64(address.data()) &&
           crypto::load_be64(end.data() + 8) == crypto::load_be64(address.data() + 8);
  };
  return is(s.start) && is(s.end);
}

Selector selector_of(TsType type, crypto::Bytes address, unsigned prefix_len) {
  const std::size_t len = address_len(type);
  CHECK(address.size() >= len && prefix_len <= 8 * len);
  // In words, not in octets: narrow() loads words, and a wide load of what narrow stores have just
  // written waits for them.
  const std::uint8_t* p = address.data();
  std::uint64_t high, high_host, low = 0, low_host = 0;
  if (len == 4) {
    high = std::uint64_t{crypto::load_be32(p)} << 32;
    high_host = host_bits(prefix_len) >> 32 << 32;
  } else {
    high = crypto::load_be64(p);
    high_host = host_bits(prefix_len);
    low = crypto::load_be64(p + 8);
    low_host = host_bits(prefix_len - std::min(prefix_len, 64u));
  }
  Selector s;
  s.type = type;
  crypto::store_be64(s.start.data(), high & ~high_host);
  crypto::store_be64(s.start.data() + 8, low & ~low_host);
  crypto::store_be64(s.end.data(), high | high_host);
  crypto::store_be64(s.end.data() + 8, low | low_host);
  return s;
}

}  // namespace ike
