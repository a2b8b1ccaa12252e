// Tests of whole protected messages: sealing, opening, fragments, and what libreswan sends.
#include "ike/sk_fragment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "ike/full_auth.h"
#include "ike/payload.h"
#include "ike/sk_payload.h"
#include "tests/ike/messages.h"
#include "tests/support/vectors.h"

namespace ike {
namespace {

const Suite kGcm256;
const std::vector<Suite> kSuites = {
    kGcm256,
    {EncrId::aes_gcm_16, 128},
    {EncrId::chacha20_poly1305, 0},
    {EncrId::aes_cbc, 256, PrfId::hmac_sha2_256, IntegId::hmac_sha2_256_128},
    {EncrId::aes_cbc, 128, PrfId::hmac_sha2_256, IntegId::hmac_sha2_384_192},
    {EncrId::aes_cbc, 256, PrfId::hmac_sha2_256, IntegId::hmac_sha2_512_256}};

Header header(std::uint32_t id = 5) {
  Header h;
  h.spi_i = IkeSpi(0x0102030405060708);
  h.spi_r = IkeSpi(0x1112131415161718);
  h.exchange = Exchange::ike_auth;
  h.flags = kFlagResponse;
  h.message_id = MessageId(id);
  return h;
}

Octets counting(std::size_t len) {
  Octets out(len);
  std::iota(out.begin(), out.end(), std::uint8_t{3});
  return out;
}

// Both ends of one direction.
struct Link {
  Link(crypto::Engine& e, const Suite& s)
      : engine(e), suite(s), sk_e(counting(encr_key_len(s))), sk_a(counting(integ_key_len(s))) {}

  SkSender sender() { return {engine, random, suite, sk_e, sk_a, tx_counter}; }
  std::vector<Octets> send(const Octets& inner, std::size_t message_max, std::uint32_t id = 5) {
    std::vector<Octets> messages;
    const std::size_t count = fragment_count(suite, inner.size(), message_max);
    for (std::size_t i = 1; i <= count; ++i) {
      Octets out(message_max);
      out.resize(
          seal_fragment(sender(), header(id), PayloadType::vendor_id, inner, message_max, i, out));
      EXPECT_FALSE(out.empty());
      messages.push_back(std::move(out));
    }
    return messages;
  }
  SkOutcome receive(const Octets& message, Reassembler* reassembler) {
    Header h;
    EXPECT_EQ(parse_header(message, h), ParseError::none);
    return open_message({engine, suite, sk_e, sk_a}, message, h, reassembler, plaintext, opened);
  }

