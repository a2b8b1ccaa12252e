// UsedSet: exactly once, over restarts and kills; the file format; damaged, foreign and expired
// files.
#include "dataplane/used_set.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "dataplane/used_file.h"

namespace dp {
namespace {

constexpr std::uint64_t kNow = 1'700'000'000;
constexpr std::uint64_t kUntil = kNow + 86400;
constexpr std::uint64_t kCapacity = 1024;
const ike::IssuerId kIssuer{0x0123456789abcdef};
const ike::TicketSerial kOne{1};

class UsedSetTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "used-set-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::unique_ptr<UsedSet> open(std::uint64_t now_s = kNow) {
    auto set = UsedSet::open(dir_, now_s);
    EXPECT_TRUE(set.has_value()) << set.error().text;
    return std::move(*set);
  }
  std::string error() {
    auto set = UsedSet::open(dir_, kNow);
    return set.has_value() ? "" : set.error().text;
  }
  IssuerUse& create(UsedSet& set, ike::IssuerId issuer = kIssuer, std::uint64_t until_s = kUntil) {
    auto use = set.create(issuer, kCapacity, until_s);
    EXPECT_TRUE(use.has_value()) << use.error().text;
    return **use;
  }
  std::string file() const { return dir_ + "/0123456789abcdef.used"; }
  std::string read() const {
    std::ifstream in(file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& octets) const {
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << octets;
  }
  // Without the clock mark.
  std::size_t file_count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(dir_), {})) -
           std::filesystem::exists(dir_ + "/clock-mark");
  }
  std::string dir_;
};

TEST_F(UsedSetTest, SpendsATicketOnce) {
  auto set = open();
  IssuerUse& use = create(*set);
  EXPECT_FALSE(use.is_spent(kOne));
  EXPECT_TRUE(use.spend(kOne));
  EXPECT_TRUE(use.is_spent(kOne));
  EXPECT_FALSE(use.spend(kOne));
  EXPECT_FALSE(use.is_spent(ike::TicketSerial(2)));
}

TEST_F(UsedSetTest, KnowsSerialsFromOneToBelowTheCapacity) {
  auto set = open();
  IssuerUse& use = create(*set);
  for (const std::uint64_t serial : {std::uint64_t{0}, kCapacity, ~std::uint64_t{0}}) {
    const ike::TicketSerial s(serial);
    EXPECT_FALSE(use.is_valid(s));
    EXPECT_TRUE(use.is_spent(s));
    EXPECT_FALSE(use.spend(s));
    EXPECT_FALSE(use.enter(s, 2));
  }
  EXPECT_TRUE(use.spend(ike::TicketSerial(kCapacity - 1)));
}

TEST_F(UsedSetTest, LimitsHalfOpensOfOneTicket) {
  auto set = open();
  IssuerUse& use = create(*set);
  for (const unsigned limit : {1u, 2u, 3u}) {
    const ike::TicketSerial serial(100 + limit);
    for (unsigned i = 0; i < limit; ++i) EXPECT_TRUE(use.enter(serial, limit));
    EXPECT_FALSE(use.enter(serial, limit)) << limit;
    use.leave(serial);
    EXPECT_TRUE(use.enter(serial, limit));
  }
  const ike::TicketSerial serial(200);
  EXPECT_FALSE(use.enter(serial, 0));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(use.enter(serial, 9));
  EXPECT_FALSE(use.enter(serial, 9)) << "the counter has two bits";
  EXPECT_FALSE(use.is_spent(serial)) << "half-opens burn nothing";
  EXPECT_TRUE(use.enter(ike::TicketSerial(199), 1)) << "neighbours share an octet, not a count";
  EXPECT_TRUE(use.enter(ike::TicketSerial(201), 1));
}

TEST_F(UsedSetTest, StopsAtALeaveWithoutEnter) {
  auto set = open();
  IssuerUse& use = create(*set);
  EXPECT_DEATH(use.leave(kOne), "invariant broken");
}

