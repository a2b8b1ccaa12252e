// docs/operations.md tells every counter, every drop reason and their meaning as the code has them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "controlplane/plane_counters.h"
#include "controlplane/radius_client.h"
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

TEST(Manual, HasEveryCounterOfTheControlThread) {
  const std::string text = manual();
  const auto expect_row = [&](std::string_view name, std::string_view meaning) {
    const std::string row = fmt::format("\n| `{}` | {} |\n", name, meaning);
    EXPECT_NE(text.find(row), std::string::npos) << "docs/operations.md lacks" << row;
  };
  for (const PlaneCounterRow& row : kPlaneCounterRows) expect_row(row.name, row.meaning);
  for (const RadiusCounterRow& row : kRadiusCounterRows) expect_row(row.name, row.meaning);
}

}  // namespace
}  // namespace cp
