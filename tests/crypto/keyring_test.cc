// The keyring: what its file must look like, who may read it, and how keys grow old.
#include "crypto/keyring.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/vectors.h"

namespace crypto {
namespace {

using support::Octets;
using support::to_hex;

namespace fs = std::filesystem;

class KeyringFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "keyring_test.XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = (folder_ / "keyring").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string read() const {
    std::ifstream in(path_);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& text) const {
    std::ofstream(path_) << text;
    ASSERT_EQ(chmod(path_.c_str(), 0600), 0);
  }
  // The text of the refusal; empty when the file was accepted.
  std::string refusal() const {
    const Result<Keyring> ring = Keyring::load(path_);
    return ring ? "" : ring.error().text;
  }

  fs::path folder_;
  std::string path_;
};

std::string secret(char digit) { return std::string(2 * kTicketKeyLen, digit); }

const std::string kGood =
    "resurge-keyring 1\n"
    "# comment\n"
    "\n"
    "key 5f0c11e9 next     1760000000 0          " +
    secret('1') +
    "\n"
    "key 1a2b3c4d current  1759900000 0          " +
    secret('2') +
    "\n"
    "key 77e01b02 previous 1759800000 1760086400 " +
    secret('3') +
    "\n"
    "end 3\n";

// kGood with one thing in it replaced.
std::string but(const std::string& from, const std::string& to) {
  std::string text = kGood;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string parse_refusal(const std::string& text) {
  const Result<Keyring> ring = Keyring::parse(text);
  return ring ? "" : ring.error().text;
}

std::size_t count(const Keyring& ring, Generation g) {
  return static_cast<std::size_t>(std::ranges::count(ring.keys(), g, &TicketKey::generation));
}

TEST(Keyring, ReadsEveryField) {
  const Result<Keyring> ring = Keyring::parse(kGood);
  ASSERT_TRUE(ring) << ring.error().text;
  ASSERT_EQ(ring->keys().size(), 3u);
  const TicketKey& old = ring->keys()[2];
  EXPECT_EQ(old.id, TicketKeyId(0x77e01b02));
  EXPECT_EQ(old.generation, Generation::previous);
  EXPECT_EQ(old.created_s, 1759800000u);
  EXPECT_EQ(old.retires_s, 1760086400u);
  EXPECT_EQ(to_hex(old.secret.reveal()), secret('3'));
  EXPECT_EQ(ring->current().id, TicketKeyId(0x1a2b3c4d));
}

TEST(Keyring, RefusesAMalformedTextAndNamesTheLine) {
  struct Case {
    std::string text;
    std::string why;
  };
  const Case cases[] = {
      {"", "no end line"},
      {"resurge-keyring 2\n", "line 1: this is no keyring of version 1"},
      {but("resurge-keyring 1\n", " resurge-keyring 1\n"), "line 1"},
      {but("key 5f0c11e9", "kee 5f0c11e9"), "line 4: the line does not begin with key or end"},
      {but("5f0c11e9", "5f0c11e"), "line 4: the key id"},
      {but("5f0c11e9", "5f0c11e9a"), "line 4: the key id"},
      {but("5f0c11e9", "5F0C11E9"), "line 4: the key id"},
      {but("5f0c11e9", "00000000"), "line 4: the key id"},
      {but("5f0c11e9", "-f0c11e9"), "line 4: the key id"},
      {but("next ", "soon "), "line 4: the generation"},
      {but("1760000000", "017600000"), "line 4: the time of creation"},
      {but("1760000000", "99999999999999999999"), "line 4: the time of creation"},
      {but("1760000000", "1x"), "line 4: the time of creation"},
      {but("1760086400", "-1"), "line 6: the time of retiring"},
      {but("current  1759900000 0 ", "current  1759900000 5 "), "line 5: only a previous key"},
      {but(secret('2'), secret('2').substr(1)), "line 5: the secret"},
      {but(secret('2'), secret('2') + "2"), "line 5: the secret"},
      {but(secret('2'), secret('g')), "line 5: the secret"},
      {but(secret('2'), secret('A')), "line 5: the secret"},
      {but(secret('2'), ""), "line 5: the secret"},
      {but(secret('2'), secret('2') + " x"), "line 5: there is something behind the secret"},
      {but("77e01b02", "1a2b3c4d"), "line 6: the key id is used twice"},
      {but("previous 1759800000 1760086400", "current 1 0"), "line 6: there are two current keys"},
      {but("previous 1759800000 1760086400", "next 1 0"), "line 6: there are two next keys"},
      {but("current ", "previous "), "no current key"},
      {but("end 3", "end 2"), "line 7: the number of keys is wrong"},
      {but("end 3", "end 3 x"), "line 7: the number of keys is wrong"},
      {but("end 3\n", "end 3"), "line 7: the line has no end"},
      {but("end 3\n", ""), "no end line"},
      {kGood + "key\n", "line 8: there is something behind the end"},
      {but("\n\nkey", "\n\r\nkey"), "line 3: the line does not begin with key or end"},
  };
  EXPECT_EQ(parse_refusal(kGood), "");
  for (const Case& c : cases) {
    const std::string why = parse_refusal(c.text);
    EXPECT_NE(why.find(c.why), std::string::npos) << "got: " << why << "\nwanted: " << c.why;
  }
}

TEST(Keyring, RefusesEveryCutText) {
  for (std::size_t len = 0; len < kGood.size(); ++len)
    EXPECT_NE(parse_refusal(kGood.substr(0, len)), "") << len;
}

TEST(Keyring, TakesEightKeysAndNoMore) {
  const auto text = [](int previous) {
    std::string t = "resurge-keyring 1\nkey 00000001 current 1 0 " + secret('1') + "\n";
    for (int i = 0; i < previous; ++i)
      t += "key 0000001" + std::to_string(i) + " previous 1 2 " + secret('2') + "\n";
    return t + "end " + std::to_string(previous + 1) + "\n";
  };
  EXPECT_EQ(parse_refusal(text(7)), "");
  EXPECT_NE(parse_refusal(text(8)).find("line 10: there are more than 8 keys"), std::string::npos);
}

TEST(Keyring, NeverPutsASecretIntoAnError) {
  const std::string almost = but(secret('2'), secret('b').substr(1) + "z");
  EXPECT_EQ(parse_refusal(almost).find("bbbb"), std::string::npos);
}

TEST(Keyring, StartsWithACurrentAndANextKey) {
  const Keyring ring = Keyring::create(100);
  EXPECT_EQ(ring.keys().size(), 2u);
  EXPECT_EQ(count(ring, Generation::next), 1u);
  EXPECT_EQ(ring.current().created_s, 100u);
  EXPECT_NE(ring.keys()[0].id, ring.keys()[1].id);
  EXPECT_FALSE(ct_equal(ring.keys()[0].secret.reveal(), ring.keys()[1].secret.reveal()));
  EXPECT_FALSE(ct_equal(ring.keys()[0].secret.reveal(), Octets(kTicketKeyLen, 0)));
}

TEST(Keyring, RotationMovesEveryKeyOneGenerationOn) {
  Keyring ring = Keyring::create(100);
  const TicketKeyId first = ring.current().id;
  const TicketKeyId second = ring.keys()[0].id;
  ring.rotate(200, 50);
  EXPECT_EQ(ring.current().id, second);
  const KeyringSnapshot snapshot = ring.snapshot();
  ASSERT_NE(snapshot.find(first), nullptr);
  EXPECT_EQ(snapshot.find(first)->generation, Generation::previous);
  EXPECT_EQ(snapshot.find(first)->retires_s, 250u);
  EXPECT_EQ(count(ring, Generation::next), 1u);

  ring.rotate(249, 50);
  EXPECT_NE(ring.snapshot().find(first), nullptr) << "its last ticket may still live";
  ring.rotate(250, 50);
  EXPECT_EQ(ring.snapshot().find(first), nullptr) << "its time is over";
}

TEST(Keyring, FastRotationErasesTheOldestKeyAndKeepsEight) {
  Keyring ring = Keyring::create(1);
  for (std::uint64_t now = 2; now < 40; ++now) {
    const TicketKeyId was_current = ring.current().id;
    ring.rotate(now, 1000);
    EXPECT_LE(ring.keys().size(), kSnapshotKeysMax);
    EXPECT_EQ(count(ring, Generation::current), 1u);
    EXPECT_EQ(count(ring, Generation::next), 1u);
    EXPECT_NE(ring.snapshot().find(was_current), nullptr);
  }
}

TEST(Keyring, RevokesAnyKeyButTheCurrentOne) {
  Keyring ring = Keyring::create(1);
  EXPECT_FALSE(ring.revoke(ring.current().id));
  EXPECT_FALSE(ring.revoke(TicketKeyId(0)));
  const TicketKeyId next = ring.keys()[0].id;
  EXPECT_TRUE(ring.revoke(next));
  EXPECT_EQ(ring.snapshot().find(next), nullptr);
  EXPECT_EQ(ring.keys().size(), 1u);

  const TicketKeyId old = ring.current().id;
  ring.rotate(2, 100);
  EXPECT_NE(ring.current().id, old) << "a keyring without a next key draws one";
  EXPECT_TRUE(ring.revoke(old));
  EXPECT_EQ(ring.snapshot().find(old), nullptr);
}

TEST(Keyring, SnapshotNamesTheSealingKey) {
  Keyring ring = Keyring::create(1);
  ring.rotate(2, 100);
  const KeyringSnapshot snapshot = ring.snapshot();
  EXPECT_EQ(snapshot.key_count, 3u);
  EXPECT_EQ(snapshot.keys[snapshot.current].id, ring.current().id);
  EXPECT_TRUE(
      ct_equal(snapshot.keys[snapshot.current].secret.reveal(), ring.current().secret.reveal()));
  EXPECT_EQ(snapshot.find(TicketKeyId(0)), nullptr);
}

TEST_F(KeyringFile, ComesBackAsItWasSaved) {
  Keyring ring = Keyring::create(7);
  ring.rotate(8, 90);
  ASSERT_TRUE(ring.save(path_));
  const Result<Keyring> loaded = Keyring::load(path_);
  ASSERT_TRUE(loaded) << loaded.error().text;
  ASSERT_EQ(loaded->keys().size(), ring.keys().size());
  for (std::size_t i = 0; i < ring.keys().size(); ++i) {
    const TicketKey& a = ring.keys()[i];
    const TicketKey& b = loaded->keys()[i];
    EXPECT_EQ(a.id, b.id);
    EXPECT_EQ(a.generation, b.generation);
    EXPECT_EQ(a.created_s, b.created_s);
    EXPECT_EQ(a.retires_s, b.retires_s);
    EXPECT_TRUE(ct_equal(a.secret.reveal(), b.secret.reveal()));
  }
}

TEST_F(KeyringFile, IsSavedForTheOwnerAloneWithNothingLeftBeside) {
  const mode_t before = umask(0);
  EXPECT_TRUE(Keyring::create(1).save(path_));
  EXPECT_TRUE(Keyring::create(2).save(path_)) << "over an old one";
  umask(before);
  struct stat st {};
  ASSERT_EQ(stat(path_.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
}

TEST_F(KeyringFile, StaysAsItWasWhenSavingFails) {
  ASSERT_TRUE(Keyring::create(1).save(path_));
  const std::string before = read();
  EXPECT_FALSE(Keyring::create(2).save((folder_ / "missing" / "keyring").string()));
  ASSERT_EQ(mkdir((folder_ / "busy").c_str(), 0700), 0);
  EXPECT_FALSE(Keyring::create(2).save((folder_ / "busy").string())) << "a folder is in the way";
  EXPECT_EQ(read(), before);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 2);
}

TEST_F(KeyringFile, IsRefusedWhenMissing) {
  EXPECT_NE(refusal().find("cannot open"), std::string::npos);
}

TEST_F(KeyringFile, IsRefusedWhenOthersMayTouchIt) {
  write(kGood);
  EXPECT_EQ(refusal(), "");
  for (const mode_t mode : {0640u, 0620u, 0610u, 0604u, 0602u, 0601u}) {
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
    EXPECT_NE(refusal().find("open to group or others"), std::string::npos) << mode;
  }
  ASSERT_EQ(chmod(path_.c_str(), 0400), 0);
  EXPECT_EQ(refusal(), "");
}

TEST_F(KeyringFile, IsRefusedWhenItBelongsToAnother) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  write(kGood);
  ASSERT_EQ(chown(path_.c_str(), 65534, 65534), 0);
  EXPECT_NE(refusal().find("belongs to another user"), std::string::npos);
}

TEST_F(KeyringFile, IsRefusedBehindASymbolicLink) {
  write(kGood);
  const std::string link = (folder_ / "link").string();
  ASSERT_EQ(symlink(path_.c_str(), link.c_str()), 0);
  const Result<Keyring> ring = Keyring::load(link);
  ASSERT_FALSE(ring);
  EXPECT_NE(ring.error().text.find("symbolic link"), std::string::npos);
}

TEST_F(KeyringFile, IsRefusedWhenItIsNoRegularFile) {
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  EXPECT_NE(refusal().find("not a regular file"), std::string::npos);
  ASSERT_EQ(rmdir(path_.c_str()), 0);
  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_NE(refusal().find("not a regular file"), std::string::npos) << "and does not block";
}

TEST_F(KeyringFile, IsRefusedWhenTooLong) {
  write(kGood + std::string(5000, '#'));
  EXPECT_NE(refusal().find("too long"), std::string::npos);
}

TEST_F(KeyringFile, NamesFileAndLineOfAMistake) {
  write(but("current ", "corrent "));
  EXPECT_EQ(refusal().find(path_), 0u);
  EXPECT_NE(refusal().find("line 5"), std::string::npos);
}

}  // namespace
}  // namespace crypto
