// What was refused at run time, over restarts.
#include "controlplane/revocations.h"

#include <gtest/gtest.h>

#include "controlplane/identity_text.h"
#include "tests/controlplane/scratch_folder.h"

namespace cp {
namespace {

std::vector<std::uint8_t> body(std::string_view text) {
  const std::string octets = parse_identity(text).value();
  return {octets.begin(), octets.end()};
}

TEST(Revocations, OutliveARestart) {
  const ScratchFolder folder;
  {
    auto made = Revocations::load(folder.file("revoked"));
    ASSERT_TRUE(made);
    ASSERT_TRUE(made->add_identity(body("eve@example.org")));
    ASSERT_TRUE(made->add_issuer(ike::IssuerId(0x0123456789abcdef)));
    ASSERT_TRUE(made->raise_generation(3));
    ASSERT_TRUE(made->raise_generation(2));  // never goes down
    ASSERT_TRUE(made->add_identity(body("eve@example.org")));
  }
  const auto again = Revocations::load(folder.file("revoked"));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->own().generation_min, 3u);
  EXPECT_EQ(again->own().issuers, std::vector<std::uint64_t>{0x0123456789abcdef});
  ASSERT_EQ(again->own().identities.size(), 1u);
  EXPECT_EQ(again->own().identities[0], parse_identity("eve@example.org").value());
}

TEST(Revocations, JoinTheListsOfTheConfiguration) {
  const ScratchFolder folder;
  auto made = Revocations::load(folder.file("revoked"));
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->add_issuer(ike::IssuerId(5)));
  const dp::DenyList all = made->merged({.issuers = {9, 5}, .identities = {}, .generation_min = 7});
  EXPECT_EQ(all.issuers, (std::vector<std::uint64_t>{5, 9}));
  EXPECT_EQ(all.generation_min, 7u);
}

TEST(Revocations, NameTheLineThatTheyCannotRead) {
  const ScratchFolder folder;
  for (const char* line : {"identity", "identity xyz", "issuer 12", "generation x", "host 01"}) {
    folder.write("revoked", std::string("generation 1\n") + line + "\n");
    const auto read = Revocations::load(folder.file("revoked"));
    ASSERT_FALSE(read) << line;
    EXPECT_NE(read.error().text.find("revoked:2: expected"), std::string::npos)
        << read.error().text;
  }
}

TEST(Revocations, ChangeNothingWhenTheFileCannotBeWritten) {
  auto made = Revocations::load("/proc/none/revoked");
  ASSERT_TRUE(made);
  EXPECT_FALSE(made->add_issuer(ike::IssuerId(5)));
  EXPECT_TRUE(made->own().issuers.empty());
}

}  // namespace
}  // namespace cp
