// Chooses connections, secrets, keys and authorities.
#include "controlplane/credentials.h"

#include <algorithm>
#include <array>
#include <compare>
#include <functional>
#include <optional>
#include <tuple>
#include <utility>
#include <variant>

namespace cp {
namespace {

constexpr std::size_t kIdTypeLen = 4;  // type and reserved octets

crypto::Bytes octets_of(const Address& address) {
  return std::visit([](const auto& a) { return crypto::Bytes(a); }, address);
}

bool serves(const Connection& connection, crypto::Bytes local_address) {
  return connection.local_addrs.empty() ||
         std::ranges::any_of(connection.local_addrs, [&](const Address& address) {
           return std::ranges::equal(octets_of(address), local_address);
         });
}

IdBody identity_of(ike::IdType type, crypto::Bytes octets) {
  IdBody body = {std::to_underlying(type), 0, 0, 0};
  body.insert(body.end(), octets.begin(), octets.end());
  return body;
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

bool proves(const crypto::Certificate& certificate, crypto::Bytes id_body) {
  constexpr std::array kKinds = {
      std::pair(ike::IdType::der_asn1_dn, crypto::NameKind::dn),
      std::pair(ike::IdType::fqdn, crypto::NameKind::fqdn),
      std::pair(ike::IdType::rfc822_addr, crypto::NameKind::rfc822),
      std::pair(ike::IdType::ipv4_addr, crypto::NameKind::ip4),
      std::pair(ike::IdType::ipv6_addr, crypto::NameKind::ip6),
  };
  if (id_body.size() <= kIdTypeLen) return false;
  for (const auto& [type, kind] : kKinds)
    if (id_body[0] == std::to_underlying(type))
      return certificate.matches_identity(kind, id_body.subspan(kIdTypeLen));
  return false;
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

// How well our side of a connection fits the IDr that the client asks for.
IdMatch Credentials::local_match(const Connection& connection, crypto::Bytes id_r) const {
  if (id_r.empty()) return IdMatch::any;
  if (!connection.local.id.empty())
    return same_identity(connection.local.id, id_r) ? IdMatch::exact : IdMatch::none;
  const LocalKey* key = local_key(connection);
  if (key == nullptr) return IdMatch::any;
  return proves(key->chain.front(), id_r) ? IdMatch::exact : IdMatch::none;
}

Credentials::InitSwitches Credentials::init_switches(crypto::Bytes local_address) const {
  InitSwitches any;
  for (const Connection& c : connections_) {
    if (!c.full_handshakes || !serves(c, local_address)) continue;
    any.fragmentation = any.fragmentation || c.fragmentation;
    any.encap = any.encap || c.encap;
    any.childless = any.childless || c.childless;
  }
  return any;
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
  if (const LocalKey* key = local_key(connection))
    return identity_of(ike::IdType::der_asn1_dn, key->chain.front().subject_der());
  return identity_of(
      query.local_address.size() == 4 ? ike::IdType::ipv4_addr : ike::IdType::ipv6_addr,
      query.local_address);
}

const LocalKey* Credentials::local_key(const Connection& connection) const {
  const auto found = keys_.find(connection.id);
  return found == keys_.end() ? nullptr : &found->second;
}

const crypto::TrustStore* Credentials::trust(const Connection& connection) const {
  if (!connection.full_handshakes || connection.remote.auth != AuthKind::pubkey) return nullptr;
  const auto found = stores_.find(connection.remote.cacert_files);
  return found == stores_.end() ? nullptr : &found->second;
}

std::vector<crypto::AuthorityHash> Credentials::certreq(crypto::Bytes local_address) const {
  std::vector<crypto::AuthorityHash> hashes;
  for (const Connection& connection : connections_) {
    const crypto::TrustStore* store = trust(connection);
    if (store == nullptr || !connection.send_certreq || !serves(connection, local_address))
      continue;
    for (const crypto::AuthorityHash& hash : store->authority_hashes())
      if (std::ranges::find(hashes, hash) == hashes.end()) hashes.push_back(hash);
  }
  return hashes;
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
