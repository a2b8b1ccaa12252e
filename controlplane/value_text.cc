// Reads and writes durations, addresses, pools and selectors.
#include "controlplane/value_text.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace cp {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t ms;
};
constexpr std::array kUnits = {Unit{"w", 7 * 86'400'000ull},
                               Unit{"d", 86'400'000},
                               Unit{"h", 3'600'000},
                               Unit{"m", 60'000},
                               Unit{"s", 1'000},
                               Unit{"ms", 1}};

template <class T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

// 128 bits, big-endian, hold the addresses of both families; IPv4 stands in the low 32.
__extension__ typedef unsigned __int128 Wide;

struct Block {
  bool is_ip6 = false;
  bool is_prefix = false;  // written as a prefix, not as a range or a single address
  unsigned prefix_len = 0;
  Wide first = 0;
  Wide last = 0;
};

Wide wide_of(crypto::Bytes octets) {
  Wide v = 0;
  for (const std::uint8_t octet : octets) v = (v << 8) | octet;
  return v;
}

template <std::size_t N>
std::array<std::uint8_t, N> octets_of(Wide v) {
  std::array<std::uint8_t, N> out{};
  for (std::size_t i = N; i-- > 0; v >>= 8) out[i] = static_cast<std::uint8_t>(v);
  return out;
}

Wide wide_of(const Address& address) {
  return std::visit([](const auto& octets) { return wide_of(crypto::Bytes(octets)); }, address);
}

crypto::Result<Block> parse_prefix(std::string_view text, std::size_t slash) {
  const auto address = parse_address(text.substr(0, slash));
  if (!address) return std::unexpected(address.error());
  Block block;
  block.is_ip6 = std::holds_alternative<ike::Ip6>(*address);
  block.is_prefix = true;
  const unsigned bits = block.is_ip6 ? 128 : 32;
  const auto prefix_len = number<unsigned>(text.substr(slash + 1));
  if (!prefix_len || *prefix_len > bits)
    return crypto::fail(fmt::format("expected a prefix length of 0 to {} in \"{}\"", bits, text));
  block.prefix_len = *prefix_len;
  const unsigned host_bits = bits - *prefix_len;
  const Wide host_mask = host_bits == 128 ? ~Wide{0} : (Wide{1} << host_bits) - 1;
  block.first = wide_of(*address);
  if ((block.first & host_mask) != 0)
    return crypto::fail(fmt::format("\"{}\" has bits set behind its prefix length", text));
  block.last = block.first | host_mask;
  return block;
}

crypto::Result<Block> parse_block(std::string_view text) {
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos)
    return parse_prefix(text, slash);
  const std::size_t dash = text.find('-');
  const auto first = parse_address(text.substr(0, dash));
  if (!first) return std::unexpected(first.error());
  const auto last = dash == std::string_view::npos ? first : parse_address(text.substr(dash + 1));
  if (!last) return std::unexpected(last.error());
  if (first->index() != last->index())
    return crypto::fail(fmt::format("both ends of the range \"{}\" must be of one family", text));
  Block block;
  block.is_ip6 = std::holds_alternative<ike::Ip6>(*first);
  block.first = wide_of(*first);
  block.last = wide_of(*last);
  if (block.last < block.first)
    return crypto::fail(fmt::format("the range \"{}\" ends before it begins", text));
  return block;
}

crypto::Result<Block> parse_pool_block(std::string_view text, bool is_ip6) {
  auto block = parse_block(text);
  if (!block) return block;
  if (block->is_ip6 != is_ip6)
    return crypto::fail(
        fmt::format("expected an {} prefix or range, not \"{}\"", is_ip6 ? "IPv6" : "IPv4", text));
  const Wide size = block->last - block->first;
  if (block->is_prefix && size >= 2) {
    ++block->first;
    if (!is_ip6) --block->last;
  }
  if (block->last - block->first >= kPoolMax)
    return crypto::fail(fmt::format("\"{}\" has more than {} addresses; write a range, e.g. \"{}\"",
                                    text, kPoolMax,
                                    is_ip6 ? pool_text({octets_of<16>(block->first), 1u << 20})
                                           : pool_text({octets_of<4>(block->first), 1u << 20})));
  return block;
}

}  // namespace

crypto::Result<std::uint64_t> parse_duration_ms(std::string_view text) {
  const auto expected = [&] {
    return crypto::fail(fmt::format(
        "expected a duration such as \"90s\", \"15m\", \"12h\" or \"7d\", not \"{}\"", text));
  };
  if (text == "0") return 0;
  std::uint64_t total = 0;
  std::size_t next_unit = 0;  // units must come in falling order, each once
  std::string_view rest = text;
  if (rest.empty()) return expected();
  while (!rest.empty()) {
    const std::size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    const auto value = number<std::uint64_t>(rest.substr(0, digits));
    rest.remove_prefix(digits);
    const std::string_view name = rest.substr(0, rest.find_first_of("0123456789"));
    rest.remove_prefix(name.size());
    const auto unit = std::find_if(kUnits.begin() + static_cast<std::ptrdiff_t>(next_unit),
                                   kUnits.end(), [&](const Unit& u) { return u.name == name; });
    if (!value || unit == kUnits.end()) return expected();
    next_unit = static_cast<std::size_t>(unit - kUnits.begin()) + 1;
    std::uint64_t part = 0;
    if (__builtin_mul_overflow(*value, unit->ms, &part) ||
        __builtin_add_overflow(total, part, &total))
      return crypto::fail(fmt::format("the duration \"{}\" is too long to count", text));
  }
  return total;
}

