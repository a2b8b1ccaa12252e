// The state directory: refused when it is not its owner's alone; files replace others whole.
#include "dataplane/state_dir.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace dp {
namespace {

class StateDirTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "state-dir-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string read(const std::string& name) const {
    std::ifstream in(dir_ + "/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::string dir_;
};

TEST_F(StateDirTest, MakesADirectoryForItsOwnerAlone) {
  const std::string inner = dir_ + "/state";
  ASSERT_TRUE(check_state_dir(inner));
  struct stat st;
  ASSERT_EQ(stat(inner.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0700u);
  for (const mode_t mode : {0720u, 0702u, 0777u}) {
    ASSERT_EQ(chmod(inner.c_str(), mode), 0);
    EXPECT_NE(check_state_dir(inner).error().text.find("chmod 700"), std::string::npos);
  }
  std::ofstream(dir_ + "/plain") << "x";
  EXPECT_NE(check_state_dir(dir_ + "/plain").error().text.find("is a file"), std::string::npos);
  EXPECT_FALSE(check_state_dir(dir_ + "/no/parent"));
}

TEST_F(StateDirTest, ReplacesAFileWhole) {
  ASSERT_TRUE(write_whole(dir_, "name", "one"));
  ASSERT_TRUE(write_whole(dir_, "name", "two"));
  EXPECT_EQ(read("name"), "two");
  struct stat st;
  ASSERT_EQ(stat((dir_ + "/name").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_), {}), 1);
}

TEST_F(StateDirTest, KeepsTheOldFileWhenTheDiskIsFull) {
  ASSERT_TRUE(write_whole(dir_, "name", "old"));
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {4, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto written = write_whole(dir_, "name", "longer than four");
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  EXPECT_FALSE(written);
  EXPECT_EQ(read("name"), "old");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_), {}), 1) << "nothing is left";
}

TEST_F(StateDirTest, SyncsWhatIsThere) {
  EXPECT_TRUE(sync_dir(dir_));
  EXPECT_FALSE(sync_dir(dir_ + "/absent"));
}

}  // namespace
}  // namespace dp
