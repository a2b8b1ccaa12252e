// admit_initiations: which IKE_SA_INIT requests reach the control thread, and that a flood of them
// does not.
#include <gtest/gtest.h>

#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using rig::GatewayProbe;
using rig::Octets;
using rig::RawMessage;
using rig::Reaction;

std::vector<Octets> many(GatewayProbe& probe, unsigned count) {
  std::vector<Octets> messages;
  for (unsigned i = 0; i < count; ++i) messages.push_back(write_message(probe.sa_init()));
  return messages;
}

void demand(GatewayProbe& probe, bool cookies) {
  probe.gateway.shared().sa_init_cookies.store(cookies);
}

// The same request with the cookie of the challenge (RFC 7296 §2.6); empty when it was none.
std::optional<RawMessage> with_cookie(RawMessage message, const Reaction& challenge) {
  if (challenge.answers.size() != 1) return std::nullopt;
  const std::optional<RawMessage> answer = rig::read_message(challenge.answers[0]);
  if (!answer || answer->exchange != ike::Exchange::ike_sa_init || answer->spi_r != 0 ||
      answer->spi_i != message.spi_i || answer->flags != 0x20 || answer->payloads.size() != 1)
    return std::nullopt;
  const std::optional<Octets> cookie = answer->notify(ike::Notify::cookie);
  if (!cookie) return std::nullopt;
  message.payloads.insert(message.payloads.begin(), rig::raw_notify(ike::Notify::cookie, *cookie));
  return message;
}

TEST(AdmitInitiations, LetsThemThroughWhileNothingPresses) {
  GatewayProbe probe;
  const Octets message = write_message(probe.sa_init());
  EXPECT_TRUE(probe.send(message).silent());
  const auto punts = probe.take_punts();
  ASSERT_EQ(punts.size(), 1u);
  EXPECT_EQ(punts[0].kind, PuntKind::message);
  EXPECT_EQ(punts[0].message, message);
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::sa_init_punts), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

// Message 3, resumptions and sessions are served before, and only a few get through per burst when
// the control thread does not keep up.
TEST(AdmitInitiations, LetsAFewThroughPerBurst) {
  GatewayProbe probe;
  std::vector<Octets> messages = many(probe, 20);
  messages.push_back(probe.control_message());
  EXPECT_TRUE(probe.send_all(messages).drops.empty());
  const auto punts = probe.take_punts();
  ASSERT_EQ(punts.size(), 21u);
  EXPECT_EQ(punts[0].message, messages.back());
  for (int burst = 0; burst < 4; ++burst)
    EXPECT_TRUE(probe.send_all(many(probe, 20)).drops.empty());
  EXPECT_EQ(probe.send_all(many(probe, 20)).drops,
            (std::map<Drop, unsigned>{{Drop::shed_overload, 12}}));
  EXPECT_EQ(probe.take_punts().size(), 88u);
  // Under load one does, so that a storm of resumptions does not shut out full handshakes.
  probe.gateway.port().set_backlog_permille(900);
  EXPECT_EQ(probe.send_all(many(probe, 20)).drops,
            (std::map<Drop, unsigned>{{Drop::shed_overload, 19}}));
  EXPECT_EQ(probe.take_punts().size(), 1u);
  probe.gateway.port().set_backlog_permille(0);
  EXPECT_EQ(probe.complaint(), "");
}

