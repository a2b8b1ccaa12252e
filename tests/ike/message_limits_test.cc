// The limits of the message headers agree with the RFCs and with each other.
#include <gtest/gtest.h>

#include "ike/auth_octets.h"
#include "ike/crash_detection.h"
#include "ike/create_child.h"
#include "ike/eap.h"
#include "ike/informational.h"
#include "ike/ke_payload.h"
#include "ike/sa_init.h"
#include "ike/sk_fragment.h"

namespace ike {
namespace {

// RFC 7427 §4: hash ids are numbers; those that fit the set have a bit of their own.
TEST(MessageLimits, HashBitsAreTheIds) {
  EXPECT_EQ(hash_bit(HashId::sha2_256), 1 << 2);
  EXPECT_EQ(hash_bit(HashId::identity), 1 << 5);
  EXPECT_EQ(hash_bit(std::uint16_t{15}), 0x8000);
  EXPECT_EQ(hash_bit(std::uint16_t{16}), 0);
}

TEST(MessageLimits, FixedMessagesHaveTheirLengths) {
  EXPECT_EQ(kInvalidKeLen, 38u);
  EXPECT_EQ(kCrashAnswerMax, 28u + 8 + 8 + 128);
  EXPECT_EQ(kEapHeaderLen, 4u);
  EXPECT_EQ(kIntAuthMax, 132u);
}

// RFC 7383 §2.5.1: fragments fit the packets that every path carries.
TEST(MessageLimits, FragmentsFitTheirPackets) {
  EXPECT_EQ(kFragmentMessageMax, 1228u);
  EXPECT_EQ(kSmallFragmentMessageMax, 544u);
  EXPECT_GE(kFragmentsMax * kSmallFragmentMessageMax, kMessageLenMax);
}

}  // namespace
}  // namespace ike
