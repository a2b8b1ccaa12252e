// Arenas: zeroed, aligned, writable to the last octet, moved and not copied.
#include "dataplane/arena.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

namespace dp {
namespace {

std::span<std::uint8_t> octets(const Arena& a) {
  return {static_cast<std::uint8_t*>(a.data()), a.size()};
}

TEST(Arena, IsZeroedAndWritable) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{4096}, std::size_t{5} << 20}) {
    auto arena = Arena::map(size, "test table");
    ASSERT_TRUE(arena) << arena.error().text;
    EXPECT_EQ(arena->size(), size);
    EXPECT_TRUE(std::ranges::all_of(octets(*arena), [](std::uint8_t o) { return o == 0; }));
    std::ranges::fill(octets(*arena), std::uint8_t{0xff});
    const std::uintptr_t alignment = size >= (2u << 20) ? 2u << 20 : 4096u;
    EXPECT_EQ(std::bit_cast<std::uintptr_t>(arena->data()) % alignment, 0u);
  }
}

TEST(Arena, MovesWithoutTheOldOneOwningIt) {
  auto made = Arena::map(100, "test table");
  ASSERT_TRUE(made);
  void* data = made->data();
  Arena a = std::move(*made);
  EXPECT_EQ(made->data(), nullptr);
  EXPECT_EQ(made->size(), 0u);
  Arena b;
  b = std::move(a);
  EXPECT_EQ(a.data(), nullptr);
  EXPECT_EQ(a.size(), 0u);
  EXPECT_EQ(b.data(), data);
  octets(b)[99] = 1;
}

TEST(Arena, NamesTheTableThatDoesNotFit) {
  const auto arena = Arena::map(std::size_t{1} << 62, "session table");
  ASSERT_FALSE(arena);
  EXPECT_NE(arena.error().text.find("session table"), std::string::npos) << arena.error().text;
  EXPECT_FALSE(Arena::map(0, "empty table"));
}

}  // namespace
}  // namespace dp
