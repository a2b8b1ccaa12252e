// Tests of SA payloads: nested lengths, selection by preference, and the answer.
#include "ike/proposal.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

#include "ike/payload.h"
#include "tests/ike/messages.h"

namespace ike {
namespace {

struct Transform {
  unsigned type;
  unsigned id;
  std::string attributes;  // hex
};
struct Proposal {
  unsigned protocol = 3;
  std::string spi = "11223344";
  std::vector<Transform> transforms;
};

std::string hex(unsigned value, int digits) {
  std::string out;
  for (int i = digits - 1; i >= 0; --i) out += "0123456789abcdef"[(value >> (4 * i)) & 15];
  return out;
}

Octets sa_of(const std::vector<Proposal>& proposals) {
  std::string out;
  for (std::size_t i = 0; i < proposals.size(); ++i) {
    const Proposal& p = proposals[i];
    std::string transforms;
    for (std::size_t j = 0; j < p.transforms.size(); ++j) {
      const Transform& t = p.transforms[j];
      transforms += (j + 1 < p.transforms.size() ? "0300" : "0000") +
                    hex(static_cast<unsigned>(8 + t.attributes.size() / 2), 4) + hex(t.type, 2) +
                    "00" + hex(t.id, 4) + t.attributes;
    }
    out += (i + 1 < proposals.size() ? "0200" : "0000") +
           hex(static_cast<unsigned>(8 + p.spi.size() / 2 + transforms.size() / 2), 4) +
           hex(static_cast<unsigned>(i + 1), 2) + hex(p.protocol, 2) +
           hex(static_cast<unsigned>(p.spi.size() / 2), 2) +
           hex(static_cast<unsigned>(p.transforms.size()), 2) + p.spi + transforms;
  }
  return from_hex(out);
}

const Transform kGcm256{1, 20, "800e0100"};
const Transform kGcm128{1, 20, "800e0080"};
const Transform kCbc256{1, 12, "800e0100"};
const Transform kChaCha{1, 28, ""};
const Transform kSha256{3, 12, ""};
const Transform kEsn{5, 1, ""};
const Transform kNoEsn{5, 0, ""};

// `out` points into octets that live until the next call.
bool chosen(Octets sa, Choice& out, Protocol protocol = Protocol::esp) {
  static Octets kept;
  kept = std::move(sa);
  EXPECT_EQ(check_sa(kept), ParseError::none);
  return choose(kept, protocol,
                protocol == Protocol::ike ? default_ike_suites() : default_esp_suites(), out);
}
bool chosen(const std::vector<Transform>& transforms, Choice& out) {
  return chosen(sa_of({{.transforms = transforms}}), out);
}

TEST(Proposal, ChoosesByLocalPreference) {  // RFC 7296 §2.7, CORE-21
  Choice c;
  ASSERT_TRUE(chosen(sa_of({{.transforms = {kCbc256, kSha256, kNoEsn}},
                            {.spi = "aabbccdd", .transforms = {kGcm128, kGcm256, kEsn, kNoEsn}}}),
                     c));
  EXPECT_EQ(c.proposal_number, 2);
  EXPECT_EQ(to_hex(c.spi), "aabbccdd");
  EXPECT_EQ(c.suite.encr, EncrId::aes_gcm_16);
  EXPECT_EQ(c.suite.key_bits, 256);
  EXPECT_TRUE(c.suite.esn);
}

TEST(Proposal, EarlierProposalStaysUnlessALaterOneIsLikedBetter) {
  Choice c;
  ASSERT_TRUE(chosen(sa_of({{.transforms = {kGcm256, kEsn}},
                            {.transforms = {kCbc256, kSha256, kNoEsn}},
                            {.transforms = {kGcm256, kEsn}}}),
                     c));
  EXPECT_EQ(c.proposal_number, 1);
  EXPECT_EQ(c.suite.encr, EncrId::aes_gcm_16);
}

TEST(Proposal, SkipsProposalsWithUnknownTransformTypes) {  // CORE-22, RFC 7296 §3.3.6
  Choice c;
  EXPECT_FALSE(chosen({kGcm256, kNoEsn, {77, 1, ""}}, c));
  EXPECT_FALSE(chosen({kGcm256, kNoEsn, {0, 1, ""}}, c));
  EXPECT_FALSE(chosen({kGcm256, kNoEsn, {13, 36, ""}}, c)) << "behind ADDKE7";
}

TEST(Proposal, SkipsSingleTransformsWithUnknownIds) {  // CORE-22
  Choice c;
  ASSERT_TRUE(chosen({{1, 999, "800e0100"}, kGcm256, kNoEsn, {5, 2, ""}}, c));
  EXPECT_EQ(c.suite.encr, EncrId::aes_gcm_16);
  EXPECT_FALSE(chosen({{1, 999, ""}, kNoEsn}, c));
  EXPECT_FALSE(chosen({kGcm256, {5, 64, ""}}, c)) << "id 64 must not alias id 0";
}

TEST(Proposal, WantsKeyLengthExactlyWhereItBelongs) {  // CORE-23, RFC 7296 §3.3.5
  Choice c;
  EXPECT_FALSE(chosen({{1, 20, ""}, kNoEsn}, c));
  EXPECT_FALSE(chosen({{1, 28, "800e0100"}, kNoEsn}, c));
  EXPECT_FALSE(chosen({{1, 20, "800e00c0"}, kNoEsn}, c)) << "192 bits";
  EXPECT_FALSE(chosen({{1, 20, "800e0000"}, kNoEsn}, c));
  EXPECT_FALSE(chosen({{1, 20, "800e0100800e0080"}, kNoEsn}, c)) << "two lengths";
  ASSERT_TRUE(chosen({kChaCha, kNoEsn}, c));
  EXPECT_EQ(c.suite.encr, EncrId::chacha20_poly1305);
}

TEST(Proposal, RefusesTransformsWithUnknownAttributes) {  // CORE-24
  Choice c;
  EXPECT_FALSE(chosen({{1, 20, "800e010080630001"}, kNoEsn}, c));
  EXPECT_FALSE(chosen({{1, 20, "0063000401020304"}, kNoEsn}, c));
  EXPECT_FALSE(chosen({{1, 20, "000e00020100"}, kNoEsn}, c)) << "Key Length in long form";
  EXPECT_FALSE(chosen({kGcm256, {5, 0, "800e0100"}}, c));
  EXPECT_FALSE(chosen({{1, 28, "80630001"}, kNoEsn}, c));
  EXPECT_FALSE(chosen({kGcm256, {5, 0, "80630001"}}, c));
}

TEST(Proposal, AeadGoesWithoutIntegrityOrWithNone) {  // CORE-25, RFC 5282 §8
  Choice c;
  EXPECT_TRUE(chosen({kGcm256, {3, 0, ""}, kNoEsn}, c));
  EXPECT_EQ(c.suite.integ, IntegId::none);
  EXPECT_FALSE(chosen({kGcm256, kSha256, kNoEsn}, c));
  ASSERT_TRUE(chosen({kGcm256, kCbc256, kSha256, kNoEsn}, c));
  EXPECT_EQ(c.suite.encr, EncrId::aes_cbc);
  EXPECT_FALSE(chosen({kCbc256, kNoEsn}, c));
  EXPECT_FALSE(chosen({kCbc256, {3, 0, ""}, kNoEsn}, c));
}

TEST(Proposal, EspNeedsSequenceNumbersAndAFourOctetSpi) {  // RFC 7296 §3.3.3
  Choice c;
  EXPECT_FALSE(chosen({kGcm256}, c));
  EXPECT_FALSE(chosen(sa_of({{.spi = "", .transforms = {kGcm256, kNoEsn}}}), c));
  EXPECT_FALSE(chosen(sa_of({{.spi = "1122334455667788", .transforms = {kGcm256, kNoEsn}}}), c));
  EXPECT_FALSE(chosen(sa_of({{.protocol = 2, .transforms = {kGcm256, kNoEsn}}}), c));
}

TEST(Proposal, IgnoresKeyExchangeForEsp) {
  Choice c;
  EXPECT_TRUE(chosen({kGcm256, {4, 31, ""}, kNoEsn}, c));
  EXPECT_FALSE(chosen({kGcm256, {2, 5, ""}, kNoEsn}, c)) << "a PRF has no place in ESP";
}

TEST(Proposal, ChoosesForIke) {
  const Transform prf{2, 5, ""};
  const Transform ke{4, 31, ""};
  Choice c;
  const auto ike = [&](std::vector<Transform> t, const char* spi = "") {
    return chosen(sa_of({{.protocol = 1, .spi = spi, .transforms = std::move(t)}}), c,
                  Protocol::ike);
  };
  ASSERT_TRUE(ike({kGcm256, prf, ke}));
  EXPECT_EQ(c.suite.ke, KeId::curve25519);
  EXPECT_EQ(c.suite.prf, PrfId::hmac_sha2_256);
  EXPECT_TRUE(ike({kGcm256, prf, ke}, "1122334455667788"));
  EXPECT_FALSE(ike({kGcm256, prf, ke}, "11223344"));
  EXPECT_FALSE(ike({kGcm256, ke}));
  EXPECT_FALSE(ike({kGcm256, prf}));
  EXPECT_FALSE(ike({kGcm256, prf, ke, kNoEsn}));
  EXPECT_FALSE(ike({kGcm256, prf, {4, 2, ""}})) << "CORE-102: MODP-1024";
}

TEST(Proposal, EveryTruncationAndWrongLengthIsRefused) {  // CORE-15
  const Octets good = sa_of({{.transforms = {kGcm256, kEsn}}, {.transforms = {kCbc256, kSha256}}});
  ASSERT_EQ(check_sa(good), ParseError::none);
  for (std::size_t len = 0; len < good.size(); ++len)
    EXPECT_EQ(check_sa(crypto::Bytes(good).first(len)), ParseError::bad_proposal) << len;
  Octets longer = good;
  longer.push_back(0);
  EXPECT_EQ(check_sa(longer), ParseError::bad_proposal);
  // Markers, lengths and counts: first proposal 0, 2, 3, 6, 7; first transform 12, 14, 15.
  for (const std::size_t at : {0u, 2u, 3u, 6u, 7u, 12u, 14u, 15u}) {
    for (const int delta : {-1, 1, 4, 64}) {
      Octets bad = good;
      bad[at] = static_cast<std::uint8_t>(bad[at] + delta);
      EXPECT_EQ(check_sa(bad), ParseError::bad_proposal) << at << " " << delta;
    }
  }
}

TEST(Proposal, MoreAndLastMarkersMustBeTrue) {  // RFC 7296 §3.3.1, §3.3.2
  const Octets good = sa_of({{.transforms = {kGcm256, kEsn}}, {.transforms = {kGcm256, kEsn}}});
  struct Change {
    std::size_t at;
    std::uint8_t value;
  };
  // Proposals at 0 and 32, transforms at 12, 24, 44 and 56.
  for (const Change& c :
       {Change{0, 0}, Change{32, 2}, Change{12, 0}, Change{24, 3}, Change{44, 0}, Change{56, 3}}) {
    Octets bad = good;
    ASSERT_NE(bad[c.at], c.value) << c.at;
    bad[c.at] = c.value;
    EXPECT_EQ(check_sa(bad), ParseError::bad_proposal) << c.at;
  }
}

TEST(Proposal, OctetsBehindTheLastTransformAreRefused) {
  Octets bad = sa_of({{.transforms = {kGcm256, kEsn}}});
  bad.insert(bad.end(), 4, std::uint8_t{0});
  bad[3] = static_cast<std::uint8_t>(bad[3] + 4);
  EXPECT_EQ(check_sa(bad), ParseError::bad_proposal);
}

TEST(Proposal, LimitsTheNumberOfProposals) {
  std::vector<Proposal> many(kProposalsMax, {.transforms = {kGcm256, kNoEsn}});
  EXPECT_EQ(check_sa(sa_of(many)), ParseError::none);
  many.push_back(many[0]);
  EXPECT_EQ(check_sa(sa_of(many)), ParseError::bad_proposal);
}

Octets written(Protocol protocol, const Suite& suite, const char* spi) {
  Octets buffer(256);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  write_sa(chain, protocol, 7, suite, from_hex(spi));
  EXPECT_TRUE(writer.ok());
  buffer.resize(writer.size());
  return {buffer.begin() + 4, buffer.end()};
}

TEST(Proposal, AnswerHoldsOneProposalThatWouldBeChosen) {  // CORE-21
  for (const Suite& suite : default_esp_suites()) {
    const Octets sa = written(Protocol::esp, suite, "0a0b0c0d");
    ASSERT_EQ(check_sa(sa), ParseError::none);
    Choice c;
    ASSERT_TRUE(choose(sa, Protocol::esp, {&suite, 1}, c));
    EXPECT_EQ(c.proposal_number, 7);
    EXPECT_EQ(to_hex(c.spi), "0a0b0c0d");
  }
  for (const Suite& suite : default_ike_suites()) {
    const Octets sa = written(Protocol::ike, suite, "");
    ASSERT_EQ(check_sa(sa), ParseError::none);
    Choice c;
    EXPECT_TRUE(choose(sa, Protocol::ike, {&suite, 1}, c));
  }
}

TEST(Proposal, DefaultsAreSupportedDifferentAndStrong) {  // CORE-102
  std::set<std::string> seen;
  for (const Suite& suite : default_esp_suites()) {
    EXPECT_TRUE(is_supported(suite));
    EXPECT_TRUE(seen.insert(to_hex(written(Protocol::esp, suite, "00000100"))).second);
  }
  for (const Suite& suite : default_ike_suites()) {
    EXPECT_TRUE(is_supported(suite));
    EXPECT_NE(suite.ke, KeId::none);
    EXPECT_TRUE(seen.insert(to_hex(written(Protocol::ike, suite, ""))).second);
  }
}

}  // namespace
}  // namespace ike
