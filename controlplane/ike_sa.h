// IkeSa: everything the control thread knows of one IKE SA and its Child SAs. Plain data; what
// happens to it is decided by handlers and done by the machine (controlplane/machine.h).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/eap_authenticator.h"
#include "controlplane/exchange_window.h"
#include "crypto/base/secret.h"
#include "crypto/key_exchange.h"
#include "dataplane/api/seam.h"
#include "ike/config_payload.h"
#include "ike/header.h"
#include "ike/ids.h"
#include "ike/key_schedule.h"
#include "ike/sk_fragment.h"
#include "ike/suite.h"
#include "ike/traffic_selector.h"

namespace cp {

enum class SaState : std::uint8_t {
  intermediate,  // IKE_SA_INIT answered, additional key exchanges are owed (RFC 9370 §2.2.2)
  half_open,     // IKE_SA_INIT answered, IKE_AUTH not yet seen
  eap,           // IKE_AUTH rounds of EAP are going on
  established,   // authenticated
  replaced,      // rekeyed; waits for the Delete of the side that rekeyed (RFC 7296 §2.18)
  closed,        // about to be removed
  count,
};
inline constexpr std::array<std::string_view, static_cast<std::size_t>(SaState::count)>
    kSaStateNames = {"intermediate", "half-open", "eap", "established", "replaced", "closed"};
constexpr std::string_view state_name(SaState s) {
  return kSaStateNames[static_cast<std::size_t>(s)];
}

constexpr bool is_authenticated(SaState s) {
  return s == SaState::established || s == SaState::replaced;
}
// Before the first IKE_AUTH.
constexpr bool is_half_open(SaState s) {
  return s == SaState::intermediate || s == SaState::half_open;
}

// How long a CREATE_CHILD_SA may wait for its IKE_FOLLOWUP_KE: the SPI of a Child SA to come is
// promised for two minutes.
inline constexpr std::uint64_t kFollowupKeMs = 60'000;

// What we are asking the peer, while a request of ours is outstanding.
enum class Asking : std::uint8_t {
  nothing,
  liveness,      // empty INFORMATIONAL (RFC 7296 §2.4)
  rekey_child,   // CREATE_CHILD_SA with REKEY_SA, and its IKE_FOLLOWUP_KE
  rekey_ike,     // CREATE_CHILD_SA with an IKE proposal, and its IKE_FOLLOWUP_KE
  delete_child,  // INFORMATIONAL with Delete
  delete_ike,    // the SA ends with the answer, or without
};

struct ChildSa {
  ike::EspSpi spi_in, spi_out;
  std::uint8_t worker = 0;  // that serves its ESP
  ike::Suite suite;
  ike::SelectorList ts_local, ts_remote;
  bool we_initiated = false;             // the exchange that made it
  bool replaced = false;                 // rekeyed; waits for Delete
  bool delete_wanted = false;            // by us, as soon as nothing else is asked
  std::optional<ike::KeId> rekey_group;  // that the peer demanded for our rekey
  std::uint64_t installed_ms = 0;
  std::uint64_t rekey_at_ms = ExchangeWindow::kNever;
  std::uint64_t ends_at_ms = ExchangeWindow::kNever;
};

// Of an SA between IKE_SA_INIT and the end of IKE_AUTH: gone when it is established.
struct Handshake {
  std::unique_ptr<crypto::KeyExchange> ke;
  Octets peer_ke;
  crypto::SecretBytes shared;  // instead of `ke`: of groups that answer at once (ML-KEM)
  Octets message1, message2;   // RealMessage1, RealMessage2 (RFC 7296 §2.15)
  Octets nonce_i, nonce_r;
  std::uint16_t signature_hashes = 0;  // of the peer: 1 << hash id (RFC 7427 §4)
  bool have_keys = false;
  // IKE_INTERMEDIATE (RFC 9242): whether both sides announced it, how many there were, and what
  // AUTH covers of them.
  bool has_intermediate = false;
  std::uint32_t intermediates = 0;
  Octets int_auth_i, int_auth_r;
  std::size_t next_ke = 0;  // of Suite::additional: the one that is owed next (RFC 9370)
  // The keys before the last additional key exchange: its request may come again under them.
  ike::MessageId former_id;
  crypto::Secret<ike::kIkeKeymatMax> former_keymat;
  // While EAP goes on: the first IKE_AUTH request's payloads, which the last one completes.
  ike::PayloadType first_inner = ike::PayloadType::none;
  Octets inner;
  ike::PayloadType proof_first = ike::PayloadType::none;
  Octets proof;  // our part of the first answer, until RADIUS says what goes with it
  std::unique_ptr<EapAuthenticator> eap;
  std::uint32_t eap_connection = 0;  // id of the connection

