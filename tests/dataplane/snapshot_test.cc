// Snapshot and Quiescence: when an old object is destroyed. Threads come in seam_test.cc.
#include "dataplane/snapshot.h"

#include <gtest/gtest.h>

#include "crypto/base/error.h"

namespace dp {
namespace {

struct Counted {
  explicit Counted(int v) : value(v) { ++alive; }
  ~Counted() { --alive; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  int value;
  static inline int alive = 0;
};

class SnapshotTest : public testing::Test {
 protected:
  void publish(int value) { snapshot_.publish(std::make_unique<const Counted>(value)); }
  Quiescence quiescence_{2};
  Snapshot<Counted> snapshot_{quiescence_};
};

TEST_F(SnapshotTest, IsNullBeforeTheFirstPublish) { EXPECT_EQ(snapshot_.load(), nullptr); }

TEST_F(SnapshotTest, DestroysAtOnceWithoutReaders) {
  publish(1);
  publish(2);
  EXPECT_EQ(snapshot_.load()->value, 2);
  EXPECT_EQ(Counted::alive, 1);
}

TEST_F(SnapshotTest, WaitsForEveryOnlineReader) {
  quiescence_.online(0, true);
  quiescence_.online(1, true);
  publish(1);
  const Counted* held = snapshot_.load();
  publish(2);
  EXPECT_EQ(snapshot_.reclaim(), 1u);
  quiescence_.quiet(0);
  EXPECT_EQ(snapshot_.reclaim(), 1u) << "reader 1 may still hold it";
  EXPECT_EQ(held->value, 1);
  quiescence_.quiet(1);
  EXPECT_EQ(snapshot_.reclaim(), 0u);
  EXPECT_EQ(Counted::alive, 1);
}

TEST_F(SnapshotTest, DoesNotCountAQuietStateFromBeforeThePublish) {
  quiescence_.online(0, true);
  publish(1);
  quiescence_.quiet(0);
  publish(2);
  EXPECT_EQ(snapshot_.reclaim(), 1u);
}

TEST_F(SnapshotTest, DoesNotWaitForAReaderThatStops) {
  quiescence_.online(0, true);
  publish(1);
  publish(2);
  EXPECT_EQ(snapshot_.reclaim(), 1u);
  quiescence_.online(0, false);
  EXPECT_EQ(snapshot_.reclaim(), 0u);
}

TEST_F(SnapshotTest, DoesNotWaitForAReaderThatStartsLater) {
  quiescence_.online(0, true);
  publish(1);
  publish(2);  // reader 1 is offline and can only load this one
  quiescence_.online(1, true);
  quiescence_.quiet(0);
  EXPECT_EQ(snapshot_.reclaim(), 0u);
}

TEST_F(SnapshotTest, WaitsForAReaderThatCameBackUnseen) {
  quiescence_.online(0, true);
  publish(1);
  publish(2);
  quiescence_.online(0, false);
  quiescence_.online(0, true);
  EXPECT_EQ(snapshot_.reclaim(), 1u) << "safe, though it cannot hold the old object";
  quiescence_.quiet(0);
  EXPECT_EQ(snapshot_.reclaim(), 0u);
}

TEST_F(SnapshotTest, KeepsSeveralOldObjectsApart) {
  quiescence_.online(0, true);
  publish(1);
  publish(2);
  quiescence_.quiet(0);
  publish(3);
  EXPECT_EQ(snapshot_.reclaim(), 1u) << "1 is gone, 2 waits";
  EXPECT_EQ(Counted::alive, 2);
}

TEST(Snapshot, DestroysEverythingAtTheEnd) {
  {
    Quiescence quiescence(1);
    quiescence.online(0, true);
    Snapshot<Counted> snapshot(quiescence);
    for (int i = 0; i < 3; ++i) snapshot.publish(std::make_unique<const Counted>(i));
    EXPECT_EQ(Counted::alive, 3);
  }
  EXPECT_EQ(Counted::alive, 0);
}

TEST(QuiescenceDeathTest, RefusesMoreReadersThanItHas) {
  const Quiescence most(kReadersMax);
  EXPECT_DEATH(Quiescence{kReadersMax + 1}, "invariant broken");
}

}  // namespace
}  // namespace dp
