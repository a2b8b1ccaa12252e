// SessionTable: exhaustion and recovery, SPIs and tags, ageing, wiping, long identities.
#include "dataplane/session_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

namespace dp {
namespace {

constexpr std::uint8_t kOwner = 3;

class Table {
 public:
  explicit Table(const SessionTable::Limits& limits) {
    auto made = SessionTable::make(limits, kOwner, codec);
    EXPECT_TRUE(made.has_value());
    table = std::move(*made);
  }
  HalfOpen* open(std::uint64_t created_ms = 0) {
    HalfOpen* half = table->open_half(random);
    if (half != nullptr) half->created_ms = created_ms;
    return half;
  }
  std::uint32_t establish(HalfOpen& half) {
    const std::uint32_t slot = half.slot;
    table->establish(half);
    table->finish_half(half);
    return slot;
  }
  SessionTable::Found find(ike::IkeSpi spi) const { return table->find(codec.decode(spi)); }
  SessionTable* operator->() const { return table.get(); }

  SpiCodec codec{{1, 2, 3, 4, 5, 6, 7, 8}};
  crypto::Random random{1};
  std::unique_ptr<SessionTable> table;
};

template <class Octets>
bool all_zero(const Octets& octets) {
  return std::ranges::all_of(octets, [](std::uint8_t o) { return o == 0; });
}

TEST(SessionTable, FindsAHalfOpenAndThenTheSessionByTheSameSpi) {
  Table table({.sessions_max = 8, .half_open_max = 4});
  HalfOpen* half = table.open();
  ASSERT_NE(half, nullptr);
  const ike::IkeSpi spi = half->spi_r;
  half->spi_i = ike::IkeSpi(42);
  half->request_hash = 43;
  EXPECT_EQ(table.find(spi).state, SlotState::half_open);
  EXPECT_EQ(table.find(spi).slot, half->slot);
  EXPECT_EQ(&table->half_open(half->slot), half);
  EXPECT_EQ(table->half_open_count(), 1u);

  Session& session = table->establish(*half);
  EXPECT_EQ(half->spi_i, ike::IkeSpi(42)) << "the half-open record is valid until finish_half";
  EXPECT_EQ(session.spi_i, ike::IkeSpi(42));
  EXPECT_EQ(session.spi_r, spi);
  EXPECT_EQ(session.request_hash, 43u);
  EXPECT_EQ(session.next_message_id, 2u);
  EXPECT_EQ(session.spill, kNoIndex);
  const std::uint32_t slot = half->slot;
  table->finish_half(*half);
  EXPECT_EQ(table.find(spi).state, SlotState::established);
  EXPECT_EQ(&table->session(slot), &session);
  EXPECT_EQ(table->half_open_count(), 0u);
  EXPECT_EQ(table->established_count(), 1u);

  table->close(slot);
  EXPECT_EQ(table.find(spi).state, SlotState::free);
  EXPECT_EQ(table->state(slot), SlotState::free);
  EXPECT_EQ(table->established_count(), 0u);
}

TEST(SessionTable, FindsNothingForForeignOrImpossibleSpis) {
  Table table({.sessions_max = 8, .half_open_max = 4});
  const SpiParts parts = table.codec.decode(table.open()->spi_r);
  EXPECT_EQ(parts.owner, kOwner);
  EXPECT_EQ(table->find(parts).state, SlotState::half_open);
  EXPECT_EQ(table->find({kOwner + 1, parts.slot, parts.tag}).state, SlotState::free);
  EXPECT_EQ(table->find({kOwner, parts.slot, parts.tag ^ 1}).state, SlotState::free);
  EXPECT_EQ(table->find({kOwner, parts.slot + 1, parts.tag}).state, SlotState::free);
  EXPECT_EQ(table->find({kOwner, parts.slot + 1, 0}).state, SlotState::free) << "never used";
  EXPECT_EQ(table->find({kOwner, 7, 0}).state, SlotState::free);
  EXPECT_EQ(table->find({kOwner, 8, 0}).state, SlotState::free);
  EXPECT_EQ(table->find({kOwner, kSlotsMax - 1, 0}).state, SlotState::free);
  table->prefetch({kOwner, kSlotsMax - 1, 0});
}

TEST(SessionTable, GivesNoHalfOpenAboveItsLimitUntilOneEnds) {
  Table table({.sessions_max = 8, .half_open_max = 3});
  std::vector<HalfOpen*> open;
  for (int i = 0; i < 3; ++i) open.push_back(table.open());
  EXPECT_EQ(table.open(), nullptr);
  table->close_half(*open[1]);
  EXPECT_EQ(table.open(), open[1]) << "last freed, first used";
  EXPECT_EQ(table.open(), nullptr);
  table.establish(*open[0]);
  EXPECT_NE(table.open(), nullptr);
  EXPECT_EQ(table->half_open_count(), 3u);
}

TEST(SessionTable, GivesNoSlotAboveItsLimitUntilOneCloses) {
  Table table({.sessions_max = 4, .half_open_max = 8});
  for (std::uint32_t i = 0; i < 4; ++i) {
    HalfOpen* half = table.open();
    ASSERT_NE(half, nullptr);
    EXPECT_EQ(half->slot, i) << "slots never used are taken in order";
    if (i < 2) table.establish(*half);
  }
  EXPECT_EQ(table.open(), nullptr);
  EXPECT_EQ(table->half_open_count(), 2u) << "a refused open_half takes no half-open record";
  table->close(1);
  table->close(0);
  EXPECT_EQ(table.open()->slot, 0u) << "last freed, first used";
  EXPECT_EQ(table.open()->slot, 1u);
  EXPECT_EQ(table.open(), nullptr);
}

TEST(SessionTable, RunsThroughManyMoreSessionsThanItHolds) {
  Table table({.sessions_max = 4, .half_open_max = 2});
  std::set<std::uint64_t> spis;
  for (int i = 0; i < 1000; ++i) {
    HalfOpen* half = table.open();
    ASSERT_NE(half, nullptr);
    EXPECT_NE(half->spi_r.value(), 0u);
    EXPECT_TRUE(spis.insert(half->spi_r.value()).second);
    if (i % 3 == 0) {
      table->close_half(*half);
    } else {
      table->close(table.establish(*half));
    }
  }
  EXPECT_EQ(table->half_open_count(), 0u);
  EXPECT_EQ(table->established_count(), 0u);
}

// A generator that gives the same tag again, and the table draws once more.
TEST(SessionTable, NeverReusesTheTagOfTheSessionBefore) {
  Table table({.sessions_max = 1, .half_open_max = 1});
  ike::IkeSpi last(0);
  for (int i = 0; i < 3; ++i) {
    crypto::Random same(5);
    HalfOpen* half = table->open_half(same);
    EXPECT_NE(half->spi_r, last);
    EXPECT_EQ(table.find(last).state, SlotState::free);
    last = half->spi_r;
    table->close_half(*half);
    EXPECT_EQ(table.find(last).state, SlotState::free);
    EXPECT_EQ(table.find(last).slot, kNoIndex);
  }
}

TEST(SessionTable, AgesHalfOpensInCreationOrder) {
  Table table({.sessions_max = 8, .half_open_max = 8});
  EXPECT_EQ(table->expired_half(1000), nullptr);
  HalfOpen* first = table.open(100);
  HalfOpen* second = table.open(200);
  HalfOpen* third = table.open(300);
  EXPECT_EQ(table->expired_half(100), nullptr) << "at its limit";
  EXPECT_EQ(table->expired_half(101), first) << "one beyond";
  EXPECT_EQ(table->expired_half(5000), first);
  table->close_half(*first);
  EXPECT_EQ(table->expired_half(5000), second);
  table->close_half(*second);
  EXPECT_EQ(table->expired_half(301), third);
  table->close_half(*third);
  EXPECT_EQ(table->expired_half(5000), nullptr);
}

TEST(SessionTable, NeverAgesAHalfOpenThatEndedBefore) {
  Table table({.sessions_max = 8, .half_open_max = 8});
  HalfOpen* first = table.open(100);
  HalfOpen* second = table.open(200);
  HalfOpen* third = table.open(300);
  table.establish(*second);  // from the middle
  EXPECT_EQ(table->expired_half(5000), first);
  table.establish(*first);  // the oldest
  EXPECT_EQ(table->expired_half(5000), third);
  // The freed records are used again: they are the newest although their places are the oldest.
  HalfOpen* again = table.open(400);
  EXPECT_EQ(again, first);
  EXPECT_EQ(table->expired_half(5000), third);
  table->close_half(*third);
  EXPECT_EQ(table->expired_half(400), nullptr);
  EXPECT_EQ(table->expired_half(401), again);
  table->close_half(*again);  // the newest and the oldest
  EXPECT_EQ(table->expired_half(5000), nullptr);
}

TEST(SessionTable, WipesAHalfOpenThatEnds) {
  Table table({.sessions_max = 2, .half_open_max = 1});
  for (const bool established : {false, true}) {
    HalfOpen* half = table.open();
    half->ticket.suite.prf = ike::PrfId::hmac_sha2_512;
    half->keymat.fill(0xaa);
    half->state.fill(0xaa);
    half->message1.fill(0xaa);
    half->message2.fill(0xaa);
    half->nonce_r.fill(0xaa);
    half->state_len = ike::kTicketStateMax;
    half->message1_len = kMessage1Max;
    half->message2_len = kMessage2Max;
    half->nonce_i_len = ike::kNonceLenMax;
    const std::size_t keys = ike::ike_keymat_len(half->ticket.suite);
    if (established) {
      table.establish(*half);
    } else {
      table->close_half(*half);
    }
    EXPECT_TRUE(all_zero(crypto::Bytes(half->keymat).first(keys)));
    EXPECT_TRUE(all_zero(half->state));
    EXPECT_TRUE(all_zero(half->message1));
    EXPECT_TRUE(all_zero(half->message2));
    EXPECT_TRUE(all_zero(half->nonce_r));
    EXPECT_EQ(half->spi_r.value(), 0u);
  }
}

// A new record costs a few cache lines, not 4 KiB.
TEST(SessionTable, LeavesTheArraysOfANewRecordUntouched) {
  Table table({.sessions_max = 2, .half_open_max = 1});
  HalfOpen* half = table.open();
  table->close_half(*half);
  half->message1[9] = 0x5a;  // as if something stood there
  half->keymat[0] = 0x5a;
  EXPECT_EQ(table.open(), half);
  EXPECT_EQ(half->message1[9], 0x5a);
  EXPECT_EQ(half->keymat[0], 0x5a);
  EXPECT_EQ(half->message1_len, 0u);
  EXPECT_FALSE(half->keys_derived);
}

TEST(SessionTable, WipesASessionThatCloses) {
  Table table({.sessions_max = 1, .half_open_max = 1});
  const std::uint32_t slot = table.establish(*table.open());
  Session& session = table->session(slot);
  session.suite = {ike::EncrId::aes_cbc,      256,
                   ike::PrfId::hmac_sha2_512, ike::IntegId::hmac_sha2_512_256,
                   ike::KeId::none,           false};
  const std::size_t keys = 64 + 2 * 64 + 2 * 32;
  session.id_i_len = 200;
  session.response_len = static_cast<std::uint16_t>(Session::kBlobLen - keys - 200);
  session.blob.fill(0xaa);
  session.peer.fill(0xaa);
  table->close(slot);
  EXPECT_TRUE(all_zero(session.blob));
  EXPECT_TRUE(all_zero(session.peer));
}

TEST(SessionTable, MovesALongBlobToASpillRecord) {
  Table table({.sessions_max = 2, .half_open_max = 2, .spill_max = 1});
  Session& first = table->session(table.establish(*table.open()));
  Session& second = table->session(table.establish(*table.open()));
  crypto::MutBytes octets = table->blob(first, Session::kBlobLen);
  ASSERT_EQ(octets.data(), first.blob.data());
  ASSERT_EQ(octets.size(), Session::kBlobLen);
  octets[0] = 0x11;
  octets[799] = 0x22;

  octets = table->blob(first, Session::kBlobLen + 1);
  ASSERT_EQ(octets.size(), kSpillLen);
  EXPECT_NE(octets.data(), first.blob.data());
  EXPECT_EQ(octets[0], 0x11);
  EXPECT_EQ(octets[799], 0x22);
  EXPECT_TRUE(all_zero(first.blob));
  EXPECT_EQ(table->blob(first, 1).data(), octets.data()) << "once spilled, it stays there";
  EXPECT_EQ(table->blob(first, kSpillLen).size(), kSpillLen);
  EXPECT_TRUE(table->blob(first, kSpillLen + 1).empty());

  EXPECT_TRUE(table->blob(second, Session::kBlobLen + 1).empty()) << "spill records exhausted";
  EXPECT_EQ(table->blob(second, 10).data(), second.blob.data());
  first.response_len = 1000;
  table->close(0);
  EXPECT_TRUE(all_zero(octets)) << "the spill record is wiped";
  EXPECT_EQ(table->blob(second, Session::kBlobLen + 1).data(), octets.data());
}

TEST(SessionTable, RefusesImpossibleLimits) {
  const SpiCodec codec({});
  for (const SessionTable::Limits& limits :
       {SessionTable::Limits{.sessions_max = 0, .half_open_max = 1},
        SessionTable::Limits{.sessions_max = kSlotsMax + 1, .half_open_max = 1},
        SessionTable::Limits{.sessions_max = 1, .half_open_max = 0},
        SessionTable::Limits{.sessions_max = 1, .half_open_max = kSlotsMax + 1}}) {
    const auto made = SessionTable::make(limits, kOwner, codec);
    ASSERT_FALSE(made.has_value());
    EXPECT_NE(made.error().text.find("must be 1 to"), std::string::npos);
  }
}

TEST(SessionTable, KeepsAResumedSessionWithinOneKibibyte) {
  Table table({.sessions_max = 1, .half_open_max = 1});
  EXPECT_LE(table->bytes_per_session(), 1024u);
}

TEST(SessionTableDeathTest, StopsAtOurOwnMistakes) {
  Table table({.sessions_max = 2, .half_open_max = 2});
  HalfOpen* half = table.open();
  EXPECT_DEATH(table->session(half->slot), "invariant broken");
  EXPECT_DEATH(table->finish_half(*half), "invariant broken");
  table->establish(*half);
  EXPECT_DEATH(table->close_half(*half), "invariant broken");
  EXPECT_DEATH(table->close(half->slot), "invariant broken") << "finish_half comes first";
  table->finish_half(*half);
  EXPECT_DEATH(table->half_open(0), "invariant broken");
  EXPECT_DEATH(table->session(1), "invariant broken");
}

// An adopted session is found by its SPI and has a Child SA, and nothing else is left of it.
TEST(SessionTable, AnAdoptedSessionKeepsItsSpisAndItsChild) {
  Table table({.sessions_max = 2, .half_open_max = 2, .spill_max = 1});
  HalfOpen* half = table.open();
  half->spi_i = ike::IkeSpi(42);
  half->request_hash = 43;
  const ike::IkeSpi spi = half->spi_r;
  const std::uint32_t slot = table.establish(*half);
  Session& session = table->session(slot);
  session.id_i_len = 600;
  session.response_len = 500;
  const crypto::MutBytes packed = table->blob(session, 1500);
  ASSERT_EQ(packed.size(), kSpillLen);
  std::ranges::fill(packed.first(1200), std::uint8_t{0xaa});

  table->adopt(slot);
  EXPECT_EQ(table.find(spi).state, SlotState::adopted);
  EXPECT_EQ(table->session(slot).spi_i, ike::IkeSpi(42));
  EXPECT_EQ(table->session(slot).spi_r, spi);
  EXPECT_EQ(table->session(slot).request_hash, 43u);
  EXPECT_EQ(table->session(slot).id_i_len + table->session(slot).response_len, 0);
  EXPECT_TRUE(all_zero(packed.first(1200)));
  EXPECT_EQ(table->established_count(), 0u);
  // Its spill record is another's now.
  HalfOpen* other = table.open();
  const std::uint32_t other_slot = table.establish(*other);
  EXPECT_EQ(table->blob(table->session(other_slot), 1500).size(), kSpillLen);

  table->close(slot);
  EXPECT_EQ(table.find(spi).state, SlotState::free);
  EXPECT_EQ(table->established_count(), 1u);
  EXPECT_NE(table.open(), nullptr);
}

}  // namespace
}  // namespace dp
