// Clients of a ticket bag, and their message 1.
#include "tools/storm/initiator.h"

#include <algorithm>
#include <utility>

#include "tools/storm/initiator_batch.h"

namespace storm {

crypto::Result<std::unique_ptr<Initiator>> Initiator::make(const InitiatorConfig& config,
                                                           const TicketBag& bag,
                                                           crypto::Engine& engine,
                                                           crypto::Random& random,
                                                           SessionSink* sink) {
  if (config.clients == 0 || config.clients > bag.count())
    return crypto::fail("asked for " + std::to_string(config.clients) +
                        " clients, the ticket bag " + "has " + std::to_string(bag.count()) +
                        " records");
  std::unique_ptr<Initiator> storm(new Initiator(config, bag, engine, random, sink));
  if (const crypto::Status s = storm->allocate(); !s) return std::unexpected(s.error());
  return storm;
}

Initiator::Initiator(const InitiatorConfig& config, const TicketBag& bag, crypto::Engine& engine,
                     crypto::Random& random, SessionSink* sink)
    : Crowd(config, random, sink),
      config_(config),
      bag_(bag),
      engine_(engine),
      crypto_(engine, config.auth_form, config.child_suite),
      lanes_(crypto_, random_),
      child_(config.child_suite),
      batch_(std::make_unique<Batch>()),
      dpd_latency_(std::make_unique<Histogram>()) {}

Initiator::~Initiator() = default;

crypto::Status Initiator::allocate() {
  if (const crypto::Status s = allocate_flights(); !s) return s;
  if (!config_.dpd) return {};
  for (std::uint32_t client = 0; client < config_.clients; ++client)
    dpd_stride_ = std::max(dpd_stride_, dpd_record_len(bag_.at(client).suite));
  auto records = dp::Arena::map(config_.clients * dpd_stride_, "keys kept for DPD");
  if (!records) return std::unexpected(records.error());
  dpd_arena_ = std::move(*records);
  return {};
}

void Initiator::write_message1(Flight& f, crypto::Bytes cookie) {
  ike::ResumeOffer offer{.spi_i = f.spi_i,
                         .nonce = f.nonce_i,
                         .ticket = bag_.at(f.client).ticket,
                         .cookie = cookie,
                         .nat_source = {},
                         .nat_destination = {},
                         .fragmentation_supported = config_.fragmentation};
  NatHashes hashes;
  if (config_.nat_detection != nullptr) {
    const std::uint32_t client = config_.first_client + f.client;
    hash_endpoints(engine_, config_.nat_detection->endpoints(client), f.spi_i, hashes);
    offer.nat_source = hashes.source;
    offer.nat_destination = hashes.destination;
  }
  const std::size_t len =
      ike::write_resume_request(offer, crypto::MutBytes(f.request).first(kRequestMax));
  CHECK(len != 0);
  f.request_len = static_cast<std::uint16_t>(len);
}

bool Initiator::done() const {
  if (!Crowd::done()) return false;
  return !config_.dpd || given_up() || dpd_finished_ == totals_.resumed();
}

void Initiator::give_up() {
  Crowd::give_up();
  if (config_.dpd) totals_.dpd_failed.set(totals_.resumed() - totals_.dpd_answered.get());
}

}  // namespace storm
