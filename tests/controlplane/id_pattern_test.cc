// Patterns of identities: what is read, and whom it fits.
#include "controlplane/id_pattern.h"

#include <gtest/gtest.h>

#include "controlplane/identity_text.h"

namespace cp {
namespace {

IdBody body(std::string_view text) {
  const std::string octets = parse_identity(text).value();
  return {octets.begin(), octets.end()};
}

IdMatch match_text(std::string_view pattern, std::string_view identity) {
  return match(parse_id_pattern(pattern).value(), body(identity));
}

TEST(IdPattern, FitsOneIdentityExactly) {
  EXPECT_EQ(match_text("alice@example.org", "alice@example.org"), IdMatch::exact);
  EXPECT_EQ(match_text("alice@example.org", "bob@example.org"), IdMatch::none);
  EXPECT_EQ(match_text("192.0.2.1", "192.0.2.1"), IdMatch::exact);
  EXPECT_EQ(match_text("192.0.2.1", "192.0.2.2"), IdMatch::none);
  EXPECT_EQ(match_text("gw.example.org", "keyid:gw.example.org"), IdMatch::none);
}

TEST(IdPattern, TellsNoCaseInNamesButInKeyIds) {
  EXPECT_EQ(match_text("Alice@Example.org", "alice@example.ORG"), IdMatch::exact);
  EXPECT_EQ(match_text("*@Example.org", "alice@example.ORG"), IdMatch::pattern);
  EXPECT_EQ(match_text("keyid:A", "keyid:a"), IdMatch::none);
}

TEST(IdPattern, FitsEveryNameWithAnEnding) {
  EXPECT_EQ(match_text("*@example.org", "alice@example.org"), IdMatch::pattern);
  EXPECT_EQ(match_text("*@example.org", "alice@example.net"), IdMatch::none);
  EXPECT_EQ(match_text("*.example.org", "a.b.example.org"), IdMatch::pattern);
  EXPECT_EQ(match_text("@*.example.org", "a.example.org"), IdMatch::pattern);
  // Another type, nothing for the star, the end of another name.
  EXPECT_EQ(match_text("*.example.org", "alice@x.example.org"), IdMatch::none);
  EXPECT_EQ(match(parse_id_pattern("*.example.org").value(), IdBody{2, 0, 0, 0, '.', 'o'}),
            IdMatch::none);
  IdBody only_the_ending = body("x.example.org");
  only_the_ending.erase(only_the_ending.begin() + 4);
  EXPECT_EQ(match(parse_id_pattern("*.example.org").value(), only_the_ending), IdMatch::none);
}

TEST(IdPattern, FitsDistinguishedNamesByPart) {
  EXPECT_EQ(match_text("C=CH, CN=alice", "/C=CH/CN=Alice"), IdMatch::exact);
  EXPECT_EQ(match_text("C=CH, CN=alice", "C=CH, CN=bob"), IdMatch::none);
  EXPECT_EQ(match_text("C=CH, CN=*", "C=CH, CN=bob"), IdMatch::pattern);
  EXPECT_EQ(match_text("C=CH, CN=*", "C=DE, CN=bob"), IdMatch::none);
  EXPECT_EQ(match_text("C=CH, CN=*", "alice@example.org"), IdMatch::none);
  EXPECT_EQ(match_text("*@example.org", "C=CH, CN=*"), IdMatch::none);
}

TEST(IdPattern, FitsEverybody) {
  EXPECT_EQ(match_text("%any", "alice@example.org"), IdMatch::any);
  EXPECT_EQ(match_text("*", "192.0.2.1"), IdMatch::any);
  EXPECT_EQ(best_match({}, body("192.0.2.1")), IdMatch::any);
}

TEST(IdPattern, TheBestOfSeveralCounts) {
  const std::vector patterns = {parse_id_pattern("%any").value(),
                                parse_id_pattern("alice@example.org").value(),
                                parse_id_pattern("*@example.org").value()};
  EXPECT_EQ(best_match(patterns, body("alice@example.org")), IdMatch::exact);
  EXPECT_EQ(best_match(patterns, body("bob@example.org")), IdMatch::pattern);
  EXPECT_EQ(best_match(patterns, body("bob@example.net")), IdMatch::any);
}

TEST(IdPattern, FitsNobodyWithoutAType) {
  EXPECT_EQ(match(parse_id_pattern("alice@example.org").value(), {}), IdMatch::none);
  EXPECT_FALSE(same_identity({}, {}));
}

TEST(IdPattern, DoesNotLookAtReservedOctets) {
  IdBody odd = body("alice@example.org");
  odd[2] = 7;
  EXPECT_TRUE(same_identity(odd, body("alice@example.org")));
}

TEST(IdPattern, IsWrittenAsItIsRead) {
  for (const char* text : {"%any", "alice@example.org", "*@example.org", "*.example.org",
                           "@gw.example.org", "keyid:#00", "2001:db8::1", "C=CH, CN=*"})
    EXPECT_EQ(id_pattern_text(parse_id_pattern(text).value()), text);
}

TEST(IdPattern, SaysWhatWasExpected) {
  EXPECT_TRUE(parse_id_pattern("*@").error().text.starts_with("expected an identity such as"));
  EXPECT_TRUE(parse_id_pattern("").error().text.starts_with("expected an identity such as"));
}

}  // namespace
}  // namespace cp
