// Key exchange: both sides agree, published numbers hold, and bad public values are refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "crypto/key_exchange.h"
#include "tests/support/vectors.h"

namespace crypto {
namespace {

using support::from_hex;
using support::Octets;

constexpr std::array<const char*, kKeGroupCount> kNames = {
    "x25519", "p256", "p384", "p521", "modp2048", "modp3072", "modp4096", "ml_kem_768"};
constexpr std::array kCurves = {KeGroup::p256, KeGroup::p384, KeGroup::p521};
constexpr std::array kModps = {KeGroup::modp2048, KeGroup::modp3072, KeGroup::modp4096};

KeGroup group_of(const std::string& name) {
  return static_cast<KeGroup>(std::ranges::find(kNames, name) - kNames.begin());
}
std::vector<KeGroup> available_groups() {
  std::vector<KeGroup> groups;
  for (unsigned i = 0; i < kKeGroupCount; ++i)
    if (is_available(static_cast<KeGroup>(i))) groups.push_back(static_cast<KeGroup>(i));
  return groups;
}
Octets octets(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

// Does `peer` get refused by both sides, and leave nothing behind?
bool refuses(KeGroup group, const Octets& peer) {
  const auto own = KeyExchange::make(group);
  const Octets zeroes(kKeSharedMax, 0);
  Octets secret = zeroes;
  std::fill_n(secret.begin(), ke_shared_len(group), std::uint8_t{0xee});
  if (own->derive(peer, secret) || secret != zeroes) return false;
  Octets answer(3, 1);
  return !KeyExchange::respond(group, peer, answer, secret) && answer.empty() && secret == zeroes;
}

TEST(OsslKeyExchange, HasTheLengthsOfTheRfcs) {
  // RFC 5903 §7: x | y; RFC 7296 §3.4: the length of the prime.
  static_assert(ke_public_len(KeGroup::p521) == 132 && ke_shared_len(KeGroup::p521) == 66);
  static_assert(ke_public_len(KeGroup::modp4096) == 512);
  static_assert(ke_public_len(KeGroup::ml_kem_768) == kKePublicMax);
  for (unsigned i = 0; i < kKeGroupCount; ++i) {
    const auto group = static_cast<KeGroup>(i);
    EXPECT_LE(ke_public_len(group), kKePublicMax);
    EXPECT_LE(ke_answer_len(group), kKePublicMax);
    EXPECT_LE(ke_shared_len(group), kKeSharedMax);
  }
}

TEST(OsslKeyExchange, LacksAtMostMlKem) {
  for (unsigned i = 0; i + 1 < kKeGroupCount; ++i)
    EXPECT_TRUE(is_available(static_cast<KeGroup>(i))) << kNames[i];
  const auto ml_kem = KeyExchange::make(KeGroup::ml_kem_768);
  EXPECT_EQ(ml_kem != nullptr, is_available(KeGroup::ml_kem_768));
  Octets answer;
  Octets secret(kKeSharedMax);
  if (ml_kem == nullptr) {
    EXPECT_FALSE(KeyExchange::respond(KeGroup::ml_kem_768, Octets(1184, 0), answer, secret));
  }
}

TEST(OsslKeyExchange, ReproducesPublishedNumbers) {
  // tests/vectors/ORIGIN.md: RFC 7748 §6.1, RFC 5114 and strongSwan's own for the MODP groups.
  const auto vectors = support::load_vectors("key-exchange.json");
  std::size_t count = 0;
  for (const auto& test : vectors.at("tests")) {
    const KeGroup group = group_of(support::text_at(test, "group"));
    SCOPED_TRACE(support::text_at(test, "name"));
    const Octets public_i = support::hex_at(test, "public_i");
    const Octets public_r = support::hex_at(test, "public_r");
    const Octets shared = support::hex_at(test, "shared");
    const auto initiator =
        KeyExchange::make_fixed(group, support::hex_at(test, "private_i"), public_i);
    const auto responder =
        KeyExchange::make_fixed(group, support::hex_at(test, "private_r"), public_r);
    EXPECT_EQ(octets(initiator->public_value()), public_i);
    Octets secret(ke_shared_len(group));
    ASSERT_TRUE(initiator->derive(public_r, secret));
    EXPECT_EQ(secret, shared);
    ASSERT_TRUE(responder->derive(public_i, secret));
    EXPECT_EQ(secret, shared);
    ++count;
  }
  EXPECT_EQ(count, 8u);
}

TEST(OsslKeyExchange, AgreesWithTheResponder) {
  for (const KeGroup group : available_groups()) {
    SCOPED_TRACE(kNames[static_cast<std::size_t>(group)]);
    for (int round = 0; round < 3; ++round) {
      const auto initiator = KeyExchange::make(group);
      ASSERT_EQ(initiator->public_value().size(), ke_public_len(group));
      Octets answer;
      Octets theirs(kKeSharedMax, 0xaa);
      Octets ours(kKeSharedMax, 0xaa);
      ASSERT_TRUE(KeyExchange::respond(group, initiator->public_value(), answer, theirs));
      ASSERT_EQ(answer.size(), ke_answer_len(group));
      ASSERT_TRUE(initiator->derive(answer, ours));
      EXPECT_EQ(ours, theirs);
      EXPECT_TRUE(std::ranges::all_of(Bytes(ours).subspan(ke_shared_len(group)),
                                      [](std::uint8_t octet) { return octet == 0xaa; }));
    }
  }
}

TEST(OsslKeyExchange, DrawsANewPairEachTime) {
  for (const KeGroup group : available_groups()) {
    const auto a = KeyExchange::make(group);
    const auto b = KeyExchange::make(group);
    EXPECT_NE(octets(a->public_value()), octets(b->public_value()));
  }
}

TEST(OsslKeyExchange, RefusesAnotherLength) {
  for (const KeGroup group : available_groups()) {
    SCOPED_TRACE(kNames[static_cast<std::size_t>(group)]);
    const auto peer = KeyExchange::make(group);
    Octets value = octets(peer->public_value());
    value.push_back(0);
    EXPECT_TRUE(refuses(group, value));
    value.resize(value.size() - 2);
    EXPECT_TRUE(refuses(group, value));
    EXPECT_TRUE(refuses(group, {}));
  }
}

TEST(OsslKeyExchange, RefusesX25519SecretsOfZeroes) {
  // RFC 7748 §6.1: points of small order; the last has the ignored top bit set.
  for (const char* point : {"0000000000000000000000000000000000000000000000000000000000000000",
                            "0100000000000000000000000000000000000000000000000000000000000000",
                            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                            "0000000000000000000000000000000000000000000000000000000000000080"})
    EXPECT_TRUE(refuses(KeGroup::x25519, from_hex(point))) << point;
}

TEST(OsslKeyExchange, RefusesPointsThatAreNotOnTheCurve) {
  // RFC 6989 §2.3; (0, 0) also stands for how some write the identity.
  for (const KeGroup group : kCurves) {
    SCOPED_TRACE(kNames[static_cast<std::size_t>(group)]);
    Octets point = octets(KeyExchange::make(group)->public_value());
    point.back() ^= 1;
    EXPECT_TRUE(refuses(group, point));
    EXPECT_TRUE(refuses(group, Octets(ke_public_len(group), 0)));
    EXPECT_TRUE(refuses(group, Octets(ke_public_len(group), 0xff)));
  }
}

TEST(OsslKeyExchange, RefusesMlKemKeysThatAreNotReduced) {
  // FIPS 203 §7.2: every coefficient of an encapsulation key is below 3329.
  if (!is_available(KeGroup::ml_kem_768)) return;
  Octets answer(1);
  Octets secret(kKeSharedMax);
  EXPECT_FALSE(KeyExchange::respond(KeGroup::ml_kem_768, Octets(1184, 0xff), answer, secret));
  EXPECT_TRUE(answer.empty());
}

TEST(OsslKeyExchange, ServesTheNextPeerAfterARefusal) {
  for (const KeGroup group : available_groups()) {
    SCOPED_TRACE(kNames[static_cast<std::size_t>(group)]);
    const auto own = KeyExchange::make(group);
    EXPECT_TRUE(refuses(group, Octets(1, 0)));
    if (group != KeGroup::ml_kem_768) {
      EXPECT_TRUE(refuses(group, Octets(ke_public_len(group), 0)));
    }
    Octets answer;
    Octets theirs(kKeSharedMax);
    Octets ours(kKeSharedMax);
    ASSERT_TRUE(KeyExchange::respond(group, own->public_value(), answer, theirs));
    ASSERT_TRUE(own->derive(answer, ours));
    EXPECT_EQ(ours, theirs);
  }
}

// A value of a MODP group, from its last octet and from octets that stand for the rest.
Octets modp_value(KeGroup group, std::uint8_t rest, std::uint8_t last) {
  Octets value(ke_public_len(group), rest);
  value.back() = last;
  return value;
}

TEST(OsslKeyExchange, RefusesModpValuesOutsideTheRange) {
  // RFC 6989 §2.1: 1 < y < p - 1. The primes of RFC 3526 begin and end with 64 ones.
  for (const KeGroup group : kModps) {
    SCOPED_TRACE(kNames[static_cast<std::size_t>(group)]);
    EXPECT_TRUE(refuses(group, modp_value(group, 0, 0)));
    EXPECT_TRUE(refuses(group, modp_value(group, 0, 1)));
    EXPECT_TRUE(refuses(group, modp_value(group, 0xff, 0xff)));
    Octets secret(kKeSharedMax);
    EXPECT_TRUE(KeyExchange::make(group)->derive(modp_value(group, 0, 2), secret));
  }
}

TEST(OsslKeyExchange, PadsModpSecretsToTheLengthOfThePrime) {
  // RFC 7296 §2.14. With a private key of 1 the secret is the peer's value.
  for (const KeGroup group : kModps) {
    const auto own = KeyExchange::make_fixed(group, Octets{1}, modp_value(group, 0, 2));
    const Octets peer = modp_value(group, 0, 5);
    Octets secret(ke_shared_len(group), 0xee);
    ASSERT_TRUE(own->derive(peer, secret));
    EXPECT_EQ(secret, peer);
  }
}

TEST(OsslKeyExchange, KnowsTheLastModpValue) {
  // RFC 6989 §2.1 at its edge: p - 2 is right, p - 1 and p are not. The prime is RFC 3526 §3.
  Octets prime = from_hex(
      "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a0879"
      "8e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b"
      "0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da4836"
      "1c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804"
      "f1746c08ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6"
      "955817183995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff");
  ASSERT_EQ(prime.size(), ke_public_len(KeGroup::modp2048));
  EXPECT_TRUE(refuses(KeGroup::modp2048, prime));
  prime.back() = 0xfe;
  EXPECT_TRUE(refuses(KeGroup::modp2048, prime));
  prime.back() = 0xfd;
  Octets secret(kKeSharedMax);
  EXPECT_TRUE(KeyExchange::make(KeGroup::modp2048)->derive(prime, secret));
}

}  // namespace
}  // namespace crypto
