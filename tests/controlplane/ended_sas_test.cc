// SAs that ended with an answer.
#include "controlplane/ended_sas.h"

#include <gtest/gtest.h>

namespace cp {
namespace {

std::unique_ptr<IkeSa> sa_of(std::uint64_t spi) {
  auto sa = std::make_unique<IkeSa>();
  sa->spi_r = ike::IkeSpi(spi);
  sa->handshake = std::make_unique<Handshake>();
  return sa;
}

TEST(EndedSas, KeepsAnSaForItsTime) {
  EndedSas ended;
  ended.keep(sa_of(1), 1000);
  ASSERT_NE(ended.find(ike::IkeSpi(1)), nullptr);
  EXPECT_EQ(ended.find(ike::IkeSpi(1))->handshake, nullptr);
  EXPECT_EQ(ended.find(ike::IkeSpi(2)), nullptr);
  EXPECT_EQ(ended.take_old(1000 + kEndedMs - 1), nullptr);
  EXPECT_NE(ended.take_old(1000 + kEndedMs), nullptr);
  EXPECT_EQ(ended.find(ike::IkeSpi(1)), nullptr);
  EXPECT_EQ(ended.take_old(~std::uint64_t{0}), nullptr);
}

TEST(EndedSas, GivesUpTheOldestWhenThereAreTooMany) {
  EndedSas ended;
  for (std::uint64_t spi = 1; spi <= kEndedMax; ++spi) ended.keep(sa_of(spi), 0);
  EXPECT_EQ(ended.take_old(0), nullptr);
  ended.keep(sa_of(kEndedMax + 1), 0);
  const auto old = ended.take_old(0);
  ASSERT_NE(old, nullptr);
  EXPECT_EQ(old->spi_r.value(), 1u);
  EXPECT_EQ(ended.take_old(0), nullptr);
  EXPECT_EQ(ended.size(), kEndedMax);
}

}  // namespace
}  // namespace cp