TEST_F(UsedSetTest, WritesTheFileAsDocumented) {
  auto set = open();
  IssuerUse& use = create(*set);
  for (const std::uint64_t serial : {1u, 8u, 15u, 1023u})
    EXPECT_TRUE(use.spend(ike::TicketSerial(serial)));
  std::string golden(4096 + 128, '\0');
  golden.replace(0, 8, "RSGUSED1");
  golden.replace(8, 8, "\x01\x23\x45\x67\x89\xab\xcd\xef");
  golden.replace(16, 8, std::string("\0\0\0\0\0\0\x04\0", 8));
  golden.replace(24, 8, std::string("\0\0\0\0\x65\x55\x42\x80", 8));  // 1700086400
  golden[4096] = '\x02';
  golden[4097] = '\x81';
  golden[4096 + 127] = '\x80';
  EXPECT_TRUE(read() == golden);
  struct stat st;
  ASSERT_EQ(stat(file().c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600u);
  EXPECT_EQ(file_count(), 1u);
}

// A hole would be filled by a worker's first write to it, and a full disk would kill the worker.
TEST_F(UsedSetTest, ReservesTheWholeFile) {
  auto set = open();
  ASSERT_TRUE(set->create(kIssuer, kIssuerCapacity, kUntil).has_value());
  struct stat st;
  ASSERT_EQ(stat(file().c_str(), &st), 0);
  EXPECT_EQ(static_cast<std::uint64_t>(st.st_size), 4096 + kIssuerCapacity / 8);
  EXPECT_GE(st.st_blocks * 512, st.st_size);
}

TEST_F(UsedSetTest, ReadsBackWhatWasSpent) {
  { EXPECT_TRUE(create(*open()).spend(kOne)); }
  auto set = open();
  IssuerUse* use = set->find(kIssuer);
  ASSERT_NE(use, nullptr);
  EXPECT_EQ(use->issuer(), kIssuer);
  EXPECT_EQ(use->capacity(), kCapacity);
  EXPECT_EQ(use->valid_until_s(), kUntil);
  EXPECT_FALSE(use->spend(kOne));
  EXPECT_TRUE(use->spend(ike::TicketSerial(2)));
  EXPECT_TRUE(set->flush().has_value());
}

// The child never ends by itself: whatever the parent sees was not written at exit.
TEST_F(UsedSetTest, SurvivesKillNine) {
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto set = UsedSet::open(dir_, kNow);
    IssuerUse* use = *(*set)->create(kIssuer, kCapacity, kUntil);
    bool ok = true;
    for (std::uint64_t serial = 1; serial < kCapacity; serial += 3)
      ok = use->spend(ike::TicketSerial(serial)) && ok;
    if (::write(ready[1], ok ? "+" : "-", 1) != 1) _exit(1);
    for (;;) pause();
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  EXPECT_EQ(answer, '+');
  ASSERT_EQ(kill(child, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  close(ready[0]);
  close(ready[1]);

  auto set = open();
  IssuerUse* use = set->find(kIssuer);
  ASSERT_NE(use, nullptr);
  for (std::uint64_t serial = 1; serial < kCapacity; ++serial)
    EXPECT_EQ(use->is_spent(ike::TicketSerial(serial)), serial % 3 == 1) << serial;
}

// Killed anywhere in the midst of making files: the next start opens whatever is there.
TEST_F(UsedSetTest, OpensAfterAKillDuringCreation) {
  int made[2];
  ASSERT_EQ(pipe(made), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto set = UsedSet::open(dir_, kNow);
    for (std::uint64_t issuer = 1; issuer <= kIssuersMax; ++issuer) {
      if (!(*set)->create(ike::IssuerId(issuer), kCapacity, kUntil)) _exit(1);
      if (::write(made[1], "+", 1) != 1) _exit(1);
    }
    for (;;) pause();
  }
  char answer = 0;
  for (int i = 0; i < 20; ++i) ASSERT_EQ(::read(made[0], &answer, 1), 1);
  ASSERT_EQ(kill(child, SIGKILL), 0);
  ASSERT_EQ(waitpid(child, nullptr, 0), child);
  close(made[0]);
  close(made[1]);
  auto set = open();
  for (std::uint64_t issuer = 1; issuer <= 20; ++issuer)
    EXPECT_NE(set->find(ike::IssuerId(issuer)), nullptr);
  EXPECT_EQ(file_count(), set->issuer_count());
}

TEST_F(UsedSetTest, RemovesWhatACrashLeftUnfinished) {
  const std::string leftover = dir_ + "/0123456789abcdef-77.used-unfinished";
  std::ofstream(leftover) << "RSG";
  std::ofstream(dir_ + "/keyring") << "not ours";
  auto set = open();
  EXPECT_FALSE(std::filesystem::exists(leftover));
  EXPECT_TRUE(std::filesystem::exists(dir_ + "/keyring")) << "other names are left alone";
}

TEST_F(UsedSetTest, LeavesNothingWhenTheDiskIsFull) {
  auto set = open();
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {65536, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto use = set->create(kIssuer, kIssuerCapacity, kUntil);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  ASSERT_FALSE(use.has_value());
  EXPECT_NE(use.error().text.find(file()), std::string::npos) << use.error().text;
  EXPECT_EQ(file_count(), 0u);
  EXPECT_EQ(set->find(kIssuer), nullptr);
  create(*set);
}

TEST_F(UsedSetTest, CreatesAnIssuerOnlyOnce) {
  auto set = open();
  IssuerUse& use = create(*set);
  EXPECT_TRUE(use.spend(kOne));
  EXPECT_EQ(&create(*set, kIssuer, kUntil + 5), &use);
  EXPECT_EQ(use.valid_until_s(), kUntil + 5);
  create(*set, kIssuer, kUntil);
  EXPECT_EQ(use.valid_until_s(), kUntil + 5) << "validity is never shortened";
  EXPECT_EQ(set->issuer_count(), 1u);
}

// Another process of the same gateway made the file meanwhile: its bits count.
TEST_F(UsedSetTest, OpensAFileThatAnotherProcessMade) {
  auto first = open();
  auto second = open();
  EXPECT_TRUE(create(*first).spend(kOne));
  EXPECT_FALSE(create(*second).spend(kOne));
  EXPECT_TRUE(second->find(kIssuer)->spend(ike::TicketSerial(2)));
  EXPECT_TRUE(first->find(kIssuer)->is_spent(ike::TicketSerial(2)));
}

TEST_F(UsedSetTest, RefusesCapacitiesItCannotWrite) {
  auto set = open();
  for (const std::uint64_t capacity : {std::uint64_t{0}, std::uint64_t{65}, kIssuerCapacity + 64})
    EXPECT_FALSE(set->create(kIssuer, capacity, kUntil).has_value()) << capacity;
  EXPECT_TRUE(set->create(kIssuer, 64, kUntil).has_value());
}

TEST_F(UsedSetTest, NamesADamagedFileAndSaysWhatToDo) {
  { create(*open()); }
  const std::string good = read();
  const auto expect_refused = [&](const std::string& octets, const char* what) {
    write(octets);
    const std::string text = error();
    EXPECT_NE(text.find(file()), std::string::npos) << what;
    EXPECT_NE(text.find("before you remove it"), std::string::npos) << what;
  };
  expect_refused("", "empty");
  expect_refused(good.substr(0, 4095), "header cut");
  expect_refused(good.substr(0, good.size() - 1), "bits cut");
  expect_refused(good + '\0', "one octet more");
  for (const std::size_t offset : {0u, 7u, 8u, 15u, 16u, 23u, 32u, 4095u}) {
    std::string altered = good;
    altered[offset] = static_cast<char>(altered[offset] ^ 1);
    expect_refused(altered, "header octet");
  }
  write(good);
  EXPECT_EQ(error(), "");
}

TEST_F(UsedSetTest, RefusesNamesAndThingsThatAreNotUsedSets) {
  { create(*open()); }
  for (const char* name : {"0123456789abcde.used", "0123456789ABCDEF.used", "x.used", ".used"}) {
    std::filesystem::copy_file(file(), dir_ + "/" + name);
    EXPECT_NE(error().find(name), std::string::npos);
    std::filesystem::remove(dir_ + "/" + name);
  }
  const std::string other = dir_ + "/0123456789abcdee.used";
  std::filesystem::copy_file(file(), other);
  EXPECT_NE(error().find(other), std::string::npos) << "another issuer than its name says";
  std::filesystem::remove(other);
  std::filesystem::rename(file(), dir_ + "/elsewhere");
  std::filesystem::create_symlink(dir_ + "/elsewhere", file());
  EXPECT_NE(error().find(file()), std::string::npos) << "symbolic link";
  std::filesystem::remove(file());
  std::filesystem::create_directory(other);
  EXPECT_NE(error().find(other), std::string::npos) << "directory";
}

TEST_F(UsedSetTest, MakesItsDirectoryAndRefusesOneThatOthersMayWrite) {
  const std::string inner = dir_ + "/state";
  ASSERT_TRUE(UsedSet::open(inner, kNow).has_value());
  struct stat st;
  ASSERT_EQ(stat(inner.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0700u);
  ASSERT_EQ(chmod(inner.c_str(), 0770), 0);
  EXPECT_FALSE(UsedSet::open(inner, kNow).has_value());
  std::ofstream(dir_ + "/plain") << "x";
  EXPECT_FALSE(UsedSet::open(dir_ + "/plain", kNow).has_value());
  EXPECT_FALSE(UsedSet::open(dir_ + "/no/parent", kNow).has_value());
}

TEST_F(UsedSetTest, KeepsAFileForTheGraceAfterItsLastTicket) {
  { create(*open()); }
  { EXPECT_NE(open(kUntil + kUsedGraceS)->find(kIssuer), nullptr); }
  { EXPECT_EQ(open(kUntil + kUsedGraceS + 1)->find(kIssuer), nullptr); }
  EXPECT_EQ(file_count(), 0u);
}

// R5723-167: what a sweep removed is not needed again, because time does not go back behind it.
TEST_F(UsedSetTest, TimeDoesNotGoBack) {
  { EXPECT_EQ(open()->latest_s(), kNow); }
  auto set = open(kNow - 3600);
  EXPECT_EQ(set->latest_s(), kNow);
  create(*set);
  ASSERT_TRUE(set->sweep(kUntil + kUsedGraceS + 1));
  EXPECT_EQ(set->sweep(kNow).value(), 1u) << "judged by the latest time";
  set.reset();
  EXPECT_EQ(open(kNow)->latest_s(), kUntil + kUsedGraceS + 1);
}

TEST_F(UsedSetTest, RemovesNothingWhenTheMarkCannotBeWritten) {
  auto set = open();
  create(*set);
  std::filesystem::rename(dir_, dir_ + "-away");
  EXPECT_FALSE(set->sweep(kUntil + kUsedGraceS + 1));
  EXPECT_NE(set->find(kIssuer), nullptr);
  std::filesystem::rename(dir_ + "-away", dir_);
  EXPECT_TRUE(set->sweep(kUntil + kUsedGraceS + 1));
  EXPECT_EQ(set->find(kIssuer), nullptr);
}

TEST_F(UsedSetTest, UnpublishesInOneSweepAndRemovesInTheNext) {
  auto set = open();
  IssuerUse& use = create(*set);
  create(*set, ike::IssuerId(2), kUntil + 100);
  EXPECT_EQ(set->sweep(kUntil + kUsedGraceS).value(), 0u);
  EXPECT_EQ(set->find(kIssuer), &use);
  EXPECT_EQ(set->sweep(kUntil + kUsedGraceS + 1).value(), 0u);
  EXPECT_EQ(set->find(kIssuer), nullptr);
  EXPECT_EQ(set->issuer_count(), 1u);
  EXPECT_FALSE(use.is_spent(kOne)) << "a worker that holds it can still use it";
  EXPECT_EQ(set->sweep(kUntil + kUsedGraceS + 1).value(), 1u);
  EXPECT_FALSE(std::filesystem::exists(file()));
  EXPECT_NE(set->find(ike::IssuerId(2)), nullptr);
}

TEST_F(UsedSetTest, TakesAnUnpublishedIssuerBackWithItsBits) {
  auto set = open();
  IssuerUse& use = create(*set);
  EXPECT_TRUE(use.spend(kOne));
  ASSERT_TRUE(set->sweep(kUntil + kUsedGraceS + 1));
  EXPECT_EQ(&create(*set, kIssuer, kUntil + 9999), &use);
  EXPECT_TRUE(set->find(kIssuer)->is_spent(kOne));
  EXPECT_EQ(set->sweep(kUntil + kUsedGraceS + 1).value(), 0u);
  EXPECT_TRUE(std::filesystem::exists(file()));
}

TEST_F(UsedSetTest, RepublishesWhatAWorkerExtendedMeanwhile) {
  auto set = open();
  IssuerUse& use = create(*set);
  ASSERT_TRUE(set->sweep(kUntil + kUsedGraceS + 1));
  use.extend_validity(kUntil + 9999);
  EXPECT_EQ(set->sweep(kUntil + kUsedGraceS + 1).value(), 0u);
  EXPECT_EQ(set->find(kIssuer), &use);
}

TEST_F(UsedSetTest, HoldsIssuersUpToItsLimitAndRecovers) {
  const auto issuer = [](std::uint64_t i) { return ike::IssuerId(i * 0x9e3779b97f4a7c15); };
  for (std::uint64_t i = 1; i < kIssuersMax; ++i) {
    char name[32];
    snprintf(name, sizeof name, "/%016lx.used", issuer(i).value());
    const UsedHeader header = write_used_header({issuer(i), 64, kUntil});
    std::string octets(header.begin(), header.end());
    std::ofstream(dir_ + name, std::ios::binary) << octets.append(8, '\0');
  }
  auto set = open();
  ASSERT_EQ(set->issuer_count(), kIssuersMax - 1);
  ASSERT_TRUE(set->create(issuer(kIssuersMax), 64, kUntil).has_value()) << "at the limit";
  const auto beyond = set->create(kIssuer, 64, kUntil);
  ASSERT_FALSE(beyond.has_value());
  EXPECT_NE(beyond.error().text.find("no room"), std::string::npos);
  for (std::uint64_t i = 1; i <= kIssuersMax; ++i) EXPECT_NE(set->find(issuer(i)), nullptr) << i;
  EXPECT_EQ(set->find(kIssuer), nullptr);
  ASSERT_TRUE(set->sweep(kUntil + kUsedGraceS + 1));
  EXPECT_EQ(set->sweep(kUntil + kUsedGraceS + 1).value(), kIssuersMax);
  EXPECT_TRUE(set->create(kIssuer, 64, 2 * kUntil).has_value());
  EXPECT_NE(set->find(kIssuer), nullptr);
}

// Issuers that begin at one place form a run; one that leaves from its midst must not hide the
// rest.
TEST_F(UsedSetTest, FindsIssuersBehindOneThatLeft) {
  auto set = open();
  std::vector<ike::IssuerId> run;
  for (std::uint64_t i = 1; run.size() < 4; ++i)
    if (used_place(ike::IssuerId(i), 2 * kIssuersMax) == 2 * kIssuersMax - 2)
      run.push_back(ike::IssuerId(i));
  for (std::size_t i = 0; i < run.size(); ++i)
    create(*set, run[i], i == 1 || i == 3 ? kUntil : 2 * kUntil);
  ASSERT_TRUE(set->sweep(kUntil + kUsedGraceS + 1));
  EXPECT_NE(set->find(run[0]), nullptr);
  EXPECT_EQ(set->find(run[1]), nullptr);
  EXPECT_NE(set->find(run[2]), nullptr);
  EXPECT_EQ(set->find(run[3]), nullptr);
  create(*set, run[3], 2 * kUntil);
  EXPECT_NE(set->find(run[2]), nullptr);
  EXPECT_NE(set->find(run[3]), nullptr);
}

}  // namespace
}  // namespace dp
