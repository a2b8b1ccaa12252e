// One writer at a time.
#include "controlplane/keyring_lock.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/controlplane/scratch_folder.h"

namespace cp {
namespace {

TEST(KeyringLock, SaysWhyItCannotBeTaken) {
  const auto lock = KeyringLock::take("/nonexistent/keyring");
  ASSERT_FALSE(lock);
  EXPECT_EQ(lock.error().text, "cannot lock /nonexistent/keyring.lock: No such file or directory");
}

TEST(KeyringLock, LetsTheSecondWriterWait) {
  const ScratchFolder folder;
  const std::string path = folder.file("keyring");
  std::atomic<bool> released = false;
  std::thread second;
  {
    const auto first = KeyringLock::take(path);
    ASSERT_TRUE(first);
    second = std::thread([&] {
      const auto lock = KeyringLock::take(path);
      EXPECT_TRUE(lock);
      EXPECT_TRUE(released);
    });
    released = true;
  }
  second.join();
}

TEST(KeyringLock, MovesWithItsOwner) {
  const ScratchFolder folder;
  auto first = KeyringLock::take(folder.file("keyring"));
  { const KeyringLock moved = std::move(*first); }
  EXPECT_TRUE(KeyringLock::take(folder.file("keyring")));
}

}  // namespace
}  // namespace cp
