// punt: messages of the control thread's SAs cross the seam whole, with the way they came.
#include <gtest/gtest.h>
#include <poll.h>

#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using rig::GatewayProbe;
using rig::Octets;
using rig::Reaction;

bool is_readable(int fd) {
  pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&p, 1, 0) == 1;
}

// Requests and responses, of SAs that the client began and of those that the gateway began when it
// rekeyed: the I flag tells which SPI is ours.
TEST(Punt, HandsOnWhatTheControlThreadOwns) {
  GatewayProbe probe;
  for (const std::uint8_t flags : std::array<std::uint8_t, 4>{0x08, 0x28, 0x00, 0x20}) {
    for (const bool is_ip6 : {false, true}) {
      SCOPED_TRACE(testing::Message() << unsigned{flags} << " " << is_ip6);
      probe.path.is_ip6 = is_ip6;
      probe.path.destination_port = is_ip6 ? 4500 : 500;
      probe.path.source_port = 1234;
      const Octets message = probe.control_message(flags);
      const Reaction reaction = probe.send(message);
      EXPECT_TRUE(reaction.silent());
      EXPECT_TRUE(reaction.drops.empty()) << reaction.describe();
      const auto punts = probe.take_punts();
      ASSERT_EQ(punts.size(), 1u);
      EXPECT_EQ(punts[0].kind, PuntKind::message);
      EXPECT_EQ(punts[0].message, message);
      EXPECT_EQ(punts[0].path, probe.way());
    }
  }
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::punts), 8u);
  EXPECT_EQ(probe.complaint(), "");
}

// Any worker hands them on: the control thread reads all rings.
TEST(Punt, NeedsNoOwner) {
  GatewayProbe probe({.workers = 3});
  for (unsigned w = 0; w < 3; ++w) {
    probe.send(probe.control_message(), w);
    EXPECT_EQ(probe.take_punts(w).size(), 1u);
  }
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::handed_over), 0u);
  EXPECT_EQ(probe.complaint(), "");
}

// Bursts of all kinds keep every frame, and the bell is rung once for each.
TEST(Punt, RingsOncePerBurst) {
  GatewayProbe probe;
  Doorbell& bell = probe.gateway.shared().doorbell;
  bell.will_sleep();
  std::vector<Octets> messages;
  for (unsigned i = 0; i < 20; ++i) messages.push_back(probe.control_message());
  for (unsigned i = 0; i < 10; ++i) messages.push_back(probe.client().begin());
  const Reaction reaction = probe.send_all(messages);
  EXPECT_EQ(reaction.answers.size(), 10u);
  EXPECT_EQ(probe.take_punts().size(), 20u);
  EXPECT_TRUE(is_readable(bell.fd()));
  bell.is_awake();
  bell.will_sleep();
  probe.send(probe.client().begin());
  EXPECT_FALSE(is_readable(bell.fd()));
  EXPECT_EQ(probe.complaint(), "");
}

TEST(Punt, CountsWhatDoesNotFitTheRing) {
  GatewayProbe probe;
  probe.fill_punts(1);
  const Octets message = probe.control_message();
  const Reaction reaction = probe.send_all({message, message, message});
  EXPECT_EQ(reaction.drops, (std::map<Drop, unsigned>{{Drop::punt_full, 2}}));
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::punts), 1u);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::punts_dropped), 2u);
  EXPECT_EQ(probe.take_punts().size(), kPuntRingLen);
  probe.send(message);
  EXPECT_EQ(probe.take_punts().size(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

// A storm of resumptions, with what surrounds it, leaves the ring alone.
TEST(Punt, ResumptionsNeedNoControlThread) {
  GatewayProbe probe;
  for (unsigned i = 0; i < 50; ++i) {
    rig::Resumed old = probe.resume();
    ASSERT_EQ(old.complaint, "");
    ASSERT_EQ(probe
                  .finish([&] {
                    rig::ScalarClient next = probe.client_of(old.client.renewed(*old.message4));
                    EXPECT_TRUE(probe.open(next));
                    return next;
                  }())
                  .complaint,
              "");
  }
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::punts), 0u);
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
