// parse_resume: every malformed or misplaced message 1 is refused in silence, every odd but legal
// one leads to a resumed SA whose AUTH covers it as it was sent.
#include <gtest/gtest.h>

#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using ike::Notify;
using ike::PayloadType;
using rig::GatewayProbe;
using rig::operator+;
using rig::Octets;
using rig::RawMessage;
using rig::RawPayload;
using rig::ScalarClient;

struct Malformed {
  const char* row;  // of the conformance table
  const char* what;
  std::function<void(RawMessage&)> edit;
  Drop why;
};

RawPayload payload(std::uint8_t type, Octets body, std::uint8_t second_octet = 0) {
  return {.type = static_cast<PayloadType>(type),
          .body = std::move(body),
          .second_octet = second_octet};
}
RawPayload& nonce(RawMessage& m) { return m.payloads[0]; }
RawPayload& ticket(RawMessage& m) { return m.payloads[1]; }

const Malformed kMalformed[] = {
    {"R5723-96", "Length one too large",
     [](RawMessage& m) { m.len = static_cast<std::uint32_t>(write_message(m).size() + 1); },
     Drop::ike_bad_length},
    {"R5723-96", "Length one too small",
     [](RawMessage& m) { m.len = static_cast<std::uint32_t>(write_message(m).size() - 1); },
     Drop::ike_bad_length},
    {"R5723-97", "nonce payload of length 0", [](RawMessage& m) { nonce(m).len = 0; },
     Drop::resume_malformed},
    {"R5723-97", "nonce payload of length 3", [](RawMessage& m) { nonce(m).len = 3; },
     Drop::resume_malformed},
    {"R5723-97", "ticket payload of length 0", [](RawMessage& m) { ticket(m).len = 0; },
     Drop::resume_malformed},
    {"R5723-97", "ticket payload of length 3", [](RawMessage& m) { ticket(m).len = 3; },
     Drop::resume_malformed},
    {"R5723-97", "ticket payload of length 7", [](RawMessage& m) { ticket(m).len = 7; },
     Drop::resume_malformed},
    {"R5723-97", "nonce payload beyond the message", [](RawMessage& m) { nonce(m).len = 0xffff; },
     Drop::resume_malformed},
    {"R5723-97", "ticket payload one octet beyond the message",
     [](RawMessage& m) { ticket(m).len = static_cast<std::uint16_t>(5 + ticket(m).body.size()); },
     Drop::resume_malformed},
    {"R5723-97", "octets behind the last payload",
     [](RawMessage& m) {
       m.tail = {0, 0, 0, 4};
     },
     Drop::resume_malformed},
    {"R5723-98", "no ticket", [](RawMessage& m) { m.payloads.pop_back(); }, Drop::resume_no_ticket},
    {"R5723-98", "no payload", [](RawMessage& m) { m.payloads.clear(); }, Drop::resume_no_ticket},
    {"R5723-99", "no nonce", [](RawMessage& m) { m.payloads.erase(m.payloads.begin()); },
     Drop::resume_no_ticket},
    {"R5723-100", "two nonces", [](RawMessage& m) { m.payloads.push_back(nonce(m)); },
     Drop::resume_no_ticket},
    {"R5723-100", "two tickets", [](RawMessage& m) { m.payloads.push_back(ticket(m)); },
     Drop::resume_no_ticket},
    {"R5723-101", "nonce of 15 octets", [](RawMessage& m) { nonce(m).body.resize(15); },
     Drop::resume_bad_nonce},
    {"R5723-101", "nonce of 257 octets", [](RawMessage& m) { nonce(m).body.resize(257); },
     Drop::resume_bad_nonce},
    {"R5723-101", "empty nonce", [](RawMessage& m) { nonce(m).body.clear(); },
     Drop::resume_bad_nonce},
    {"R5723-103", "TICKET_LT_OPAQUE in place of TICKET_OPAQUE",
     [](RawMessage& m) { ticket(m).body[3] = 0x19; }, Drop::resume_no_ticket},
    {"R5723-104", "SPI size beyond the notify", [](RawMessage& m) { ticket(m).body[1] = 255; },
     Drop::resume_malformed},
    {"R5723-105", "unknown critical payload",
     [](RawMessage& m) {
       m.payloads.push_back(payload(200, {1, 2, 3}, 0x80));
     },
     Drop::payload_critical_unknown},
    {"R5723-107", "SPIi is zero", [](RawMessage& m) { m.spi_i = 0; }, Drop::ike_bad_header},
    {"R5723-108", "SPIr is not zero", [](RawMessage& m) { m.spi_r = 0x1234; }, Drop::spi_unknown},
    {"R5723-109", "Message ID 1", [](RawMessage& m) { m.message_id = 1; }, Drop::ike_bad_header},
    {"R5723-109", "Message ID 2^32 - 1", [](RawMessage& m) { m.message_id = 0xffffffff; },
     Drop::ike_bad_header},
    {"R5723-110", "response flag", [](RawMessage& m) { m.flags = 0x28; }, Drop::ike_response},
    {"R5723-111", "initiator flag clear", [](RawMessage& m) { m.flags = 0; }, Drop::ike_bad_header},
    {"R5723-112", "major version 1", [](RawMessage& m) { m.version = 0x10; },
     Drop::ike_bad_version},
    {"R5723-114", "SK payload in exchange 38",
     [](RawMessage& m) { m.payloads.push_back(payload(46, Octets(48, 1))); },
     Drop::resume_no_ticket},
    {"R5723-114", "SKF payload in exchange 38",
     [](RawMessage& m) { m.payloads.push_back(payload(53, Octets(48, 1))); },
     Drop::resume_no_ticket},
    {"RFC 7296", "65 payloads",
     [](RawMessage& m) { m.payloads.insert(m.payloads.end(), 63, payload(43, {1})); },
     Drop::resume_malformed},
    {"ours", "longer than a kept message 1",
     [](RawMessage& m) { m.payloads.push_back(payload(43, Octets(1400, 1))); },
     Drop::resume_malformed},
};

