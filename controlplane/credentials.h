// Credentials: everything that the authentication of clients needs, loaded from files whole or not
// at all: connections, pre-shared keys, private keys, certificates and trusted CAs.
//
// One object is one state of the configuration. A reload loads another one and puts it in its
// place; IKE SAs name their connection by id and ask for it again, so nobody points into an object
// that is gone. Control thread only.
#pragma once

#include <expected>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/config.h"
#include "controlplane/connection.h"
#include "controlplane/radius_client.h"
#include "crypto/base/secret.h"
#include "crypto/certificate.h"
#include "crypto/signature.h"
#include "crypto/trust_store.h"

namespace cp {

struct Psk {
  std::string name;            // of [secrets.NAME], for logs
  std::vector<IdPattern> ids;  // whose it is; empty = everybody's
  crypto::SecretBytes secret;
};

// How we prove ourselves with a signature.
struct LocalKey {
  crypto::PrivateKey key;
  std::vector<crypto::Certificate> chain;  // ours first, then the CAs between
};

// What is known of a client when its connection is looked for.
struct ConnectionQuery {
  crypto::Bytes local_address;        // ours, that it sent to: 4 or 16 octets
  crypto::Bytes id_i;                 // body of IDi
  crypto::Bytes id_r;                 // body of IDr, empty when it sent none
  const ike::Suite* suite = nullptr;  // of the IKE SA; null = any
};

class Credentials {
 public:
  // Reads every file that the configuration names. All mistakes are returned, as "key: file: what
  // was expected". None of them holds a secret.
  static std::expected<std::unique_ptr<const Credentials>, std::vector<std::string>> load(
      const GatewayConfig& config);

  const std::vector<Connection>& connections() const { return connections_; }
  // Null when there is none (any more).
  const Connection* connection(std::uint32_t id) const;

  // The IKE suites that IKE_SA_INIT can choose from, before the identities are known: those of all
  // connections for clients of this address of ours, each once.
  std::vector<ike::Suite> ike_suites(crypto::Bytes local_address) const;

  // What IKE_SA_INIT says before the identities are known: as soon as one connection for clients of
  // this address of ours wants it.
  struct InitSwitches {
    bool fragmentation = false, encap = false, childless = false;
  };
  InitSwitches init_switches(crypto::Bytes local_address) const;

  // The connections that the client may use, the best first: an identity that is named goes before
  // a pattern, that before "everybody"; then an IDr that is named before one that is taken from the
  // client; then the order of the file. Connections without full handshakes are left out. Empty:
  // AUTHENTICATION_FAILED.
  std::vector<const Connection*> candidates(const ConnectionQuery& query) const;

  // The body of our IDr: what the connection says, else what the client asked for, else the subject
  // of our certificate, else `local_address`.
  IdBody local_identity(const Connection& connection, const ConnectionQuery& query) const;

  // The secret of both identities, else of the remote one, else of the local one, else of
  // everybody. Null when there is none.
  const Psk* find_psk(crypto::Bytes local_id, crypto::Bytes remote_id) const;

  // Null without local.auth = pubkey.
  const LocalKey* local_key(const Connection& connection) const;
  // The authorities and CRLs for clients; null without remote.auth = pubkey.
  const crypto::TrustStore* trust(const Connection& connection) const;
  // The body of the CERTREQ in the answer to IKE_SA_INIT, authority by authority: those of all
  // connections for clients of this address of ours that send one. Empty: no CERTREQ.
  std::vector<crypto::AuthorityHash> certreq(crypto::Bytes local_address) const;

  // What the RADIUS client is opened with: a copy, servers and their secrets.
  RadiusSettings radius() const;

 private:
  struct Loader;

  IdMatch local_match(const Connection& connection, crypto::Bytes id_r) const;

  std::vector<Connection> connections_;
  std::vector<Psk> psks_;
  std::map<std::uint32_t, LocalKey> keys_;                         // by connection
  std::map<std::vector<std::string>, crypto::TrustStore> stores_;  // by files; none = [authorities]
  RadiusSettings radius_;
};

// Does the certificate prove this identity (RFC 4945 §3.1)? False for kinds that it cannot hold.
bool proves(const crypto::Certificate& certificate, crypto::Bytes id_body);

}  // namespace cp