std::string duration_text(std::uint64_t ms) {
  if (ms == 0) return "0";
  std::string text;
  for (const Unit& unit : kUnits) {
    if (unit.name == "w") continue;  // "14d" reads better than "2w"
    if (ms >= unit.ms) text += fmt::format("{}{}", ms / unit.ms, unit.name);
    ms %= unit.ms;
  }
  return text;
}

crypto::Result<Address> parse_address(std::string_view text) {
  const std::string terminated(text);
  if (terminated.size() == std::char_traits<char>::length(terminated.c_str())) {
    ike::Ip4 ip4;
    if (inet_pton(AF_INET, terminated.c_str(), ip4.data()) == 1) return ip4;
    ike::Ip6 ip6;
    if (inet_pton(AF_INET6, terminated.c_str(), ip6.data()) == 1) return ip6;
  }
  return crypto::fail(fmt::format("expected an IPv4 or IPv6 address, not \"{}\"", text));
}

std::string address_text(const ike::Ip4& address) {
  std::array<char, INET_ADDRSTRLEN> text{};
  return inet_ntop(AF_INET, address.data(), text.data(), text.size());
}

std::string address_text(const ike::Ip6& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return inet_ntop(AF_INET6, address.data(), text.data(), text.size());
}

crypto::Result<dp::AddressPool4> parse_pool4(std::string_view text) {
  const auto block = parse_pool_block(text, false);
  if (!block) return std::unexpected(block.error());
  return dp::AddressPool4{octets_of<4>(block->first),
                          static_cast<std::uint32_t>(block->last - block->first + 1)};
}

crypto::Result<dp::AddressPool6> parse_pool6(std::string_view text) {
  const auto block = parse_pool_block(text, true);
  if (!block) return std::unexpected(block.error());
  return dp::AddressPool6{octets_of<16>(block->first),
                          static_cast<std::uint32_t>(block->last - block->first + 1)};
}

std::string pool_text(const dp::AddressPool4& pool) {
  const Wide last = wide_of(crypto::Bytes(pool.base)) + pool.count - 1;
  return address_text(pool.base) + "-" + address_text(octets_of<4>(last));
}

std::string pool_text(const dp::AddressPool6& pool) {
  const Wide last = wide_of(crypto::Bytes(pool.base)) + pool.count - 1;
  return address_text(pool.base) + "-" + address_text(octets_of<16>(last));
}

crypto::Result<ike::Selector> parse_selector(std::string_view text) {
  const auto block = parse_block(text);
  if (!block) return std::unexpected(block.error());
  ike::Selector selector;
  if (block->is_ip6) {
    selector.type = ike::TsType::ipv6_addr_range;
    selector.start = octets_of<16>(block->first);
    selector.end = octets_of<16>(block->last);
  } else {
    selector.type = ike::TsType::ipv4_addr_range;
    std::ranges::copy(octets_of<4>(block->first), selector.start.begin());
    std::ranges::copy(octets_of<4>(block->last), selector.end.begin());
  }
  return selector;
}

std::string selector_text(const ike::Selector& selector) {
  const std::size_t len = selector.type == ike::TsType::ipv6_addr_range ? 16 : 4;
  const auto text_of = [len](const std::array<std::uint8_t, 16>& octets) {
    if (len == 16) return address_text(octets);
    return address_text(ike::Ip4{octets[0], octets[1], octets[2], octets[3]});
  };
  const Wide first = wide_of(crypto::Bytes(selector.start).first(len));
  const Wide last = wide_of(crypto::Bytes(selector.end).first(len));
  std::string text = text_of(selector.start);
  unsigned open_bits = 0;
  while (open_bits < len * 8 && (first >> open_bits & 1) == 0 && (last >> open_bits & 1) == 1)
    ++open_bits;
  const bool is_prefix = open_bits == len * 8 || first >> open_bits == last >> open_bits;
  text += is_prefix ? fmt::format("/{}", len * 8 - open_bits) : "-" + text_of(selector.end);
  if (selector.ip_protocol == 0 && selector.start_port == 0 && selector.end_port == 65535)
    return text;
  return text + fmt::format("[{}/{}-{}]", selector.ip_protocol, selector.start_port,
                            selector.end_port);
}

}  // namespace cp
