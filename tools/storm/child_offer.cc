// Selectors of all traffic, and the look at an answer.
#include "tools/storm/child_offer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ike/proposal.h"

namespace storm {
namespace {

constexpr std::uint32_t kEspSpiMin = 256;  // RFC 4303 §2.1

ike::SelectorList everything(bool with_ip6) {
  ike::SelectorList list;
  constexpr std::array<std::uint8_t, 16> kZero{};
  list.items[list.count++] =
      ike::selector_of(ike::TsType::ipv4_addr_range, crypto::Bytes(kZero).first(4), 0);
  if (with_ip6) list.items[list.count++] = ike::selector_of(ike::TsType::ipv6_addr_range, kZero, 0);
  return list;
}

// True when every selector given lies within what was offered.
bool within(const ike::SelectorList& given, const ike::SelectorList& offered) {
  if (given.count == 0) return false;
  ike::SelectorList allowed;
  ike::narrow(given, offered, allowed);
  return allowed.count == given.count &&
         std::equal(allowed.items.begin(), allowed.items.begin() + allowed.count,
                    given.items.begin());
}

}  // namespace

ike::EspSpi draw_child_spi(std::uint32_t client, crypto::Random& random) {
  return ike::EspSpi((client + 2) << 7 | (random.u32() & 0x7f));
}

Outcome refusal_of(const ike::AuthAnswer& answer) {
  return answer.error == std::to_underlying(ike::Notify::authentication_failed)
             ? Outcome::auth_refused
             : Outcome::exchange_refused;
}

ChildOffer::ChildOffer(const ike::Suite& suite)
    : suite_(suite), any4_(everything(false)), any46_(everything(true)) {}

bool ChildOffer::agrees_with(const ike::AuthAnswer& answer, bool with_ip6, ike::EspSpi& spi) const {
  ike::Choice choice;
  if (!answer.has_sa || !ike::choose(answer.sa, ike::Protocol::esp, {&suite_, 1}, choice))
    return false;
  if (choice.proposal_number != 1 || choice.spi.size() != 4) return false;
  spi = ike::EspSpi(crypto::load_be32(choice.spi.data()));
  const ike::SelectorList& offered = selectors(with_ip6);
  return spi.value() >= kEspSpiMin && within(answer.ts_i, offered) && within(answer.ts_r, offered);
}

}  // namespace storm
