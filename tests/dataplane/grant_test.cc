// decide_grant: addresses, ESP suite and selectors of a resumed client, and that a withdrawn grant
// leaves the pools as they were.
#include "dataplane/grant.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "ike/proposal.h"

namespace dp {
namespace {

using ike::IkeSpi;
using ike::Notify;

constexpr ike::Ip4 kBase4 = {10, 0, 0, 0};
constexpr ike::Ip6 kBase6 = {0xfd, 1};

ike::Ip4 ip4(std::uint8_t last) { return {10, 0, 0, last}; }

struct Fixture {
  explicit Fixture(std::uint32_t pool6 = 4) : leases({kBase4, 4}, {kBase6, pool6}) {
    const auto esp = ike::default_esp_suites();
    config.esp_suites.assign(esp.begin(), esp.end());
    const std::uint8_t zero[16] = {};
    config.local_ts.items[0] =
        ike::selector_of(ike::TsType::ipv4_addr_range, crypto::Bytes(zero, 4), 0);
    config.local_ts.count = 1;
    config.dns4 = {{10, 9, 9, 9}};
    config.pool4 = {kBase4, 4};
    config.pool6 = {kBase6, pool6};
    half->spi_r = IkeSpi(77);
    half->ticket.spi_r = IkeSpi(66);
    request->has_config = request->config.wants_ip4 = true;
    request->has_sa = request->has_ts_i = request->has_ts_r = true;
    offer(ike::Suite{});
    request->ts_i.items[0] = request->ts_r.items[0] = config.local_ts.items[0];
    request->ts_i.count = request->ts_r.count = 1;
  }
  void offer(const ike::Suite& suite) {
    crypto::ByteWriter writer(sa);
    ike::ChainBuilder chain(writer);
    const std::uint8_t spi[4] = {0, 0, 2, 1};
    ike::write_sa(chain, ike::Protocol::esp, 3, suite, spi);
    request->sa = crypto::Bytes(sa).subspan(4, writer.size() - 4);
  }
  const Grant& decide() {
    withdraw_grant(*grant, *half, leases);
    decide_grant(*request, *half, path, config, leases, *grant);
    return *grant;
  }
  std::uint16_t error() { return decide().child_error; }

