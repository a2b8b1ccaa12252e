// Tests of quick crash detection: the token and the unprotected answer.
#include "ike/crash_detection.h"

#include <gtest/gtest.h>

#include "tests/ike/messages.h"

namespace ike {
namespace {

Header request() {
  Header h;
  h.spi_i = IkeSpi(0x0102030405060708);
  h.spi_r = IkeSpi(0x1112131415161718);
  h.version = 0x2f;
  h.exchange = Exchange::create_child_sa;
  h.flags = kFlagInitiator;
  h.message_id = MessageId(7);
  return h;
}

Octets answer_to(const Header& header, const Octets& token) {
  Octets out(kCrashAnswerMax);
  out.resize(write_crash_answer(header, token, out));
  return out;
}

TEST(CrashDetection, TokenBelongsToTheSpis) {  // RFC 6290 §5.1, R5723-171
  for (const auto& engine : engines()) {
    Octets token(kQcdTokenLen), other(kQcdTokenLen);
    const Octets secret = filled(32, 1);
    derive_qcd_token(*engine, secret, IkeSpi(1), IkeSpi(2), token.data());
    EXPECT_EQ(to_hex(token), "09d47d62dd5e50369a6ae9b6e8baf2d925a811243cd7b2bb98017f17c632b21e");
    derive_qcd_token(*engine, secret, IkeSpi(2), IkeSpi(1), other.data());
    EXPECT_FALSE(is_qcd_token(other, token));
    derive_qcd_token(*engine, filled(32, 2), IkeSpi(1), IkeSpi(2), other.data());
    EXPECT_FALSE(is_qcd_token(other, token));
    EXPECT_TRUE(is_qcd_token(token, token));
    EXPECT_FALSE(is_qcd_token({}, {}));
  }
}

TEST(CrashDetection, AnswersWithTheHeaderOfTheRequest) {  // RFC 6290 §4.3, CORE-64
  const Octets message = answer_to(request(), filled(32, 0xaa));
  CrashAnswer a;
  ASSERT_EQ(parse_crash_answer(message, a), ParseError::none);
  EXPECT_EQ(a.header.spi_i, request().spi_i);
  EXPECT_EQ(a.header.spi_r, request().spi_r);
  EXPECT_EQ(a.header.exchange, Exchange::create_child_sa);
  EXPECT_EQ(a.header.message_id, MessageId(7));
  EXPECT_EQ(a.header.version, 0x20);
  EXPECT_EQ(a.header.flags, kFlagResponse);
  EXPECT_EQ(to_hex(a.token), to_hex(filled(32, 0xaa)));
  Header from_responder = request();
  from_responder.flags = 0;
  ASSERT_EQ(parse_crash_answer(answer_to(from_responder, {1, 2}), a), ParseError::bad_notify);
  ASSERT_EQ(parse_crash_answer(answer_to(from_responder, filled(16, 1)), a), ParseError::none);
  EXPECT_EQ(a.header.flags, kFlagResponse | kFlagInitiator);
}

TEST(CrashDetection, WithoutTokenItIsNoProof) {  // CORE-84
  const Octets message = answer_to(request(), {});
  EXPECT_EQ(message.size(), kHeaderLen + 8);
  CrashAnswer a;
  EXPECT_EQ(parse_crash_answer(message, a), ParseError::missing_payload);
  EXPECT_TRUE(a.invalid_ike_spi);
}

TEST(CrashDetection, TokenHas16To128Octets) {  // RFC 6290 §4.1
  CrashAnswer a;
  EXPECT_EQ(parse_crash_answer(answer_to(request(), filled(16, 1)), a), ParseError::none);
  EXPECT_EQ(parse_crash_answer(answer_to(request(), filled(128, 1)), a), ParseError::none);
  EXPECT_EQ(parse_crash_answer(answer_to(request(), filled(15, 1)), a), ParseError::bad_notify);
  Octets out(512);
  out.resize(write_crash_answer(request(), filled(129, 1), out));
  EXPECT_EQ(parse_crash_answer(out, a), ParseError::bad_notify);
}

TEST(CrashDetection, RefusesWhatIsNoSuchAnswer) {
  CrashAnswer a;
  Header h = request();
  const RawPayload spi = notify(Notify::invalid_ike_spi);
  const RawPayload token = notify(Notify::quick_crash_detection, filled(32, 1));
  EXPECT_EQ(parse_crash_answer(message_of(h, {spi, token}), a), ParseError::bad_flags);
  h.flags = kFlagResponse;
  EXPECT_EQ(parse_crash_answer(message_of(h, {token, spi}), a), ParseError::none);
  EXPECT_EQ(parse_crash_answer(message_of(h, {token}), a), ParseError::missing_payload);
  EXPECT_EQ(parse_crash_answer(message_of(h, {spi, token, token}), a),
            ParseError::duplicate_payload);
  EXPECT_EQ(parse_crash_answer(message_of(h, {spi, token, raw(PayloadType::sk, filled(40, 1))}), a),
            ParseError::bad_sk);
  EXPECT_EQ(parse_crash_answer(message_of(h, {}), a), ParseError::missing_payload);
  Octets message = message_of(h, {spi, token});
  for (std::size_t len = 0; len < message.size(); ++len)
    EXPECT_NE(parse_crash_answer(crypto::Bytes(message).first(len), a), ParseError::none);
}

TEST(CrashDetection, WantsRoom) {
  Octets out(kHeaderLen + 8 + 8 + 32);
  EXPECT_EQ(write_crash_answer(request(), filled(32, 1), out), out.size());
  EXPECT_EQ(write_crash_answer(request(), filled(33, 1), out), 0u);
}

}  // namespace
}  // namespace ike
