// Connecting clients, and their IKE_SA_INIT.
#include "tools/storm/connector.h"

#include <algorithm>

#include "controlplane/ke_groups.h"
#include "tools/storm/connector_batch.h"

namespace storm {

crypto::Result<std::unique_ptr<Connector>> Connector::make(
    const ConnectorConfig& config, const ClientIdentity& identity, crypto::Bytes psk,
    crypto::Engine& engine, crypto::Random& random, SessionSink* sink) {
  if (config.clients == 0) return crypto::fail("no clients to connect");
  if (config.ike_suites.empty()) return crypto::fail("no IKE proposal to offer");
  for (const ike::Suite& suite : config.ike_suites) {
    if (!cp::ke_group(suite.ke))
      return crypto::fail("the installed OpenSSL lacks a key exchange that the proposal names");
    if (!suite.additional.empty())
      return crypto::fail("clients that connect do one key exchange: no ke1_ and so on");
  }
  std::unique_ptr<Connector> storm(new Connector(config, identity, psk, engine, random, sink));
  if (const crypto::Status s = storm->allocate_flights(); !s) return std::unexpected(s.error());
  return storm;
}

Connector::Connector(const ConnectorConfig& config, const ClientIdentity& identity,
                     crypto::Bytes psk, crypto::Engine& engine, crypto::Random& random,
                     SessionSink* sink)
    : Crowd(config, random, sink),
      config_(config),
      identity_(identity),
      engine_(engine),
      crypto_(engine, ike::AuthForm::rfc, config.child_suite),
      lanes_(crypto_, random_),
      handshake_crypto_(engine, psk, config.child_suite),
      child_(config.child_suite),
      keys_(config.reuse_ke),
      handshakes_(config.flights),
      batch_(std::make_unique<Batch>()) {}

Connector::~Connector() = default;

Connector::Handshake& Connector::handshake_of(const Flight& f) { return handshakes_[place_of(f)]; }

// Written when the client begins (no cookie, a new key pair), and again when the gateway demands a
// cookie or another group.
void Connector::write_message1(Flight& f, crypto::Bytes cookie) {
  Handshake& h = handshake_of(f);
  if (f.challenges == 0) {
    h.ke = config_.ike_suites.front().ke;
    h.key = keys_.take(*cp::ke_group(h.ke));
    h.cookie.clear();
  }
  if (!cookie.empty()) h.cookie.assign(cookie.begin(), cookie.end());
  CHECK(h.key != nullptr);
  ike::SaInitOffer offer;
  offer.spi_i = f.spi_i;
  offer.cookie = h.cookie;
  offer.suites = config_.ike_suites;
  offer.ke = h.ke;
  offer.ke_data = h.key->public_value();
  offer.nonce = f.nonce_i;
  offer.fragmentation_supported = config_.fragmentation;
  NatHashes hashes;
  if (config_.nat_detection != nullptr) {
    const std::uint32_t client = config_.first_client + f.client;
    hash_endpoints(engine_, config_.nat_detection->endpoints(client), f.spi_i, hashes);
    offer.nat_source = hashes.source;
    offer.nat_destination = hashes.destination;
  }
  const std::size_t len =
      ike::write_sa_init_request(offer, crypto::MutBytes(f.request).first(kRequestMax));
  CHECK(len != 0);
  f.request_len = static_cast<std::uint16_t>(len);
}

}  // namespace storm
