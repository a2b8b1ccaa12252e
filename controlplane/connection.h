// Connection: what a section [connections.NAME] says about clients: who may come, how both sides
// prove themselves, which algorithms, and how long what they get lives.
//
// Plain structs, checked by the configuration before anybody sees them. The words are those of
// swanctl.conf; docs/configuration.md has each key. Files are named here and loaded by
// controlplane/credentials.h. Any thread; nothing changes after it was read.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/id_pattern.h"
#include "controlplane/value_text.h"
#include "crypto/trust_store.h"
#include "dataplane/api/config.h"
#include "ike/auth_value.h"
#include "ike/suite.h"
#include "ike/traffic_selector.h"

namespace cp {

enum class AuthKind : std::uint8_t { psk, pubkey, eap_radius };
constexpr const char* auth_name(AuthKind auth) {
  return auth == AuthKind::psk ? "psk" : auth == AuthKind::pubkey ? "pubkey" : "eap-radius";
}
// Whether CERT payloads go out: always, only when the peer sent a CERTREQ, or never.
enum class SendCert : std::uint8_t { if_asked, always, never };
// What becomes of older IKE SAs of the same identity in the same connection. no: they go when the
// client says INITIAL_CONTACT. replace: they go. keep: the new one is refused. never: not even
// INITIAL_CONTACT removes them (RFC 7296 §2.4).
enum class Unique : std::uint8_t { no, never, keep, replace };

struct LocalAuth {
  AuthKind auth = AuthKind::psk;  // psk or pubkey
  // Empty: what the client asked for in IDr; else the subject of the certificate or, with psk, the
  // address that the client sent to.
  IdBody id;
  std::vector<std::string> cert_files;  // the first holds our certificate, others CAs between
  std::string key_file;
};

struct RemoteAuth {
  AuthKind auth = AuthKind::psk;
  std::vector<IdPattern> ids;             // empty = everybody
  std::vector<std::string> cacert_files;  // empty with pubkey = every CA of [authorities]
  crypto::CrlPolicy revocation = crypto::CrlPolicy::ifcrl;
  std::string eap_id;  // empty = the client is asked (EAP-Identity); else what RADIUS is told
};

struct Connection {
  std::string name;
  std::uint32_t id = 0;  // connection_id(name): tickets name the connection with it
  // False: nobody authenticates here, only tickets lead here. `local` and `remote` mean nothing.
  bool full_handshakes = false;
  std::vector<Address> local_addrs;  // clients of these addresses of ours; empty = of all
  LocalAuth local;
  RemoteAuth remote;
  SendCert send_cert = SendCert::if_asked;
  bool send_certreq = true;

  std::vector<ike::Suite> ike_suites;    // best first
  std::vector<ike::Suite> esp_suites;    // of the Child SA of IKE_AUTH: ke is none; best first
  std::vector<ike::Suite> child_suites;  // of CREATE_CHILD_SA: with and without KE; best first
  ike::SelectorList local_ts;            // what clients may reach
  bool pool4 = true, pool6 = true;       // which pools clients get addresses from

  bool mobike = true;
  bool fragmentation = true;
  bool encap = false;     // UDP encapsulation even without NAT: our NAT detection hash is wrong
  bool childless = true;  // RFC 6023: IKE_AUTH without a Child SA is taken

  // 0 switches each off, save the hard limits: over_time_s is how long after rekey_time_s (or
  // reauth_time_s) the IKE SA is closed, child_life_time_s how long a Child SA lives.
  std::uint32_t rekey_time_s = 4 * 3600;
  std::uint32_t over_time_s = 24 * 60;
  std::uint32_t reauth_time_s = 0;
  std::uint32_t dpd_delay_s = 60;
  std::uint32_t child_rekey_time_s = 3600;
  std::uint32_t child_life_time_s = 3960;
  std::uint64_t child_rekey_packets = 0;
  std::uint64_t child_rekey_bytes = 0;
  dp::ChildLimits child_limits() const { return {child_rekey_packets, child_rekey_bytes}; }

  Unique unique = Unique::no;
  bool tickets = true;                    // clients that ask get tickets
  bool revoke_tickets_on_delete = false;  // libreswan's client deletes when it merely suspends
  ike::AuthFormPolicy auth_form = ike::AuthFormPolicy::automatic;  // of resumptions
};

}  // namespace cp
