// Tests of the message builder.
#include "ike/builder.h"

#include <gtest/gtest.h>

#include "ike/payload.h"
#include "tests/ike/messages.h"

namespace ike {
namespace {

Header sample() {
  Header h;
  h.spi_i = IkeSpi(0x0102030405060708);
  h.exchange = Exchange::informational;
  return h;
}

TEST(Builder, WritesAnEmptyMessage) {
  Octets buffer(kHeaderLen);
  MessageBuilder m(buffer, sample());
  ASSERT_EQ(m.finish(), kHeaderLen);
  Header h;
  ASSERT_EQ(parse_header(buffer, h), ParseError::none);
  EXPECT_EQ(h.next_payload, PayloadType::none);
}

TEST(Builder, LinksPayloadsInTheOrderOfTheCalls) {
  Octets buffer(256);
  MessageBuilder m(buffer, sample());
  m.chain().payload(PayloadType::nonce, filled(16, 9));
  m.chain().notify(Notify::ticket_nack);
  m.chain().auth(AuthMethod::shared_key, from_hex("aabb"));
  m.chain().notify_spi(Notify::rekey_sa, Protocol::esp, from_hex("11223344"), from_hex("55"));
  const std::size_t len = m.finish();
  const std::vector<RawPayload> expected = {
      raw(PayloadType::nonce, filled(16, 9)), notify(Notify::ticket_nack),
      raw(PayloadType::auth, from_hex("02000000aabb")),
      raw(PayloadType::notify, from_hex("030440091122334455"))};
  EXPECT_EQ(to_hex(crypto::Bytes(buffer).first(len)), to_hex(message_of(sample(), expected)));
}

TEST(Builder, FailsWithoutWritingBeyondTheBuffer) {
  Octets whole(256, 0xee);
  for (std::size_t room = 0; room < kHeaderLen + 4 + 32 + 8; ++room) {
    std::fill(whole.begin(), whole.end(), std::uint8_t{0xee});
    MessageBuilder m(crypto::MutBytes(whole).first(room), sample());
    m.chain().payload(PayloadType::nonce, filled(32, 9));
    m.chain().notify(Notify::ticket_nack);
    EXPECT_EQ(m.finish(), 0u) << room;
    for (std::size_t i = room; i < whole.size(); ++i) ASSERT_EQ(whole[i], 0xee) << room;
  }
  MessageBuilder m(crypto::MutBytes(whole).first(kHeaderLen + 4 + 32 + 8), sample());
  m.chain().payload(PayloadType::nonce, filled(32, 9));
  m.chain().notify(Notify::ticket_nack);
  EXPECT_EQ(m.finish(), kHeaderLen + 4 + 32 + 8);
}

TEST(Builder, FailsWhenAPayloadIsTooLongForItsLengthField) {
  Octets buffer(80000);
  MessageBuilder fits(buffer, sample());
  fits.chain().payload(PayloadType::vendor_id, filled(65531, 1));
  EXPECT_EQ(fits.finish(), kHeaderLen + 65535);
  MessageBuilder over(buffer, sample());
  over.chain().payload(PayloadType::vendor_id, filled(65532, 1));
  EXPECT_EQ(over.finish(), 0u);
}

TEST(Builder, NeverSetsTheCriticalBit) {  // R5723-24, CORE-13
  Octets buffer(256, 0xff);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  chain.notify(Notify::cookie, from_hex("01"));
  chain.auth(AuthMethod::shared_key, from_hex("02"));
  chain.payload(PayloadType::cp, from_hex("01000000"));
  PayloadChain walk(chain.first_type(), writer.written());
  Payload p;
  std::size_t seen = 0;
  while (walk.next(p)) {
    EXPECT_EQ(p.whole[1], 0);
    ++seen;
  }
  EXPECT_EQ(walk.error(), ParseError::none);
  EXPECT_EQ(seen, 3u);
}

}  // namespace
}  // namespace ike
