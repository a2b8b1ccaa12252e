// Loads credentials and chooses among them.
#include "controlplane/credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <functional>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

#include "controlplane/secret_text.h"

namespace cp {
namespace {

using Mistakes = std::vector<std::string>;

crypto::SecretBytes secret_of(const SecretConfig& secret, Mistakes& mistakes) {
  if (secret.file.empty()) return crypto::SecretBytes(secret.secret.reveal());
  auto loaded = load_secret(secret.file);
  if (loaded) return std::move(*loaded);
  mistakes.push_back(fmt::format("secrets.{}.secret_file: {}", secret.name, loaded.error().text));
  return {};
}

crypto::Bytes octets_of(const Address& address) {
  return std::visit([](const auto& a) { return crypto::Bytes(a); }, address);
}

bool serves(const Connection& connection, crypto::Bytes local_address) {
  return connection.local_addrs.empty() ||
         std::ranges::any_of(connection.local_addrs, [&](const Address& address) {
           return std::ranges::equal(octets_of(address), local_address);
         });
}

IdBody address_identity(crypto::Bytes address) {
  const auto type = address.size() == 4 ? ike::IdType::ipv4_addr : ike::IdType::ipv6_addr;
  IdBody body = {std::to_underlying(type), 0, 0, 0};
  body.insert(body.end(), address.begin(), address.end());
  return body;
}

// How well our side of a connection fits the IDr that the client asks for.
IdMatch local_match(const Connection& connection, crypto::Bytes id_r) {
  if (id_r.empty() || connection.local.id.empty()) return IdMatch::any;
  return same_identity(connection.local.id, id_r) ? IdMatch::exact : IdMatch::none;
}

struct PskRank {
  int sides = 0;  // that the secret names
  IdMatch remote = IdMatch::none;
  IdMatch local = IdMatch::none;
  auto operator<=>(const PskRank&) const = default;
};

// Nothing when the secret is somebody else's. A secret that names us and others is for those
// others; one that names only us is for every client.
std::optional<PskRank> rank_of(const Psk& psk, crypto::Bytes local_id, crypto::Bytes remote_id) {
  const auto names_us = [&](const IdPattern& id) { return match(id, local_id) != IdMatch::none; };
  const IdMatch remote = best_match(psk.ids, remote_id);
  const IdMatch local = best_match(psk.ids, local_id);
  if (remote == IdMatch::none && !std::ranges::all_of(psk.ids, names_us)) return std::nullopt;
  return PskRank{(remote > IdMatch::any) + (local > IdMatch::any), remote, local};
}

}  // namespace

std::expected<std::unique_ptr<const Credentials>, std::vector<std::string>> Credentials::load(
    const GatewayConfig& config) {
  std::unique_ptr<Credentials> loaded(new Credentials);
  Mistakes mistakes;
  loaded->connections_ = config.connections;
  for (const SecretConfig& secret : config.secrets)
    loaded->psks_.push_back({secret.name, secret.ids, secret_of(secret, mistakes)});
  if (!mistakes.empty()) return std::unexpected(std::move(mistakes));
  return loaded;
}

const Connection* Credentials::connection(std::uint32_t id) const {
  const auto found = std::ranges::find(connections_, id, &Connection::id);
  return found == connections_.end() ? nullptr : &*found;
}

std::vector<ike::Suite> Credentials::ike_suites(crypto::Bytes local_address) const {
  std::vector<ike::Suite> suites;
  for (const Connection& connection : connections_) {
    if (!connection.full_handshakes || !serves(connection, local_address)) continue;
    for (const ike::Suite& suite : connection.ike_suites)
      if (std::ranges::find(suites, suite) == suites.end()) suites.push_back(suite);
  }
  return suites;
}

std::vector<const Connection*> Credentials::candidates(const ConnectionQuery& query) const {
  struct Candidate {
    IdMatch remote, local;
    const Connection* connection;
  };
  std::vector<Candidate> found;
  for (const Connection& connection : connections_) {
    if (!connection.full_handshakes || !serves(connection, query.local_address)) continue;
    if (query.suite != nullptr &&
        std::ranges::find(connection.ike_suites, *query.suite) == connection.ike_suites.end())
      continue;
    const IdMatch remote = best_match(connection.remote.ids, query.id_i);
    const IdMatch local = local_match(connection, query.id_r);
    if (remote != IdMatch::none && local != IdMatch::none)
      found.push_back({remote, local, &connection});
  }
  std::ranges::stable_sort(found, std::greater<>(),
                           [](const Candidate& c) { return std::tie(c.remote, c.local); });
  std::vector<const Connection*> connections;
  for (const Candidate& candidate : found) connections.push_back(candidate.connection);
  return connections;
}

IdBody Credentials::local_identity(const Connection& connection,
                                   const ConnectionQuery& query) const {
  if (!connection.local.id.empty()) return connection.local.id;
  if (!query.id_r.empty()) return {query.id_r.begin(), query.id_r.end()};
  return address_identity(query.local_address);
}

const Psk* Credentials::find_psk(crypto::Bytes local_id, crypto::Bytes remote_id) const {
  const Psk* best = nullptr;
  PskRank best_rank;
  for (const Psk& psk : psks_) {
    const auto rank = rank_of(psk, local_id, remote_id);
    if (!rank || (best != nullptr && *rank <= best_rank)) continue;
    best = &psk;
    best_rank = *rank;
  }
  return best;
}

}  // namespace cp