  crypto::Engine& engine;
  const Suite& suite;
  Octets sk_e, sk_a;
  crypto::Random random{7};
  std::uint64_t tx_counter = 40;
  Octets plaintext = Octets(kReassembledMax);
  OpenedMessage opened;
};

crypto::Engine& reference() {
  static const auto engine = crypto::make_ossl_engine();
  return *engine;
}

template <class Check>
void for_each_suite(Check check) {
  for (const auto& engine : engines())
    for (const Suite& suite : kSuites) {
      SCOPED_TRACE(std::string(engine->name()) + " suite " +
                   std::to_string(static_cast<unsigned>(suite.encr)) + "/" +
                   std::to_string(suite.key_bits));
      check(*engine, suite);
    }
}

TEST(SealMessage, OpensAgain) {  // CORE-97, CORE-98
  for_each_suite([](crypto::Engine& engine, const Suite& suite) {
    for (const std::size_t len : {0u, 1u, 15u, 16u, 17u, 1000u}) {
      Link link(engine, suite);
      const Octets inner = counting(len);
      Octets message(2000);
      message.resize(seal_message(link.sender(), header(), PayloadType::notify, inner, message));
      ASSERT_FALSE(message.empty());
      ASSERT_EQ(link.receive(message, nullptr), SkOutcome::opened);
      EXPECT_EQ(link.opened.first_inner, PayloadType::notify);
      EXPECT_EQ(to_hex(link.opened.inner), to_hex(inner));
      EXPECT_FALSE(link.opened.is_fragment);
    }
  });
}

TEST(SealMessage, WantsRoom) {
  for_each_suite([](crypto::Engine& engine, const Suite& suite) {
    Link link(engine, suite);
    const Octets inner = counting(100);
    Octets message(2000);
    message.resize(seal_message(link.sender(), header(), PayloadType::notify, inner, message));
    EXPECT_EQ(seal_message(link.sender(), header(), PayloadType::notify, inner,
                           crypto::MutBytes(message).first(message.size() - 1)),
              0u);
  });
}

TEST(SealMessage, NeverRepeatsAnIv) {  // CORE-99, RFC 5282 §3
  for_each_suite([](crypto::Engine& engine, const Suite& suite) {
    Link link(engine, suite);
    std::set<std::string> ivs;
    for (int i = 0; i < 40; ++i)
      for (const Octets& message : link.send(counting(900), 400)) {
        SkView sk;
        Header h;
        ASSERT_EQ(parse_header(message, h), ParseError::none);
        ASSERT_EQ(find_sk(message, h, suite, sk), ParseError::none);
        EXPECT_TRUE(ivs.insert(to_hex(sk.iv)).second);
      }
    if (is_aead(suite.encr)) {
      EXPECT_EQ(link.tx_counter, 40 + ivs.size());
    }
  });
}

TEST(FragmentCount, IsTheLeastThatFits) {  // CORE-96, RFC 7383 §2.5.1
  for_each_suite([](crypto::Engine& engine, const Suite& suite) {
    Link link(engine, suite);
    for (std::size_t len = 0; len < 3000; len += 7) {
      const Octets inner = counting(len);
      const std::vector<Octets> messages = link.send(inner, 500);
      for (const Octets& message : messages) EXPECT_LE(message.size(), 500u);
      // One octet more would not have fitted in one fragment less.
      if (messages.size() > 1) {
        EXPECT_GT(messages[0].size() + 16, 500u);
      }
    }
  });
}

TEST(FragmentCount, HasLimits) {
  const std::size_t room = 500 - kHeaderLen - 8 - 8 - 16 - 1;  // AES-GCM
  EXPECT_EQ(fragment_count(kGcm256, room + 4, 500), 1u) << "SK is four octets shorter";
  EXPECT_EQ(fragment_count(kGcm256, room + 5, 500), 2u);
  EXPECT_EQ(fragment_count(kGcm256, kFragmentsMax * room, 500), kFragmentsMax);
  EXPECT_EQ(fragment_count(kGcm256, kFragmentsMax * room + 1, 500), 0u);
  EXPECT_EQ(fragment_count(kGcm256, 1, 0), 0u);
  EXPECT_EQ(fragment_count(kGcm256, 1, kHeaderLen + 4 + 8 + 16 + 1), 0u);
  EXPECT_EQ(fragment_count(kGcm256, 1, kHeaderLen + 4 + 8 + 16 + 2), 1u);
}

TEST(Fragments, JoinInAnyOrder) {  // CORE-91, RFC 7383 §2.5
  for_each_suite([](crypto::Engine& engine, const Suite& suite) {
    Link link(engine, suite);
    const Octets inner = counting(1000);
    std::vector<Octets> messages = link.send(inner, 450);
    ASSERT_EQ(messages.size(), 3u);
    std::vector<int> order = {0, 1, 2};
    do {
      Octets memory(2000);
      Reassembler reassembler(memory);
      for (std::size_t i = 0; i < 3; ++i) {
        const auto outcome =
            link.receive(messages[static_cast<std::size_t>(order[i])], &reassembler);
        EXPECT_EQ(outcome, i == 2 ? SkOutcome::opened : SkOutcome::stored);
        EXPECT_TRUE(link.opened.is_fragment);
        EXPECT_EQ(link.opened.fragment_number, order[i] + 1);
      }
      EXPECT_EQ(link.opened.first_inner, PayloadType::vendor_id);
      EXPECT_EQ(to_hex(link.opened.inner), to_hex(inner));
      EXPECT_TRUE(reassembler.is_empty());
      EXPECT_EQ(memory, Octets(2000)) << "wiped";
    } while (std::ranges::next_permutation(order).found);
  });
}

TEST(Fragments, OnlyTheFirstTellsAType) {  // CORE-95, RFC 7383 §2.5
  Link link(reference(), kGcm256);
  const std::vector<Octets> messages = link.send(counting(1000), 450);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_EQ(messages[i][16], 53) << "Next Payload of the header";
    EXPECT_EQ(messages[i][28], i == 0 ? 43 : 0);
    EXPECT_EQ(crypto::load_be16(messages[i].data() + 32), i + 1);
    EXPECT_EQ(crypto::load_be16(messages[i].data() + 34), messages.size());
  }
}

TEST(Fragments, AreDroppedWhereNotNegotiated) {  // CORE-91, R5723-51
  Link link(reference(), kGcm256);
  for (const Octets& message : link.send(counting(1000), 450)) {
    EXPECT_EQ(link.receive(message, nullptr), SkOutcome::dropped);
    EXPECT_EQ(link.opened.error, ParseError::none);
  }
}

TEST(Fragments, BadOnesChangeNothing) {  // CORE-92
  for_each_suite([](crypto::Engine& engine, const Suite& suite) {
    Link link(engine, suite);
    const Octets inner = counting(1000);
    const std::vector<Octets> messages = link.send(inner, 450);
    Octets memory(2000);
    Reassembler reassembler(memory);
    EXPECT_EQ(link.receive(messages[0], &reassembler), SkOutcome::stored);
    for (std::size_t at = 32; at < messages[1].size(); ++at) {
      Octets bad = messages[1];
      bad[at] ^= 0x10;
      EXPECT_EQ(link.receive(bad, &reassembler), SkOutcome::dropped) << at;
    }
    for (const char* numbers : {"00000003", "00040003", "00010000", "00000000"}) {
      Octets bad = messages[1];
      std::ranges::copy(from_hex(numbers), bad.begin() + 32);
      EXPECT_EQ(link.receive(bad, &reassembler), SkOutcome::dropped) << numbers;
      EXPECT_EQ(link.opened.error, ParseError::bad_sk);
    }
    EXPECT_EQ(link.receive(messages[1], &reassembler), SkOutcome::stored);
    EXPECT_EQ(link.receive(messages[2], &reassembler), SkOutcome::opened);
    EXPECT_EQ(to_hex(link.opened.inner), to_hex(inner));
  });
}

TEST(Fragments, DuplicatesAndSmallerTotalsAreRedundant) {  // CORE-93, CORE-94, RFC 7383 §2.6
  Link link(reference(), kGcm256);
  const Octets inner = counting(1000);
  const std::vector<Octets> large = link.send(inner, 600), small = link.send(inner, 300);
  ASSERT_LT(large.size(), small.size());
  Octets memory(2000);
  Reassembler reassembler(memory);
  EXPECT_EQ(link.receive(large[0], &reassembler), SkOutcome::stored);
  EXPECT_EQ(link.receive(large[0], &reassembler), SkOutcome::redundant);
  // The sender fragmented anew: more and smaller pieces.
  EXPECT_EQ(link.receive(small[1], &reassembler), SkOutcome::stored);
  EXPECT_EQ(reassembler.octets_held(), fragment_count(kGcm256, 1000, 300) > 0 ? 239u : 0u);
  EXPECT_EQ(link.receive(large[1], &reassembler), SkOutcome::redundant);
  EXPECT_EQ(link.receive(small[0], &reassembler), SkOutcome::stored);
  for (std::size_t i = 2; i + 1 < small.size(); ++i)
    EXPECT_EQ(link.receive(small[i], &reassembler), SkOutcome::stored);
  EXPECT_EQ(link.receive(small.back(), &reassembler), SkOutcome::opened);
  EXPECT_EQ(to_hex(link.opened.inner), to_hex(inner));
}

TEST(Fragments, OfAnotherMessageBeginAnew) {
  Link link(reference(), kGcm256);
  const Octets inner = counting(1000);
  const std::vector<Octets> old = link.send(inner, 600, 5), fresh = link.send(inner, 600, 6);
  Octets memory(2000);
  Reassembler reassembler(memory);
  EXPECT_EQ(link.receive(old[0], &reassembler), SkOutcome::stored);
  EXPECT_EQ(link.receive(fresh[1], &reassembler), SkOutcome::stored);
  EXPECT_EQ(link.receive(fresh[0], &reassembler), SkOutcome::opened);
}

TEST(OpenMessage, DropsWhatIsNotAuthentic) {  // CORE-16, CORE-45, CORE-59, CORE-87
  Link link(reference(), kGcm256);
  Octets message = link.send(counting(50), 600)[0];
  message.back() ^= 1;
  EXPECT_EQ(link.receive(message, nullptr), SkOutcome::dropped);
  EXPECT_EQ(link.opened.error, ParseError::none) << "the ICV";
  const Octets clear = message_of(header(), {raw(PayloadType::del, from_hex("01000000"))});
  EXPECT_EQ(link.receive(clear, nullptr), SkOutcome::dropped);
  EXPECT_EQ(link.opened.error, ParseError::missing_payload);
}

TEST(OpenMessage, TellsWrongPadding) {  // CORE-100
  Link link(reference(), kGcm256);
  Octets message(200);
  SkBuilder builder(message, header(), kGcm256);
  message.resize(builder.finish(counting(8)));
  message[28 + 4 + 8] = 1;  // Pad Length 1, and no padding in front of it
  seal_sk(link.engine, kGcm256, link.sk_e, {}, message);
  EXPECT_EQ(link.receive(message, nullptr), SkOutcome::malformed);
  EXPECT_EQ(link.opened.error, ParseError::bad_padding);
}

TEST(Reassembler, HasLimits) {  // CORE-94
  using enum Reassembler::Outcome;
  Octets memory(100), out(100);
  Reassembler r(memory);
  PayloadType first{};
  const MessageId id(1);
  EXPECT_EQ(r.add(id, 1, kFragmentsMax + 1, PayloadType::none, {}), too_many);
  EXPECT_EQ(r.add(id, 2, kFragmentsMax, PayloadType::none, filled(60, 1)), stored);
  EXPECT_EQ(r.add(id, 1, kFragmentsMax, PayloadType::auth, filled(40, 2)), stored);
  EXPECT_EQ(r.octets_held(), 100u);
  EXPECT_EQ(r.join(out, first), 0u) << "not complete";
  EXPECT_EQ(r.add(id, 3, kFragmentsMax, PayloadType::none, filled(1, 3)), too_long);
  EXPECT_TRUE(r.is_empty());
  EXPECT_EQ(memory, Octets(100)) << "wiped";
  EXPECT_EQ(r.add(id, 2, 2, PayloadType::none, filled(60, 1)), stored);
  EXPECT_EQ(r.add(id, 1, 2, PayloadType::auth, filled(40, 2)), complete);
  EXPECT_EQ(r.join(crypto::MutBytes(out).first(99), first), 0u);
  EXPECT_TRUE(r.is_empty());
  EXPECT_EQ(r.add(id, 1, 1, PayloadType::auth, filled(100, 2)), complete) << "one of one";
  EXPECT_EQ(r.join(out, first), 100u);
  EXPECT_EQ(first, PayloadType::auth);
  for (std::uint16_t n = 1; n <= kFragmentsMax; ++n)
    EXPECT_EQ(r.add(id, n, kFragmentsMax, PayloadType::auth, {{n == 1}}),
              n == kFragmentsMax ? complete : stored);
  EXPECT_EQ(r.join(out, first), kFragmentsMax);
}

TEST(Reassembler, UsesNoMoreThanOneMessage) {
  using enum Reassembler::Outcome;
  Octets memory(kReassembledMax + 10);
  Reassembler r(memory);
  EXPECT_EQ(r.add(MessageId(1), 1, 2, PayloadType::auth, filled(kReassembledMax, 1)), stored);
  EXPECT_EQ(r.add(MessageId(1), 2, 2, PayloadType::auth, filled(1, 1)), too_long);
}

// RFC 7383 §2.5, CORE-91: IKE_AUTH of libreswan, as captured.
TEST(Fragments, OfLibreswanJoinToItsPayloads) {
  const auto handshakes = support::load_vectors("libreswan/libreswan-handshakes.json");
  for (const char* name : {"rw-psk", "rw-ec"}) {
    const auto kat =
        support::load_vectors(std::string("libreswan/libreswan-resume-kat-") + name + ".json");
    const auto& sa = kat.at("original_sa");
    const auto& keys = sa.at("keys_from_log");
    for (const bool response : {false, true}) {
      const std::string key = response ? "SK_er" : "SK_ei";
      Octets sk_e = support::hex_at(keys, key.c_str());
      const Octets salt = support::hex_at(keys, (key + "_salt").c_str());
      sk_e.insert(sk_e.end(), salt.begin(), salt.end());
      for (const auto& engine : engines()) {
        SCOPED_TRACE(std::string(name) + " " + engine->name());
        Octets memory(kReassembledMax), plaintext(kReassembledMax);
        Reassembler reassembler(memory);
        OpenedMessage opened;
        SkOutcome outcome = SkOutcome::dropped;
        for (std::size_t i = 2; i < handshakes.at(name).size(); ++i) {
          const Octets message = from_hex(handshakes.at(name)[i].get<std::string>());
          Header h;
          ASSERT_EQ(parse_header(message, h), ParseError::none);
          if (h.is_response() != response) continue;
          outcome = open_message({*engine, kGcm256, sk_e, {}}, message, h, &reassembler, plaintext,
                                 opened);
          if (outcome != SkOutcome::opened) {
            EXPECT_EQ(outcome, SkOutcome::stored);
          }
        }
        ASSERT_EQ(outcome, SkOutcome::opened);
        const auto& inner =
            sa.at(response ? "ike_auth_response_last_fragment" : "ike_auth_request").at("inner");
        PayloadChain chain(opened.first_inner, opened.inner);
        Payload p;
        for (const auto& expected : inner) {
          ASSERT_TRUE(chain.next(p));
          EXPECT_EQ(to_hex(p.body), support::text_at(expected, "body"));
        }
        EXPECT_FALSE(chain.next(p));
        EXPECT_EQ(chain.error(), ParseError::none);
        const bool has_cert = std::string(name) == "rw-ec";
        FullAuthRequest request;
        FullAuthAnswer answer;
        PayloadType offending{};
        if (response) {
          ASSERT_EQ(parse_full_auth_answer(opened.first_inner, opened.inner, answer),
                    ParseError::none);
          EXPECT_EQ(answer.cert_count, has_cert ? 1u : 0u);
          EXPECT_TRUE(answer.has_config && answer.has_sa && !answer.ticket.empty());
        } else {
          ASSERT_EQ(parse_full_auth_request(opened.first_inner, opened.inner, request, offending),
                    ParseError::none);
          EXPECT_EQ(request.cert_count, has_cert ? 1u : 0u);
          EXPECT_EQ(request.cert_request_count, has_cert ? 1u : 0u);
          EXPECT_TRUE(request.ticket_request && request.has_config);
        }
      }
    }
  }
}

}  // namespace
}  // namespace ike