TEST(AdmitInitiations, ReadsTheHeaderAndFindsANonce) {
  GatewayProbe probe;
  const std::vector<std::function<void(RawMessage&)>> edits = {
      [](RawMessage& m) { m.message_id = 1; },
      [](RawMessage& m) { m.flags = 0; },
      [](RawMessage& m) { m.payloads.pop_back(); },
      [](RawMessage& m) { m.payloads.back().body.resize(15); },
      [](RawMessage& m) { m.payloads.back().body.resize(257); },
      [](RawMessage& m) { m.payloads[0].len = 3; },
      [](RawMessage& m) { m.tail = {1}; },
  };
  for (std::size_t i = 0; i < edits.size(); ++i) {
    SCOPED_TRACE(i);
    RawMessage message = probe.sa_init();
    edits[i](message);
    EXPECT_EQ(probe.send(write_message(message)).drop(), Drop::init_malformed);
  }
  EXPECT_TRUE(probe.take_punts().empty());
  // An unknown critical payload is for the control thread to refuse (RFC 7296 §2.5).
  RawMessage message = probe.sa_init();
  message.payloads.push_back({.type = static_cast<ike::PayloadType>(99), .second_octet = 0x80});
  probe.send(write_message(message));
  EXPECT_EQ(probe.take_punts().size(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

// CORE-22: with cookies demanded nothing is kept and nothing crosses the seam before the source has
// answered one.
TEST(AdmitInitiations, DemandsCookiesWhenTold) {
  GatewayProbe probe;
  demand(probe, true);
  const RawMessage message = probe.sa_init();
  const Reaction challenge = probe.send(write_message(message));
  EXPECT_EQ(challenge.drop(), Drop::cookie_required);
  EXPECT_TRUE(probe.take_punts().empty());
  const std::optional<RawMessage> second = with_cookie(message, challenge);
  ASSERT_TRUE(second.has_value());
  EXPECT_TRUE(probe.send(write_message(*second)).silent());
  const auto punts = probe.take_punts();
  ASSERT_EQ(punts.size(), 1u);
  EXPECT_EQ(punts[0].message, write_message(*second));

  // Altered, from elsewhere, for another SPIi or nonce: none.
  RawMessage wrong = *second;
  wrong.payloads[0].body.back() ^= 1;
  EXPECT_TRUE(with_cookie(message, probe.send(write_message(wrong))).has_value());
  wrong = *second;
  wrong.spi_i ^= 1;
  EXPECT_EQ(probe.send(write_message(wrong)).drop(), Drop::cookie_required);
  wrong = *second;
  wrong.payloads.back().body[0] ^= 1;
  EXPECT_EQ(probe.send(write_message(wrong)).drop(), Drop::cookie_required);
  probe.path.source4 = {203, 0, 113, 77};
  EXPECT_EQ(probe.send(write_message(*second)).drop(), Drop::cookie_required);
  EXPECT_TRUE(probe.take_punts().empty());
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::sa_init_challenges), 5u);

  demand(probe, false);
  probe.send(write_message(probe.sa_init()));
  EXPECT_EQ(probe.take_punts().size(), 1u);
  // Resumptions were never asked for a cookie.
  EXPECT_EQ(probe.gateway.sum(&WorkerCounters::cookie_mode), 0u);
  EXPECT_EQ(probe.complaint(), "");
}

// The ring says it when the control thread does not: a flood fills half of it, and from there on
// only who answered a cookie goes on. The last part is for SAs that exist.
TEST(AdmitInitiations, AFloodIsStoppedByTheRing) {
  GatewayProbe probe;
  for (unsigned burst = 0; burst < 200; ++burst) {
    probe.send_all(many(probe, 16));
    ASSERT_TRUE(probe.gateway.conserved());
  }
  EXPECT_LE(probe.gateway.shared().seams[0]->punts.size(), kPuntRingLen / 2 + 8);
  const RawMessage genuine = probe.sa_init();
  const std::optional<RawMessage> second = with_cookie(genuine, probe.send(write_message(genuine)));
  ASSERT_TRUE(second.has_value());
  const std::uint32_t before = probe.gateway.shared().seams[0]->punts.size();
  probe.send(write_message(*second));
  EXPECT_EQ(probe.gateway.shared().seams[0]->punts.size(), before + 1);

  probe.fill_punts(kPuntRingLen / 8);
  EXPECT_EQ(probe.send(write_message(*second)).drop(), Drop::punt_full);
  EXPECT_TRUE(probe.send(probe.control_message()).drops.empty());
  probe.take_punts();
  EXPECT_EQ(probe.complaint(), "");
}

TEST(AdmitInitiations, FollowsTheConfigurationOfCookies) {
  GatewayProbe always(
      {.configure = [](WorkerConfig& c) { c.admission.cookies = CookieMode::always; }});
  EXPECT_EQ(always.send(write_message(always.sa_init())).drop(), Drop::cookie_required);

  GatewayProbe never(
      {.configure = [](WorkerConfig& c) { c.admission.cookies = CookieMode::never; }});
  demand(never, true);
  never.fill_punts(kPuntRingLen / 4);
  EXPECT_TRUE(never.send(write_message(never.sa_init())).drops.empty());
}

}  // namespace
}  // namespace dp
