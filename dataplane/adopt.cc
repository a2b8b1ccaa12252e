// Handing a resumed session over to the control thread, which serves what a worker cannot.
#include "dataplane/punt.h"
#include "dataplane/session_keys.h"

namespace dp {
namespace {

template <std::size_t N>
std::uint16_t copy_to(std::array<std::uint8_t, N>& to, crypto::Bytes from) {
  CHECK(from.size() <= N);
  std::copy(from.begin(), from.end(), to.begin());
  return static_cast<std::uint16_t>(from.size());
}

void describe_child(ResumedSa& out, std::uint32_t place, WorkerParts& w) {
  out.has_child = w.esp.live(place);
  if (!out.has_child) return;
  const EspSa& sa = w.esp.at(place);
  out.child_in = ike::EspSpi(sa.in.spi);
  out.child_out = ike::EspSpi(sa.out.spi);
  out.child_suite = suite_of(sa);
  out.ts_local = w.esp.selectors(sa).local;
  out.ts_remote = w.esp.selectors(sa).remote;
}

// What only the new owner of an SA gets.
void hand_keys(AdoptedSa& out, const Session& session, crypto::Bytes packed) {
  out.auth_method = session.auth_method;
  out.auth_form = session.auth_form;
  out.next_message_id = session.next_message_id;
  out.tx_counter = session.tx_counter;
  out.keys_len = copy_to(out.keys, packed.first(kept_keys_len(session.suite)));
  crypto::Bytes response = packed.subspan(response_offset(session), session.response_len);
  if (response.size() > kAdoptedResponseMax) response = {};
  out.response_len = copy_to(out.response, response);
}

}  // namespace

void describe(ResumedSa& out, std::uint32_t slot, WorkerParts& w) {
  Session& session = w.sessions.session(slot);
  out.spi_i = session.spi_i;
  out.spi_r = session.spi_r;
  out.suite = session.suite;
  out.connection_index = session.connection_index;
  out.resumptions = session.resumptions;
  out.full_auth_s = session.full_auth_s;
  out.established_ms = session.established_ms;
  out.issuer = session.issuer;
  out.serial = session.serial;
  out.ip4_lease = session.ip4_lease;
  out.ip6_lease = session.ip6_lease;
  out.fragmentation = session.fragmentation;
  out.mobike = session.mobike;
  out.post_quantum = session.post_quantum;
  crypto::Bytes ids =
      crypto::Bytes(w.sessions.blob(session, 0)).subspan(id_offset(session), ids_len(session));
  const auto take = [&](std::size_t len) {
    const crypto::Bytes id = ids.first(len);
    ids = ids.subspan(len);
    return id;
  };
  out.id_i_len = copy_to(out.id_i, take(session.id_i_len));
  out.id_r_len = copy_to(out.id_r, take(session.id_r_len));
  out.eap_identity_len = copy_to(out.eap_identity, take(session.eap_identity_len));
  describe_child(out, slot, w);
}

PeerPath last_path(const Session& session) {
  return {.peer_mac = session.peer_mac,
          .is_ip6 = session.peer_is_ip6,
          .non_esp_marker = session.udp_encapsulation,
          .local = session.local,
          .peer = session.peer,
          .local_port = session.udp_encapsulation ? kNatPort : kIkePort,
          .peer_port = session.peer_port};
}

bool hand_to_control(std::uint32_t slot, const PeerPath& path, crypto::Bytes message,
                     WorkerParts& w) {
  Punt* letter = claim_punt(PuntKind::adopted, w);
  if (letter == nullptr) return false;
  Session& session = w.sessions.session(slot);
  letter->path = path;
  put_message(*letter, message);
  describe(letter->sa, slot, w);
  hand_keys(letter->sa, session, w.sessions.blob(session, 0));
  w.sessions.adopt(slot);
  post_punt(w);
  w.counters.adopted.add();
  return true;
}

void adopt(Burst& burst, unsigned lane, std::uint32_t slot, WorkerParts& w) {
  if (hand_to_control(slot, peer_path(burst, lane), burst.message[lane], w))
    burst.punt(lane);
  else
    burst.drop(lane, Drop::punt_full);  // the session is as it was: a retransmission tries again
}

void recall(ike::IkeSpi spi_r, WorkerParts& w) {
  const SessionTable::Found found = w.sessions.find(w.codec.decode(spi_r));
  if (found.state != SlotState::established) return;
  if (hand_to_control(found.slot, last_path(w.sessions.session(found.slot)), {}, w))
    w.counters.recalled.add();
}

void release(ike::IkeSpi spi_r, WorkerParts& w) {
  const SessionTable::Found found = w.sessions.find(w.codec.decode(spi_r));
  if (found.state != SlotState::adopted) return;
  w.requests.erase(w.sessions.session(found.slot).request_hash);
  // Inherited by the IKE SA that replaced this one (RFC 7296 §2.18): the place is not free yet.
  if (w.esp.live(found.slot))
    w.esp.at(found.slot).outlives_session = true;
  else
    w.sessions.close(found.slot);
}

void note_path(Session& session, const Burst& burst, unsigned lane) {
  note_path(session, peer_path(burst, lane));
}

void note_path(Session& session, const PeerPath& path) {
  session.peer_mac = path.peer_mac;
  session.peer_is_ip6 = path.is_ip6;
  session.udp_encapsulation = path.non_esp_marker;
  session.local = path.local;
  session.peer = path.peer;
  session.peer_port = path.peer_port;
}

}  // namespace dp
