// Stage open_tickets: find the key by its id, open all tickets of the burst in one call, decode the
// states.
//
// An unknown key id costs one compare and is never tried (RFC 5723 §6.1 names the key). All
// refusals become the same TICKET_NACK.
#include "dataplane/stages.h"

namespace dp {
namespace {

// Reads the ticket's header and finds the key it names. The keys of issuers that we have a used-set
// for are kept from the first ticket on, genuine or not: such issuers are few and nobody outside
// makes one.
const crypto::TicketKey* key_of(Burst& burst, unsigned lane, ResumeTrip& trip, WorkerParts& w) {
  ike::TicketHeader& header = trip.ticket[lane];
  if (!ike::parse_ticket_header(trip.request[lane].ticket, header)) {
    refuse(burst, lane, Drop::ticket_bad_format, trip);
    return nullptr;
  }
  const crypto::TicketKey* key = w.keyring->find(header.key_id);
  if (key == nullptr) {
    refuse(burst, lane, Drop::ticket_unknown_key, trip);
    return nullptr;
  }
  if (w.used.find(header.issuer) != nullptr) w.ticket_keys.confirm(*key, header.issuer);
  return key;
}

// The lane's memory and expanded key, or a reason to leave. Runs after key_of of all lanes, because
// keeping a key may let go of another one.
bool lay_out(Burst& burst, unsigned lane, const crypto::TicketKey& key, ResumeTrip& trip,
             WorkerParts& w, crypto::AeadLane& out, std::uint8_t* nonce) {
  const crypto::Bytes ticket = trip.request[lane].ticket;
  const ike::TicketHeader& header = trip.ticket[lane];
  const crypto::ExpandedKey* expanded = w.ticket_keys.find(key, header.issuer);
  if (expanded == nullptr) {
    // Silence, not a refusal: a genuine client of a new issuer gets in with its retransmission.
    burst.drop(lane, Drop::ticket_unknown_issuer);
    return false;
  }
  const std::size_t text_len = ticket.size() - ike::kTicketOverhead;
  trip.plaintext[lane] = w.scratch.take(text_len);
  ike::write_ticket_nonce(header.serial, nonce);
  const std::uint8_t* text = ticket.data() + ike::kTicketHeaderLen;
  out = {.key = expanded,
         .nonce = nonce,
         .aad = ticket.first(ike::kTicketHeaderLen),
         .in = text,
         .len = static_cast<std::uint32_t>(text_len),
         .out = trip.plaintext[lane],
         // The tag is only read when opening; the lane type is shared with sealing.
         .tag = const_cast<std::uint8_t*>(text + text_len)};
  return true;
}

}  // namespace

LaneSet open_tickets(Burst& burst, LaneSet in, ResumeTrip& trip, WorkerParts& w) {
  if (in.empty()) return in;
  std::array<crypto::AeadLane, kBurstMax> lanes;
  std::array<unsigned, kBurstMax> lane_of;
  std::array<std::array<std::uint8_t, crypto::kAeadNonceLen>, kBurstMax> nonces;
  std::size_t count = 0;
  PerLane<const crypto::TicketKey*> keys;
  for (unsigned lane : in) keys[lane] = key_of(burst, lane, trip, w);
  for (unsigned lane : in)
    if (keys[lane] != nullptr &&
        lay_out(burst, lane, *keys[lane], trip, w, lanes[count], nonces[count].data()))
      lane_of[count++] = lane;

  w.engine.open(crypto::Aead::aes256_gcm, {lanes.data(), count});

  LaneSet opened;
  unsigned forged = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned lane = lane_of[i];
    if (!lanes[i].ok) {
      ++forged;
      refuse(burst, lane, Drop::ticket_bad_tag, trip);
      continue;
    }
    w.ticket_keys.confirm(*keys[lane], trip.ticket[lane].issuer);
    if (!ike::parse_ticket_state({lanes[i].out, lanes[i].len}, trip.state[lane])) {
      refuse(burst, lane, Drop::ticket_bad_state, trip);
      continue;
    }
    opened.add(lane);
  }
  w.cookies.note_forged(forged);
  return opened;
}

}  // namespace dp
