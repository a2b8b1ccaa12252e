// Small files: what is read, and which files are refused.
#include "crypto/small_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace crypto {
namespace {

namespace fs = std::filesystem;

class SmallFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "small_file_test.XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = (folder_ / "file").string();
  }
  void TearDown() override { fs::remove_all(folder_); }
  void write(const std::string& text, mode_t mode) const {
    std::ofstream(path_) << text;
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }
  std::string refusal(std::size_t len_max) const {
    const auto content = read_file(path_, len_max);
    return content ? "" : content.error().text;
  }
  std::string secret_refusal() const {
    const auto content = read_secret_file(path_, 100);
    return content ? "" : content.error().text;
  }

  fs::path folder_;
  std::string path_;
};

TEST_F(SmallFile, IsReadWhole) {
  write("octets", 0644);
  const auto content = read_file(path_, 6);
  ASSERT_TRUE(content) << content.error().text;
  EXPECT_EQ(std::string(content->begin(), content->end()), "octets");
  write("", 0600);
  EXPECT_TRUE(read_file(path_, 6)->empty());
  EXPECT_TRUE(read_secret_file(path_, 6)->empty());
}

TEST_F(SmallFile, HasAtMostTheLengthThatIsAllowed) {
  write("octets", 0644);
  EXPECT_EQ(refusal(6), "");
  EXPECT_EQ(refusal(5), path_ + " has more than 5 octets");
}

TEST_F(SmallFile, IsARegularFile) {
  EXPECT_EQ(refusal(9), "cannot open " + path_ + ": No such file or directory");
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(refusal(9), path_ + " is not a regular file");
  path_ = folder_.string();
  EXPECT_EQ(refusal(9), path_ + " is not a regular file");
}

TEST_F(SmallFile, IsReadThroughALink) {
  write("octets", 0600);
  const std::string link = (folder_ / "link").string();
  fs::create_symlink(path_, link);
  EXPECT_EQ(read_secret_file(link, 9)->size(), 6u);
}

TEST_F(SmallFile, IsPrivateWhenItHoldsASecret) {
  for (const mode_t mode : {0600u, 0400u}) {
    write("secret", mode);
    EXPECT_EQ(secret_refusal(), "") << mode;
    fs::remove(path_);
  }
  for (const mode_t mode : {0640u, 0620u, 0604u, 0602u, 0610u}) {
    write("secret", mode);
    EXPECT_EQ(secret_refusal(),
              path_ + " is open to group or others: run chmod 600 on it, and think of a new key")
        << mode;
    EXPECT_EQ(refusal(9), "") << mode;
  }
}

TEST_F(SmallFile, BelongsToUsWhenItHoldsASecret) {
  if (geteuid() != 0) return;  // Only root can give a file away.
  write("secret", 0600);
  ASSERT_EQ(chown(path_.c_str(), 12345, 12345), 0);
  EXPECT_EQ(secret_refusal(),
            path_ + " belongs to another user: change its owner to the user of the gateway");
}

}  // namespace
}  // namespace crypto
