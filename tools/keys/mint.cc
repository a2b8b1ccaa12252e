// Seals tickets in batches and writes them into a bag.
#include "tools/keys/mint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "controlplane/identity_text.h"
#include "controlplane/proposal_text.h"
#include "crypto/engine.h"
#include "crypto/keyring.h"
#include "dataplane/lease_table.h"
#include "dataplane/used_set.h"
#include "ike/ticket.h"
#include "tools/storm/ticket_bag.h"

namespace keys {
namespace {

constexpr std::size_t kBatch = 64;
constexpr std::size_t kProgressEvery = 16384;

crypto::Bytes bytes_of(const std::string& text) {
  return {static_cast<const std::uint8_t*>(static_cast<const void*>(text.data())), text.size()};
}

// What all tickets of an order share.
struct Terms {
  std::uint32_t connection = 0;
  std::uint32_t policy_generation = 0;
  ike::Suite suite;
  std::uint64_t now_s = 0;
  std::uint64_t expires_s = 0;
  std::string client_domain;
  std::string id_r;  // a body, as in identity_text.h
  bool leases4 = false;
  bool leases6 = false;
};

// One client: what it keeps, and what the gateway finds in its ticket.
struct Client {
  std::string id_i;
  std::array<std::uint8_t, crypto::kPrfLenMax> sk_d{};
  ike::TicketState state;
  std::array<std::uint8_t, ike::kTicketStateMax> plaintext{};
  std::size_t plaintext_len = 0;
  std::array<std::uint8_t, crypto::kAeadNonceLen> nonce{};
  std::array<std::uint8_t, ike::kTicketLenMax> ticket{};
  crypto::Bytes ticket_octets() const {
    return {ticket.data(), plaintext_len + ike::kTicketOverhead};
  }
};

// Seals with one issuer after the other; a new one when the serials are used up.
class Issuers {
 public:
  Issuers(const crypto::TicketKey& key, crypto::Engine& engine, dp::UsedSet& used,
          crypto::Random& random, std::uint64_t valid_until_s)
      : key_(key), engine_(engine), used_(used), random_(random), valid_until_s_(valid_until_s) {}

  // Room for `count` tickets of one issuer; `left` are still to come, this batch included.
  crypto::Status reserve(std::size_t count, std::size_t left) {
    if (use_ != nullptr && next_serial_ + count <= use_->capacity()) return {};
    const std::uint64_t wanted = (left + 1 + 63) / 64 * 64;
    ike::IssuerId issuer;
    while (issuer.value() == 0) issuer = ike::IssuerId(random_.u64());
    const auto use =
        used_.create(issuer, std::min<std::uint64_t>(wanted, dp::kIssuerCapacity), valid_until_s_);
    if (!use) return std::unexpected(use.error());
    use_ = *use;
    next_serial_ = 1;
    crypto::Secret<32> aes_key;
    ike::derive_ticket_key(engine_, key_.secret.reveal(), issuer, aes_key.fill().data());
    const crypto::ExpandLane lane{aes_key.reveal().data(), &expanded_};
    engine_.expand(crypto::Aead::aes256_gcm, {&lane, 1});
    return {};
  }

  void seal(std::span<Client> clients) {
    std::array<crypto::AeadLane, kBatch> lanes;
    for (std::size_t i = 0; i < clients.size(); ++i) {
      Client& c = clients[i];
      const ike::TicketSerial serial(next_serial_++);
      ike::write_ticket_header({key_.id, use_->issuer(), serial}, c.ticket.data());
      ike::write_ticket_nonce(serial, c.nonce.data());
      std::uint8_t* const text = c.ticket.data() + ike::kTicketHeaderLen;
      lanes[i] = {.key = &expanded_,
                  .nonce = c.nonce.data(),
                  .aad = {c.ticket.data(), ike::kTicketHeaderLen},
                  .in = c.plaintext.data(),
                  .len = static_cast<std::uint32_t>(c.plaintext_len),
                  .out = text,
                  .tag = text + c.plaintext_len};
    }
    engine_.seal(crypto::Aead::aes256_gcm, std::span(lanes).first(clients.size()));
  }

