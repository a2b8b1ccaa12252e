// Tests of the names of parse errors.
#include "ike/parse_error.h"

#include <gtest/gtest.h>

#include <set>
#include <utility>

namespace ike {
namespace {

TEST(ParseError, HasADifferentNameForEveryError) {
  std::set<std::string_view> names;
  for (unsigned i = 0; i < std::to_underlying(ParseError::count); ++i)
    names.insert(parse_error_name(static_cast<ParseError>(i)));
  EXPECT_EQ(names.size(), std::to_underlying(ParseError::count));
  EXPECT_EQ(names.count("unknown"), 0u);
  EXPECT_EQ(names.count(""), 0u);
}

TEST(ParseError, NamesAreTheEnumeratorsWords) {
  EXPECT_EQ(parse_error_name(ParseError::none), "none");
  EXPECT_EQ(parse_error_name(ParseError::payload_overrun), "payload_overrun");
  EXPECT_EQ(parse_error_name(ParseError::missing_payload), "missing_payload");
  EXPECT_EQ(parse_error_name(ParseError::bad_auth), "bad_auth");
}

TEST(ParseError, NamesANumberThatIsNoErrorToo) {
  EXPECT_EQ(parse_error_name(ParseError::count), "unknown");
}

}  // namespace
}  // namespace ike
