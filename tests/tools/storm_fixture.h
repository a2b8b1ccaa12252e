// An initiator and a scalar responder with simulated time between them, for the storm_* tests.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "tests/tools/storm_responder.h"
#include "tools/storm/initiator.h"

namespace storm {

inline constexpr std::uint64_t kMs = 1'000'000;

inline const ike::Suite kGcm256{.encr = ike::EncrId::aes_gcm_16, .key_bits = 256};
inline const ike::Suite kGcm128Sha512{
    .encr = ike::EncrId::aes_gcm_16, .key_bits = 128, .prf = ike::PrfId::hmac_sha2_512};
inline const ike::Suite kChaCha{
    .encr = ike::EncrId::chacha20_poly1305, .key_bits = 0, .prf = ike::PrfId::hmac_sha2_384};
inline const ike::Suite kCbc{.encr = ike::EncrId::aes_cbc,
                             .key_bits = 256,
                             .prf = ike::PrfId::hmac_sha2_256,
                             .integ = ike::IntegId::hmac_sha2_256_128};
inline const ike::Suite kCbc128Sha384{.encr = ike::EncrId::aes_cbc,
                                      .key_bits = 128,
                                      .prf = ike::PrfId::hmac_sha2_384,
                                      .integ = ike::IntegId::hmac_sha2_384_192};

struct Recorder : SessionSink {
  struct Session {
    Octets sk_d, ticket, child_encr_i;
    ike::IkeSpi spi_i;
    ike::EspSpi child_in, child_out;
    ike::Ip4 ip4;
  };
  std::map<std::uint32_t, Session> sessions;
  std::map<std::uint32_t, Outcome> failures;
  void established(const Established& s) override {
    Session& mine = sessions[s.client];
    mine.sk_d.assign(s.renewed.sk_d.begin(), s.renewed.sk_d.end());
    mine.ticket.assign(s.renewed.ticket.begin(), s.renewed.ticket.end());
    mine.child_encr_i.assign(s.child_keys.encr_i.begin(), s.child_keys.encr_i.end());
    mine.spi_i = s.spi_i;
    mine.child_in = s.child_spi_in;
    mine.child_out = s.child_spi_out;
    mine.ip4 = s.renewed.ip4;
  }
  void failed(std::uint32_t client, Outcome outcome) override {
    EXPECT_EQ(failures.count(client), 0u);
    failures[client] = outcome;
  }
};

// An initiator, a responder and a wire between them on which time passes when we say so.
class Storm {
 public:
  explicit Storm(unsigned clients, std::vector<ike::Suite> suites = {kGcm256})
      : fixture(clients, suites),
        gateway(*fixture.bag),
        engine(crypto::make_ossl_engine()),
        random(42) {
    config.clients = clients;
    config.flights = 64;
    config.child_suite = kGcm256;
    gateway.child_suite = kGcm256;
  }

  void make() {
    gateway.form = config.auth_form;
    auto made = Initiator::make(config, *fixture.bag, *engine, random, &recorder);
    ASSERT_TRUE(made.has_value()) << made.error().text;
    storm = std::move(*made);
  }

  // Sends what is to be sent now and delivers the answers at once, until nothing moves.
  void settle() {
    for (;;) {
      std::array<Outgoing, kBatchMax> out;
      const std::size_t count = storm->poll(now, out);
      if (count == 0) return;
      std::vector<Octets> answers;
      for (const Outgoing& o : std::span(out).first(count)) {
        sent.push_back({now, o.client, Octets(o.message.begin(), o.message.end())});
        if (deaf) continue;
        Octets answer = gateway.answer(o.message);
        if (tamper) tamper(answer);
        if (!answer.empty()) answers.push_back(std::move(answer));
      }
      deliver(answers);
    }
  }
  void deliver(const std::vector<Octets>& messages) {
    std::vector<crypto::Bytes> views(messages.begin(), messages.end());
    storm->receive(views, now);
  }
  void run(std::uint64_t until_ms, std::uint64_t step_ns = kMs) {
    for (const std::uint64_t end = now + until_ms * kMs; now < end && !storm->done();
         now += step_ns)
      settle();
  }
  const Totals& totals() const { return storm->totals(); }

  struct Sent {
    std::uint64_t at;
    std::uint32_t client;
    Octets message;
  };
  BagFixture fixture;
  ScalarResponder gateway;
  std::unique_ptr<crypto::Engine> engine;
  crypto::Random random;
  InitiatorConfig config;
  Recorder recorder;
  std::unique_ptr<Initiator> storm;
  std::uint64_t now = 5'000 * kMs;
  bool deaf = false;  // the gateway is not there
  std::function<void(Octets&)> tamper;
  std::vector<Sent> sent;
};

}  // namespace storm
