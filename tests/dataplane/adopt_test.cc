// Adoption: a resumed session leaves for the control thread with everything it has, at the first
// message that its worker cannot serve, and never without one of the two owning it.
#include <gtest/gtest.h>

#include "dataplane/punt.h"
#include "dataplane/spi_codec.h"
#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using ike::Exchange;
using rig::GatewayProbe;
using rig::operator+;
using rig::Octets;
using rig::RawChain;
using rig::Reaction;
using rig::Resumed;
using rig::ScalarClient;

const RawChain kDeletion = {{.type = ike::PayloadType::del, .body = {1, 0, 0, 0}}};

Octets request(ScalarClient& client, std::uint32_t id,
               Exchange exchange = Exchange::create_child_sa, const RawChain& inner = kDeletion) {
  return client.seal(inner, {.exchange = exchange, .message_id = id});
}

Octets first(crypto::Bytes octets, std::size_t len) {
  return {octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(len)};
}

// The single adoption that a message led to.
std::shared_ptr<AdoptedSa> adopted_by(GatewayProbe& probe, const Octets& message) {
  const Reaction reaction = probe.send(message);
  EXPECT_TRUE(reaction.silent()) << reaction.describe();
  const auto punts = probe.take_punts();
  EXPECT_EQ(punts.size(), 1u);
  if (punts.size() != 1) return nullptr;
  EXPECT_EQ(punts[0].kind, PuntKind::adopted);
  EXPECT_EQ(punts[0].message, message);
  EXPECT_EQ(punts[0].path, probe.way());
  return punts[0].sa;
}

TEST(Adopt, HandsOverEverythingOfTheSession) {
  GatewayProbe probe;
  const ike::Suite cbc{.encr = ike::EncrId::aes_cbc,
                       .key_bits = 256,
                       .prf = ike::PrfId::hmac_sha2_384,
                       .integ = ike::IntegId::hmac_sha2_384_192};
  for (const ike::Suite& suite : {ike::Suite{}, cbc}) {
    probe.path.destination_port = 4500;
    const Octets eap_identity = {'a', 'n', 'n', 'a'};
    ScalarClient fresh = probe.client({.state =
                                           [&](ike::TicketState& s) {
                                             s.eap_identity = eap_identity;
                                             s.flags.post_quantum = true;
                                           },
                                       .suite = suite,
                                       .ip6 = true});
    rig::RawMessage message1 = fresh.plain_message1();
    message1.payloads.push_back(rig::raw_notify(ike::Notify::ikev2_fragmentation_supported));
    ASSERT_TRUE(probe.open(fresh, write_message(message1)));
    const Octets message3 = fresh.message3();
    const Octets message4 = probe.send(message3).answers.at(0);
    ScalarClient& client = fresh;

    const auto sa = adopted_by(probe, request(client, 2));
    ASSERT_NE(sa, nullptr);
    EXPECT_EQ(sa->spi_i.value(), client.spi_i);
    EXPECT_EQ(sa->spi_r.value(), client.spi_r);
    EXPECT_EQ(sa->suite.encr, suite.encr);
    EXPECT_EQ(sa->suite.prf, suite.prf);
    EXPECT_EQ(sa->auth_method, ike::AuthMethod::shared_key);
    EXPECT_EQ(sa->auth_form, ike::AuthForm::rfc);
    EXPECT_EQ(sa->connection_index, 0);
    EXPECT_EQ(sa->resumptions, 1);
    EXPECT_TRUE(sa->post_quantum);
    EXPECT_EQ(sa->full_auth_s, probe.gateway.now.unix_s - 60);
    EXPECT_EQ(sa->established_ms, probe.gateway.now.ms);
    EXPECT_EQ(sa->next_message_id, 2u);
    EXPECT_EQ(sa->tx_counter, 1u);
    EXPECT_NE(sa->issuer.value(), 0u);
    EXPECT_NE(sa->serial.value(), 0u);
    EXPECT_EQ(probe.gateway.shared().leases.holder4(sa->ip4_lease).value(), client.spi_r);
    EXPECT_EQ(probe.gateway.shared().leases.holder6(sa->ip6_lease).value(), client.spi_r);
    EXPECT_TRUE(sa->fragmentation);
    EXPECT_TRUE(sa->has_child);
    EXPECT_NE(sa->child_in.value(), 0u);
    EXPECT_EQ(sa->child_out.value(), client.child_spi);
    EXPECT_EQ(sa->child_suite.encr, client.child_suite.encr);
    EXPECT_GT(sa->ts_local.count, 0u);
    EXPECT_EQ(sa->ts_remote.count, 0u) << "just its leases";
    const rig::SaKeys& k = client.keys;
    EXPECT_EQ(first(sa->keys, sa->keys_len), k.d + k.ai + k.ar + k.ei + k.er);
    EXPECT_EQ(first(sa->id_i, sa->id_i_len), client.old.id_i);
    EXPECT_EQ(first(sa->id_r, sa->id_r_len), client.old.id_r);
    EXPECT_EQ(first(sa->eap_identity, sa->eap_identity_len), eap_identity);
    EXPECT_EQ(first(sa->response, sa->response_len), message4);
  }
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::adopted), 2u);
  EXPECT_EQ(probe.sessions(), 0u);
  EXPECT_EQ(probe.complaint(), "");
}

