// Arenas: zeroed, aligned, writable to the last octet, moved and not copied.
#include "dataplane/arena.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

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

std::ptrdiff_t resident_pages(const Arena& a) {
  std::vector<unsigned char> pages((a.size() + 4095) / 4096);
  EXPECT_EQ(mincore(a.data(), a.size(), pages.data()), 0);
  return std::ranges::count_if(pages, [](unsigned char page) { return (page & 1) != 0; });
}

TEST(Arena, TakesMemoryAsItIsTouchedWhenReserved) {
  const auto arena = Arena::reserve(std::size_t{64} << 20, "test table");
  ASSERT_TRUE(arena) << arena.error().text;
  EXPECT_EQ(resident_pages(*arena), 0);
  octets(*arena)[std::size_t{20} << 20] = 1;
  const std::ptrdiff_t touched = resident_pages(*arena);
  EXPECT_GE(touched, 1);
  EXPECT_LE(touched, 512) << "at most one huge page";
  const auto mapped = Arena::map(std::size_t{4} << 20, "test table");
  ASSERT_TRUE(mapped);
  EXPECT_EQ(resident_pages(*mapped), 1024);
}

// A second mapping of the same pages shows what the arena left in them when it let them go.
TEST(Arena, WipesWhatItHeld) {
  for (const std::size_t size : {std::size_t{5000}, std::size_t{3} << 20}) {
    // The larger one as it is touched.
    auto arena = size > 5000 ? Arena::reserve(size, "test table") : Arena::map(size, "test table");
    ASSERT_TRUE(arena);
    // A page of a file in memory takes the place of each of the arena's pages.
    const std::size_t len = (size + 4095) / 4096 * 4096;
    const int file = memfd_create("arena", MFD_CLOEXEC);
    ASSERT_EQ(ftruncate(file, static_cast<off_t>(len)), 0);
    ASSERT_EQ(mmap(arena->data(), len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0),
              arena->data());
    void* seen = mmap(nullptr, len, PROT_READ, MAP_SHARED, file, 0);
    ASSERT_NE(seen, MAP_FAILED);
    const std::span left(static_cast<const std::uint8_t*>(seen), len);
    std::ranges::fill(octets(*arena), std::uint8_t{0xaa});
    ASSERT_EQ(std::ranges::count(left, 0xaa), static_cast<std::ptrdiff_t>(size));
    {
      const Arena gone = std::move(*arena);
    }
    EXPECT_TRUE(std::ranges::all_of(left, [](std::uint8_t o) { return o == 0; }));
    EXPECT_EQ(munmap(seen, len), 0);
    close(file);
  }
}

TEST(Arena, NamesTheTableThatDoesNotFit) {
  const auto arena = Arena::map(std::size_t{1} << 62, "session table");
  ASSERT_FALSE(arena);
  EXPECT_NE(arena.error().text.find("session table"), std::string::npos) << arena.error().text;
  EXPECT_FALSE(Arena::map(0, "empty table"));
}

}  // namespace
}  // namespace dp
