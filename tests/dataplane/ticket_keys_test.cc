// TicketKeys: keys of issuers are kept once a tag verified under them, candidates are budgeted, and
// forged issuers push nothing out.
#include "dataplane/ticket_keys.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>

#include "ike/ticket.h"

namespace dp {
namespace {

using ike::IssuerId;

// Counts the key schedules that are made.
class CountingEngine final : public crypto::Engine {
 public:
  const char* name() const override { return "counting"; }
  void expand(crypto::Aead alg, std::span<const crypto::ExpandLane> lanes) override {
    expanded += lanes.size();
    real_->expand(alg, lanes);
  }
  void open(crypto::Aead alg, std::span<crypto::AeadLane> lanes) override {
    real_->open(alg, lanes);
  }
  void seal(crypto::Aead alg, std::span<crypto::AeadLane> lanes) override {
    real_->seal(alg, lanes);
  }
  void prepare(crypto::Prf alg, std::span<const crypto::PrfKeyLane> lanes) override {
    real_->prepare(alg, lanes);
  }
  void mac(crypto::Prf alg, std::span<const crypto::MacLane> lanes) override {
    real_->mac(alg, lanes);
  }
  void sha1(std::span<const crypto::Sha1Lane> lanes) override { real_->sha1(lanes); }
  void cbc_encrypt(crypto::Bytes, const std::uint8_t*, crypto::Bytes, std::uint8_t*) override {}
  void cbc_decrypt(crypto::Bytes, const std::uint8_t*, crypto::Bytes, std::uint8_t*) override {}
  std::size_t expanded = 0;

 private:
  std::unique_ptr<crypto::Engine> real_ = crypto::make_ossl_engine();
};

struct Fixture {
  explicit Fixture(std::uint32_t budget = 1000)
      : keys(std::make_unique<TicketKeys>(engine, budget)) {
    begin();
  }
  void begin(std::uint64_t ms = 5000) { keys->begin_burst(&snapshot, {.ms = ms}); }
  const crypto::ExpandedKey* find(std::uint64_t issuer) {
    return keys->find(ring.current(), IssuerId(issuer));
  }
  void confirm(std::uint64_t issuer) { keys->confirm(ring.current(), IssuerId(issuer)); }
  // Whether a lookup finds a kept key: it costs no key schedule.
  bool is_kept(std::uint64_t issuer) {
    begin();
    const std::size_t before = engine.expanded;
    return find(issuer) != nullptr && engine.expanded == before;
  }

