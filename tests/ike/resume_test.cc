// Tests of IKE_SESSION_RESUME: what a gateway reads and what it answers.
#include "ike/resume.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/ike/messages.h"

namespace ike {
namespace {

const Octets kNonce = filled(32, 0x4e);
const Octets kTicket = filled(120, 0x54);

Header request_header() {
  Header h;
  h.spi_i = IkeSpi(0x0102030405060708);
  h.exchange = Exchange::ike_session_resume;
  h.flags = kFlagInitiator;
  return h;
}

const RawPayload kNi = raw(PayloadType::nonce, kNonce);
const RawPayload kTicketOpaque = notify(Notify::ticket_opaque, kTicket);

ParseError parse(const Octets& message, ResumeRequest& out) {
  PayloadType offending = PayloadType::none;
  return parse_resume_request(message, out, offending);
}
ParseError parse(const Octets& message) {
  ResumeRequest out;
  return parse(message, out);
}
ParseError parse_chain(const std::vector<RawPayload>& payloads) {
  return parse(message_of(request_header(), payloads));
}
ParseError parse_header_variant(const Header& h) {
  return parse(message_of(h, {kNi, kTicketOpaque}));
}

TEST(ResumeRequest, ReadsTheSmallestForm) {
  const Octets m = message_of(request_header(), {kNi, kTicketOpaque});
  ResumeRequest r;
  ASSERT_EQ(parse(m, r), ParseError::none);
  EXPECT_EQ(r.spi_i, request_header().spi_i);
  EXPECT_EQ(r.message.data(), m.data());
  EXPECT_EQ(r.message.size(), m.size());
  EXPECT_EQ(to_hex(r.nonce), to_hex(kNonce));
  EXPECT_EQ(to_hex(r.ticket), to_hex(kTicket));
  EXPECT_FALSE(r.has_cookie || r.has_nat_detection || r.fragmentation_supported ||
               r.redirect_supported);
}

TEST(ResumeRequest, AcceptsAnyOrder) {  // R5723-60, RFC 7296 §2.5
  const std::vector<RawPayload> payloads = {
      kNi, kTicketOpaque, notify(Notify::nat_detection_source_ip, filled(20, 1)),
      notify(Notify::ikev2_fragmentation_supported), notify(Notify::redirect_supported)};
  std::vector<std::size_t> order = {0, 1, 2, 3, 4};
  int orders = 0;
  do {
    std::vector<RawPayload> permuted;
    for (const std::size_t i : order) permuted.push_back(payloads[i]);
    const Octets m = message_of(request_header(), permuted);
    ResumeRequest r;
    ASSERT_EQ(parse(m, r), ParseError::none);
    EXPECT_EQ(to_hex(r.ticket), to_hex(kTicket));
    EXPECT_EQ(to_hex(r.nonce), to_hex(kNonce));
    EXPECT_TRUE(r.has_nat_detection && r.fragmentation_supported && r.redirect_supported);
    ++orders;
  } while (std::ranges::next_permutation(order).found);
  EXPECT_EQ(orders, 120);
}

TEST(ResumeRequest, SkipsWhatItDoesNotKnow) {  // R5723-61, CORE-19
  EXPECT_EQ(parse_chain({{200, {1, 2}},
                         kNi,
                         notify(static_cast<Notify>(40000), {1}),
                         notify(static_cast<Notify>(12000)),
                         raw(PayloadType::vendor_id, {1}),
                         kTicketOpaque}),
            ParseError::none);
}

TEST(ResumeRequest, IgnoresKnownButUnexpectedPayloads) {  // R5723-106
  for (const PayloadType type : {PayloadType::sa, PayloadType::ke, PayloadType::ts_i,
                                 PayloadType::del, PayloadType::cert, PayloadType::eap})
    EXPECT_EQ(parse_chain({kNi, raw(type, filled(9, 1)), kTicketOpaque}), ParseError::none);
}

TEST(ResumeRequest, IgnoresMinorVersionReservedFlagsAndOctets) {  // R5723-62
  Header h = request_header();
  h.version = 0x2f;
  h.flags = 0xdf;
  EXPECT_EQ(parse_header_variant(h), ParseError::none);
  RawPayload nonce = kNi;
  nonce.reserved = 0x7f;
  nonce.critical = true;
  EXPECT_EQ(parse_chain({nonce, kTicketOpaque}), ParseError::none);
}

TEST(ResumeRequest, CookieCountsOnlyInFront) {  // RFC 7296 §2.6
  const RawPayload cookie = notify(Notify::cookie, filled(36, 0xc0));
  ResumeRequest r;
  const Octets first = message_of(request_header(), {cookie, kNi, kTicketOpaque});
  ASSERT_EQ(parse(first, r), ParseError::none);
  EXPECT_TRUE(r.has_cookie);
  EXPECT_EQ(to_hex(r.cookie), to_hex(filled(36, 0xc0)));
  const Octets second = message_of(request_header(), {kNi, cookie, kTicketOpaque});
  ASSERT_EQ(parse(second, r), ParseError::none);
  EXPECT_FALSE(r.has_cookie);
  EXPECT_TRUE(r.cookie.empty());
  const Octets behind_unknown =
      message_of(request_header(), {{200, {}}, cookie, kNi, kTicketOpaque});
  ASSERT_EQ(parse(behind_unknown, r), ParseError::none);
  EXPECT_FALSE(r.has_cookie);
}

TEST(ResumeRequest, CookieOfAnyLengthPassesTheParser) {  // R5723-144
  for (const std::size_t len : {0u, 1u, 64u, 65u, 255u}) {
    const Octets m =
        message_of(request_header(), {notify(Notify::cookie, filled(len, 1)), kNi, kTicketOpaque});
    ResumeRequest r;
    ASSERT_EQ(parse(m, r), ParseError::none) << len;
    EXPECT_TRUE(r.has_cookie);
    EXPECT_EQ(r.cookie.size(), len);
  }
}

TEST(ResumeRequest, EmptyTicketPassesTheParser) {  // R5723-77
  const Octets m = message_of(request_header(), {kNi, notify(Notify::ticket_opaque)});
  ResumeRequest r;
  ASSERT_EQ(parse(m, r), ParseError::none);
  EXPECT_TRUE(r.ticket.empty());
}

TEST(ResumeRequest, NeedsANonceAndATicket) {  // R5723-98, R5723-99
  EXPECT_EQ(parse_chain({}), ParseError::missing_payload);
  EXPECT_EQ(parse_chain({kNi}), ParseError::missing_payload);
  EXPECT_EQ(parse_chain({kTicketOpaque}), ParseError::missing_payload);
}

TEST(ResumeRequest, TicketWithLifetimeIsNoTicket) {  // R5723-103
  EXPECT_EQ(parse_chain({kNi, notify(Notify::ticket_lt_opaque, kTicket)}),
            ParseError::missing_payload);
  EXPECT_EQ(parse_chain({kNi, notify(Notify::ticket_lt_opaque, kTicket), kTicketOpaque}),
            ParseError::none);
}

TEST(ResumeRequest, RefusesTwoNoncesOrTwoTickets) {  // R5723-100
  EXPECT_EQ(parse_chain({kNi, kNi, kTicketOpaque}), ParseError::duplicate_payload);
  EXPECT_EQ(parse_chain({kNi, kTicketOpaque, kTicketOpaque}), ParseError::duplicate_payload);
  const RawPayload empty = notify(Notify::ticket_opaque);
  EXPECT_EQ(parse_chain({kNi, empty, kTicketOpaque}), ParseError::duplicate_payload);
}

TEST(ResumeRequest, NonceHas16To256Octets) {  // R5723-63, R5723-101, CORE-30
  for (const std::size_t len : {16u, 17u, 255u, 256u})
    EXPECT_EQ(parse_chain({raw(PayloadType::nonce, filled(len, 1)), kTicketOpaque}),
              ParseError::none);
  for (const std::size_t len : {0u, 1u, 15u, 257u, 1000u})
    EXPECT_EQ(parse_chain({raw(PayloadType::nonce, filled(len, 1)), kTicketOpaque}),
              ParseError::bad_nonce_length);
}

TEST(ResumeRequest, RefusesANotifyWhoseSpiDoesNotFit) {  // R5723-104
  RawPayload ticket = kTicketOpaque;
  ticket.body[1] = 121;
  EXPECT_EQ(parse_chain({kNi, ticket}), ParseError::bad_notify);
  ticket.body[1] = 8;
  const Octets m = message_of(request_header(), {kNi, ticket});
  ResumeRequest r;
  ASSERT_EQ(parse(m, r), ParseError::none);
  EXPECT_EQ(r.ticket.size(), kTicket.size() - 8) << "refused later: not the ticket that was issued";
}

TEST(ResumeRequest, NamesTheUnknownCriticalPayload) {  // R5723-105
  const Octets m = message_of(request_header(), {kNi, {200, {}, true}, kTicketOpaque});
  ResumeRequest r;
  PayloadType offending = PayloadType::none;
  EXPECT_EQ(parse_resume_request(m, r, offending), ParseError::critical_unknown);
  EXPECT_EQ(offending, static_cast<PayloadType>(200));
}

TEST(ResumeRequest, RefusesAnSkPayload) {  // R5723-113, R5723-114
  EXPECT_EQ(parse_chain({kNi, kTicketOpaque, raw(PayloadType::sk, filled(60, 1))}),
            ParseError::missing_payload);
  EXPECT_EQ(parse_chain({raw(PayloadType::skf, filled(60, 1))}), ParseError::missing_payload);
}

TEST(ResumeRequest, ChecksTheHeader) {
  Header h = request_header();
  h.spi_i = IkeSpi();
  EXPECT_EQ(parse_header_variant(h), ParseError::bad_spi);  // R5723-107
  h = request_header();
  h.spi_r = IkeSpi(1);
  EXPECT_EQ(parse_header_variant(h), ParseError::bad_spi);  // R5723-108
  for (const std::uint32_t id : {1u, 0xffffffffu}) {        // R5723-109
    h = request_header();
    h.message_id = MessageId(id);
    EXPECT_EQ(parse_header_variant(h), ParseError::bad_message_id);
  }
  for (const unsigned flags : {0x28u, 0x20u, 0x00u, 0xd7u}) {  // R5723-110, R5723-111
    h = request_header();
    h.flags = static_cast<std::uint8_t>(flags);
    EXPECT_EQ(parse_header_variant(h), ParseError::bad_flags);
  }
  for (const unsigned version : {0x10u, 0x30u}) {  // R5723-112
    h = request_header();
    h.version = static_cast<std::uint8_t>(version);
    EXPECT_EQ(parse_header_variant(h), ParseError::bad_version);
  }
  h = request_header();
  h.exchange = Exchange::ike_sa_init;
  EXPECT_EQ(parse_header_variant(h), ParseError::bad_exchange);
}

TEST(ResumeRequest, RefusesEveryTruncationAndAppendix) {  // R5723-96, R5723-97
  const Octets m = message_of(request_header(), {kNi, kTicketOpaque});
  for (std::size_t len = 0; len < m.size(); ++len) {
    Octets cut(m.begin(), m.begin() + static_cast<std::ptrdiff_t>(len));
    EXPECT_NE(parse(cut), ParseError::none);
    if (len < kHeaderLen) continue;
    patch_length(cut.data(), len);
    EXPECT_NE(parse(cut), ParseError::none) << len;
  }
  Octets longer = m;
  longer.push_back(0);
  EXPECT_EQ(parse(longer), ParseError::bad_length);
  patch_length(longer.data(), longer.size());
  EXPECT_EQ(parse(longer), ParseError::bad_length);
}

TEST(ResumeResponse, HoldsNoMoreThanItMust) {  // R5723-27, R5723-30
  Octets buffer(kResumeResponseMax);
  ResumeResponse r;
  r.spi_i = IkeSpi(1);
  r.spi_r = IkeSpi(2);
  r.nonce = kNonce;
  const std::size_t len = write_resume_response(r, buffer);
  EXPECT_EQ(to_hex(crypto::Bytes(buffer).first(len)),
            "00000000000000010000000000000002"
            "28202620"
            "00000000"
            "00000040"
            "00000024" +
                to_hex(kNonce));
}

TEST(ResumeResponse, LargestFormFitsItsConstant) {
  const Octets nonce = filled(kNonceLenMax, 1);
  const Octets hash = filled(20, 2);
  ResumeResponse r;
  r.spi_i = IkeSpi(1);
  r.spi_r = IkeSpi(2);
  r.nonce = nonce;
  r.nat_source = r.nat_destination = hash;
  r.fragmentation_supported = true;
  Octets buffer(kResumeResponseMax);
  EXPECT_EQ(write_resume_response(r, buffer), kResumeResponseMax);
  buffer.resize(kResumeResponseMax - 1);
  EXPECT_EQ(write_resume_response(r, buffer), 0u);
  ResumeAnswer answer;
  buffer.resize(kResumeResponseMax);
  ASSERT_EQ(write_resume_response(r, buffer), kResumeResponseMax);
  ASSERT_EQ(parse_resume_answer(buffer, answer), ParseError::none);
  EXPECT_EQ(answer.kind, ResumeAnswerKind::response);
  EXPECT_EQ(answer.spi_r, IkeSpi(2));
  EXPECT_TRUE(answer.fragmentation_supported);
  EXPECT_EQ(to_hex(answer.nonce), to_hex(nonce));
}

TEST(ResumeResponse, IsNeverTakenForARequest) {  // R5723-115
  Octets buffer(kResumeResponseMax);
  ResumeResponse r;
  r.spi_i = IkeSpi(1);
  r.spi_r = IkeSpi(2);
  r.nonce = kNonce;
  buffer.resize(write_resume_response(r, buffer));
  EXPECT_EQ(parse(buffer), ParseError::bad_flags);
  buffer.resize(kTicketNackLen);
  ASSERT_EQ(write_ticket_nack(IkeSpi(1), buffer), kTicketNackLen);
  EXPECT_EQ(parse(buffer), ParseError::bad_flags);
}

TEST(TicketNack, Has36OctetsAndNoReason) {  // R5723-71, RFC 5723 §4.3.2
  Octets buffer(kTicketNackLen);
  ASSERT_EQ(write_ticket_nack(IkeSpi(0x3b885ac500d5065e), buffer), kTicketNackLen);
  EXPECT_EQ(to_hex(buffer),
            "3b885ac500d5065e0000000000000000292026200000000000000024000000080000401c");
  ResumeAnswer answer;
  ASSERT_EQ(parse_resume_answer(buffer, answer), ParseError::none);
  EXPECT_EQ(answer.kind, ResumeAnswerKind::nack);
  EXPECT_EQ(write_ticket_nack(IkeSpi(1), crypto::MutBytes(buffer).first(35)), 0u);
}

TEST(CookieChallenge, ReadsBack) {  // R5723-137, RFC 7296 §2.6
  Octets buffer(128);
  const Octets cookie = filled(36, 7);
  buffer.resize(write_cookie_challenge(IkeSpi(9), Exchange::ike_session_resume, cookie, buffer));
  ASSERT_EQ(buffer.size(), kHeaderLen + 8 + 36);
  ResumeAnswer answer;
  ASSERT_EQ(parse_resume_answer(buffer, answer), ParseError::none);
  EXPECT_EQ(answer.kind, ResumeAnswerKind::cookie);
  EXPECT_EQ(to_hex(answer.cookie), to_hex(cookie));
  EXPECT_EQ(answer.spi_r, IkeSpi());
}

TEST(ClearNotify, AnswersTheRequestItBelongsTo) {  // RFC 7296 §2.5, §2.21
  Header request = request_header();
  request.spi_r = IkeSpi(77);
  request.version = 0x30;
  request.message_id = MessageId(5);
  Octets buffer(64);
  buffer.resize(
      write_clear_notify(request, Notify::unsupported_critical_payload, Octets{200}, buffer));
  EXPECT_EQ(to_hex(buffer),
            "0102030405060708000000000000004d"
            "29202620"
            "00000005"
            "00000025"
            "00000009"
            "00000001"
            "c8");
  request.flags = 0;
  buffer.assign(64, 0);
  buffer.resize(write_clear_notify(request, Notify::invalid_ike_spi, {}, buffer));
  EXPECT_EQ(buffer[19], kFlagResponse | kFlagInitiator);
}

TEST(ResumeAnswer, TellsErrors) {
  Header h = request_header();
  h.flags = kFlagResponse;
  ResumeAnswer answer;
  const Octets error = message_of(h, {notify(Notify::no_proposal_chosen)});
  ASSERT_EQ(parse_resume_answer(error, answer), ParseError::none);
  EXPECT_EQ(answer.kind, ResumeAnswerKind::error_notify);
  EXPECT_EQ(answer.error, 14);
  EXPECT_EQ(parse_resume_answer(message_of(h, {}), answer), ParseError::missing_payload);
  EXPECT_EQ(parse_resume_answer(message_of(h, {kNi}), answer), ParseError::bad_spi);
  h.spi_r = IkeSpi(3);
  EXPECT_EQ(parse_resume_answer(message_of(h, {kNi}), answer), ParseError::none);
  EXPECT_EQ(parse_resume_answer(message_of(h, {kNi, kNi}), answer), ParseError::duplicate_payload);
  h.flags = kFlagInitiator;
  EXPECT_EQ(parse_resume_answer(message_of(h, {kNi}), answer), ParseError::bad_flags);
}

TEST(ResumeAnswer, NackWithASpiIsANackToo) {  // RFC 7296 §2.6
  Header h = request_header();
  h.flags = kFlagResponse;
  h.spi_r = IkeSpi(3);
  ResumeAnswer answer;
  ASSERT_EQ(parse_resume_answer(message_of(h, {notify(Notify::ticket_nack)}), answer),
            ParseError::none);
  EXPECT_EQ(answer.kind, ResumeAnswerKind::nack);
}

TEST(NatDetection, InputIsSpisAddressAndPort) {  // RFC 7296 §2.23
  Octets out(34);
  EXPECT_EQ(write_nat_detection_input(IkeSpi(1), IkeSpi(2), Octets{192, 0, 2, 1}, 500, out.data()),
            22u);
  EXPECT_EQ(to_hex(crypto::Bytes(out).first(22)), "00000000000000010000000000000002c000020101f4");
  EXPECT_EQ(write_nat_detection_input(IkeSpi(1), IkeSpi(2), filled(16, 9), 4500, out.data()), 34u);
}

}  // namespace
}  // namespace ike
