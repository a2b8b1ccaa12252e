// Secrets as texts and in files: their three notations, and who may read them.
#include "controlplane/secret_text.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "controlplane/hex_text.h"
#include "tests/controlplane/scratch_folder.h"

namespace cp {
namespace {

std::string hex_of(std::string_view text) {
  const auto secret = parse_secret(text);
  return secret ? hex_text(secret->reveal()) : secret.error().text;
}

TEST(SecretText, HasThreeNotations) {
  EXPECT_EQ(hex_of("abc"), "616263");
  EXPECT_EQ(hex_of("0x00Ff"), "00ff");
  EXPECT_EQ(hex_of("0saGVsbG8="), "68656c6c6f");
  EXPECT_EQ(hex_of("0y"), "3079");
}

TEST(SecretText, HasALength) {
  EXPECT_EQ(hex_of(""), "expected a secret of 1 to 512 octets");
  EXPECT_EQ(hex_of("0x"), "expected a secret of 1 to 512 octets");
  EXPECT_EQ(hex_of(std::string(512, 'a')).size(), 1024u);
  EXPECT_EQ(hex_of(std::string(513, 'a')), "expected a secret of 1 to 512 octets");
}

TEST(SecretText, ItsErrorsHoldNoPartOfIt) {
  for (const char* text : {"0xsesame", "0ssesam!", "0s!sesame"})
    EXPECT_EQ(hex_of(text).find("sesam"), std::string::npos) << hex_of(text);
}

class SecretFile : public testing::Test {
 protected:
  std::string write(const std::string& text, mode_t mode = 0600) const {
    const std::string path = folder_.write("secret", text);
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
    return path;
  }
  std::string loaded(const std::string& path) const {
    const auto secret = load_secret(path);
    if (secret) return hex_text(secret->reveal());
    EXPECT_TRUE(secret.error().text.starts_with(path)) << secret.error().text;
    return secret.error().text.substr(path.size());
  }
  ScratchFolder folder_;
};

TEST_F(SecretFile, HoldsOneLine) {
  EXPECT_EQ(loaded(write("abc\n")), "616263");
  EXPECT_EQ(loaded(write("abc\r\n")), "616263");
  EXPECT_EQ(loaded(write("0x00ff")), "00ff");
  EXPECT_EQ(loaded(write(" a b ")), "2061206220");
  EXPECT_EQ(loaded(write("abc\ndef\n")), ": expected one line");
  EXPECT_EQ(loaded(write("\n")), ": expected a secret of 1 to 512 octets");
  EXPECT_EQ(loaded(write("")), ": expected a secret of 1 to 512 octets");
  EXPECT_EQ(loaded(write(std::string(2049, 'a'))), ": longer than 2048 octets");
}

TEST_F(SecretFile, MustBeItsOwnersAlone) {
  for (const mode_t mode : {0644u, 0640u, 0620u, 0604u, 0601u})
    EXPECT_EQ(loaded(write("abc", mode)).find(": holds secrets, and group or others may"), 0u)
        << mode;
  EXPECT_EQ(loaded(write("abc", 0400)), "616263");
}

TEST_F(SecretFile, SaysWhyItCannotBeRead) {
  EXPECT_EQ(loaded(folder_.file("none")), ": cannot be opened: No such file or directory");
  EXPECT_EQ(loaded(folder_.path()), ": is not a regular file");
  ASSERT_EQ(mkfifo(folder_.file("pipe").c_str(), 0600), 0);
  EXPECT_EQ(loaded(folder_.file("pipe")), ": is not a regular file");
  EXPECT_FALSE(check_private(folder_.file("none")));
}

}  // namespace
}  // namespace cp
