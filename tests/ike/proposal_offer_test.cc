// Tests of offers, of the choice beside a KE payload, and of reading what a responder chose.
#include <gtest/gtest.h>

#include <algorithm>

#include "ike/payload.h"
#include "ike/proposal.h"
#include "tests/ike/messages.h"

namespace ike {
namespace {

const Suite kGcm256{EncrId::aes_gcm_16, 256, PrfId::hmac_sha2_256, IntegId::none, KeId::curve25519};
const Suite kCbc256{EncrId::aes_cbc, 256, PrfId::hmac_sha2_256, IntegId::hmac_sha2_256_128,
                    KeId::ecp_256};

Suite with(Suite suite, KeId ke) {
  suite.ke = ke;
  return suite;
}
Suite esp(KeId ke) {
  Suite suite;
  suite.ke = ke;
  return suite;
}

// The body of an SA payload that offers `suites`; empty when the writer refused.
Octets offered(Protocol protocol, std::span<const Suite> suites, std::size_t room = 8192) {
  Octets buffer(room);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  write_sa_offer(chain, protocol, suites, filled(protocol == Protocol::esp ? 4 : 0, 0xab));
  if (!writer.ok()) return {};
  EXPECT_EQ(check_sa(writer.written().subspan(4)), ParseError::none);
  return {buffer.begin() + 4, buffer.begin() + static_cast<std::ptrdiff_t>(writer.size())};
}

std::size_t proposals_in(const Octets& sa) {
  std::size_t count = 0;
  for (std::size_t at = 0; at < sa.size(); at += crypto::load_be16(sa.data() + at + 2)) ++count;
  return count;
}

TEST(SaOffer, OffersEachSuiteAndNothingElse) {  // RFC 7296 §3.3
  const auto all = default_ike_suites();
  for (std::size_t first = 0; first < all.size(); first += 5) {
    for (std::size_t count = 1; first + count <= all.size(); count += 7) {
      const auto some = all.subspan(first, count);
      const Octets sa = offered(Protocol::ike, some);
      ASSERT_FALSE(sa.empty());
      for (const Suite& suite : all) {
        Choice c;
        const bool wanted = std::ranges::find(some, suite) != some.end();
        EXPECT_EQ(choose(sa, Protocol::ike, {&suite, 1}, c), wanted);
      }
    }
  }
}

TEST(SaOffer, ALongListIsFewProposals) {
  // AEAD ciphers stand together, CBC ones apart from them (RFC 5282 §8).
  EXPECT_LE(proposals_in(offered(Protocol::ike, default_ike_suites())), 4u);
  EXPECT_LE(proposals_in(offered(Protocol::esp, default_esp_suites())), 4u);
  EXPECT_LE(offered(Protocol::ike, default_ike_suites()).size(), 600u);
}

Suite with_additional(Suite suite, std::initializer_list<std::pair<std::size_t, KeId>> more) {
  for (const auto& [i, ke] : more) suite.additional.set(i, ke);
  return suite;
}

TEST(SaOffer, AdditionalKeyExchangesStandInProposalsOfTheirOwn) {  // RFC 9370 §2.2.1
  const Suite hybrid = with_additional(kGcm256, {{0, KeId::ecp_256}, {6, KeId::ecp_384}});
  const Suite suites[] = {hybrid, kGcm256};
  const Octets sa = offered(Protocol::ike, suites);
  ASSERT_EQ(proposals_in(sa), 2u);
  // ENCR, PRF, KE, ADDKE1 and ADDKE7; a peer that knows types 1 to 5 takes the other one.
  EXPECT_EQ(sa[7], 5);
  Choice c;
  ASSERT_TRUE(choose(sa, Protocol::ike, suites, c));
  EXPECT_EQ(c.suite, hybrid);
  EXPECT_EQ(c.proposal_number, 1);
  ASSERT_TRUE(choose(sa, Protocol::ike, {&kGcm256, 1}, c));
  EXPECT_EQ(c.proposal_number, 2);
  for (const Suite& other : {with_additional(kGcm256, {{0, KeId::ecp_256}}),
                             with_additional(kGcm256, {{0, KeId::ecp_384}, {6, KeId::ecp_256}}),
                             with_additional(kGcm256, {{1, KeId::ecp_256}, {6, KeId::ecp_384}})})
    EXPECT_FALSE(choose(sa, Protocol::ike, {&other, 1}, c));
}

TEST(SaOffer, AnAdditionalKeyExchangeMayBeOptional) {  // RFC 9370 §2.2.1
  // ADDKE1: ML-KEM-768 or NONE.
  const Octets sa = from_hex(
      "00000034"
      "01010005"
      "0300000c01000014800e0100"
      "0300000802000005"
      "030000080400001f"
      "0300000806000024"
      "0000000806000000");
  ASSERT_EQ(check_sa(sa), ParseError::none);
  const Suite hybrid = with_additional(kGcm256, {{0, KeId::ml_kem_768}});
  Choice c;
  EXPECT_TRUE(choose(sa, Protocol::ike, {&hybrid, 1}, c));
  EXPECT_TRUE(choose(sa, Protocol::ike, {&kGcm256, 1}, c));
}

TEST(SaOffer, EspKeyExchangesCountBesideAKePayloadOnly) {  // RFC 9370 §2.2.4
  const Suite hybrid = with_additional(esp(KeId::curve25519), {{0, KeId::ecp_256}});
  const Octets sa = offered(Protocol::esp, {&hybrid, 1});
  const Suite plain = esp(KeId::none), single = esp(KeId::curve25519);
  Choice c;
  bool fits = false;
  EXPECT_TRUE(choose(sa, Protocol::esp, {&plain, 1}, c));
  EXPECT_FALSE(
      choose_with_ke(sa, Protocol::esp, {&single, 1}, KeId::curve25519, KePolicy::strict, c, fits));
  ASSERT_TRUE(
      choose_with_ke(sa, Protocol::esp, {&hybrid, 1}, KeId::curve25519, KePolicy::strict, c, fits));
  EXPECT_TRUE(fits);
  EXPECT_EQ(c.suite, hybrid);
}

TEST(SaOffer, AnAnswerNamesEachAdditionalKeyExchangeOnce) {  // RFC 9370 §2.2.1
  Choice c;
  for (const Suite& suite : {with_additional(kGcm256, {{0, KeId::ml_kem_768}}),
                             with_additional(kGcm256, {{2, KeId::ecp_256}, {6, KeId::ecp_521}})}) {
    ASSERT_EQ(read_chosen(offered(Protocol::ike, {&suite, 1}), Protocol::ike, c), ParseError::none);
    EXPECT_EQ(c.suite, suite);
  }
  const Suite twice = with_additional(kGcm256, {{0, KeId::ecp_256}, {1, KeId::ecp_256}});
  const Suite again = with_additional(kGcm256, {{0, KeId::curve25519}});
  for (const Suite& suite : {twice, again})
    EXPECT_EQ(read_chosen(offered(Protocol::ike, {&suite, 1}), Protocol::ike, c),
              ParseError::bad_proposal);
}

TEST(SaOffer, NumbersItsProposalsFromOne) {  // RFC 7296 §3.3.1
  const Suite suites[] = {kGcm256, kCbc256};
  const Octets sa = offered(Protocol::ike, suites);
  ASSERT_EQ(proposals_in(sa), 2u);
  EXPECT_EQ(sa[0], 2);
  EXPECT_EQ(sa[4], 1);
  const std::size_t second = crypto::load_be16(sa.data() + 2);
  EXPECT_EQ(sa[second], 0);
  EXPECT_EQ(sa[second + 4], 2);
}

TEST(SaOffer, OneSuiteIsTheSameAsAnAnswer) {
  for (const Suite& suite : default_ike_suites()) {
    Octets buffer(256);
    crypto::ByteWriter writer(buffer);
    ChainBuilder chain(writer);
    write_sa(chain, Protocol::ike, 1, suite, {});
    EXPECT_EQ(to_hex(offered(Protocol::ike, {&suite, 1})), to_hex(writer.written().subspan(4)));
  }
}

TEST(SaOffer, HasLimits) {
  const auto refused = [](std::span<const Suite> suites) {
    return offered(Protocol::ike, suites).empty();
  };
  EXPECT_TRUE(refused({}));
  std::vector<Suite> many(kOfferSuitesMax, kGcm256);
  EXPECT_FALSE(refused(many));
  many.push_back(kGcm256);
  EXPECT_TRUE(refused(many));
  // Neighbours that differ in two algorithms cannot share a proposal.
  many.clear();
  for (std::size_t i = 0; i <= kProposalsMax; ++i) many.push_back(i % 2 == 0 ? kGcm256 : kCbc256);
  EXPECT_TRUE(refused(many));
  many.pop_back();
  EXPECT_FALSE(refused(many));
  const std::size_t exact = offered(Protocol::ike, {&kGcm256, 1}).size() + 4;
  EXPECT_FALSE(offered(Protocol::ike, {&kGcm256, 1}, exact).empty());
  EXPECT_TRUE(offered(Protocol::ike, {&kGcm256, 1}, exact - 1).empty());
}

struct Outcome {
  bool chosen = false, fits = false;
  KeId ke = KeId::none;
};
Outcome choice(Protocol protocol, std::span<const Suite> offer, std::span<const Suite> preference,
               KeId sent, KePolicy policy) {
  const Octets sa = offered(protocol, offer);
  Choice c;
  Outcome o;
  o.chosen = choose_with_ke(sa, protocol, preference, sent, policy, c, o.fits);
  o.ke = c.suite.ke;
  return o;
}

// CORE-27, RFC 7296 §1.2: KE 14, offered 19 and 14, preferred 19.
TEST(ChooseWithKe, StrictTakesTheBestGroup) {
  const Suite both[] = {with(kGcm256, KeId::ecp_256), with(kGcm256, KeId::modp_2048)};
  Outcome o = choice(Protocol::ike, both, both, KeId::modp_2048, KePolicy::strict);
  EXPECT_TRUE(o.chosen && !o.fits);
  EXPECT_EQ(o.ke, KeId::ecp_256);
  o = choice(Protocol::ike, both, both, KeId::ecp_256, KePolicy::strict);
  EXPECT_TRUE(o.chosen && o.fits);
}

TEST(ChooseWithKe, SavesTheRoundTripWhereItMay) {
  const Suite both[] = {with(kGcm256, KeId::ecp_256), with(kGcm256, KeId::modp_2048)};
  Outcome o = choice(Protocol::ike, both, both, KeId::modp_2048, KePolicy::save_round_trip);
  EXPECT_TRUE(o.chosen && o.fits);
  EXPECT_EQ(o.ke, KeId::modp_2048);
  o = choice(Protocol::ike, both, {both, 1}, KeId::modp_2048, KePolicy::save_round_trip);
  EXPECT_TRUE(o.chosen && !o.fits) << "the group that was sent is not allowed";
  EXPECT_EQ(o.ke, KeId::ecp_256);
  o = choice(Protocol::ike, both, both, static_cast<KeId>(999), KePolicy::save_round_trip);
  EXPECT_TRUE(o.chosen && !o.fits);
  o = choice(Protocol::ike, {both, 1}, {both + 1, 1}, KeId::ecp_256, KePolicy::save_round_trip);
  EXPECT_FALSE(o.chosen);
}

TEST(ChooseWithKe, PfsForChildSas) {  // CORE-72, RFC 7296 §1.3.1
  const Suite none[] = {esp(KeId::none)};
  const Suite pfs[] = {esp(KeId::curve25519)};
  const Suite either[] = {esp(KeId::curve25519), esp(KeId::none)};
  const auto both_policies = [](std::span<const Suite> offer, std::span<const Suite> preference,
                                KeId sent, bool chosen, bool fits, KeId ke) {
    for (const KePolicy policy : {KePolicy::strict, KePolicy::save_round_trip}) {
      const Outcome o = choice(Protocol::esp, offer, preference, sent, policy);
      EXPECT_EQ(o.chosen, chosen);
      if (!chosen) continue;
      EXPECT_EQ(o.fits, fits);
      EXPECT_EQ(o.ke, ke);
    }
  };
  both_policies(none, none, KeId::none, true, true, KeId::none);
  both_policies(pfs, pfs, KeId::curve25519, true, true, KeId::curve25519);
  both_policies(pfs, pfs, KeId::ecp_256, true, false, KeId::curve25519);
  both_policies(pfs, pfs, KeId::none, true, false, KeId::curve25519);
  both_policies(pfs, none, KeId::curve25519, false, false, KeId::none);
  both_policies(none, pfs, KeId::none, false, false, KeId::none);
  both_policies(either, none, KeId::curve25519, true, true, KeId::none);
  both_policies(either, either, KeId::curve25519, true, true, KeId::curve25519);
}

TEST(ChooseWithKe, IkeAuthIgnoresGroupsOfChildSas) {
  const Suite pfs = esp(KeId::curve25519), none = esp(KeId::none);
  Choice c;
  EXPECT_TRUE(choose(offered(Protocol::esp, {&pfs, 1}), Protocol::esp, {&none, 1}, c));
}

TEST(SaProtocol, IsThatOfTheFirstProposal) {
  EXPECT_EQ(sa_protocol(offered(Protocol::ike, {&kGcm256, 1})), Protocol::ike);
  EXPECT_EQ(sa_protocol(offered(Protocol::esp, {&kGcm256, 1})), Protocol::esp);
  EXPECT_EQ(sa_protocol({}), Protocol::none);
}

TEST(ReadChosen, ReadsEveryAnswer) {  // RFC 7296 §2.7
  for (const Suite& suite : default_ike_suites()) {
    Choice c;
    const Octets sa = offered(Protocol::ike, {&suite, 1});
    ASSERT_EQ(read_chosen(sa, Protocol::ike, c), ParseError::none);
    EXPECT_EQ(c.suite, suite);
    EXPECT_EQ(c.proposal_number, 1);
  }
  for (Suite suite : default_esp_suites()) {
    for (const KeId ke : {KeId::none, KeId::ecp_384}) {
      suite.ke = ke;
      Choice c;
      const Octets sa = offered(Protocol::esp, {&suite, 1});
      ASSERT_EQ(read_chosen(sa, Protocol::esp, c), ParseError::none);
      EXPECT_EQ(c.suite, suite);
      EXPECT_EQ(to_hex(c.spi), "abababab");
    }
  }
}

TEST(ReadChosen, WantsOneOfEach) {
  Choice c;
  const Suite two_proposals[] = {kGcm256, kCbc256};
  const Suite two_groups[] = {kGcm256, with(kGcm256, KeId::ecp_256)};
  const Suite without_ke = with(kGcm256, KeId::none);
  EXPECT_EQ(read_chosen(offered(Protocol::ike, two_proposals), Protocol::ike, c),
            ParseError::bad_proposal);
  EXPECT_EQ(read_chosen(offered(Protocol::ike, two_groups), Protocol::ike, c),
            ParseError::bad_proposal);
  EXPECT_EQ(read_chosen(offered(Protocol::ike, {&without_ke, 1}), Protocol::ike, c),
            ParseError::bad_proposal);
  EXPECT_EQ(read_chosen(offered(Protocol::esp, {&kGcm256, 1}), Protocol::ike, c),
            ParseError::bad_proposal);
  // ENCR twice, the second unknown: 24 octets behind the SPI.
  const char* kUnknownBesides =
      "000000300103040411223344"
      "0300000c01000014800e0100"
      "03000008010003e7"
      "0300000803000000"
      "0000000805000000";
  ASSERT_EQ(check_sa(from_hex(kUnknownBesides)), ParseError::none);
  EXPECT_EQ(read_chosen(from_hex(kUnknownBesides), Protocol::esp, c), ParseError::bad_proposal);
  // AES-GCM with an integrity algorithm.
  const char* kMixed =
      "000000280103040311223344"
      "0300000c01000014800e0100"
      "030000080300000c"
      "0000000805000000";
  ASSERT_EQ(check_sa(from_hex(kMixed)), ParseError::none);
  EXPECT_EQ(read_chosen(from_hex(kMixed), Protocol::esp, c), ParseError::bad_proposal);
}

}  // namespace
}  // namespace ike
