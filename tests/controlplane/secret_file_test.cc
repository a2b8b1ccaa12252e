// A secret that outlives restarts.
#include "controlplane/secret_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/controlplane/scratch_folder.h"

namespace cp {
namespace {

TEST(KeptSecret, IsMadeOnceAndReadAgain) {
  const ScratchFolder folder;
  const auto first = load_or_make_secret(folder.file("qcd"), 32);
  ASSERT_TRUE(first);
  struct stat st{};
  ASSERT_EQ(::stat(folder.file("qcd").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  const auto again = load_or_make_secret(folder.file("qcd"), 32);
  ASSERT_TRUE(again);
  EXPECT_TRUE(crypto::ct_equal(first->reveal(), again->reveal()));
  const auto other = load_or_make_secret(folder.file("other"), 32);
  ASSERT_TRUE(other);
  EXPECT_FALSE(crypto::ct_equal(first->reveal(), other->reveal()));
}

TEST(KeptSecret, IsRefusedWhenOthersCanReadIt) {
  const ScratchFolder folder;
  ASSERT_TRUE(load_or_make_secret(folder.file("qcd"), 32));
  ASSERT_EQ(::chmod(folder.file("qcd").c_str(), 0640), 0);
  const auto refused = load_or_make_secret(folder.file("qcd"), 32);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("chmod 600"), std::string::npos);
}

TEST(KeptSecret, IsRefusedWithAnotherLength) {
  const ScratchFolder folder;
  ASSERT_TRUE(load_or_make_secret(folder.file("qcd"), 16));
  const auto refused = load_or_make_secret(folder.file("qcd"), 32);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("must have 32 octets"), std::string::npos);
}

TEST(KeptSecret, SaysWhereItCannotBeWritten) {
  const auto refused = load_or_make_secret("/proc/none/qcd", 32);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("/proc/none/qcd"), std::string::npos);
}

}  // namespace
}  // namespace cp