 private:
  const crypto::TicketKey& key_;
  crypto::Engine& engine_;
  dp::UsedSet& used_;
  crypto::Random& random_;
  std::uint64_t valid_until_s_;
  dp::IssuerUse* use_ = nullptr;
  std::uint64_t next_serial_ = 1;
  crypto::ExpandedKey expanded_;
};

ike::IkeSpi draw_spi(crypto::Random& random) {
  std::uint64_t value = 0;
  while (value == 0) value = random.u64();
  return ike::IkeSpi(value);
}

void fill(Client& client, std::size_t index, const Terms& terms, const dp::LeaseTable& leases,
          crypto::Random& random) {
  const std::string name = fmt::format("@client{}.{}", index, terms.client_domain);
  client.id_i = cp::parse_identity(name).value();
  const std::size_t sk_d_len = ike::prf_len(terms.suite);
  random.fill(crypto::MutBytes(client.sk_d).first(sk_d_len));
  ike::TicketState& state = client.state;
  state = {};
  state.expires_s = terms.expires_s;
  state.full_auth_s = terms.now_s;
  state.connection = terms.connection;
  state.policy_generation = terms.policy_generation;
  state.spi_i = draw_spi(random);
  state.spi_r = draw_spi(random);
  state.suite = terms.suite;
  state.sk_d = crypto::Bytes(client.sk_d).first(sk_d_len);
  state.id_i = bytes_of(client.id_i);
  state.id_r = bytes_of(terms.id_r);
  state.flags.has_ip4 = terms.leases4;
  state.flags.has_ip6 = terms.leases6;
  if (terms.leases4) state.ip4 = leases.address4(static_cast<std::uint32_t>(index));
  if (terms.leases6) state.ip6 = leases.address6(static_cast<std::uint32_t>(index));
  client.plaintext_len = ike::write_ticket_state(state, client.plaintext);
}

storm::Credential credential_of(const Client& client) {
  const ike::TicketState& state = client.state;
  return {.suite = state.suite,
          .spi_i = state.spi_i,
          .spi_r = state.spi_r,
          .expires_s = state.expires_s,
          .has_ip4 = state.flags.has_ip4,
          .has_ip6 = state.flags.has_ip6,
          .ip4 = state.ip4,
          .ip6 = state.ip6,
          .sk_d = state.sk_d,
          .id_i = state.id_i,
          .id_r = state.id_r,
          .ticket = client.ticket_octets()};
}

crypto::Result<const dp::ConnectionConfig*> find_connection(const cp::GatewayConfig& config,
                                                            const std::string& name) {
  const auto& connections = config.workers.connections;
  const auto found = name.empty()
                         ? connections.begin()
                         : std::ranges::find(connections, name, &dp::ConnectionConfig::name);
  if (found == connections.end())
    return crypto::fail(fmt::format("the configuration has no connection \"{}\"", name));
  return &*found;
}

crypto::Result<ike::Suite> choose_suite(const dp::ConnectionConfig& connection,
                                        const std::string& proposal) {
  if (proposal.empty()) return connection.ike_suites.front();
  const auto suites = cp::parse_ike_proposal(proposal);
  if (!suites) return std::unexpected(suites.error());
  const auto fits = [&](const ike::Suite& s) {
    const ike::Suite& wanted = suites->front();
    return s.encr == wanted.encr && s.key_bits == wanted.key_bits && s.prf == wanted.prf &&
           s.integ == wanted.integ;
  };
  if (std::ranges::none_of(connection.ike_suites, fits))
    return crypto::fail(fmt::format("connection \"{}\" does not allow {}: such tickets are refused",
                                    connection.name, proposal));
  return suites->front();
}

crypto::Result<Terms> prepare(const cp::GatewayConfig& config, const MintOrder& order,
                              std::uint64_t now_s) {
  const auto connection = find_connection(config, order.connection);
  if (!connection) return std::unexpected(connection.error());
  const auto suite = choose_suite(**connection, order.proposal);
  if (!suite) return std::unexpected(suite.error());
  auto id_r = cp::parse_identity(order.gateway_identity);
  if (!id_r) return std::unexpected(id_r.error());
  const std::string longest = fmt::format("@client{}.{}", order.clients, order.client_domain);
  if (const auto id_i = cp::parse_identity(longest); !id_i) return std::unexpected(id_i.error());
  if (order.clients == 0 || order.clients > storm::kBagClientsMax)
    return crypto::fail(fmt::format("expected 1 to {} clients", storm::kBagClientsMax));
  const dp::ChildConfig& child = config.workers.child;
  Terms terms{.connection = (*connection)->id,
              .policy_generation = config.workers.tickets.policy_generation,
              .suite = *suite,
              .now_s = now_s,
              .expires_s = now_s + (order.lifetime_s != 0 ? order.lifetime_s
                                                          : config.workers.tickets.lifetime_s),
              .client_domain = order.client_domain,
              .id_r = std::move(*id_r),
              .leases4 = order.leases && child.pool4.count != 0,
              .leases6 = order.leases && child.pool6.count != 0};
  if ((terms.leases4 && child.pool4.count < order.clients) ||
      (terms.leases6 && child.pool6.count < order.clients))
    return crypto::fail(fmt::format(
        "a pool of the configuration has fewer addresses than {} clients need: enlarge it, or mint "
        "without leases",
        order.clients));
  return terms;
}

}  // namespace

crypto::Status mint(const cp::GatewayConfig& config, const MintOrder& order, std::uint64_t now_s,
                    crypto::Random& random, const Progress& progress) {
  const auto terms = prepare(config, order, now_s);
  if (!terms) return std::unexpected(terms.error());
  const auto ring = crypto::Keyring::load(config.keyring.path);
  if (!ring) return std::unexpected(ring.error());
  auto used = dp::UsedSet::open(config.workers.state_dir, now_s);
  if (!used) return std::unexpected(used.error());
  auto bag = storm::TicketBagWriter::create(order.bag_path);
  if (!bag) return std::unexpected(bag.error());
  auto engine = crypto::make_mb_engine();
  if (engine == nullptr) engine = crypto::make_ossl_engine();

  const dp::LeaseTable leases(config.workers.child.pool4, config.workers.child.pool6);
  Issuers issuers(ring->current(), *engine, **used, random, terms->expires_s);
  std::vector<Client> batch(kBatch);
  for (std::size_t done = 0; done < order.clients;) {
    const std::size_t count = std::min(kBatch, order.clients - done);
    if (auto ready = issuers.reserve(count, order.clients - done); !ready) return ready;
    for (std::size_t i = 0; i < count; ++i) {
      fill(batch[i], done + i, *terms, leases, random);
      if (batch[i].plaintext_len == 0)
        return crypto::fail("the identities are too long: the ticket does not fit a message");
    }
    issuers.seal(std::span(batch).first(count));
    for (std::size_t i = 0; i < count; ++i)
      if (auto added = bag->add(credential_of(batch[i])); !added) return added;
    done += count;
    if (done % kProgressEvery == 0 || done == order.clients) progress(done);
  }
  if (auto flushed = (*used)->flush(); !flushed) return flushed;
  return bag->commit(now_s);
}

}  // namespace keys