  CountingEngine engine;
  crypto::Keyring ring = crypto::Keyring::create(0);
  crypto::KeyringSnapshot snapshot = ring.snapshot();
  std::unique_ptr<TicketKeys> keys;
};

// The key is the one that seals: a ticket of the issuer opens under it.
TEST(TicketKeys, DerivesTheIssuersKey) {
  Fixture f;
  ike::TicketState state;
  const std::uint8_t sk_d[32] = {1};
  const std::uint8_t id[8] = {2, 0, 0, 0, 'a'};
  state.sk_d = sk_d;
  state.id_i = state.id_r = id;
  std::uint8_t ticket[512];
  const auto len = ike::seal_ticket(f.engine, f.ring.current(), IssuerId(42), ike::TicketSerial(7),
                                    state, ticket);
  ASSERT_NE(len, 0u);
  const auto opens = [&](std::uint64_t issuer) {
    std::uint8_t nonce[12], text[512], tag[16];
    ike::write_ticket_nonce(ike::TicketSerial(7), nonce);
    std::copy_n(ticket + len - 16, 16, tag);
    crypto::AeadLane lane{.key = f.find(issuer),
                          .nonce = nonce,
                          .aad = {ticket, ike::kTicketHeaderLen},
                          .in = ticket + ike::kTicketHeaderLen,
                          .len = static_cast<std::uint32_t>(len - ike::kTicketOverhead),
                          .out = text,
                          .tag = tag};
    f.engine.open(crypto::Aead::aes256_gcm, {&lane, 1});
    return lane.ok;
  };
  EXPECT_TRUE(opens(42));
  EXPECT_FALSE(opens(43));
  f.confirm(42);
  f.begin();
  EXPECT_TRUE(opens(42));
}

TEST(TicketKeys, KeepsWhatVerified) {
  Fixture f;
  EXPECT_FALSE(f.is_kept(1));
  f.confirm(1);
  EXPECT_TRUE(f.is_kept(1));
  EXPECT_FALSE(f.is_kept(2));
}

// A candidate lives for its burst and is shared by the lanes of it.
TEST(TicketKeys, CandidatesAreSharedWithinABurst) {
  Fixture f;
  const crypto::ExpandedKey* key = f.find(9);
  EXPECT_EQ(f.find(9), key);
  EXPECT_EQ(f.engine.expanded, 1u);
  f.begin();
  f.find(9);
  EXPECT_EQ(f.engine.expanded, 2u);
}

TEST(TicketKeys, ABurstHasFewCandidates) {
  Fixture f;
  unsigned found = 0;
  for (std::uint64_t issuer = 1; issuer <= 32; ++issuer) found += f.find(issuer) != nullptr ? 1 : 0;
  EXPECT_EQ(found, 4u);
  f.begin();
  EXPECT_NE(f.find(32), nullptr);
}

TEST(TicketKeys, NewIssuersAreBudgetedBySecond) {
  Fixture f(10);
  const auto served = [&](std::uint64_t ms) {
    unsigned n = 0;
    for (std::uint64_t issuer = 1; issuer <= 50; ++issuer) {
      f.begin(ms);
      n += f.find(1000 + issuer) != nullptr ? 1 : 0;
    }
    return n;
  };
  EXPECT_EQ(served(7000), 10u);
  EXPECT_EQ(served(7999), 0u);
  EXPECT_EQ(served(8000), 10u);
  // Kept keys cost no budget.
  f.confirm(5);
  f.begin(8001);
  EXPECT_NE(f.find(5), nullptr);
}

// Ten thousand forged issuers, none of which verifies: the kept keys stay.
TEST(TicketKeys, ForgedIssuersPushNothingOut) {
  Fixture f(1'000'000);
  for (std::uint64_t issuer = 1; issuer <= 64; ++issuer) f.confirm(issuer);
  std::set<std::uint64_t> kept;
  for (std::uint64_t issuer = 1; issuer <= 64; ++issuer)
    if (f.is_kept(issuer)) kept.insert(issuer);
  EXPECT_EQ(kept.size(), 64u);
  for (std::uint64_t issuer = 1000; issuer < 11'000; ++issuer) {
    f.begin();
    f.find(issuer);
  }
  for (const std::uint64_t issuer : kept) EXPECT_TRUE(f.is_kept(issuer)) << issuer;
}

// More genuine issuers than places: the newest are kept and nobody is refused.
TEST(TicketKeys, AFullSetGivesWay) {
  Fixture f;
  for (std::uint64_t issuer = 1; issuer <= 500; ++issuer) {
    f.confirm(issuer);
    EXPECT_TRUE(f.is_kept(issuer)) << issuer;
  }
}

// A key that was rotated out or revoked does not live on here.
TEST(TicketKeys, ANewKeyringForgetsEverything) {
  Fixture f;
  f.confirm(1);
  ASSERT_TRUE(f.is_kept(1));
  const crypto::KeyringSnapshot next = f.ring.snapshot();
  const std::size_t before = f.engine.expanded;
  f.keys->begin_burst(&next, {.ms = 5000});
  EXPECT_NE(f.find(1), nullptr);
  EXPECT_EQ(f.engine.expanded, before + 1);
}

// Two ticket keys of one issuer are two keys.
TEST(TicketKeys, TheKeyIdIsPartOfTheName) {
  Fixture f;
  f.confirm(1);
  const crypto::TicketKey& other =
      f.ring.keys()[0].id == f.ring.current().id ? f.ring.keys()[1] : f.ring.keys()[0];
  f.begin();
  const std::size_t before = f.engine.expanded;
  EXPECT_NE(f.keys->find(other, IssuerId(1)), nullptr);
  EXPECT_EQ(f.engine.expanded, before + 1);
}

}  // namespace
}  // namespace dp