// From then on the worker forwards, whatever comes; a release ends that.
TEST(Adopt, AfterwardsTheWorkerOnlyForwards) {
  GatewayProbe probe;
  Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  ASSERT_NE(adopted_by(probe, request(live.client, 2)), nullptr);

  const std::vector<Octets> later = {
      request(live.client, 2), request(live.client, 3, Exchange::informational, {}),
      live.client.seal({}, {.exchange = Exchange::informational, .message_id = 0, .flags = 0x28}),
      live.client.message3()};
  for (const Octets& message : later) {
    const Reaction reaction = probe.send(message);
    EXPECT_TRUE(reaction.silent());
    EXPECT_TRUE(reaction.drops.empty()) << reaction.describe();
    const auto punts = probe.take_punts();
    ASSERT_EQ(punts.size(), 1u);
    EXPECT_EQ(punts[0].kind, PuntKind::message);
    EXPECT_EQ(punts[0].message, message);
  }
  // Another SPIi is another SA; message 1 again is a late duplicate.
  EXPECT_EQ(probe
                .send(live.client.seal({}, {.exchange = Exchange::informational,
                                            .message_id = 3,
                                            .spi_i = live.client.spi_i ^ 1}))
                .drop(),
            Drop::spi_unknown);
  EXPECT_EQ(probe.send(live.client.message1).drop(), Drop::duplicate_request);
  EXPECT_TRUE(probe.take_punts().empty());

  // Its lifetime is not the worker's business any more.
  probe.pass(std::uint64_t{probe.gateway.shared().config.tickets.lifetime_s} * 2000);
  for (unsigned i = 0; i < 5000; ++i) probe.gateway.worker().run_once(probe.gateway.now);
  probe.send(later[1]);
  EXPECT_EQ(probe.take_punts().size(), 1u);

  probe.order({.kind = OrderKind::release, .spi_r = live.client.spi_r});
  probe.run();
  EXPECT_EQ(probe.send(later[1]).drop(), Drop::spi_unknown);
  EXPECT_TRUE(probe.take_punts().empty());
  EXPECT_EQ(probe.complaint(), "");
}

