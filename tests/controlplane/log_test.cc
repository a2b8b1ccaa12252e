// The log: levels, the file and its mode.
#include "controlplane/log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/controlplane/scratch_folder.h"

namespace cp {
namespace {

TEST(Log, WritesLinesOfItsLevelToTheFile) {
  const ScratchFolder folder;
  const auto log = make_log({.level = LogLevel::warning, .file = folder.file("log")});
  ASSERT_TRUE(log);
  (*log)->info("not this");
  (*log)->warn("but this");
  const std::string text = folder.read("log");
  EXPECT_EQ(text.find("not this"), std::string::npos);
  EXPECT_NE(text.find(" warning but this\n"), std::string::npos) << text;
  struct stat st {};
  ASSERT_EQ(::stat(folder.file("log").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0007, 0u);
}

TEST(Log, AppendsToWhatIsThere) {
  const ScratchFolder folder;
  folder.write("log", "before\n");
  (*make_log({.file = folder.file("log")}))->info("after");
  EXPECT_TRUE(folder.read("log").starts_with("before\n"));
}

TEST(Log, SaysWhyItCannotBeOpened) {
  const auto log = make_log({.file = "/nonexistent/log"});
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().text, "cannot open the log /nonexistent/log: No such file or directory");
}

}  // namespace
}  // namespace cp
