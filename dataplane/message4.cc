// Making tickets and writing message 4.
#include "dataplane/message4.h"

#include <algorithm>

#include "ike/crash_detection.h"
#include "ike/key_schedule.h"
#include "ike/sk_payload.h"

namespace dp {
namespace {

// RFC 5723 §6.2: bounded by policy and by the time until re-authentication.
std::uint64_t expiry_of(const HalfOpen& half, const WorkerParts& w) {
  return std::min(w.now.unix_s + w.config.tickets.lifetime_s,
                  half.ticket.full_auth_s + w.config.tickets.reauth_s);
}

ike::TicketState new_state(const HalfOpen& half, const Grant& grant, const WorkerParts& w) {
  ike::TicketState state = half.ticket;
  state.expires_s = expiry_of(half, w);
  state.policy_generation = std::max(w.config.tickets.policy_generation,
                                     w.denied != nullptr ? w.denied->generation_min : 0);
  state.spi_i = half.spi_i;
  state.spi_r = half.spi_r;
  state.resumptions =
      static_cast<std::uint16_t>(std::min<unsigned>(half.ticket.resumptions + 1u, 0xffff));
  state.sk_d = ike::split_ike_keymat(half.ticket.suite, half.keymat).sk_d;
  state.flags.has_ip4 = grant.config.has_ip4;
  state.flags.has_ip6 = grant.config.has_ip6;
  state.ip4 = grant.config.ip4;
  state.ip6 = grant.config.ip6;
  return state;
}

// What the frame and the link's MTU leave for the IKE message.
std::size_t largest_message(Burst& burst, unsigned lane, const Link& link) {
  const Path& path = burst.path[lane];
  const std::size_t overhead =
      (path.is_ip6 ? kIp6Len : kIp4Len) + kUdpLen + (path.non_esp_marker ? 4u : 0u);
  return std::min<std::size_t>(burst.reply_room(lane).size(), link.mtu - overhead);
}

std::size_t try_message4(Burst& burst, unsigned lane, const AuthTrip& trip, const Grant& grant,
                         const NewTicket& ticket, crypto::Bytes qcd_token, WorkerParts& w) {
  const HalfOpen& half = *trip.half[lane];
  const ike::Suite& suite = half.ticket.suite;
  const ike::Header header{.spi_i = half.spi_i,
                           .spi_r = half.spi_r,
                           .exchange = ike::Exchange::ike_auth,
                           .flags = ike::kFlagResponse,
                           .message_id = burst.header[lane].message_id};
  ike::SkBuilder builder(burst.reply_room(lane).first(largest_message(burst, lane, w.link)), header,
                         suite);
  const ike::AuthResponse response{
      .id_r_body = half.ticket.id_r,
      .auth = crypto::Bytes(trip.auth_r[lane]).first(ike::prf_len(suite)),
      .has_config = grant.has_config,
      .config = grant.config,
      .child_error = grant.child_error,
      .proposal_number = grant.choice.proposal_number,
      .child_suite = grant.choice.suite,
      .child_spi = trip.child_spi[lane],
      .ts_i = &grant.ts_i,
      .ts_r = &grant.ts_r,
      .ticket = ticket.octets,
      .ticket_lifetime_s = static_cast<std::uint32_t>(expiry_of(half, w) - w.now.unix_s),
      .ticket_refusal = ticket.refusal,
      .mobike_supported = takes_mobike(half, trip.request[lane], w),
      .qcd_token = qcd_token};
  ike::write_auth_response(builder.chain(), response);
  std::array<std::uint8_t, 16> iv{};
  if (ike::is_aead(suite.encr))
    crypto::store_be64(iv.data(), 1);  // The first message under SK_er.
  else
    w.random.fill(iv);
  return builder.finish(crypto::Bytes(iv).first(ike::iv_len(suite)));
}

}  // namespace

void issue_tickets(LaneSet in, AuthTrip& trip, const PerLane<Grant>& grants,
                   PerLane<NewTicket>& tickets, WorkerParts& w) {
  const crypto::TicketKey& key = w.keyring->keys[w.keyring->current];
  std::array<crypto::AeadLane, kBurstMax> lanes;
  std::array<std::array<std::uint8_t, crypto::kAeadNonceLen>, kBurstMax> nonces;
  PerLane<TicketMint::Stamp> stamps;
  // Where the issuer changes within a burst, keeping the new one's key may push the old one's out:
  // all are kept before one is used.
  for (unsigned lane : in) {
    if (trip.request[lane].ticket_request) stamps[lane] = w.mint.next();
    if (stamps[lane].issuer != nullptr) w.ticket_keys.confirm(key, stamps[lane].issuer->issuer());
  }
  std::size_t count = 0;
  for (unsigned lane : in) {
    if (!trip.request[lane].ticket_request) continue;
    const TicketMint::Stamp stamp = stamps[lane];
    const crypto::ExpandedKey* expanded =
        stamp.issuer == nullptr ? nullptr : w.ticket_keys.find(key, stamp.issuer->issuer());
    const ike::TicketState state = new_state(*trip.half[lane], grants[lane], w);
    const std::size_t text_len = ike::ticket_state_len(state);
    if (expanded == nullptr || text_len > ike::kTicketStateMax) {
      tickets[lane].refusal = static_cast<std::uint16_t>(ike::Notify::ticket_nack);
      continue;
    }
    stamp.issuer->extend_validity(state.expires_s);
    std::uint8_t* out = w.scratch.take(text_len + ike::kTicketOverhead);
    std::uint8_t* text = out + ike::kTicketHeaderLen;
    ike::write_ticket_header({key.id, stamp.issuer->issuer(), stamp.serial}, out);
    CHECK(ike::write_ticket_state(state, {text, text_len}) == text_len);
    ike::write_ticket_nonce(stamp.serial, nonces[count].data());
    tickets[lane] = {{out, text_len + ike::kTicketOverhead}, 0, stamp};
    lanes[count] = {.key = expanded,
                    .nonce = nonces[count].data(),
                    .aad = {out, ike::kTicketHeaderLen},
                    .in = text,
                    .len = static_cast<std::uint32_t>(text_len),
                    .out = text,
                    .tag = text + text_len};
    ++count;
  }
  w.engine.seal(crypto::Aead::aes256_gcm, {lanes.data(), count});
}

bool takes_mobike(const HalfOpen& half, const ike::AuthRequest& request, const WorkerParts& w) {
  return request.mobike_supported && w.config.connections[half.connection].mobike;
}

std::size_t write_message4(Burst& burst, unsigned lane, const AuthTrip& trip, const Grant& grant,
                           NewTicket& ticket, WorkerParts& w) {
  std::size_t len = 0;
  if (w.config.qcd_unasked || trip.request[lane].tells_qcd_token) {
    const HalfOpen& half = *trip.half[lane];
    std::array<std::uint8_t, ike::kQcdTokenLen> token;
    ike::derive_qcd_token(w.engine, w.qcd_secret, half.spi_i, half.spi_r, token.data());
    len = try_message4(burst, lane, trip, grant, ticket, token, w);
  }
  if (len == 0) len = try_message4(burst, lane, trip, grant, ticket, {}, w);
  if (len != 0 || ticket.octets.empty()) return len;
  ticket.octets = {};
  ticket.refusal = static_cast<std::uint16_t>(ike::Notify::ticket_ack);
  return try_message4(burst, lane, trip, grant, ticket, {}, w);
}

}  // namespace dp
