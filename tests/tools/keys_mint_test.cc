// Minted tickets: distinct, openable, accepted once, and refused orders.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "controlplane/identity_text.h"
#include "controlplane/value_text.h"
#include "crypto/engine.h"
#include "dataplane/used_set.h"
#include "ike/ticket.h"
#include "tests/controlplane/scratch_folder.h"
#include "tools/keys/mint.h"
#include "tools/keys/ring.h"
#include "tools/storm/ticket_bag.h"

namespace keys {
namespace {

constexpr std::uint64_t kNow = 1'760'000'000;

class KeysMint : public testing::Test {
 protected:
  KeysMint() {
    EXPECT_TRUE(create_ring(folder_.file("keyring"), kNow));
    config_ =
        cp::parse_config(
            "[outside]\ndevice = 'net_null0'\naddresses = '192.0.2.1'\n[tickets]\nkeyring = '" +
            folder_.file("keyring") + "'\nstate_dir = '" + folder_.file("state") +
            "'\npolicy_generation = 3\n[pools]\nipv4 = '10.0.0.1-10.0.1.255'\n"
            "[connections.first]\n[connections.second]\n"
            "proposals = 'aes128gcm16-prfsha384-x25519'\n")
            .value();
    order_.clients = 150;
    order_.bag_path = folder_.file("bag");
  }
  crypto::Status run() {
    return mint(config_, order_, kNow, random_, [&](std::size_t done) { progress_ = done; });
  }
  std::string refusal() {
    const auto status = run();
    EXPECT_FALSE(std::filesystem::exists(order_.bag_path));
    return status ? "" : status.error().text;
  }

  cp::ScratchFolder folder_;
  cp::GatewayConfig config_;
  MintOrder order_;
  crypto::Random random_{1};
  std::size_t progress_ = 0;
};

TEST_F(KeysMint, EveryTicketOpensAndIsTheClientsOwn) {
  ASSERT_TRUE(run());
  EXPECT_EQ(progress_, 150u);
  const auto bag = storm::TicketBag::open(order_.bag_path);
  ASSERT_TRUE(bag);
  ASSERT_EQ(bag->count(), 150u);
  const auto ring = crypto::Keyring::load(config_.keyring.path).value();
  const auto used = dp::UsedSet::open(config_.workers.state_dir, kNow).value();
  const auto engine = crypto::make_ossl_engine();
  std::set<std::vector<std::uint8_t>> secrets;
  std::set<std::string> identities, leases;
  std::set<std::uint64_t> serials;
  for (std::size_t i = 0; i < bag->count(); ++i) {
    const storm::Credential c = bag->at(i);
    std::vector<std::uint8_t> plaintext(ike::kTicketStateMax);
    ike::TicketHeader header;
    ike::TicketState state;
    ASSERT_TRUE(ike::parse_ticket_header(c.ticket, header));
    ASSERT_TRUE(ike::open_ticket(*engine, ring.current(), c.ticket, plaintext, state));
    EXPECT_TRUE(std::ranges::equal(state.sk_d, c.sk_d));
    EXPECT_TRUE(std::ranges::equal(state.id_i, c.id_i));
    EXPECT_TRUE(std::ranges::equal(state.id_r, c.id_r));
    EXPECT_EQ(state.suite, c.suite);
    EXPECT_EQ(state.spi_r, c.spi_r);
    EXPECT_EQ(state.expires_s, kNow + config_.workers.tickets.lifetime_s);
    EXPECT_EQ(state.full_auth_s, kNow);
    EXPECT_EQ(state.connection, cp::connection_id("first"));
    EXPECT_EQ(state.policy_generation, 3u);
    EXPECT_EQ(state.ip4, c.ip4);
    dp::IssuerUse* const use = used->find(header.issuer);
    ASSERT_NE(use, nullptr);
    EXPECT_TRUE(use->is_valid(header.serial));
    EXPECT_FALSE(use->is_spent(header.serial));
    EXPECT_GE(use->valid_until_s(), state.expires_s);
    secrets.emplace(c.sk_d.begin(), c.sk_d.end());
    identities.insert(cp::identity_text(c.id_i));
    leases.insert(cp::address_text(c.ip4));
    serials.insert(header.serial.value());
  }
  for (const std::size_t distinct :
       {secrets.size(), identities.size(), leases.size(), serials.size()})
    EXPECT_EQ(distinct, 150u);
  EXPECT_TRUE(identities.contains("@client0.example"));
  EXPECT_TRUE(leases.contains("10.0.0.1"));
}

TEST_F(KeysMint, TakesConnectionProposalLifetimeAndNames) {
  order_.connection = "second";
  order_.lifetime_s = 77;
  order_.client_domain = "corp.test";
  order_.gateway_identity = "gw@corp.test";
  order_.leases = false;
  order_.clients = 1;
  ASSERT_TRUE(run());
  const auto bag = storm::TicketBag::open(order_.bag_path);
  const storm::Credential c = bag->at(0);
  EXPECT_EQ(c.suite.key_bits, 128);
  EXPECT_EQ(c.suite.prf, ike::PrfId::hmac_sha2_384);
  EXPECT_EQ(c.sk_d.size(), 48u);
  EXPECT_EQ(c.expires_s, kNow + 77);
  EXPECT_EQ(cp::identity_text(c.id_i), "@client0.corp.test");
  EXPECT_EQ(cp::identity_text(c.id_r), "gw@corp.test");
  EXPECT_FALSE(c.has_ip4);
}

TEST_F(KeysMint, TwoRunsNeverShareAnIssuer) {
  ASSERT_TRUE(run());
  order_.bag_path = folder_.file("bag2");
  ASSERT_TRUE(run());
  EXPECT_EQ(dp::UsedSet::open(config_.workers.state_dir, kNow).value()->issuer_count(), 2u);
}

TEST_F(KeysMint, RefusesOrdersThatCannotWork) {
  order_.connection = "third";
  EXPECT_EQ(refusal(), "the configuration has no connection \"third\"");
  order_.connection = "second";
  order_.proposal = "aes256gcm16-prfsha256-x25519";
  EXPECT_EQ(refusal(),
            "connection \"second\" does not allow aes256gcm16-prfsha256-x25519: such tickets are "
            "refused");
  order_ = {.clients = 512, .bag_path = order_.bag_path};
  EXPECT_EQ(
      refusal(),
      "a pool of the configuration has fewer addresses than 512 clients need: enlarge it, or mint "
      "without leases");
  order_.clients = 0;
  EXPECT_EQ(refusal(), "expected 1 to 16777216 clients");
  order_.clients = 1;
  order_.client_domain = "a b";
  EXPECT_NE(refusal(), "");
  order_.client_domain = std::string(245, 'a');
  order_.gateway_identity = "";
  EXPECT_NE(refusal(), "");
}

}  // namespace
}  // namespace keys
