// Message IDs and retransmission: RFC 7296 §2.1, §2.2, §2.3.
#include "controlplane/exchange_window.h"

#include <gtest/gtest.h>

namespace {

using cp::ExchangeWindow;
using Turn = ExchangeWindow::Turn;
using ike::MessageId;

TEST(ExchangeWindow, ServesTheExpectedRequestAndNoOther) {
  ExchangeWindow window(MessageId(2));
  EXPECT_EQ(window.sort_request(MessageId(2)), Turn::fresh);
  EXPECT_EQ(window.sort_request(MessageId(1)), Turn::repeated);
  EXPECT_EQ(window.sort_request(MessageId(0)), Turn::stale);
  EXPECT_EQ(window.sort_request(MessageId(3)), Turn::stale);
}

TEST(ExchangeWindow, KeepsTheAnswerForRepetitions) {
  ExchangeWindow window;
  window.begin_answer();
  EXPECT_EQ(window.sort_request(MessageId(0)), Turn::repeated);
  EXPECT_TRUE(window.last_answer().empty());
  window.answered({{1, 2, 3}});
  EXPECT_EQ(window.sort_request(MessageId(0)), Turn::repeated);
  ASSERT_EQ(window.last_answer().size(), 1u);
  EXPECT_EQ(window.last_answer()[0], (cp::Octets{1, 2, 3}));
  EXPECT_EQ(window.sort_request(MessageId(1)), Turn::fresh);
}

TEST(ExchangeWindow, TakesOneRequestOfOursAtATime) {
  ExchangeWindow window;
  EXPECT_TRUE(window.may_ask());
  window.asked({{9}}, 1000, {});
  EXPECT_FALSE(window.may_ask());
  EXPECT_TRUE(window.is_awaited(MessageId(0)));
  EXPECT_FALSE(window.is_awaited(MessageId(1)));
  window.completed();
  EXPECT_FALSE(window.is_awaited(MessageId(0)));
  EXPECT_TRUE(window.may_ask());
  EXPECT_EQ(window.own_id(), MessageId(1));
}

TEST(ExchangeWindow, RetransmitsWithGrowingIntervalsAndGivesUp) {
  const cp::RetransmitPolicy policy{.first_ms = 100, .factor = 2, .tries = 3};
  ExchangeWindow window;
  EXPECT_EQ(window.retransmit_at_ms(), ExchangeWindow::kNever);
  window.asked({{9}}, 1000, policy);
  EXPECT_EQ(window.retransmit_at_ms(), 1100u);
  EXPECT_TRUE(window.again(1100, policy));
  EXPECT_EQ(window.retransmit_at_ms(), 1300u);
  EXPECT_TRUE(window.again(1300, policy));
  EXPECT_EQ(window.retransmit_at_ms(), 1700u);
  EXPECT_FALSE(window.again(1700, policy));
}

TEST(ExchangeWindow, AsksNothingMoreWhenMessageIdsAreUsedUp) {
  ExchangeWindow window(MessageId(0), MessageId(0xfffffffe));
  window.asked({{9}}, 0, {});
  window.completed();
  EXPECT_FALSE(window.may_ask());
}

}  // namespace
