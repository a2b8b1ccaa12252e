// The clock mark: what is written is read back, and nothing else passes for a time.
#include "dataplane/clock_mark.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace dp {
namespace {

class ClockMarkTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "clock-mark-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  void write(const std::string& text) const { std::ofstream(dir_ + "/clock-mark") << text; }
  std::string dir_;
};

TEST_F(ClockMarkTest, IsZeroBeforeTheFirst) { EXPECT_EQ(read_clock_mark(dir_).value(), 0u); }

TEST_F(ClockMarkTest, ReadsBackWhatWasWritten) {
  for (const std::uint64_t unix_s : {std::uint64_t{1}, std::uint64_t{1'800'000'000},
                                     ~std::uint64_t{0}}) {
    ASSERT_TRUE(write_clock_mark(dir_, unix_s));
    EXPECT_EQ(read_clock_mark(dir_).value(), unix_s);
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir_), {}), 1) << "nothing is left";
  write("1800000000\n");
  EXPECT_EQ(read_clock_mark(dir_).value(), 1'800'000'000u) << "as date +%s writes it";
}

TEST_F(ClockMarkTest, TakesNothingElseForATime) {
  for (const char* text : {"", "\n", "-1\n", "1800000000", "1800000000\n\n", "18e8\n", " 1\n",
                           "18446744073709551616\n", "111111111111111111111111111111111111111\n"}) {
    write(text);
    const auto mark = read_clock_mark(dir_);
    ASSERT_FALSE(mark.has_value()) << text;
    EXPECT_NE(mark.error().text.find(dir_ + "/clock-mark"), std::string::npos);
    EXPECT_NE(mark.error().text.find("date +%s"), std::string::npos) << "says what to do";
  }
}

TEST_F(ClockMarkTest, ReportsWhatCannotBeReadOrWritten) {
  std::filesystem::create_directory(dir_ + "/clock-mark");
  EXPECT_FALSE(read_clock_mark(dir_));
  EXPECT_FALSE(write_clock_mark(dir_, 1));
  EXPECT_FALSE(write_clock_mark(dir_ + "/absent", 1));
}

}  // namespace
}  // namespace dp