// Only what is authentic and new hands a session over.
TEST(Adopt, NeedsAnAuthenticRequest) {
  GatewayProbe probe;
  Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  Octets forged = request(live.client, 2);
  forged.back() ^= 1;
  EXPECT_EQ(probe.send(forged).drop(), Drop::sk_bad_icv);
  EXPECT_EQ(probe.send(request(live.client, 3)).drop(), Drop::message_id_unexpected);
  EXPECT_EQ(probe.send(request(live.client, 0)).drop(), Drop::message_id_unexpected);
  EXPECT_TRUE(probe.take_punts().empty());
  EXPECT_EQ(probe.send(request(live.client, 2, Exchange::informational, {})).answers.size(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

// What is not an empty INFORMATIONAL: contents, padding that lies, one fragment of a message,
// exchanges that nobody knows.
TEST(Adopt, IsAskedForByAllThatTheWorkerCannotServe) {
  GatewayProbe probe;
  const std::vector<std::function<Octets(ScalarClient&)>> requests = {
      [](ScalarClient& c) { return request(c, 2, Exchange::informational); },
      [](ScalarClient& c) {
        return c.seal_octets(
            {}, 0, {.exchange = Exchange::informational, .message_id = 2, .pad_length = 9});
      },
      [](ScalarClient& c) {
        return c.seal_octets(
            {}, 0,
            {.exchange = Exchange::informational, .message_id = 2, .fragment = 1, .fragments = 3});
      },
      [](ScalarClient& c) { return request(c, 2, Exchange::create_child_sa, {}); },
      [](ScalarClient& c) { return request(c, 2, static_cast<Exchange>(200), {}); },
      [](ScalarClient& c) { return request(c, 2, Exchange::ike_auth, {}); },
  };
  for (const auto& make : requests) {
    Resumed live = probe.resume();
    ASSERT_EQ(live.complaint, "");
    EXPECT_NE(adopted_by(probe, make(live.client)), nullptr);
  }
  EXPECT_EQ(probe.complaint(), "");
}

// Lanes of one burst: what comes after the message that hands the session over follows it.
TEST(Adopt, TheRestOfTheBurstFollows) {
  GatewayProbe probe;
  Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  const Octets check = request(live.client, 2, Exchange::informational, {});
  const Octets next = request(live.client, 3);
  const Reaction reaction = probe.send_all({check, next, next, check});
  EXPECT_EQ(reaction.answers.size(), 1u) << reaction.describe();
  const auto punts = probe.take_punts();
  ASSERT_EQ(punts.size(), 3u);
  EXPECT_EQ(punts[0].kind, PuntKind::adopted);
  EXPECT_EQ(punts[0].sa->next_message_id, 3u);
  EXPECT_EQ(punts[0].sa->tx_counter, 2u);
  EXPECT_EQ(first(punts[0].sa->response, punts[0].sa->response_len), reaction.answers[0]);
  EXPECT_EQ(punts[1].kind, PuntKind::message);
  EXPECT_EQ(punts[2].message, check);
  EXPECT_EQ(probe.complaint(), "");
}

// The ring is full: nothing changes, and the client's retransmission tries again.
TEST(Adopt, WaitsForTheRing) {
  GatewayProbe probe;
  Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  probe.fill_punts();
  const Octets message = request(live.client, 2);
  for (unsigned i = 0; i < 3; ++i) {
    const Reaction reaction = probe.send(message);
    EXPECT_TRUE(reaction.silent());
    EXPECT_EQ(reaction.drop(), Drop::punt_full);
    EXPECT_EQ(probe.sessions(), 1u);
  }
  EXPECT_EQ(probe.send(live.client.message3()).answers.size(), 1u);  // still the worker's
  EXPECT_EQ(probe.take_punts().size(), kPuntRingLen);
  EXPECT_NE(adopted_by(probe, message), nullptr);
  EXPECT_EQ(probe.complaint(), "");
}

TEST(Adopt, RecallTakesASessionThatIsSilent) {
  GatewayProbe probe;
  Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  // The client moved; its last authentic request tells where to.
  probe.path.source4 = {203, 0, 113, 9};
  probe.path.source_port = 4001;
  probe.path.destination_port = 4500;
  ASSERT_EQ(probe.send(request(live.client, 2, Exchange::informational, {})).answers.size(), 1u);

  probe.order({.kind = OrderKind::recall, .spi_r = live.client.spi_r});
  probe.run();
  const auto punts = probe.take_punts();
  ASSERT_EQ(punts.size(), 1u);
  EXPECT_EQ(punts[0].kind, PuntKind::adopted);
  EXPECT_TRUE(punts[0].message.empty());
  EXPECT_EQ(punts[0].path, probe.way());
  EXPECT_EQ(punts[0].sa->next_message_id, 3u);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::recalled), 1u);

  // Adopted already, gone, or never there: no letter.
  for (const std::uint64_t spi : {live.client.spi_r, std::uint64_t{4711}}) {
    probe.order({.kind = OrderKind::recall, .spi_r = spi});
    probe.run();
    EXPECT_TRUE(probe.take_punts().empty());
  }
  // A release of what was not adopted changes nothing.
  Resumed other = probe.resume();
  probe.order({.kind = OrderKind::release, .spi_r = other.client.spi_r});
  probe.run();
  EXPECT_EQ(probe.sessions(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

// RFC 5723 §4.3.4: the SA that a ticket came from ends silently, also when the control thread has
// it; the addresses pass on.
TEST(Adopt, ResumptionSupersedesWhatTheControlThreadHas) {
  for (const unsigned other_worker : {0u, 1u}) {
    GatewayProbe probe({.workers = 2});
    Resumed old = probe.resume();
    ASSERT_EQ(old.complaint, "");
    const auto sa = adopted_by(probe, request(old.client, 2));
    ASSERT_NE(sa, nullptr);

    ScalarClient next = probe.client_of(old.client.renewed(*old.message4));
    ASSERT_TRUE(probe.open(next, other_worker));
    const Resumed resumed = probe.finish(std::move(next), ike::AuthForm::rfc, other_worker);
    ASSERT_EQ(resumed.complaint, "");
    probe.pass(0);
    const auto punts = probe.take_punts();  // of the worker that had the session
    ASSERT_EQ(punts.size(), 1u);
    EXPECT_EQ(punts[0].kind, PuntKind::superseded);
    EXPECT_EQ(punts[0].spi_i, old.client.spi_i);
    EXPECT_EQ(punts[0].spi_r, old.client.spi_r);
    EXPECT_EQ(probe.gateway.shared().leases.holder4(sa->ip4_lease).value(), resumed.client.spi_r);
    EXPECT_EQ(probe.complaint(), "");
  }
}

TEST(Adopt, ResumptionSupersedesAFullHandshakesSa) {
  GatewayProbe probe;
  crypto::Random random(5);
  const SpiCodec codec(probe.gateway.shared().spi_secret);
  const ike::IkeSpi spi_r = control_spi(codec, random);
  const Resumed resumed = probe.resume({.state = [&](ike::TicketState& s) { s.spi_r = spi_r; }});
  ASSERT_EQ(resumed.complaint, "");
  const auto punts = probe.take_punts();
  ASSERT_EQ(punts.size(), 1u);
  EXPECT_EQ(punts[0].kind, PuntKind::superseded);
  EXPECT_EQ(punts[0].spi_r, spi_r.value());
  EXPECT_EQ(punts[0].spi_i, resumed.client.old.spi_i);
  EXPECT_EQ(probe.complaint(), "");
}

// More of them at once than the ring takes: none is lost, and their order stays.
TEST(Adopt, SupersededSasWaitForRoomInTheRing) {
  GatewayProbe probe;
  crypto::Random random(5);
  const SpiCodec codec(probe.gateway.shared().spi_secret);
  probe.fill_punts();
  std::vector<std::uint64_t> ended;
  for (unsigned i = 0; i < 3; ++i) {
    const ike::IkeSpi spi_r = control_spi(codec, random);
    ended.push_back(spi_r.value());
    ASSERT_EQ(probe.resume({.state = [&](ike::TicketState& s) { s.spi_r = spi_r; }}).complaint, "");
  }
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::punts_dropped), 0u);
  probe.take_punts();
  probe.pass(0);
  const auto punts = probe.take_punts();
  ASSERT_EQ(punts.size(), 3u);
  for (unsigned i = 0; i < 3; ++i) {
    EXPECT_EQ(punts[i].kind, PuntKind::superseded);
    EXPECT_EQ(punts[i].spi_r, ended[i]);
  }
}

TEST(WaitingEnds, HoldsABoundedNumber) {
  auto ends = std::make_unique<WaitingEnds>();
  for (std::uint64_t round = 0; round < 2; ++round) {
    for (std::uint64_t i = 0; i < WaitingEnds::kMax; ++i)
      ASSERT_TRUE(ends->add({ike::IkeSpi(i), ike::IkeSpi(i + 1)}));
    EXPECT_FALSE(ends->add({}));
    for (std::uint64_t i = 0; i < WaitingEnds::kMax; ++i) {
      ASSERT_EQ(ends->front().spi_i.value(), i);
      ends->pop();
    }
    EXPECT_TRUE(ends->empty());
    ASSERT_TRUE(ends->add({}));  // the next round begins elsewhere
    ends->pop();
  }
}

}  // namespace
}  // namespace dp
