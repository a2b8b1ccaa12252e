// Patterns of identities.
#include <gtest/gtest.h>

#include "tools/storm/client_identity.h"

namespace storm {
namespace {

TEST(ClientIdentity, PutsTheNumberWhereThePatternSays) {
  const auto mail = ClientIdentity::parse("client-%07u@storm.example");
  ASSERT_TRUE(mail.has_value());
  EXPECT_EQ(mail->text(42), "client-0000042@storm.example");
  EXPECT_EQ(mail->text(123456789), "client-123456789@storm.example");
  EXPECT_EQ(mail->body(42), std::string("\x03\0\0\0", 4) + "client-0000042@storm.example");
  const auto name = ClientIdentity::parse("c%u.example");
  ASSERT_TRUE(name.has_value());
  EXPECT_EQ(name->body(0), std::string("\x02\0\0\0", 4) + "c0.example");
  const auto percent = ClientIdentity::parse("100%%-%u@x.example");
  ASSERT_TRUE(percent.has_value());
  EXPECT_EQ(percent->text(7), "100%-7@x.example");
}

TEST(ClientIdentity, SaysWhatIsWrong) {
  for (const char* wrong : {"", "client@storm.example", "%d@x.example", "%u-%u@x.example",
                            "%7u@x.example", "%0", "%", "%099u@x.example", "%s@x.example"}) {
    const auto identity = ClientIdentity::parse(wrong);
    ASSERT_FALSE(identity.has_value()) << wrong;
    EXPECT_NE(identity.error().text.find(wrong), std::string::npos) << identity.error().text;
  }
}

}  // namespace
}  // namespace storm
