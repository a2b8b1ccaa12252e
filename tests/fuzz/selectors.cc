// Fuzzes traffic selectors: first octet = length of the first of two TS bodies, rest = both.
#include <array>

#include "ike/traffic_selector.h"
#include "tests/fuzz/inside.h"

namespace {

std::span<const ike::Selector> items(const ike::SelectorList& list) {
  CHECK(list.count <= ike::kSelectorsMax);
  return std::span(list.items).first(list.count);
}

bool parse(crypto::Bytes body, ike::SelectorList& out) {
  if (ike::parse_selectors(body, out) != ike::ParseError::none) return false;
  if (out.count == 0) return true;
  std::array<std::uint8_t, 8 + ike::kSelectorsMax * 40> buffer;
  crypto::ByteWriter writer(buffer);
  ike::ChainBuilder chain(writer);
  ike::write_selectors(chain, ike::PayloadType::ts_i, out);
  CHECK(writer.ok());
  ike::SelectorList again;
  CHECK(ike::parse_selectors(crypto::Bytes(writer.written()).subspan(4), again) ==
        ike::ParseError::none);
  CHECK(std::ranges::equal(items(again), items(out)));
  return true;
}

bool covered(const ike::Selector& part, const ike::SelectorList& list) {
  return std::ranges::any_of(items(list), [&part](const ike::Selector& s) {
    return s.type == part.type && s.start <= part.start && part.end <= s.end &&
           (s.ip_protocol == 0 || s.ip_protocol == part.ip_protocol);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  const fuzz::Input input(octets, len);
  const std::size_t split = std::min<std::size_t>(input.choice, input.rest.size());
  ike::SelectorList offered;
  ike::SelectorList allowed;
  if (!parse(input.rest.first(split), offered) || !parse(input.rest.subspan(split), allowed))
    return 0;
  ike::SelectorList narrowed;
  ike::narrow(offered, allowed, narrowed);
  for (const ike::Selector& s : items(narrowed)) {
    CHECK(s.start <= s.end);
    CHECK(covered(s, offered) && covered(s, allowed));
    CHECK(std::ranges::count(items(narrowed), s) == 1);
  }
  return 0;
}