  ChildConfig config;
  LeaseTable leases;
  std::array<std::uint8_t, 128> sa{};
  Path path;
  std::unique_ptr<ike::AuthRequest> request = std::make_unique<ike::AuthRequest>();
  std::unique_ptr<HalfOpen> half = std::make_unique<HalfOpen>();
  std::unique_ptr<Grant> grant = std::make_unique<Grant>();
};

std::uint16_t number(Notify n) { return static_cast<std::uint16_t>(n); }

struct LeaseCase {
  const char* what;
  int in_ticket;  // last octet of the former address, -1 none
  int wish;
  std::uint64_t holder_of_ticket;  // who has the former address now; 0 nobody
  std::uint64_t holder_of_wish;
  int expected;  // -1: some other address
};

// The former address first (RFC 5723 §5), then the wish, then any.
TEST(Grant, PrefersTheFormerAddress) {
  const LeaseCase cases[] = {
      {"free former address", 2, -1, 0, 0, 2},
      {"held by the session that the ticket names", 2, -1, 66, 0, 2},
      {"held by this session already", 2, -1, 77, 0, 2},
      {"held by a stranger", 2, -1, 5, 0, -1},
      {"held by a stranger, the wish is free", 2, 3, 5, 0, 3},
      {"former address before the wish", 2, 3, 0, 0, 2},
      {"wish alone", -1, 1, 0, 0, 1},
      {"wish held by the session of the ticket: not its address to give", -1, 1, 0, 66, -1},
      {"wish held by a stranger", -1, 1, 0, 5, -1},
      {"wish outside the pool", -1, 200, 0, 0, -1},
      {"former address outside the pool", 200, -1, 0, 0, -1},
      {"neither", -1, -1, 0, 0, -1},
  };
  for (const LeaseCase& c : cases) {
    SCOPED_TRACE(c.what);
    Fixture f;
    if (c.in_ticket >= 0) {
      f.half->ticket.flags.has_ip4 = true;
      f.half->ticket.ip4 = ip4(static_cast<std::uint8_t>(c.in_ticket));
    }
    if (c.wish >= 0) {
      f.request->config.has_ip4_wish = true;
      f.request->config.ip4_wish = ip4(static_cast<std::uint8_t>(c.wish));
    }
    const auto hold = [&](int last, std::uint64_t holder) {
      if (holder == 0) return;
      ASSERT_TRUE(f.leases.claim4(static_cast<std::uint32_t>(last), IkeSpi(holder), IkeSpi(0)));
    };
    hold(c.in_ticket, c.holder_of_ticket);
    hold(c.wish, c.holder_of_wish);
    const Grant& g = f.decide();
    ASSERT_NE(g.ip4_lease, kNoIndex);
    EXPECT_EQ(f.leases.holder4(g.ip4_lease), IkeSpi(77));
    EXPECT_EQ(g.config.ip4, f.leases.address4(g.ip4_lease));
    EXPECT_EQ(g.child_error, 0);
    if (c.expected >= 0) {
      EXPECT_EQ(g.config.ip4, ip4(static_cast<std::uint8_t>(c.expected)));
    } else {
      EXPECT_NE(static_cast<int>(g.ip4_lease), c.in_ticket);
    }
  }
}

TEST(Grant, GivesBackWhatItTook) {
  Fixture f;
  f.request->config.wants_ip6 = true;
  f.half->ticket.flags.has_ip4 = f.half->ticket.flags.has_ip6 = true;
  f.half->ticket.ip4 = ip4(1);
  f.half->ticket.ip6 = kBase6;
  const Grant& g = f.decide();
  EXPECT_EQ(f.leases.held4() + f.leases.held6(), 2u);
  EXPECT_TRUE(g.config.has_ip4 && g.config.has_ip6);
  EXPECT_EQ(g.config.ip4_dns.size(), 1u);
  withdraw_grant(g, *f.half, f.leases);
  EXPECT_EQ(f.leases.held4() + f.leases.held6(), 0u);
}

// CORE-51: at most the families asked for and served.
TEST(Grant, ServesTheFamiliesAskedFor) {
  for (const bool v4 : {false, true}) {
    for (const bool v6 : {false, true}) {
      Fixture f;
      f.request->config.wants_ip4 = v4;
      f.request->config.wants_ip6 = v6;
      const Grant& g = f.decide();
      EXPECT_EQ(g.config.has_ip4, v4);
      EXPECT_EQ(g.config.has_ip6, v6);
      EXPECT_EQ(g.has_config, v4 || v6);
    }
  }
  Fixture no_ip6(0);
  no_ip6.request->config.wants_ip6 = true;
  EXPECT_EQ(no_ip6.error(), 0);
  EXPECT_FALSE(no_ip6.grant->config.has_ip6);
  EXPECT_TRUE(no_ip6.grant->config.has_ip4);
}

// CORE-52.
TEST(Grant, AnEmptyPoolIsInternalAddressFailure) {
  Fixture f;
  for (std::uint32_t i = 0; i < 4; ++i) ASSERT_TRUE(f.leases.claim4(i, IkeSpi(100 + i), IkeSpi(0)));
  EXPECT_EQ(f.error(), number(Notify::internal_address_failure));
  EXPECT_FALSE(f.grant->has_config);
  // With the other family there is a Child SA for that alone.
  f.request->config.wants_ip6 = true;
  f.decide();
  EXPECT_TRUE(f.grant->config.has_ip6);
  EXPECT_FALSE(f.grant->config.has_ip4);
}

// R5723-40: the Child SA is negotiated anew.
TEST(Grant, ChoosesTheSuite) {
  Fixture f;
  for (const ike::Suite& suite : ike::default_esp_suites()) {
    f.offer(suite);
    ASSERT_EQ(f.error(), 0);
    EXPECT_EQ(f.grant->choice.suite.encr, suite.encr);
    EXPECT_EQ(f.grant->choice.proposal_number, 3);
    EXPECT_EQ(crypto::load_be32(f.grant->choice.spi.data()), 0x201u);
    withdraw_grant(*f.grant, *f.half, f.leases);
  }
  f.config.esp_suites.clear();
  EXPECT_EQ(f.error(), number(Notify::no_proposal_chosen));
  Fixture none;
  none.request->has_sa = false;
  EXPECT_EQ(none.error(), number(Notify::no_proposal_chosen));
}

// CORE-65: narrowed to the lease on the client's side and to the policy on ours.
TEST(Grant, NarrowsSelectors) {
  Fixture f;
  const Grant& g = f.decide();
  ASSERT_EQ(g.ts_i.count, 1u);
  EXPECT_TRUE(std::equal(g.config.ip4.begin(), g.config.ip4.end(), g.ts_i.items[0].start.begin()));
  EXPECT_TRUE(std::equal(g.config.ip4.begin(), g.config.ip4.end(), g.ts_i.items[0].end.begin()));
  EXPECT_EQ(g.ts_r.items[0], f.config.local_ts.items[0]);

  Fixture disjoint;
  const ike::Ip4 elsewhere = {203, 0, 113, 5};
  disjoint.request->ts_i.items[0] = ike::selector_of(ike::TsType::ipv4_addr_range, elsewhere, 32);
  EXPECT_EQ(disjoint.error(), number(Notify::ts_unacceptable));
}

// R5723-41: without CFG_REQUEST the client's side is its outer address.
TEST(Grant, WithoutConfigTheOuterAddressIsTheSelector) {
  Fixture f;
  f.request->has_config = false;
  f.path.source = {192, 0, 2, 9};
  const Grant& g = f.decide();
  EXPECT_EQ(g.child_error, 0);
  EXPECT_FALSE(g.has_config);
  EXPECT_EQ(f.leases.held4(), 0u);
  const ike::Ip4 outer = {192, 0, 2, 9};
  EXPECT_EQ(g.ts_i.items[0], ike::selector_of(ike::TsType::ipv4_addr_range, outer, 32));
}

TEST(Grant, AConnectionWithoutAPoolGivesNoneOfItsAddresses) {
  Fixture f;
  f.request->config.wants_ip6 = true;
  f.config.pool4.count = 0;
  EXPECT_EQ(f.decide().ip4_lease, kNoIndex);
  EXPECT_NE(f.decide().ip6_lease, kNoIndex);
  f.config.pool6.count = 0;
  EXPECT_EQ(f.error(), static_cast<std::uint16_t>(Notify::internal_address_failure));
}

}  // namespace
}  // namespace dp
