// Resumed SAs that a worker hands over: RFC 7296 §2.3, RFC 5723 §4.3.4.
#include <gtest/gtest.h>

#include "controlplane/machine.h"
#include "tests/controlplane/psk_test.h"

namespace cp {
namespace {

class Adopt : public PskTest {
 protected:
  // The SA of a client that resumed, as its worker leaves it, with that message.
  dp::Punt letter(const Octets& message) {
    dp::Punt punt;
    punt.kind = dp::PuntKind::adopted;
    punt.path = path;
    dp::AdoptedSa& sa = punt.sa;
    sa.spi_i = client.spi_i;
    sa.spi_r = client.spi_r;
    sa.suite = client.suite;
    sa.next_message_id = 2;
    sa.tx_counter = 1;
    sa.ip4_lease = 5;
    sa.fragmentation = true;
    sa.post_quantum = true;
    sa.has_child = true;
    sa.child_in = ike::EspSpi(0x1234);
    sa.child_out = client.child_in;
    sa.child_suite = client.esp_suites[0];
    const ike::IkeKeys keys = client.keys();
    std::size_t at = 0;
    for (const crypto::Bytes part : {keys.sk_d, keys.sk_ai, keys.sk_ar, keys.sk_ei, keys.sk_er}) {
      std::ranges::copy(part, sa.keys.begin() + static_cast<std::ptrdiff_t>(at));
      at += part.size();
    }
    sa.keys_len = static_cast<std::uint16_t>(at);
    punt.message_len = static_cast<std::uint16_t>(message.size());
    std::ranges::copy(message, punt.message.begin());
    return punt;
  }
  void SetUp() override {
    client.suite = client.suites[0];
    client.keymat.assign(ike::ike_keymat_len(client.suite), 0);
    for (std::size_t i = 0; i < client.keymat.size(); ++i)
      client.keymat[i] = static_cast<std::uint8_t>(i * 7);
    client.spi_r = ike::IkeSpi(0xabcdef0123456789);
    client.message_id = 2;
    const ike::Ip4 wish = {10, 1, 0, 5};
    ASSERT_TRUE(rig.workers().lease4(&wish, client.spi_r, {}, 0));
  }
};

TEST_F(Adopt, AnswersTheMessageThatTheWorkerCouldNot) {
  rig.deliver(letter(client.rekey_child(client.child_in, ike::EspSpi(0xc0ffee02))));
  rig.serve();
  ASSERT_EQ(rig.sent.size(), 1u);
  const auto opened = client.open({rig.sent[0].message});
  ASSERT_TRUE(opened.ok);
  EXPECT_EQ(client.error_of(opened), 0);
  const IkeSa& sa = *rig.sa(client.spi_r);
  EXPECT_TRUE(sa.post_quantum);
  EXPECT_EQ(sa.children.size(), 2u);
  EXPECT_EQ(sa.connection, "rw");
  EXPECT_EQ(rig.counters().adopted, 1u);
}

// What the Child SA was narrowed to holds, also when its connection is configured no more.
TEST_F(Adopt, KeepsTheSelectorsOfTheChildSa) {
  const ike::Ip4 net = {10, 9, 0, 0}, lease = {10, 1, 0, 5};
  dp::Punt punt = letter({});
  punt.sa.connection_index = 9;
  punt.sa.ts_local.items[punt.sa.ts_local.count++] =
      ike::selector_of(ike::TsType::ipv4_addr_range, net, 16);
  rig.deliver(punt);
  rig.serve();
  const ChildSa& child = rig.sa(client.spi_r)->children.at(0);
  ASSERT_EQ(child.ts_local.count, 1u);
  EXPECT_EQ(child.ts_local.items[0], punt.sa.ts_local.items[0]);
  ASSERT_EQ(child.ts_remote.count, 1u);
  EXPECT_TRUE(ike::is_one_address(child.ts_remote.items[0], lease));
}

TEST_F(Adopt, GivesThePlaceAtTheWorkerBackAtTheEnd) {
  rig.deliver(letter(client.delete_ike()));
  rig.serve();
  EXPECT_EQ(rig.sas().size(), 0u);
  EXPECT_EQ(rig.workers().leases().held4(), 0u);
  const auto released = [&] {
    return std::ranges::any_of(rig.orders, [&](const PlaneRig::Told& order) {
      return order.kind == dp::OrderKind::release && order.spi_r == client.spi_r;
    });
  };
  EXPECT_FALSE(released());  // its client may ask for the answer again
  rig.pass_ms(kEndedMs);
  rig.serve();
  EXPECT_TRUE(released());
}

// RFC 4555 §3.5: what was agreed with the worker holds here.
TEST_F(Adopt, FollowsAResumedClientToAnotherAddress) {
  const dp::PeerPath other = rig_path(4500, 99);
  Octets inner(64);
  crypto::ByteWriter writer(inner);
  ike::ChainBuilder chain(writer);
  ike::write_informational(chain, {.update_sa_addresses = true});
  inner.resize(writer.size());
  for (const bool agreed : {true, false}) {
    client.spi_r = ike::IkeSpi(client.spi_r.value() + 1);
    client.message_id = 2;
    client.tx_counter = 0;
    const Octets update = client.request(ike::Exchange::informational, chain.first_type(), inner);
    dp::Punt punt = letter({});
    punt.sa.mobike = agreed;
    rig.deliver(punt);
    const auto opened = client.open(rig.exchange(update, other));
    ASSERT_TRUE(opened.ok);
    EXPECT_EQ(client.error_of(opened), agreed ? 0 : number(ike::Notify::unacceptable_addresses));
    EXPECT_EQ(rig.sa(client.spi_r)->path == other, agreed);
    const bool told = !rig.orders.empty() && rig.orders.back().kind == dp::OrderKind::move_child &&
                      rig.orders.back().path.peer == other.peer;
    EXPECT_EQ(told, agreed);
    rig.orders.clear();
  }
}

TEST_F(Adopt, EndsARecalledSaWhenItComes) {
  rig.plane().machine().terminate_resumed({1, client.spi_r});
  rig.serve();
  ASSERT_EQ(rig.orders.size(), 1u);
  EXPECT_EQ(rig.orders[0].kind, dp::OrderKind::recall);
  EXPECT_EQ(rig.orders[0].spi_r, client.spi_r);
  EXPECT_EQ(rig.orders[0].worker, 1u);
  rig.deliver(letter({}));
  rig.serve();
  ASSERT_EQ(rig.sent.size(), 1u);
  EXPECT_TRUE(informational(client.open({rig.sent[0].message})).deletes_ike);
  EXPECT_EQ(rig.plane().machine().resumed_closing(), 1u);
}

// It came because of a message of the client's, between the question and the recall.
TEST_F(Adopt, EndsASaThatCameOfItself) {
  rig.deliver(letter({}));
  rig.serve();
  rig.plane().machine().terminate_resumed({0, client.spi_r});
  rig.serve();
  ASSERT_EQ(rig.sent.size(), 1u);
  EXPECT_TRUE(informational(client.open({rig.sent[0].message})).deletes_ike);
  EXPECT_TRUE(rig.orders.empty());
}

TEST_F(Adopt, CallsASaBackAgainUntilItCountsAsGone) {
  rig.plane().machine().terminate_resumed({0, client.spi_r});
  for (unsigned i = 0; i < kRecallTries; ++i) {
    rig.serve();
    EXPECT_EQ(rig.orders.size(), i + 1);
    rig.pass_ms(kRecallAgainMs);
  }
  EXPECT_EQ(rig.counters().recalls_lost, 0u);
  rig.serve();
  EXPECT_EQ(rig.orders.size(), kRecallTries);
  EXPECT_EQ(rig.counters().recalls_lost, 1u);
  EXPECT_EQ(rig.plane().machine().resumed_closing(), 0u);
  rig.deliver(letter({}));
  rig.serve();
  EXPECT_TRUE(rig.sent.empty());
  EXPECT_NE(rig.sa(client.spi_r), nullptr);
}

// A batch is called back, and the next one when SAs of it are closed.
TEST_F(Adopt, CallsBackABoundedNumberAtATime) {
  for (std::uint64_t i = 1; i <= kRecallsMax; ++i)
    rig.plane().machine().terminate_resumed({0, ike::IkeSpi(i)});
  rig.plane().machine().terminate_resumed({0, client.spi_r});
  rig.serve();
  EXPECT_EQ(rig.orders.size(), kRecallsPerRound);
  for (int round = 0; round < 20; ++round) rig.serve();
  EXPECT_EQ(rig.orders.size(), kRecallsMax);
  EXPECT_EQ(rig.plane().machine().resumed_closing(), kRecallsMax + 1);
  const ike::IkeSpi own = client.spi_r;
  client.spi_r = ike::IkeSpi(7);
  rig.deliver(letter({}));
  rig.serve();
  EXPECT_EQ(rig.orders.back().spi_r, ike::IkeSpi(kRecallsMax)) << "one came and is not closed yet";
  rig.exchange(client.delete_ike(), path);
  EXPECT_EQ(rig.sa(client.spi_r), nullptr);
  rig.serve();
  const auto called = [&](const PlaneRig::Told& told) {
    return told.kind == dp::OrderKind::recall && told.spi_r == own;
  };
  EXPECT_TRUE(std::ranges::any_of(rig.orders, called));
}

// What comes through another worker moves neither the Child SA nor the place of the resumed SA.
TEST_F(Adopt, TellsEachWorkerOfWhatItHas) {
  rig.deliver(letter({}), 1);
  rig.serve();
  EXPECT_EQ(ask(client.rekey_child(client.child_in, ike::EspSpi(0xc0ffee02))).ok, true);
  EXPECT_EQ(rig.sent.back().worker, 1u);  // behind the order
  ASSERT_EQ(rig.orders.size(), 1u);
  EXPECT_EQ(rig.orders[0].kind, dp::OrderKind::install_child);
  EXPECT_EQ(rig.orders[0].worker, 1u);
  const ike::EspSpi fresh = rig.orders[0].child_in;
  rig.orders.clear();
  EXPECT_TRUE(client.open(rig.exchange(client.delete_ike(), path)).ok);
  rig.pass_ms(kEndedMs);
  rig.serve();
  ASSERT_EQ(rig.orders.size(), 3u);
  for (const PlaneRig::Told& order : rig.orders) {
    EXPECT_EQ(order.worker, 1u);
    if (order.kind == dp::OrderKind::remove_child && order.child_in != fresh) {
      EXPECT_EQ(order.child_in, ike::EspSpi(0x1234));
    }
  }
}

TEST_F(Adopt, TakesAnSaOnlyOnce) {
  const dp::Punt punt = letter({});
  rig.deliver(punt);
  rig.deliver(punt);
  rig.serve();
  EXPECT_EQ(rig.sas().size(), 1u);
  EXPECT_EQ(rig.counters().adopted, 1u);
}

// RFC 7383 §2.6: of all SAs together.
TEST_F(Adopt, KeepsFragmentsOfABoundedNumberOfClients) {
  client.spi_i = ike::IkeSpi(1);
  const auto next = [&] {
    client.spi_r = ike::IkeSpi(client.spi_r.value() + 1);
    client.message_id = 2;
    client.tx_counter = 0;
    rig.deliver(letter({}));
    rig.exchange(client.fragments(ike::Exchange::informational, 3000)[0], path);
  };
  for (std::size_t i = 0; i < kFragmentStoresMax; ++i) next();
  EXPECT_EQ(rig.counters().fragments_limit, 0u);
  next();
  EXPECT_EQ(rig.counters().fragments_limit, 1u);
  rig.pass_ms(kFragmentsMs);
  for (int round = 0; round < 100; ++round) rig.serve();
  next();
  EXPECT_EQ(rig.counters().fragments_limit, 1u);
}

TEST_F(Adopt, EndsAnSaThatAResumptionReplaced) {
  IkeClient first(77);
  ASSERT_TRUE(first.take_sa_init(rig.exchange(first.sa_init(), path).at(0)));
  ASSERT_TRUE(first.take_auth(rig.exchange(first.auth(), path)));
  const std::size_t before = rig.sent.size();
  dp::Punt punt;
  punt.kind = dp::PuntKind::superseded;
  punt.message_len = 0;
  punt.spi_i = first.spi_i;
  punt.spi_r = ike::IkeSpi(first.spi_r.value() ^ 1);
  rig.deliver(punt);
  rig.serve();
  EXPECT_EQ(rig.sas().size(), 1u);
  punt.spi_r = first.spi_r;
  rig.deliver(punt);
  rig.serve();
  EXPECT_EQ(rig.sas().size(), 0u);
  EXPECT_EQ(rig.sent.size(), before);  // silently
}

// What the ESP path tells of a resumed SA that was handed over.
class AdoptNews : public Adopt {
 protected:
  void SetUp() override {
    Adopt::SetUp();
    path = rig_path(4500);
    rig.deliver(letter({}));
    rig.serve();
    ASSERT_EQ(sa().own.asking, Asking::nothing);
  }
  void tell(dp::PuntKind kind, std::uint32_t child_in, const dp::PeerPath& from) {
    dp::Punt punt;
    punt.kind = kind;
    punt.spi_r = client.spi_r;
    punt.child_in = ike::EspSpi(child_in);
    punt.path = from;
    punt.message_len = 0;
    rig.deliver(punt);
    rig.serve();
  }
  const IkeSa& sa() { return *rig.sa(client.spi_r); }
};

TEST_F(AdoptNews, RekeysAChildSaThatHasCarriedEnough) {
  tell(dp::PuntKind::child_worn, 0x9999, path);
  EXPECT_EQ(sa().own.asking, Asking::nothing) << "no such Child SA";
  tell(dp::PuntKind::child_worn, 0x1234, path);
  EXPECT_EQ(sa().own.asking, Asking::rekey_child);
  EXPECT_EQ(sa().own.child_in, ike::EspSpi(0x1234));
}

TEST_F(AdoptNews, DeletesAChildSaThatHasCarriedTooMuch) {
  tell(dp::PuntKind::child_spent, 0x1234, path);
  EXPECT_EQ(sa().own.asking, Asking::delete_child);
}

// RFC 7296 §2.23.
TEST_F(AdoptNews, AsksWhereEspCameFrom) {
  const dp::PeerPath other = rig_path(4500, 99);
  tell(dp::PuntKind::peer_moved, 0x1234, other);
  EXPECT_EQ(sa().path, other);
  EXPECT_EQ(rig.counters().moved, 1u);
  tell(dp::PuntKind::child_worn, 0x1234, other);
  EXPECT_EQ(rig.sent.back().path, other);
}

}  // namespace
}  // namespace cp
