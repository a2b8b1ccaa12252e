// Loads what the configuration names: secrets, keys, certificates, authorities, CRLs.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "controlplane/credentials.h"
#include "controlplane/identity_text.h"
#include "controlplane/secret_text.h"

namespace cp {

// Fills `out` and goes on after a mistake, so that all of them are found at once.
struct Credentials::Loader {
  const GatewayConfig& config;
  Credentials& out;
  std::vector<std::string> mistakes;

  // One file named twice is one mistake.
  void fail(const std::string& key, const std::string& text) {
    std::string line = fmt::format("{}: {}", key, text);
    if (std::ranges::find(mistakes, line) == mistakes.end()) mistakes.push_back(std::move(line));
  }
  template <class T>
  bool good(const std::string& key, const std::expected<T, crypto::Error>& result) {
    if (!result) fail(key, result.error().text);
    return result.has_value();
  }

  void load_secrets() {
    for (const SecretConfig& secret : config.secrets) {
      if (secret.file.empty()) {
        out.psks_.push_back({secret.name, secret.ids, crypto::SecretBytes(secret.secret.reveal())});
        continue;
      }
      auto loaded = load_secret(secret.file);
      if (good(fmt::format("secrets.{}.secret_file", secret.name), loaded))
        out.psks_.push_back({secret.name, secret.ids, std::move(*loaded)});
    }
  }

  void load_radius() {
    out.radius_.timeout_ms = config.radius.timeout_ms;
    out.radius_.tries = config.radius.tries;
    for (const RadiusServer& server : config.radius.servers) {
      auto secret = load_secret(server.secret_file);
      if (good(fmt::format("radius.servers.{}.secret_file", server.name), secret))
        out.radius_.servers.push_back(
            {server.name, server.address, server.port, std::move(*secret)});
    }
  }

  void load_crls(crypto::TrustStore& store) {
    for (const AuthorityConfig& authority : config.authorities)
      for (const std::string& file : authority.crl_files)
        good(fmt::format("authorities.{}.crls", authority.name), store.add_crl_file(file));
  }

  // The store of connections that name no authorities of their own.
  void load_authorities() {
    crypto::TrustStore store;
    for (const AuthorityConfig& authority : config.authorities)
      good(fmt::format("authorities.{}.cacert", authority.name),
           store.add_ca_file(authority.cacert_file));
    load_crls(store);
    out.stores_.emplace(std::vector<std::string>(), std::move(store));
  }

  void load_trust(const Connection& connection) {
    const std::vector<std::string>& files = connection.remote.cacert_files;
    if (connection.remote.auth != AuthKind::pubkey || out.stores_.contains(files)) return;
    crypto::TrustStore store;
    for (const std::string& file : files)
      good(fmt::format("connections.{}.remote.cacerts", connection.name), store.add_ca_file(file));
    load_crls(store);
    out.stores_.emplace(files, std::move(store));
  }

  void load_key(const Connection& connection) {
    if (connection.local.auth != AuthKind::pubkey) return;
    const std::string section = fmt::format("connections.{}.local", connection.name);
    std::vector<crypto::Certificate> chain;
    bool complete = true;
    for (const std::string& file : connection.local.cert_files) {
      auto certificates = crypto::Certificate::load(file);
      complete = good(section + ".certs", certificates) && complete;
      if (certificates) std::ranges::move(*certificates, std::back_inserter(chain));
    }
    auto key = crypto::PrivateKey::load(connection.local.key_file);
    if (!good(section + ".private_key", key) || !complete) return;
    check_key(connection, section, *key, chain.front());
    out.keys_.emplace(connection.id, LocalKey{std::move(*key), std::move(chain)});
  }

  void check_key(const Connection& connection, const std::string& section,
                 const crypto::PrivateKey& key, const crypto::Certificate& ours) {
    if (!std::ranges::equal(key.public_key().spki(), ours.public_key().spki()))
      fail(section + ".private_key", fmt::format("{}: is not the key of the first certificate, {}",
                                                 connection.local.key_file, ours.subject_text()));
    if (!connection.local.id.empty() && !proves(ours, connection.local.id))
      fail(section + ".id",
           fmt::format("{}: does not prove {}", connection.local.cert_files.front(),
                       identity_text(connection.local.id)));
  }

  void load_connections() {
    out.connections_ = config.connections;
    for (const Connection& connection : config.connections) {
      if (!connection.full_handshakes) continue;
      load_key(connection);
      load_trust(connection);
    }
  }
};

std::expected<std::unique_ptr<const Credentials>, std::vector<std::string>> Credentials::load(
    const GatewayConfig& config) {
  std::unique_ptr<Credentials> loaded(new Credentials);
  Loader loader{config, *loaded, {}};
  loader.load_secrets();
  loader.load_radius();
  loader.load_authorities();
  loader.load_connections();
  if (!loader.mistakes.empty()) return std::unexpected(std::move(loader.mistakes));
  return loaded;
}

RadiusSettings Credentials::radius() const {
  RadiusSettings copy{.servers = {}, .timeout_ms = radius_.timeout_ms, .tries = radius_.tries};
  for (const RadiusEndpoint& server : radius_.servers)
    copy.servers.push_back(
        {server.name, server.address, server.port, crypto::SecretBytes(server.secret.reveal())});
  return copy;
}

}  // namespace cp
