// The keyring over time: rotation by a clock that the test holds, reloading, and failures.
#include "controlplane/ticket_keys.h"

#include <gtest/gtest.h>

#include "controlplane/keyring_lock.h"
#include "tests/controlplane/scratch_folder.h"

namespace cp {
namespace {

constexpr std::uint64_t kStart = 1'760'000'000;

class TicketKeysTest : public testing::Test {
 protected:
  TicketKeysTest() { EXPECT_TRUE(crypto::Keyring::create(kStart).save(path_)); }
  TicketKeys load(std::uint32_t rotate_every_s = 3600, std::uint32_t accept_s = 7200) {
    auto keys =
        TicketKeys::load({.path = path_, .rotate_every_s = rotate_every_s, .accept_s = accept_s});
    EXPECT_TRUE(keys);
    return std::move(*keys);
  }
  std::uint32_t current_in_file() const {
    return crypto::Keyring::load(path_).value().current().id.value();
  }
  static std::uint32_t current_of(const TicketKeys& keys) {
    return keys.keyring().current().id.value();
  }

  ScratchFolder folder_;
  std::string path_ = folder_.file("keyring");
};

TEST_F(TicketKeysTest, SaysHowToMakeAMissingKeyring) {
  const auto keys = TicketKeys::load({.path = folder_.file("none")});
  ASSERT_FALSE(keys);
  EXPECT_EQ(keys.error().text, "there is no keyring " + folder_.file("none") +
                                   ": make one with `resurge-keys create " + folder_.file("none") +
                                   "`");
}

TEST_F(TicketKeysTest, RotatesWhenThePeriodIsOverAndNotBefore) {
  TicketKeys keys = load();
  const std::uint32_t first = current_of(keys);
  EXPECT_FALSE(keys.rotate_if_due(kStart + 3599).value());
  EXPECT_EQ(current_of(keys), first);
  EXPECT_TRUE(keys.rotate_if_due(kStart + 3600).value());
  EXPECT_NE(current_of(keys), first);
  EXPECT_EQ(keys.rotated_s(), kStart + 3600);
  EXPECT_FALSE(keys.rotate_if_due(kStart + 3601).value());
}

TEST_F(TicketKeysTest, WritesTheFileWithTheRotation) {
  TicketKeys keys = load();
  ASSERT_TRUE(keys.rotate_if_due(kStart + 3600).value());
  EXPECT_EQ(current_in_file(), current_of(keys));
  EXPECT_FALSE(keys.reload().value()) << "its own writing is no change from outside";
}

TEST_F(TicketKeysTest, KeepsAReplacedKeyForTheLifetimeOfItsTickets) {
  TicketKeys keys = load();
  const crypto::TicketKeyId first = keys.keyring().current().id;
  ASSERT_TRUE(keys.rotate_if_due(kStart + 3600).value());
  const crypto::KeyringSnapshot snapshot = keys.keyring().snapshot();
  ASSERT_NE(snapshot.find(first), nullptr);
  EXPECT_EQ(snapshot.find(first)->retires_s, kStart + 3600 + 7200);
}

TEST_F(TicketKeysTest, RotatesOnceAfterALongStop) {
  TicketKeys keys = load();
  EXPECT_TRUE(keys.rotate_if_due(kStart + 1'000'000).value());
  EXPECT_FALSE(keys.rotate_if_due(kStart + 1'000'001).value());
}

TEST_F(TicketKeysTest, NeverRotatesWhenThePeriodIsZero) {
  TicketKeys keys = load(0);
  EXPECT_FALSE(keys.rotate_if_due(kStart + 1'000'000'000).value());
}

TEST_F(TicketKeysTest, CountsTheRotationOfAnOperator) {
  TicketKeys keys = load();
  auto other = crypto::Keyring::load(path_).value();
  other.rotate(kStart + 3000, 7200);
  ASSERT_TRUE(other.save(path_));
  // Due by what it remembers, but the file says that somebody was faster.
  EXPECT_TRUE(keys.rotate_if_due(kStart + 3600).value());
  EXPECT_EQ(current_of(keys), other.current().id.value());
  EXPECT_EQ(keys.rotated_s(), kStart + 3000);
}

TEST_F(TicketKeysTest, ReloadsOnlyAChangedFile) {
  TicketKeys keys = load();
  EXPECT_FALSE(keys.reload().value());
  auto other = crypto::Keyring::load(path_).value();
  other.rotate(kStart + 1, 7200);
  ASSERT_TRUE(other.save(path_));
  EXPECT_TRUE(keys.reload().value());
  EXPECT_EQ(current_of(keys), other.current().id.value());
}

TEST_F(TicketKeysTest, KeepsItsKeysWhenTheFileIsBroken) {
  TicketKeys keys = load();
  const std::uint32_t first = current_of(keys);
  folder_.write("keyring", "nonsense\n");
  EXPECT_FALSE(keys.reload());
  EXPECT_FALSE(keys.rotate_if_due(kStart + 3600));
  std::filesystem::remove(path_);
  EXPECT_FALSE(keys.reload());
  EXPECT_EQ(current_of(keys), first);
}

}  // namespace
}  // namespace cp
