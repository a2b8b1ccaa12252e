// Reading and writing the address notifies of MOBIKE.
#include "ike/mobike.h"

namespace ike {
namespace {

template <std::size_t N, std::size_t Max>
ParseError take_address(crypto::Bytes data, std::array<std::array<std::uint8_t, N>, Max>& list,
                        std::size_t& count) {
  if (data.size() != N) return ParseError::bad_notify;
  if (count < Max) std::memcpy(list[count++].data(), data.data(), N);
  return ParseError::none;
}

}  // namespace

ParseError take_additional_address(const NotifyView& notify, AdditionalAddresses& out) {
  if (notify.is(Notify::additional_ip4_address))
    return take_address(notify.data, out.additional_ip4, out.additional_ip4_count);
  if (notify.is(Notify::additional_ip6_address))
    return take_address(notify.data, out.additional_ip6, out.additional_ip6_count);
  if (notify.is(Notify::no_additional_addresses)) out.no_additional_addresses = true;
  return ParseError::none;
}

void write_additional_addresses(ChainBuilder& chain, const AdditionalAddresses& addresses) {
  for (const Ip4& ip : std::span(addresses.additional_ip4).first(addresses.additional_ip4_count))
    chain.notify(Notify::additional_ip4_address, ip);
  for (const Ip6& ip : std::span(addresses.additional_ip6).first(addresses.additional_ip6_count))
    chain.notify(Notify::additional_ip6_address, ip);
  if (addresses.no_additional_addresses &&
      addresses.additional_ip4_count + addresses.additional_ip6_count == 0)
    chain.notify(Notify::no_additional_addresses);
}

}  // namespace ike
