// Tests of the notifies that hand a ticket over.
#include "ike/ticket_notify.h"

#include <gtest/gtest.h>

#include "tests/ike/messages.h"

namespace ike {
namespace {

std::string outcome(const Octets& ticket, std::uint16_t refusal) {
  Octets buffer(64);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  write_ticket_outcome(chain, ticket, 3600, refusal);
  return to_hex(writer.written());
}

TEST(TicketNotify, SaysOneThing) {  // R5723-01, R5723-03, RFC 5723 §7
  EXPECT_EQ(outcome({}, 0), "");
  EXPECT_EQ(outcome({}, 16411), "000000080000401b");
  EXPECT_EQ(outcome({}, 16412), "000000080000401c");
  EXPECT_EQ(outcome({0xaa}, 16412), "0000000d0000401900000e10aa") << "the ticket is the answer";
}

TEST(TicketNotify, ReadsBackAndOnlyOnce) {
  const Octets data = from_hex("00000e10aabb");
  NotifyView notify;
  notify.type = 16409;
  notify.data = data;
  crypto::Bytes ticket;
  std::uint32_t lifetime_s = 0;
  ASSERT_EQ(take_ticket(notify, ticket, lifetime_s), ParseError::none);
  EXPECT_EQ(lifetime_s, 3600u);
  EXPECT_EQ(to_hex(ticket), "aabb");
  EXPECT_EQ(take_ticket(notify, ticket, lifetime_s), ParseError::duplicate_payload);
}

TEST(TicketNotify, WantsATicketOctet) {
  NotifyView notify;
  notify.type = 16409;
  crypto::Bytes ticket;
  std::uint32_t lifetime_s = 0;
  for (std::size_t len = 0; len < 5; ++len) {
    const Octets data = filled(len, 1);
    notify.data = data;
    EXPECT_EQ(take_ticket(notify, ticket, lifetime_s), ParseError::bad_notify);
  }
  notify.type = 16413;
  EXPECT_EQ(take_ticket(notify, ticket, lifetime_s), ParseError::none);
  EXPECT_TRUE(ticket.empty());
}

}  // namespace
}  // namespace ike
