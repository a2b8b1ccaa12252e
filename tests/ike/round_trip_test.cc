// Properties over random messages: what is written is read back, and no mutation is fatal.
#include <gtest/gtest.h>

#include <array>

#include "crypto/random.h"
#include "ike/auth_exchange.h"
#include "ike/builder.h"
#include "ike/proposal.h"
#include "ike/resume.h"
#include "ike/sk_payload.h"
#include "ike/ticket.h"
#include "tests/ike/messages.h"

namespace ike {
namespace {

constexpr int kRounds = 2000;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::size_t upto(std::size_t max) { return random_.below(max + 1); }
  bool coin() { return random_.below(2) == 1; }
  std::uint64_t u64() { return random_.u64(); }
  Octets octets(std::size_t min, std::size_t max) {
    Octets out(min + upto(max - min));
    if (!out.empty()) random_.fill(out);
    return out;
  }

 private:
  crypto::Random random_;
};

TEST(RoundTrip, AnyChainOfPayloads) {
  Dice dice(1);
  for (int round = 0; round < kRounds; ++round) {
    std::vector<RawPayload> payloads(dice.upto(20));
    for (RawPayload& p : payloads) {
      // Known types but SK and SKF, which end a chain.
      p.type = static_cast<unsigned>(33 + dice.upto(15));
      if (p.type == static_cast<unsigned>(PayloadType::sk)) p.type = 40;
      p.body = dice.octets(0, 60);
    }
    Header h;
    h.spi_i = IkeSpi(dice.u64() | 1);
    h.spi_r = IkeSpi(dice.u64());
    h.flags = static_cast<std::uint8_t>(dice.u64());
    h.message_id = MessageId(static_cast<std::uint32_t>(dice.u64()));
    Octets buffer(4096);
    MessageBuilder builder(buffer, h);
    for (const RawPayload& p : payloads)
      builder.chain().payload(static_cast<PayloadType>(p.type), p.body);
    buffer.resize(builder.finish());
    ASSERT_EQ(to_hex(buffer), to_hex(message_of(h, payloads)));
    Header back;
    ASSERT_EQ(parse_header(buffer, back), ParseError::none);
    PayloadChain chain(back.next_payload, crypto::Bytes(buffer).subspan(kHeaderLen));
    Payload p;
    std::size_t at = 0;
    while (chain.next(p)) {
      ASSERT_LT(at, payloads.size());
      EXPECT_EQ(static_cast<unsigned>(p.type), payloads[at].type);
      EXPECT_EQ(to_hex(p.body), to_hex(payloads[at].body));
      ++at;
    }
    EXPECT_EQ(chain.error(), ParseError::none);
    EXPECT_EQ(at, payloads.size());
  }
}

TEST(RoundTrip, ResumeRequestAndResponse) {
  Dice dice(2);
  for (int round = 0; round < kRounds; ++round) {
    const Octets nonce = dice.octets(kNonceLenMin, kNonceLenMax);
    const Octets ticket = dice.octets(0, kTicketLenMax);
    const Octets cookie = dice.coin() ? dice.octets(1, 64) : Octets();
    const Octets nat = dice.coin() ? dice.octets(20, 20) : Octets();
    const bool fragments = dice.coin();
    const IkeSpi spi_i(dice.u64() | 1);
    const IkeSpi spi_r(dice.u64() | 1);
    Octets buffer(2048);
    buffer.resize(write_resume_request({.spi_i = spi_i,
                                        .nonce = nonce,
                                        .ticket = ticket,
                                        .cookie = cookie,
                                        .nat_source = nat,
                                        .nat_destination = nat,
                                        .fragmentation_supported = fragments},
                                       buffer));
    ResumeRequest r;
    PayloadType offending{};
    ASSERT_EQ(parse_resume_request(buffer, r, offending), ParseError::none);
    EXPECT_EQ(r.spi_i, spi_i);
    EXPECT_EQ(to_hex(r.nonce), to_hex(nonce));
    EXPECT_EQ(to_hex(r.ticket), to_hex(ticket));
    EXPECT_EQ(to_hex(r.cookie), to_hex(cookie));
    EXPECT_EQ(r.has_cookie, !cookie.empty());
    EXPECT_EQ(r.has_nat_detection, !nat.empty());
    EXPECT_EQ(r.fragmentation_supported, fragments);
    Octets answer(kResumeResponseMax);
    answer.resize(write_resume_response({.spi_i = spi_i,
                                         .spi_r = spi_r,
                                         .nonce = nonce,
                                         .nat_source = nat,
                                         .nat_destination = nat,
                                         .fragmentation_supported = fragments},
                                        answer));
    ResumeAnswer a;
    ASSERT_EQ(parse_resume_answer(answer, a), ParseError::none);
    EXPECT_EQ(a.spi_r, spi_r);
    EXPECT_EQ(to_hex(a.nonce), to_hex(nonce));
    EXPECT_EQ(a.fragmentation_supported, fragments);
  }
}

TEST(RoundTrip, TicketState) {
  Dice dice(3);
  for (int round = 0; round < kRounds; ++round) {
    const auto suites = default_ike_suites();
    TicketState s;
    s.suite = suites[dice.upto(suites.size() - 1)];
    const Octets sk_d = dice.octets(prf_len(s.suite), prf_len(s.suite));
    const Octets id_i = dice.octets(0, 300);
    const Octets id_r = dice.octets(0, 300);
    const Octets eap = dice.octets(0, 200);
    s.expires_s = dice.u64();
    s.connection = static_cast<std::uint32_t>(dice.u64());
    s.spi_i = IkeSpi(dice.u64());
    s.auth_method = AuthMethod::digital_signature;
    s.flags = {dice.coin(), dice.coin(), dice.coin(), dice.coin()};
    s.sk_d = sk_d;
    s.id_i = id_i;
    s.id_r = id_r;
    s.eap_identity = eap;
    Octets octets(kTicketStateMax);
    const std::size_t len = write_ticket_state(s, octets);
    ASSERT_EQ(len, ticket_state_len(s));
    octets.resize(len);
    TicketState back;
    ASSERT_TRUE(parse_ticket_state(octets, back));
    EXPECT_EQ(back.suite, s.suite);
    EXPECT_EQ(back.flags, s.flags);
    Octets again(len);
    ASSERT_EQ(write_ticket_state(back, again), len);
    ASSERT_EQ(again, octets);
  }
}

// A message 1 with a few octets changed is read or refused, and every view stays inside.
TEST(RoundTrip, MutatedResumeRequests) {
  Dice dice(4);
  const Octets nonce = filled(32, 1);
  const Octets ticket = filled(200, 2);
  Octets good(512);
  good.resize(write_resume_request({.spi_i = IkeSpi(5),
                                    .nonce = nonce,
                                    .ticket = ticket,
                                    .cookie = nonce,
                                    .nat_source = {},
                                    .nat_destination = {},
                                    .fragmentation_supported = true},
                                   good));
  int refused = 0;
  for (int round = 0; round < 10 * kRounds; ++round) {
    Octets bad = good;
    for (std::size_t n = dice.upto(4); n > 0; --n)
      bad[dice.upto(bad.size() - 1)] = static_cast<std::uint8_t>(dice.u64());
    ResumeRequest r;
    PayloadType offending{};
    if (parse_resume_request(bad, r, offending) != ParseError::none) {
      ++refused;
      continue;
    }
    EXPECT_TRUE(lies_in(r.nonce, bad) && lies_in(r.ticket, bad) && lies_in(r.cookie, bad));
    EXPECT_GE(r.nonce.size(), kNonceLenMin);
  }
  EXPECT_GT(refused, 0);
}

// Inner payloads with a few octets changed: the same for message 3.
TEST(RoundTrip, MutatedAuthRequests) {
  Dice dice(5);
  SelectorList ts;
  ts.items[0] = selector_of(TsType::ipv4_addr_range, Octets{10, 0, 0, 0}, 8);
  ts.items[1] = selector_of(TsType::ipv6_addr_range, filled(16, 0x20), 64);
  ts.count = 2;
  const Octets id = from_hex("0200000067772e6578616d706c65");
  const Octets auth = filled(32, 4);
  AuthOffer offer;
  offer.id_i_body = offer.id_r_body = id;
  offer.auth = auth;
  offer.has_config = offer.config.wants_ip4 = offer.config.wants_ip6 = true;
  offer.ts_i = offer.ts_r = &ts;
  Octets good(1024);
  crypto::ByteWriter writer(good);
  ChainBuilder chain(writer);
  write_auth_offer(chain, offer);
  good.resize(writer.size());
  for (int round = 0; round < 10 * kRounds; ++round) {
    Octets bad = good;
    for (std::size_t n = dice.upto(4); n > 0; --n)
      bad[dice.upto(bad.size() - 1)] = static_cast<std::uint8_t>(dice.u64());
    AuthRequest r;
    PayloadType offending{};
    if (parse_auth_request(chain.first_type(), bad, r, offending) != ParseError::none) continue;
    EXPECT_TRUE(lies_in(r.id_i.body, bad) && lies_in(r.auth.data, bad) && lies_in(r.sa, bad));
    Choice c;
    if (r.has_sa && choose(r.sa, Protocol::esp, default_esp_suites(), c)) {
      EXPECT_TRUE(lies_in(c.spi, bad));
      EXPECT_EQ(c.spi.size(), 4u);
    }
  }
}

}  // namespace
}  // namespace ike