  ike::MessageId first_auth() const { return ike::MessageId(1 + intermediates); }
};

// The key exchanges of a CREATE_CHILD_SA that has more than one (RFC 9370 §2.2.4), so far, and what
// will be made of them.
struct KeChain {
  ike::Suite suite;            // that was chosen
  std::size_t next_ke = 0;     // of Suite::additional: the one that comes next
  Octets link;                 // of ADDITIONAL_KEY_EXCHANGE, that comes with it
  crypto::SecretBytes shared;  // SK(0)
  crypto::SecretBytes more;    // SK(1) | ... | SK(n)
  Octets nonce_i, nonce_r;
  ChildSa child;                  // with its SPIs and selectors; or
  ike::IkeSpi peer_spi, own_spi;  // the IKE SA to come
  std::uint64_t ends_at_ms = 0;   // it is given up then
};

// A CREATE_CHILD_SA of the peer that waits for its IKE_FOLLOWUP_KE.
struct PendingKe {
  KeChain kes;
  bool is_ike = false;
  ike::EspSpi replaces;  // our inbound SPI of the Child SA that is rekeyed; 0 = none
  bool ticket_request = false;
};

// A request of ours and what its answer needs.
struct OwnRequest {
  Asking asking = Asking::nothing;
  ike::EspSpi child_in;  // the Child SA it is about
  ike::EspSpi new_spi;   // ours, of the Child SA to come
  ike::IkeSpi new_ike_spi;
  Octets nonce;
  std::unique_ptr<crypto::KeyExchange> ke;
  std::vector<ike::Suite> offered;
  std::unique_ptr<KeChain> kes;  // while IKE_FOLLOWUP_KE goes on
  // The peer rekeyed the same SA meanwhile: what it made, of which we have the SPI, and the lower
  // of the two nonces (RFC 7296 §2.8.1, §2.8.2).
  ike::EspSpi collided_in;
  ike::IkeSpi collided_ike;
  Octets collided_nonce;
};

// Fragments of one message that have come so far (RFC 7383 §2.6).
struct FragmentStore {
  std::uint64_t since_ms = 0;
  Octets memory = Octets(ike::kReassembledMax);
  ike::Reassembler reassembler{memory};
};

struct IkeSa {
  ike::IkeSpi spi_i, spi_r;
  bool we_initiated = false;  // as initiator of this IKE SA (after a rekey of ours)
  SaState state = SaState::half_open;
  ike::Suite suite;
  crypto::Secret<ike::kIkeKeymatMax>
      keymat;                    // SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr
  std::uint64_t tx_counter = 0;  // IVs used in our direction
  ExchangeWindow window;
  OwnRequest own;

  dp::PeerPath path;
  std::uint8_t worker = 0;  // that its packets come through
  bool nat_here = false, nat_there = false;
  bool fragmentation = false;  // both sides announced RFC 7383
  bool mobike = false;
  bool adopted = false;  // came from a worker as a resumed SA; spi_r is in the worker's space
  std::uint8_t adopted_from = 0;  // that worker
  bool called_back = false;       // so that it ends

