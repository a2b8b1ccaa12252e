// Tests of the address notifies of MOBIKE.
#include "ike/mobike.h"

#include <gtest/gtest.h>

#include "tests/ike/messages.h"

namespace ike {
namespace {

NotifyView view_of(Notify type, crypto::Bytes data) {
  NotifyView view;
  view.type = static_cast<std::uint16_t>(type);
  view.data = data;
  return view;
}

TEST(Mobike, AddressesReadBack) {  // RFC 4555 §4.2.2
  AdditionalAddresses sent;
  sent.additional_ip4[0] = {192, 0, 2, 1};
  sent.additional_ip4[1] = {192, 0, 2, 2};
  sent.additional_ip4_count = 2;
  sent.additional_ip6[0][15] = 9;
  sent.additional_ip6_count = 1;
  sent.no_additional_addresses = true;  // Not said where there are some.
  Octets buffer(256);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  write_additional_addresses(chain, sent);
  AdditionalAddresses seen;
  PayloadChain walk(chain.first_type(), writer.written());
  Payload p;
  while (walk.next(p)) {
    NotifyView notify;
    ASSERT_EQ(parse_notify(p.body, notify), ParseError::none);
    ASSERT_EQ(take_additional_address(notify, seen), ParseError::none);
  }
  ASSERT_EQ(seen.additional_ip4_count, 2u);
  EXPECT_EQ(seen.additional_ip4[1], sent.additional_ip4[1]);
  ASSERT_EQ(seen.additional_ip6_count, 1u);
  EXPECT_EQ(seen.additional_ip6[0], sent.additional_ip6[0]);
  EXPECT_FALSE(seen.no_additional_addresses);
}

TEST(Mobike, SaysThatThereAreNone) {
  Octets buffer(64);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  AdditionalAddresses none;
  write_additional_addresses(chain, none);
  EXPECT_EQ(writer.size(), 0u);
  none.no_additional_addresses = true;
  write_additional_addresses(chain, none);
  EXPECT_EQ(to_hex(writer.written()), "000000080000400f");
  AdditionalAddresses seen;
  EXPECT_EQ(take_additional_address(view_of(Notify::no_additional_addresses, {}), seen),
            ParseError::none);
  EXPECT_TRUE(seen.no_additional_addresses);
}

TEST(Mobike, WantsAddressesOfTheirFamily) {
  AdditionalAddresses seen;
  for (const std::size_t len : {0u, 3u, 5u, 15u, 17u}) {
    EXPECT_EQ(
        take_additional_address(view_of(Notify::additional_ip4_address, filled(len, 1)), seen),
        ParseError::bad_notify);
    EXPECT_EQ(
        take_additional_address(view_of(Notify::additional_ip6_address, filled(len, 1)), seen),
        ParseError::bad_notify);
  }
  EXPECT_EQ(seen.additional_ip4_count + seen.additional_ip6_count, 0u);
}

TEST(Mobike, DropsAddressesBeyondTheLimit) {
  AdditionalAddresses seen;
  for (std::size_t i = 0; i <= kAdditionalAddressesMax; ++i) {
    EXPECT_EQ(take_additional_address(view_of(Notify::additional_ip4_address, filled(4, 1)), seen),
              ParseError::none);
    EXPECT_EQ(take_additional_address(view_of(Notify::additional_ip6_address, filled(16, 1)), seen),
              ParseError::none);
  }
  EXPECT_EQ(seen.additional_ip4_count, kAdditionalAddressesMax);
  EXPECT_EQ(seen.additional_ip6_count, kAdditionalAddressesMax);
}

}  // namespace
}  // namespace ike
