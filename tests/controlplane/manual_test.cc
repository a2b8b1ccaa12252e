// docs/operations.md tells every counter, every drop reason and their meaning as the code has them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "controlplane/totals.h"

namespace cp {
namespace {

std::string manual() {
  std::ifstream file("docs/operations.md");
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Manual, HasEveryDropReason) {
  const std::string text = manual();
  for (std::size_t i = 1; i < dp::kDropCount; ++i) {
    const std::string row =
        fmt::format("\n| `{}` | {} |\n", dp::kDropInfo[i].name, dp::kDropInfo[i].meaning);
    EXPECT_NE(text.find(row), std::string::npos) << "docs/operations.md lacks" << row;
  }
}

TEST(Manual, HasEveryCounter) {
  const std::string text = manual();
  for (const CounterRow& counter : kCounterRows) {
    const std::string row = fmt::format("\n| `{}` | {} | {} |\n", counter.name,
                                        counter.is_gauge ? "gauge" : "counter", counter.meaning);
    EXPECT_NE(text.find(row), std::string::npos) << "docs/operations.md lacks" << row;
  }
}

}  // namespace
}  // namespace cp
