// open_auth: only what carries a right ICV is read, and what is read but malformed ends the
// half-open session with a protected answer. Fragments come in any order.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/gateway_probe.h"

namespace dp {
namespace {

using ike::Notify;
using ike::PayloadType;
using rig::GatewayProbe;
using rig::operator+;
using rig::Octets;
using rig::Protection;
using rig::RawChain;
using rig::RawMessage;
using rig::RawPayload;
using rig::Reaction;
using rig::ScalarClient;

rig::Options roomy() {
  return {.configure = [](WorkerConfig& c) { c.admission.half_open_timeout_ms = 60'000; }};
}

RawPayload payload(std::uint8_t type, Octets body, std::uint8_t second_octet = 0) {
  return {.type = static_cast<PayloadType>(type),
          .body = std::move(body),
          .second_octet = second_octet};
}

// R5723-130, CORE-45, R5723-88: every octet of message 3, changed: silence, and the half-open
// session and its ticket stay good.
TEST(OpenAuth, ABadIcvChangesNothing) {
  for (const ike::EncrId encr : {ike::EncrId::aes_gcm_16, ike::EncrId::aes_cbc}) {
    ike::Suite suite;
    suite.encr = encr;
    if (encr == ike::EncrId::aes_cbc) suite.integ = ike::IntegId::hmac_sha2_256_128;
    GatewayProbe probe;
    ScalarClient client = probe.client({.suite = suite});
    ASSERT_TRUE(probe.open(client));
    const Octets good = client.message3();
    for (std::size_t at = 28; at < good.size(); ++at) {
      SCOPED_TRACE(at);
      Octets bad = good;
      bad[at] ^= 0x40;
      const Reaction reaction = probe.send(bad);
      EXPECT_TRUE(reaction.silent());
      // The length of the SK payload stands in octets 30 and 31.
      EXPECT_EQ(reaction.drop(), at == 30 || at == 31 ? Drop::sk_malformed : Drop::sk_bad_icv);
    }
    EXPECT_EQ(probe.half_opens(), 1u);
    EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
    EXPECT_EQ(probe.complaint(), "");
  }
}

// R5723-131, CORE-16, CORE-17: no SK payload, one that is not last, one too short.
TEST(OpenAuth, WantsAnSkPayload) {
  GatewayProbe probe;
  ScalarClient client = probe.client();
  ASSERT_TRUE(probe.open(client));
  RawMessage clear;
  clear.spi_i = client.spi_i;
  clear.spi_r = client.spi_r;
  clear.exchange = ike::Exchange::ike_auth;
  clear.message_id = 1;
  const RawChain inner = client.plain_inner3();
  const struct {
    const char* what;
    RawChain payloads;
  } cases[] = {
      {"no payload", {}},
      {"payloads in clear", inner},
      {"empty SK", {payload(46, {})}},
      {"SK of IV and ICV alone", {payload(46, Octets(24, 1))}},
      {"SK one octet short of an ICV", {payload(46, Octets(23, 1))}},
      {"a payload behind SK", {payload(46, Octets(60, 1)), payload(43, {1})}},
      {"critical unknown payload before SK", {payload(200, {}, 0x80), payload(46, Octets(60, 1))}},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    clear.payloads = c.payloads;
    const Reaction reaction = probe.send(write_message(clear));
    EXPECT_TRUE(reaction.silent());
    EXPECT_EQ(reaction.drop(), Drop::sk_malformed) << reaction.describe();
  }
  EXPECT_EQ(probe.half_opens(), 1u);
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// What is authentic and wrong: one protected notify, and the half-open session ends (RFC 7296
// §2.21.2). The ticket stays unspent.
void expect_refusal(GatewayProbe& probe, ScalarClient& client, const Octets& message, Notify notify,
                    const Octets& data = {}) {
  const rig::Keepsake kept = client.old;
  const Reaction reaction = probe.send(message);
  EXPECT_EQ(reaction.drop(), Drop::auth_malformed) << reaction.describe();
  ASSERT_EQ(reaction.answers.size(), 1u);
  const auto answer = client.open(reaction.answers[0]);
  ASSERT_TRUE(answer.has_value());
  ASSERT_EQ(answer->payloads.size(), 1u);
  EXPECT_EQ(answer->notify(notify), data);
  EXPECT_EQ(answer->message_id, 1u);
  EXPECT_EQ(answer->flags, 0x20);
  EXPECT_EQ(probe.half_opens(), 0u);
  ScalarClient again = probe.client_of(kept);
  ASSERT_TRUE(probe.open(again));
  EXPECT_EQ(probe.finish(std::move(again)).complaint, "");
}

// R5723-134, CORE-11.
TEST(OpenAuth, NamesAnUnknownCriticalPayload) {
  GatewayProbe probe;
  for (const std::size_t at : {0u, 3u, 8u}) {
    ScalarClient client = probe.client();
    ASSERT_TRUE(probe.open(client));
    RawChain inner = client.plain_inner3();
    inner.insert(inner.begin() + static_cast<std::ptrdiff_t>(at), payload(200, {1}, 0x80));
    expect_refusal(probe, client, client.seal(inner), Notify::unsupported_critical_payload, {200});
  }
  EXPECT_EQ(probe.complaint(), "");
}

struct BadInner {
  const char* row;
  const char* what;
  std::function<void(RawChain&)> edit;
};

// R5723-135, CORE-17, CORE-18, and the missing-check lessons of other gateways: nested SK, lengths
// that lie, payloads that stand twice.
TEST(OpenAuth, AnswersInvalidSyntax) {
  const BadInner cases[] = {
      {"R5723-135", "payload length 0", [](RawChain& c) { c[0].len = 0; }},
      {"R5723-135", "payload length 3", [](RawChain& c) { c[2].len = 3; }},
      {"R5723-135", "payload beyond the text", [](RawChain& c) { c[7].len = 0xffff; }},
      {"R5723-135", "IDi of 3 octets", [](RawChain& c) { c[0].body.resize(3); }},
      {"R5723-135", "empty IDi", [](RawChain& c) { c[0].body.clear(); }},
      {"R5723-135", "IDi of 517 octets", [](RawChain& c) { c[0].body.resize(517); }},
      {"R5723-135", "IDr without data", [](RawChain& c) { c[1].body.resize(4); }},
      {"R5723-135", "AUTH without a value", [](RawChain& c) { c[2].body.resize(4); }},
      {"R5723-135", "empty AUTH", [](RawChain& c) { c[2].body.clear(); }},
      {"R5723-135", "CP attribute beyond the payload", [](RawChain& c) { c[3].body[7] = 200; }},
      {"R5723-135", "IPv4 address of 3 octets",
       [](RawChain& c) { c[3].body = {1, 0, 0, 0, 0, 1, 0, 3, 10, 0, 0}; }},
      {"R5723-135", "proposal length 0", [](RawChain& c) { c[4].body[3] = 0; }},
      {"R5723-135", "proposal beyond the payload", [](RawChain& c) { c[4].body[3] = 255; }},
      {"R5723-135", "transform count one too large", [](RawChain& c) { ++c[4].body[7]; }},
      {"CORE-66", "selector count too large", [](RawChain& c) { c[5].body[0] = 2; }},
      {"CORE-66", "selector length 0", [](RawChain& c) { c[6].body[7] = 0; }},
      {"R5723-135", "notify of 3 octets", [](RawChain& c) { c[7].body.resize(3); }},
      {"CORE-17", "SK inside SK", [](RawChain& c) { c.push_back(payload(46, Octets(60, 1))); }},
      {"CORE-17", "SKF inside SK", [](RawChain& c) { c.push_back(payload(53, Octets(60, 1))); }},
      {"R5723-100", "two IDi", [](RawChain& c) { c.push_back(c[0]); }},
      {"R5723-100", "two IDr", [](RawChain& c) { c.push_back(c[1]); }},
      {"R5723-100", "two AUTH", [](RawChain& c) { c.push_back(c[2]); }},
      {"R5723-100", "two CFG_REQUEST", [](RawChain& c) { c.push_back(c[3]); }},
      {"R5723-100", "two SA", [](RawChain& c) { c.push_back(c[4]); }},
      {"R5723-100", "two TSi", [](RawChain& c) { c.push_back(c[5]); }},
      {"R5723-100", "two TSr", [](RawChain& c) { c.push_back(c[6]); }},
      {"CORE-15", "65 payloads", [](RawChain& c) { c.insert(c.end(), 57, payload(43, {1})); }},
  };
  GatewayProbe probe;
  for (const BadInner& c : cases) {
    SCOPED_TRACE(std::string(c.row) + ": " + c.what);
    ScalarClient client = probe.client();
    ASSERT_TRUE(probe.open(client));
    RawChain inner = client.plain_inner3();
    c.edit(inner);
    expect_refusal(probe, client, client.seal(inner), Notify::invalid_syntax);
  }
  EXPECT_EQ(probe.complaint(), "");
}

// CORE-100: any padding is taken; Pad Length beyond the text is INVALID_SYNTAX.
TEST(OpenAuth, TakesAnyPadding) {
  for (const bool cbc : {false, true}) {
    ike::Suite suite;
    if (cbc) suite = {.encr = ike::EncrId::aes_cbc, .integ = ike::IntegId::hmac_sha2_256_128};
    GatewayProbe probe;
    for (const std::size_t padding : {0u, 16u, 240u}) {
      ScalarClient client = probe.client({.suite = suite});
      ASSERT_TRUE(probe.open(client));
      const Octets message =
          client.seal(client.plain_inner3(), {.pad_octet = 0xa5, .extra_padding = padding});
      const Reaction reaction = probe.send(message);
      ASSERT_EQ(reaction.answers.size(), 1u) << padding << reaction.describe();
      EXPECT_EQ(client.judge(client.open(reaction.answers[0]).value()), "");
    }
    ScalarClient client = probe.client({.suite = suite});
    ASSERT_TRUE(probe.open(client));
    expect_refusal(probe, client, client.seal_octets({}, 0, {.pad_length = 255}),
                   Notify::invalid_syntax);
    EXPECT_EQ(probe.complaint(), "");
  }
}

// R5723-60, R5723-61, R5723-127, CORE-10, CORE-14, CORE-19: order is free, strangers are skipped,
// clear payloads before SK are ignored, and a certificate is never used.
TEST(OpenAuth, ReadsWhatIsLegal) {
  const BadInner cases[] = {
      {"R5723-60", "reversed", [](RawChain& c) { std::ranges::reverse(c); }},
      {"R5723-60", "notify first",
       [](RawChain& c) { std::rotate(c.begin(), c.end() - 1, c.end()); }},
      {"R5723-61", "unknown payload and notifies",
       [](RawChain& c) {
         c.insert(c.begin(),
                  {payload(200, {1, 2}), rig::raw_notify(40000, {1}), rig::raw_notify(12000)});
         c.push_back(payload(43, {1, 2, 3}));
       }},
      {"R5723-127", "a certificate",
       [](RawChain& c) { c.insert(c.begin() + 2, payload(37, Octets(200, 4))); }},
      {"R5723-36", "CERTREQ", [](RawChain& c) { c.push_back(payload(38, Octets(21, 4))); }},
      {"R5723-59", "no IDr", [](RawChain& c) { c.erase(c.begin() + 1); }},
      {"R5723-65", "MOBIKE_SUPPORTED",
       [](RawChain& c) { c.push_back(rig::raw_notify(Notify::mobike_supported)); }},
      {"CORE-12", "critical bits of known payloads",
       [](RawChain& c) {
         for (RawPayload& p : c) p.second_octet = 0x80;
       }},
      {"CORE-53", "CP attribute nobody knows",
       [](RawChain& c) { c[3].body = c[3].body + Octets{0x75, 0x30, 0, 1, 9}; }},
      {"CORE-68", "USE_TRANSPORT_MODE",
       [](RawChain& c) { c.push_back(rig::raw_notify(Notify::use_transport_mode)); }},
  };
  GatewayProbe probe;
  for (const BadInner& c : cases) {
    SCOPED_TRACE(std::string(c.row) + ": " + c.what);
    ScalarClient client = probe.client();
    ASSERT_TRUE(probe.open(client));
    RawChain inner = client.plain_inner3();
    c.edit(inner);
    const RawChain before_sk = {payload(42, {1, 2, 3, 4}), rig::raw_notify(40000)};
    const Reaction reaction = probe.send(client.seal(inner, {.before_sk = before_sk}));
    ASSERT_EQ(reaction.answers.size(), 1u) << reaction.describe();
    const auto message4 = client.open(reaction.answers[0]);
    ASSERT_TRUE(message4.has_value());
    EXPECT_EQ(client.judge(*message4), "");
    EXPECT_EQ(message4->find(PayloadType::cert), nullptr);
    EXPECT_EQ(message4->notify(Notify::mobike_supported).has_value(),
              std::string_view(c.what) == "MOBIKE_SUPPORTED");  // R5723-65
    EXPECT_FALSE(message4->notify(Notify::use_transport_mode).has_value());
  }
  EXPECT_EQ(probe.complaint(), "");
}

// Opens with or without IKEV2_FRAGMENTATION_SUPPORTED.
ScalarClient opened(GatewayProbe& probe, bool fragmentation) {
  ScalarClient client = probe.client();
  RawMessage message1 = client.plain_message1();
  if (fragmentation)
    message1.payloads.push_back(rig::raw_notify(Notify::ikev2_fragmentation_supported));
  EXPECT_TRUE(probe.open(client, write_message(message1)));
  return client;
}

// R5723-51: fragments that were not negotiated are ignored; the whole message works.
TEST(OpenAuth, IgnoresFragmentsThatWereNotNegotiated) {
  GatewayProbe probe;
  ScalarClient client = opened(probe, false);
  for (const Octets& fragment : client.message3_fragments(2)) {
    const Reaction reaction = probe.send(fragment);
    EXPECT_TRUE(reaction.silent());
    EXPECT_EQ(reaction.drop(), Drop::fragment_limit);
  }
  EXPECT_EQ(probe.finish(std::move(client)).complaint, "");
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-50, CORE-91: three fragments in all six orders, each of them twice, in one burst or in
// many.
TEST(OpenAuth, JoinsFragmentsInAnyOrder) {
  GatewayProbe probe(roomy());
  std::vector<std::size_t> order = {0, 1, 2};
  do {
    for (const bool one_burst : {false, true}) {
      SCOPED_TRACE(testing::Message() << order[0] << order[1] << order[2] << one_burst);
      ScalarClient client = opened(probe, true);
      const std::vector<Octets> fragments = client.message3_fragments(3);
      std::vector<Octets> sequence;
      for (const std::size_t i : order) sequence.insert(sequence.end(), 2, fragments[i]);
      sequence.pop_back();
      std::vector<Octets> answers;
      if (one_burst) {
        answers = probe.send_all(sequence).answers;
      } else {
        for (const Octets& fragment : sequence)
          for (Octets& answer : probe.send(fragment).answers) answers.push_back(std::move(answer));
      }
      ASSERT_EQ(answers.size(), 1u);
      EXPECT_EQ(client.judge(client.open(answers[0]).value()), "");
    }
  } while (std::ranges::next_permutation(order).found);
  EXPECT_EQ(probe.complaint(), "");
}

struct BadFragment {
  const char* what;
  Protection how;
  Drop why;
};

// CORE-92, CORE-93, CORE-94: number 0, number above total, total 0, bad ICV, too many, a smaller
// total. Each is dropped and the others are kept.
TEST(OpenAuth, DropsBadFragmentsAlone) {
  const BadFragment cases[] = {
      {"number 0", {.fragment = 0, .fragments = 3}, Drop::sk_malformed},
      {"number above total", {.fragment = 4, .fragments = 3}, Drop::sk_malformed},
      {"17 fragments", {.fragment = 2, .fragments = 17}, Drop::fragment_limit},
      {"65535 fragments", {.fragment = 65535, .fragments = 65535}, Drop::fragment_limit},
      {"smaller total", {.fragment = 1, .fragments = 2}, Drop::fragment_limit},
      {"wrong Message ID",
       {.message_id = 2, .fragment = 1, .fragments = 3},
       Drop::message_id_unexpected},
  };
  GatewayProbe probe(roomy());
  for (const BadFragment& c : cases) {
    SCOPED_TRACE(c.what);
    ScalarClient client = opened(probe, true);
    const std::vector<Octets> good = client.message3_fragments(3);
    EXPECT_EQ(probe.send(good[1]).drop(), Drop::fragment_waiting);
    const Reaction bad = probe.send(client.seal_octets(Octets(20, 0), 0, c.how));
    EXPECT_TRUE(bad.silent());
    EXPECT_EQ(bad.drop(), c.why) << bad.describe();
    Octets forged = good[0];
    forged.back() ^= 1;
    EXPECT_EQ(probe.send(forged).drop(), Drop::sk_bad_icv);
    EXPECT_EQ(probe.send(good[0]).drop(), Drop::fragment_waiting);
    const Reaction last = probe.send(good[2]);
    ASSERT_EQ(last.answers.size(), 1u) << last.describe();
    EXPECT_EQ(client.judge(client.open(last.answers[0]).value()), "");
  }
  EXPECT_EQ(probe.complaint(), "");
}

// CORE-93: a larger total discards what is there; the client cut its message anew.
TEST(OpenAuth, ALargerTotalStartsAnew) {
  GatewayProbe probe(roomy());
  ScalarClient client = opened(probe, true);
  EXPECT_EQ(probe.send(client.message3_fragments(2)[0]).drop(), Drop::fragment_waiting);
  const std::vector<Octets> finer = client.message3_fragments(16);
  for (std::size_t i = 0; i + 1 < finer.size(); ++i)
    EXPECT_EQ(probe.send(finer[i]).drop(), Drop::fragment_waiting) << i;
  const Reaction last = probe.send(finer.back());
  ASSERT_EQ(last.answers.size(), 1u);
  EXPECT_EQ(client.judge(client.open(last.answers[0]).value()), "");
  EXPECT_EQ(probe.complaint(), "");
}

// More text than a message may have: the rest of the fragments is refused, the session times out,
// and its place in the store is free again.
TEST(OpenAuth, BoundsTheTextOfFragments) {
  GatewayProbe probe(roomy());
  ScalarClient client = opened(probe, true);
  const Octets piece(1300, 0);
  Drop last = Drop::none;
  for (std::uint16_t i = 1; i <= 4; ++i)
    last = probe.send(client.seal_octets(piece, 35, {.fragment = i, .fragments = 5})).drop();
  EXPECT_EQ(last, Drop::fragment_limit);
  EXPECT_EQ(probe.half_opens(), 1u);
  probe.pass(60'001);
  EXPECT_EQ(probe.half_opens(), 0u);
  EXPECT_EQ(probe.complaint(), "");
}

// R5723-162: the answer is sent again when the first fragment comes again, and only then.
TEST(OpenAuth, ARepeatedFirstFragmentGetsTheAnswerAgain) {
  GatewayProbe probe(roomy());
  ScalarClient client = opened(probe, true);
  const std::vector<Octets> fragments = client.message3_fragments(2);
  probe.send(fragments[0]);
  const Reaction first = probe.send(fragments[1]);
  ASSERT_EQ(first.answers.size(), 1u);
  const Reaction again = probe.send(fragments[0]);
  ASSERT_EQ(again.answers.size(), 1u);
  EXPECT_EQ(again.answers[0], first.answers[0]);
  EXPECT_EQ(probe.send(fragments[1]).drop(), Drop::message_id_unexpected);
  EXPECT_EQ(probe.sessions(), 1u);
  EXPECT_EQ(probe.complaint(), "");
}

}  // namespace
}  // namespace dp
