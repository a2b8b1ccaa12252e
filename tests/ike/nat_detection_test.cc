// Tests of NAT_DETECTION_*_IP: the hash, the notifies, and who is behind a NAT.
#include "ike/nat_detection.h"

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

const IkeSpi kSpiI(0x0102030405060708);
const IkeSpi kSpiR(0x1112131415161718);

// RFC 7296 §2.23, CORE-35. Values of Python hashlib over SPIi | SPIr | address | port.
TEST(NatDetection, HashesSpisAddressAndPort) {
  for (const auto& engine : engines()) {
    EXPECT_EQ(to_hex(nat_hash(*engine, kSpiI, kSpiR, Octets{192, 0, 2, 1}, 500)),
              "d798d986143f878f70765e0e869c80bbc375f701");
    EXPECT_EQ(to_hex(nat_hash(*engine, kSpiI, IkeSpi(),
                              from_hex("20010db8000000000000000000000001"), 4500)),
              "98c75483db80168697635aa7844504963e87de33");
  }
}

TEST(NatDetection, TakesSourcesAndOneDestination) {
  NatDetection seen;
  const Octets a = filled(20, 1);
  const Octets b = filled(20, 2);
  EXPECT_EQ(take_nat_detection(view_of(Notify::cookie, filled(3, 1)), seen), ParseError::none);
  EXPECT_FALSE(seen.has_nat_source || seen.has_nat_destination);
  EXPECT_EQ(take_nat_detection(view_of(Notify::nat_detection_source_ip, a), seen),
            ParseError::none);
  EXPECT_EQ(take_nat_detection(view_of(Notify::nat_detection_source_ip, b), seen),
            ParseError::none);
  EXPECT_EQ(take_nat_detection(view_of(Notify::nat_detection_destination_ip, b), seen),
            ParseError::none);
  EXPECT_EQ(seen.nat_source_count, 2u);
  EXPECT_EQ(seen.nat_sources[1].data(), b.data());
  EXPECT_EQ(seen.nat_destination.data(), b.data());
  EXPECT_EQ(take_nat_detection(view_of(Notify::nat_detection_destination_ip, a), seen),
            ParseError::duplicate_payload);
}

TEST(NatDetection, WantsTwentyOctets) {
  for (const Notify type : {Notify::nat_detection_source_ip, Notify::nat_detection_destination_ip})
    for (const std::size_t len : {0u, 19u, 21u}) {
      NatDetection seen;
      EXPECT_EQ(take_nat_detection(view_of(type, filled(len, 1)), seen), ParseError::bad_notify);
      EXPECT_EQ(seen.nat_source_count, 0u);
    }
}

TEST(NatDetection, DropsSourcesBeyondTheLimit) {
  NatDetection seen;
  const Octets hash = filled(20, 1);
  for (std::size_t i = 0; i <= kNatSourcesMax; ++i)
    EXPECT_EQ(take_nat_detection(view_of(Notify::nat_detection_source_ip, hash), seen),
              ParseError::none);
  EXPECT_EQ(seen.nat_source_count, kNatSourcesMax);
}

TEST(NatDetection, SeesWhoIsBehindANat) {  // RFC 7296 §2.23
  const auto engine = crypto::make_ossl_engine();
  const NatHash peer = nat_hash(*engine, kSpiI, IkeSpi(), Octets{192, 0, 2, 1}, 500);
  const NatHash other = nat_hash(*engine, kSpiI, IkeSpi(), Octets{192, 0, 2, 1}, 501);
  NatDetection seen;
  EXPECT_FALSE(sender_behind_nat(seen, peer)) << "nothing was said";
  EXPECT_FALSE(receiver_behind_nat(seen, peer));
  static_cast<void>(take_nat_detection(view_of(Notify::nat_detection_source_ip, other), seen));
  EXPECT_TRUE(sender_behind_nat(seen, peer));
  static_cast<void>(take_nat_detection(view_of(Notify::nat_detection_source_ip, peer), seen));
  EXPECT_FALSE(sender_behind_nat(seen, peer)) << "one of several addresses";
  static_cast<void>(take_nat_detection(view_of(Notify::nat_detection_destination_ip, other), seen));
  EXPECT_TRUE(receiver_behind_nat(seen, peer));
  EXPECT_FALSE(receiver_behind_nat(seen, other));
}

TEST(NatDetection, WritesWhatIsThere) {
  Octets buffer(128);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  write_nat_detection(chain, {}, {});
  EXPECT_EQ(writer.size(), 0u);
  write_nat_detection(chain, filled(20, 1), filled(20, 2));
  EXPECT_EQ(writer.size(), 56u);
  EXPECT_EQ(to_hex(writer.written().first(9)), "2900001c0000400401");
}

}  // namespace
}  // namespace ike
