// The choice of a worker for message 1: stable, even, and not to be aimed at.
#include "dataplane/spread.h"

#include <gtest/gtest.h>

#include <array>

namespace dp {
namespace {

TEST(Message1Worker, IsStableAndSpreadsEvenly) {
  std::array<unsigned, 3> count{};
  for (unsigned i = 0; i < 3000; ++i) {
    const Path path{
        .source = {10, 0, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i)},
        .source_port = 500};
    const ike::Header header{.spi_i = ike::IkeSpi(i)};
    const unsigned worker = message1_worker(path, header, 42, 3);
    ASSERT_LT(worker, 3u);
    EXPECT_EQ(worker, message1_worker(path, header, 42, 3));
    ++count[worker];
  }
  for (const unsigned c : count) EXPECT_NEAR(c, 1000, 150);
}

TEST(Message1Worker, DependsOnTheSecret) {
  const Path path{.source = {10, 0, 0, 1}, .source_port = 500};
  unsigned same = 0;
  for (unsigned i = 0; i < 1000; ++i) {
    const ike::Header header{.spi_i = ike::IkeSpi(i)};
    same += message1_worker(path, header, 1, 4) == message1_worker(path, header, 2, 4);
  }
  EXPECT_NEAR(same, 250, 70);
}

}  // namespace
}  // namespace dp