TEST(ParseResume, RefusesWhatIsMalformed) {
  GatewayProbe probe;
  for (const Malformed& c : kMalformed) {
    SCOPED_TRACE(std::string(c.row) + ": " + c.what);
    ScalarClient client = probe.client();
    RawMessage message = client.plain_message1();
    c.edit(message);
    const rig::Reaction reaction = probe.send(write_message(message));
    EXPECT_TRUE(reaction.silent()) << reaction.describe();
    EXPECT_EQ(reaction.drop(), c.why) << reaction.describe();
    EXPECT_EQ(probe.half_opens(), 0u);
    // The same ticket, sent properly, was not harmed.
    ASSERT_TRUE(probe.open(client));
    EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  }
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-96: every datagram shorter than a header, and every truncation of a good message.
TEST(ParseResume, RefusesEveryTruncation) {
  GatewayProbe probe;
  const ScalarClient client = probe.client();
  const Octets good = write_message(client.plain_message1());
  for (std::size_t len = 0; len < good.size(); ++len) {
    SCOPED_TRACE(len);
    const auto end = good.begin() + static_cast<std::ptrdiff_t>(len);
    const rig::Reaction cut = probe.send(Octets(good.begin(), end));
    EXPECT_TRUE(cut.silent());
    EXPECT_EQ(cut.drop(), len < 28 ? Drop::ike_runt : Drop::ike_bad_length);
    if (len < 28) continue;
    // With a Length that agrees the payloads disagree.
    Octets agreeing(good.begin(), end);
    ike::patch_length(agreeing.data(), len);
    EXPECT_TRUE(probe.send(agreeing).silent() || len >= 28 + 36 + 8);
  }
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-108: SPIr of a live session. R5723-113: exchange 38 inside a live session, well protected.
TEST(ParseResume, NothingResumesInsideALiveSession) {
  GatewayProbe probe;
  rig::Resumed live = probe.resume();
  ASSERT_EQ(live.complaint, "");
  RawMessage message1 = probe.client().plain_message1();
  message1.spi_r = live.client.spi_r;
  EXPECT_EQ(probe.send(write_message(message1)).drop(), Drop::spi_unknown);
  message1.spi_i = live.client.spi_i;
  EXPECT_EQ(probe.send(write_message(message1)).drop(), Drop::message_id_unexpected);

  const rig::RawChain inner = probe.client().plain_message1().payloads;
  const rig::Reaction inside = probe.send(
      live.client.seal(inner, {.exchange = ike::Exchange::ike_session_resume, .message_id = 2}));
  EXPECT_TRUE(inside.silent());
  EXPECT_EQ(inside.drop(), Drop::exchange_unexpected);
  EXPECT_EQ(probe.sessions(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-115: our own answers sent back to us.
TEST(ParseResume, NeverAnswersAnAnswer) {
  GatewayProbe probe(
      {.configure = [](WorkerConfig& c) { c.admission.cookies = CookieMode::never; }});
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  const rig::Reaction refused = probe.send(
      write_message(probe.client({.sealed = [](Octets& t) { t.back() ^= 1; }}).plain_message1()));
  ASSERT_TRUE(refused.is_nack());
  RawMessage challenge;
  challenge.spi_i = 5;
  challenge.flags = 0x20;
  challenge.payloads = {rig::raw_notify(Notify::cookie, Octets(17, 1))};
  for (const Octets& answer : {client.message2, refused.answers[0], write_message(challenge)}) {
    const rig::Reaction reaction = probe.send(answer);
    EXPECT_TRUE(reaction.silent());
    EXPECT_EQ(reaction.drop(), Drop::ike_response);
  }
  EXPECT_EQ(probe.complaint(), "");
}

struct Legal {
  const char* row;
  const char* what;
  std::function<void(RawMessage&)> edit;
};

const Legal kLegal[] = {
    {"R5723-60", "ticket before nonce", [](RawMessage& m) { std::swap(nonce(m), ticket(m)); }},
    {"R5723-61", "unknown payload, unknown notify and Vendor ID between",
     [](RawMessage& m) {
       m.payloads.insert(m.payloads.begin() + 1,
                         {payload(200, {9, 9}), rig::raw_notify(40000, {1}), payload(43, {7})});
     }},
    {"R5723-61", "unknown payload first and last",
     [](RawMessage& m) {
       m.payloads.insert(m.payloads.begin(), payload(201, {}));
       m.payloads.push_back(payload(127, Octets(100, 3), 0x7f));
     }},
    {"R5723-62", "minor version 15", [](RawMessage& m) { m.version = 0x2f; }},
    {"R5723-62", "V flag and all reserved bits", [](RawMessage& m) { m.flags = 0xdf; }},
    {"R5723-62", "reserved bits of payload headers",
     [](RawMessage& m) { nonce(m).second_octet = 0x7f; }},
    {"CORE-12", "critical bit of known payloads",
     [](RawMessage& m) { nonce(m).second_octet = ticket(m).second_octet = 0x80; }},
    {"R5723-63", "nonce of 16 octets", [](RawMessage& m) { nonce(m).body.resize(16); }},
    {"R5723-63", "nonce of 256 octets", [](RawMessage& m) { nonce(m).body.resize(256); }},
    {"R5723-106", "KE, SA, TSi and Delete payloads",
     [](RawMessage& m) {
       for (const auto type :
            {PayloadType::ke, PayloadType::sa, PayloadType::ts_i, PayloadType::del})
         m.payloads.push_back({.type = type, .body = {1, 2, 3, 4}});
     }},
    {"R5723-13", "TICKET_REQUEST in message 1",
     [](RawMessage& m) { m.payloads.push_back(rig::raw_notify(Notify::ticket_request)); }},
    {"R5723-70", "INTERMEDIATE_EXCHANGE_SUPPORTED is not echoed",
     [](RawMessage& m) {
       m.payloads.push_back(rig::raw_notify(Notify::intermediate_exchange_supported));
     }},
    {"R5723-95", "REDIRECT_SUPPORTED without a redirect policy",
     [](RawMessage& m) { m.payloads.push_back(rig::raw_notify(Notify::redirect_supported)); }},
    {"CORE-19", "unknown error notify",
     [](RawMessage& m) { m.payloads.push_back(rig::raw_notify(12000)); }},
};

TEST(ParseResume, TakesWhatIsLegal) {
  GatewayProbe probe;
  for (const Legal& c : kLegal) {
    SCOPED_TRACE(std::string(c.row) + ": " + c.what);
    ScalarClient client = probe.client();
    RawMessage message = client.plain_message1();
    c.edit(message);
    client.nonce_i = message.find(PayloadType::nonce)->body;
    ASSERT_TRUE(probe.open(client, write_message(message)));
    // R5723-30: message 2 is Nr alone, whatever was asked that we do not do.
    EXPECT_EQ(rig::read_message(client.message2)->payloads.size(), 1u);
    EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  }
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