  std::unique_ptr<FragmentStore> fragments;  // only while some wait for others
  std::unique_ptr<Handshake> handshake;
  std::unique_ptr<PendingKe> pending_ke;
  // Our SPI of the IKE SA that the peer replaced by this one while we are replacing it too. Until
  // that is settled the old one has all that belongs to both. 0 = none.
  ike::IkeSpi rival_of;

  // Known once authenticated.
  std::string connection;  // name
  std::uint32_t connection_id = 0;
  Octets peer_id, own_id;  // ID bodies: type | reserved | data
  Octets eap_identity;
  ike::AuthMethod auth_method = ike::AuthMethod::shared_key;
  std::optional<ike::Ip4> ip4;
  std::optional<ike::Ip6> ip6;
  std::vector<ChildSa> children;
  ike::IssuerId issuer;  // of the ticket issued last for this SA
  ike::TicketSerial serial;
  bool post_quantum = false;  // ML-KEM is in the history of SK_d; tickets bear the mark
  std::uint16_t resumptions = 0;
  std::uint64_t full_auth_s = 0;  // Unix seconds

  std::uint64_t created_ms = 0;  // monotonic, as all below
  std::uint64_t established_ms = 0;
  std::uint64_t heard_ms = 0;  // last authentic message
  std::uint64_t rekey_at_ms = ExchangeWindow::kNever;
  std::optional<ike::KeId> rekey_group;  // that the peer demanded for our rekey
  std::uint64_t ends_at_ms = ExchangeWindow::kNever;
  std::uint64_t scheduled_ms = ExchangeWindow::kNever;  // SaTable's
  bool delete_wanted = false;                           // by us, as soon as nothing else is asked

  // ESP goes in UDP: somebody translates addresses in between (RFC 7296 §2.23).
  bool encapsulates() const { return path.non_esp_marker && (nat_here || nat_there); }
  // The SPI that packets to us carry.
  ike::IkeSpi our_spi() const { return we_initiated ? spi_i : spi_r; }
  ike::IkeSpi peer_spi() const { return we_initiated ? spi_r : spi_i; }
  ike::IkeKeys keys() const { return ike::split_ike_keymat(suite, keymat.reveal()); }
  // Keys of messages to and from us.
  crypto::Bytes key_in() const { return we_initiated ? keys().sk_er : keys().sk_ei; }
  crypto::Bytes key_out() const { return we_initiated ? keys().sk_ei : keys().sk_er; }
  crypto::Bytes integ_in() const { return we_initiated ? keys().sk_ar : keys().sk_ai; }
  crypto::Bytes integ_out() const { return we_initiated ? keys().sk_ai : keys().sk_ar; }
  // Of our answer to the request `id`.
  ike::Header answer_header(ike::Exchange exchange, ike::MessageId id) const {
    const std::uint8_t role = we_initiated ? ike::kFlagInitiator : std::uint8_t{0};
    return {.spi_i = spi_i,
            .spi_r = spi_r,
            .exchange = exchange,
            .flags = static_cast<std::uint8_t>(role | ike::kFlagResponse),
            .message_id = id};
  }

  ChildSa* child(ike::EspSpi spi_in) {
    for (ChildSa& c : children)
      if (c.spi_in == spi_in) return &c;
    return nullptr;
  }
  // Whom it was proved to be: the identity of EAP counts where there is one, because IDi of such a
  // client is what it calls itself (RFC 7296 §2.16).
  bool is_same_user(crypto::Bytes id, crypto::Bytes eap_id) const {
    return std::ranges::equal(peer_id, id) && std::ranges::equal(eap_identity, eap_id);
  }
  const ChildSa* child_by_peer(ike::EspSpi spi_out) const {
    for (const ChildSa& c : children)
      if (c.spi_out == spi_out) return &c;
    return nullptr;
  }
};

inline bool is_rival(const IkeSa& sa) { return sa.rival_of != ike::IkeSpi(); }

}  // namespace cp
