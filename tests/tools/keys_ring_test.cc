// Keyring files as an operator handles them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controlplane/hex_text.h"
#include "tests/controlplane/scratch_folder.h"
#include "tools/keys/ring.h"

namespace keys {
namespace {

constexpr std::uint64_t kStart = 1'760'000'000;

class KeysRing : public testing::Test {
 protected:
  KeysRing() { EXPECT_TRUE(create_ring(path_, kStart)); }
  crypto::Keyring load() const { return crypto::Keyring::load(path_).value(); }

  cp::ScratchFolder folder_;
  std::string path_ = folder_.file("keyring");
};

TEST_F(KeysRing, CreateMakesACurrentAndANextKeyOfOwnerOnly) {
  EXPECT_EQ(load().keys().size(), 2u);
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(KeysRing, CreateRefusesToReplaceAKeyring) {
  const auto before = load().current().id;
  const auto again = create_ring(path_, kStart);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().text,
            path_ + " is there already; to change keys use rotate, to begin anew remove it first");
  EXPECT_EQ(load().current().id, before);
}

TEST_F(KeysRing, RotateKeepsTheOldKeyForAsLongAsAsked) {
  const auto before = load().current().id;
  ASSERT_TRUE(rotate_ring(path_, kStart + 10, 3600));
  const crypto::KeyringSnapshot after = load().snapshot();
  EXPECT_NE(after.keys[after.current].id, before);
  ASSERT_NE(after.find(before), nullptr);
  EXPECT_EQ(after.find(before)->retires_s, kStart + 3610);
}

TEST_F(KeysRing, RevokeRemovesAnyKeyButTheCurrentOne) {
  const crypto::TicketKeyId first = load().current().id;
  const std::string id = fmt::format("{:08x}", first.value());
  EXPECT_EQ(revoke_key(path_, id).error().text,
            "this is the current key: rotate first, then revoke it");
  ASSERT_TRUE(rotate_ring(path_, kStart + 10, 3600));
  ASSERT_TRUE(revoke_key(path_, id));
  EXPECT_EQ(load().snapshot().find(first), nullptr);
  EXPECT_EQ(revoke_key(path_, id).error().text, "there is no such key in the keyring");
  EXPECT_EQ(revoke_key(path_, "xyz").error().text,
            "expected a key id of 8 hexadecimal digits, not \"xyz\"");
}

TEST_F(KeysRing, MissingFilesAreNamed) {
  EXPECT_FALSE(rotate_ring(folder_.file("none"), kStart, 1));
  EXPECT_FALSE(revoke_key("/nonexistent/ring", "00000001"));
  EXPECT_FALSE(create_ring("/nonexistent/ring", kStart));
}

TEST_F(KeysRing, ShowTellsUseAndAgeAndNoSecret) {
  ASSERT_TRUE(rotate_ring(path_, kStart + 3600, 7200));
  const crypto::Keyring ring = load();
  const std::string text = ring_text(ring, kStart + 3600);
  EXPECT_NE(text.find("previous  age 1h              opens for 2h more\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("seals and opens"), std::string::npos);
  EXPECT_NE(ring_text(ring, kStart + 3600 + 7200).find("retired; erased at the next rotation"),
            std::string::npos);
  for (const std::string& shown : {text, ring_json(ring, kStart + 3600)})
    for (const crypto::TicketKey& key : ring.keys())
      EXPECT_EQ(shown.find(cp::hex_text(key.secret.reveal()).substr(0, 8)), std::string::npos);
}

TEST_F(KeysRing, ShowAsJson) {
  const auto json = nlohmann::json::parse(ring_json(load(), kStart + 5));
  ASSERT_EQ(json["keys"].size(), 2u);
  EXPECT_EQ(json["keys"][0]["generation"], "next");
  EXPECT_EQ(json["keys"][1]["age_s"], 5);
}

}  // namespace
}  // namespace keys
