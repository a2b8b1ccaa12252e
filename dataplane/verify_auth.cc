// Stage verify_auth: identities against the ticket, AUTH in either form, and our own AUTH in the
// same form.
//
// Both directions are computed in one batch: SK_pi and SK_pr are ready and what they cover was
// fixed when message 2 was written. RFC 5723 §4.3.3, RFC 7296 §2.15.
#include "dataplane/by_algorithm.h"
#include "dataplane/stages.h"
#include "ike/key_schedule.h"

namespace dp {
namespace {

// Type and data must equal the ticket's; the reserved octets are the client's affair (they are
// MACed as sent).
bool same_id(const ike::IdView& sent, crypto::Bytes ticket_body) {
  return ticket_body.size() == sent.body.size() && ticket_body[0] == sent.body[0] &&
         crypto::ct_equal(ticket_body.subspan(4), sent.data);
}

// What can be judged without a MAC.
LaneSet check_claims(Burst& burst, LaneSet in, AuthTrip& trip) {
  LaneSet plausible;
  for (unsigned lane : in) {
    const ike::AuthRequest& request = trip.request[lane];
    const ike::TicketState& ticket = trip.half[lane]->ticket;
    const bool good = request.has_id_i && same_id(request.id_i, ticket.id_i) &&
                      (!request.has_id_r || same_id(request.id_r, ticket.id_r)) &&
                      request.has_auth && request.auth.method == ike::AuthMethod::shared_key &&
                      request.auth.data.size() == ike::prf_len(ticket.suite);
    if (good)
      plausible.add(lane);
    else
      fail(burst, lane, Drop::auth_failed, ike::Notify::authentication_failed, trip);
  }
  return plausible;
}

// The keys and values of one batch: initiator in the even places, responder in the odd ones.
struct Macs {
  std::array<crypto::PrfKeyLane, 2 * kBurstMax> keys;
  std::array<crypto::MacLane, 2 * kBurstMax> lanes;
  std::array<std::array<std::uint8_t, crypto::kPrfLenMax>, 2 * kBurstMax> values;
};

// RFC form: message | nonce | prf(SK_px, ID). The room behind the kept messages takes nonce and
// MACed ID.
void mac_rfc_form(crypto::Prf prf, LaneSet in, AuthTrip& trip, WorkerParts& w, Macs& macs) {
  const std::size_t len = crypto::prf_len(prf);
  std::size_t i = 0;
  for (unsigned lane : in) {
    HalfOpen& half = *trip.half[lane];
    std::uint8_t* end1 = half.message1.data() + half.message1_len;
    std::uint8_t* end2 = half.message2.data() + half.message2_len;
    std::memcpy(end1, half.nonce_r.data(), half.nonce_r.size());
    std::memcpy(end2, half.nonce_i().data(), half.nonce_i_len);
    macs.lanes[i] = {macs.keys[i].out, trip.request[lane].id_i.body, end1 + half.nonce_r.size()};
    macs.lanes[i + 1] = {macs.keys[i + 1].out, half.ticket.id_r, end2 + half.nonce_i_len};
    i += 2;
  }
  w.engine.mac(prf, {macs.lanes.data(), i});
  i = 0;
  for (unsigned lane : in) {
    const HalfOpen& half = *trip.half[lane];
    macs.lanes[i] = {macs.keys[i].out,
                     {half.message1.data(), half.message1_len + half.nonce_r.size() + len},
                     macs.values[i].data()};
    macs.lanes[i + 1] = {macs.keys[i + 1].out,
                         {half.message2.data(), half.message2_len + half.nonce_i_len + len},
                         macs.values[i + 1].data()};
    i += 2;
  }
  w.engine.mac(prf, {macs.lanes.data(), i});
}

// libreswan's form: the message alone.
void mac_libreswan_form(crypto::Prf prf, LaneSet in, AuthTrip& trip, WorkerParts& w, Macs& macs) {
  std::size_t i = 0;
  for (unsigned lane : in) {
    const HalfOpen& half = *trip.half[lane];
    macs.lanes[i] = {macs.keys[i].out, half.real_message1(), macs.values[i].data()};
    macs.lanes[i + 1] = {macs.keys[i + 1].out, half.real_message2(), macs.values[i + 1].data()};
    i += 2;
  }
  w.engine.mac(prf, {macs.lanes.data(), i});
}

// SK_pi and SK_pr of the lanes.
void prepare_keys(crypto::Prf prf, LaneSet in, AuthTrip& trip, WorkerParts& w, Macs& macs) {
  auto* keys = w.scratch.take_array<crypto::PrfKey>(2 * in.size());
  std::size_t i = 0;
  for (unsigned lane : in) {
    const HalfOpen& half = *trip.half[lane];
    const ike::IkeKeys ike_keys = ike::split_ike_keymat(half.ticket.suite, half.keymat);
    macs.keys[i] = {ike_keys.sk_pi, &keys[i]};
    macs.keys[i + 1] = {ike_keys.sk_pr, &keys[i + 1]};
    i += 2;
  }
  w.engine.prepare(prf, {macs.keys.data(), i});
}

// Lanes whose AUTH equals the computed value; keeps our AUTH for message 4.
LaneSet compare(LaneSet in, AuthTrip& trip, const Macs& macs, ike::AuthForm form) {
  LaneSet verified;
  std::size_t i = 0;
  for (unsigned lane : in) {
    const std::size_t len = trip.request[lane].auth.data.size();
    if (crypto::ct_equal(trip.request[lane].auth.data, crypto::Bytes(macs.values[i]).first(len))) {
      trip.form[lane] = form;
      trip.auth_r[lane] = macs.values[i + 1];
      verified.add(lane);
    }
    i += 2;
  }
  return verified;
}

LaneSet lanes_allowing(ike::AuthForm form, LaneSet in, const AuthTrip& trip,
                       const WorkerConfig& config) {
  LaneSet allowed;
  for (unsigned lane : in) {
    const ike::AuthFormPolicy policy = config.connections[trip.half[lane]->connection].auth_form;
    if (policy == ike::AuthFormPolicy::automatic ||
        (policy == ike::AuthFormPolicy::rfc) == (form == ike::AuthForm::rfc))
      allowed.add(lane);
  }
  return allowed;
}

using MacForm = void (*)(crypto::Prf, LaneSet, AuthTrip&, WorkerParts&, Macs&);

LaneSet verify_form(ike::AuthForm form, MacForm mac, LaneSet in, AuthTrip& trip, WorkerParts& w) {
  LaneSet verified;
  for_each_prf(
      lanes_allowing(form, in, trip, w.config),
      [&](unsigned lane) -> const ike::Suite& { return trip.half[lane]->ticket.suite; },
      [&](crypto::Prf prf, LaneSet same) {
        Macs macs;
        prepare_keys(prf, same, trip, w, macs);
        mac(prf, same, trip, w, macs);
        verified |= compare(same, trip, macs, form);
      });
  return verified;
}

}  // namespace

LaneSet verify_auth(Burst& burst, LaneSet in, AuthTrip& trip, WorkerParts& w) {
  const LaneSet plausible = check_claims(burst, in, trip);
  LaneSet verified = verify_form(ike::AuthForm::rfc, mac_rfc_form, plausible, trip, w);
  const LaneSet rest = plausible - verified;
  if (!rest.empty()) {
    const LaneSet libreswan =
        verify_form(ike::AuthForm::libreswan, mac_libreswan_form, rest, trip, w);
    w.counters.libreswan_form.add(libreswan.size());
    verified |= libreswan;
  }
  for (unsigned lane : plausible - verified)
    fail(burst, lane, Drop::auth_failed, ike::Notify::authentication_failed, trip);
  return verified;
}

}  // namespace dp
