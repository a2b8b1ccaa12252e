// Transition: what a handler decided about an IKE SA, as data. Handlers see a const SA and return
// one; the machine alone carries it out, after the answer was written, so that a handler that fails
// half-way has changed nothing.
#pragma once

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "controlplane/ike_sa.h"
#include "ike/header.h"

namespace cp {

// A request of the peer, authentic and decrypted.
struct Request {
  dp::PeerPath path;  // that it came along
  ike::Header header;
  ike::PayloadType first = ike::PayloadType::none;
  crypto::Bytes inner;    // the payloads inside SK
  crypto::Bytes message;  // as it came; of several fragments the last one
};

// An answer to a request of ours, likewise.
using Answer = Request;

// An IKE_INTERMEDIATE is done: what AUTH will cover (RFC 9242 §3.3.2) and, after an additional key
// exchange, the keys of all later messages (RFC 9370 §2.2.2).
struct NoteIntermediate {
  Octets int_auth_i, int_auth_r;
  bool has_keys = false;
  crypto::Secret<ike::kIkeKeymatMax> keymat;
};
// EAP begins: the first IKE_AUTH request is kept for the last one.
struct BeginEap {
  ike::PayloadType proof_first;
  Octets proof;  // our IDr, CERT and AUTH while RADIUS has the first word; else empty
  ike::PayloadType first_inner;
  Octets inner;
  std::unique_ptr<EapAuthenticator> eap;
  std::uint32_t connection;  // its id
  Octets peer_id, own_id;
};
// The peer has proved who it is. RFC 7296 §2.15.
struct Authenticate {
  std::uint32_t connection;  // its id
  Octets peer_id, own_id, eap_identity;
  ike::AuthMethod method = ike::AuthMethod::shared_key;
  bool mobike = false;
  bool initial_contact = false;
  std::optional<ike::Ip4> ip4;
  std::optional<ike::Ip6> ip6;
};
struct AddChild {
  ChildSa child;
  crypto::Secret<ike::kChildKeymatMax> keymat;
};
struct RemoveChild {
  ike::EspSpi spi_in;
};
// The Child SA was rekeyed and waits for its Delete.
struct ReplaceChild {
  ike::EspSpi spi_in;
};
// The IKE SA that replaces this one; Child SAs, leases and ticket pass to it (RFC 7296 §2.18).
struct ReplaceIke {
  std::unique_ptr<IkeSa> successor;
  ike::IkeSpi rival{};  // that the peer made at the same time, and will delete; 0 = none
};
// The peer rekeyed the IKE SA that we are rekeying (RFC 7296 §2.8.2).
struct NoteRival {
  std::unique_ptr<IkeSa> rival;
  Octets lower_nonce;
};
// All that belongs to this SA passes to the rival, if that is there and has not got it already.
struct YieldIke {
  ike::IkeSpi rival;
};
// The same, said of the rival.
struct TakeOver {};
// What our own rekey made is redundant: it is deleted at once.
struct DropIke {
  std::unique_ptr<IkeSa> redundant;
};
// The peer's CREATE_CHILD_SA goes on in IKE_FOLLOWUP_KE (RFC 9370 §2.2.4).
struct AwaitKe {
  std::unique_ptr<PendingKe> pending;
};
// One of its additional key exchanges is done and another one follows.
struct AdvanceKe {
  crypto::SecretBytes secret;
  Octets link;
};
// It is done, or given up.
struct ForgetKe {};
// Our CREATE_CHILD_SA goes on: the next IKE_FOLLOWUP_KE.
struct AskKe {
  OwnRequest own;
  ike::PayloadType first;
  Octets inner;
};
struct NoteTicket {
  ike::IssuerId issuer;
  ike::TicketSerial serial;
};
// MOBIKE: all that belongs to this SA is reached along `path` now (RFC 4555 §3.5).
struct Move {
  dp::PeerPath path;
  bool nat_here = false, nat_there = false;
  bool nat_told = false;  // NAT detection came along, so the two say something
};
// A peer rekeyed the Child SA that we are rekeying (RFC 7296 §2.8.1).
struct NoteCollision {
  ike::EspSpi new_in;
  Octets lower_nonce;
};
// Ask the peer to delete a Child SA of ours as soon as nothing else is asked.
struct DeleteChild {
  ike::EspSpi spi_in;
};
struct DeleteIke {};
// The ticket given out last dies with this SA.
struct RevokeTicket {};
// Try a rekey that the peer put off again, after `after_ms`.
struct RekeyLater {
  ike::EspSpi child;  // 0 = the IKE SA
  std::uint64_t after_ms;
  std::optional<ike::KeId> group{};  // that the peer demands
};

using Action = std::variant<NoteIntermediate, BeginEap, Authenticate, AddChild, RemoveChild,
                            ReplaceChild, ReplaceIke, NoteRival, YieldIke, TakeOver, DropIke,
                            AwaitKe, AdvanceKe, ForgetKe, AskKe, NoteTicket, Move, NoteCollision,
                            DeleteChild, DeleteIke, RevokeTicket, RekeyLater>;

struct Transition {
  SaState next;
  std::vector<Action> actions;
  // The answer comes later (RADIUS was asked); until then repetitions of the request are dropped.
  bool deferred = false;

  template <class T>
  void then(T action) {
    actions.emplace_back(std::move(action));
  }
};

}  // namespace cp
