// Scratch: aligned, bounded, wiped as a whole, and enough for a burst at its worst.
#include "dataplane/scratch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "crypto/engine.h"
#include "crypto/prf_plus.h"
#include "ike/ticket.h"

namespace dp {
namespace {

TEST(Scratch, PiecesAreAlignedAndApart) {
  const auto scratch = std::make_unique<Scratch>();
  std::uint8_t* last = nullptr;
  for (const std::size_t len : {1u, 63u, 64u, 65u, 3000u}) {
    std::uint8_t* piece = scratch->take(len);
    EXPECT_EQ(static_cast<std::size_t>(piece - scratch->take(0)) % 64, 0u);
    EXPECT_TRUE(last == nullptr || piece > last);
    std::fill_n(piece, len, std::uint8_t{0xaa});
    last = piece;
  }
}

TEST(Scratch, WipesWhatWasTaken) {
  const auto scratch = std::make_unique<Scratch>();
  std::uint8_t* first = scratch->take(1000);
  std::fill_n(first, 1000, std::uint8_t{0xaa});
  auto* keys = scratch->take_array<crypto::PrfKey>(3);
  std::fill_n(keys[2].storage(), crypto::PrfKey::kStorageLen, std::uint8_t{0xbb});
  scratch->wipe();
  EXPECT_EQ(scratch->take(1000), first);
  EXPECT_TRUE(std::all_of(first, first + 1000, [](std::uint8_t o) { return o == 0; }));
  EXPECT_EQ(keys[2].storage()[100], 0);
}

// What the stages take for a lane, at the largest: open_tickets and accept_tickets, or derive_keys,
// open_auth with joined fragments, verify_auth and establish with a new ticket.
TEST(Scratch, SufficesForABurstAtItsWorst) {
  const auto scratch = std::make_unique<Scratch>();
  constexpr std::size_t kSeed = crypto::kPrfLenMax + ike::kNonceLenMax + ike::kNonceLen + 16 + 1;
  for (unsigned lane = 0; lane < 32; ++lane) {
    scratch->take(10 + ike::kNonceLenMax + ike::kNonceLen);
    scratch->take(crypto::kPrfLenMax);
    scratch->take(kSeed);
    scratch->take(kSeed);
    scratch->take(ike::kMessageLenMax);
    scratch->take(3072);
    scratch->take(ike::kTicketLenMax);
  }
  scratch->take_array<crypto::PrfKey>(32 * 5);
}

TEST(ScratchDeathTest, RunningOutIsOurMistake) {
  const auto scratch = std::make_unique<Scratch>();
  scratch->take(Scratch::kLen);
  EXPECT_DEATH(scratch->take(1), "");
}

}  // namespace
}  // namespace dp
