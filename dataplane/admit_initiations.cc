// Stage admit_initiations: which IKE_SA_INIT requests the control thread gets to see.
//
// A full handshake costs the control thread far more than a worker, so a flood is stopped here: a
// bounded number goes through per burst once the control thread does not keep up, and when the ring
// or the control thread says that too many come, only those whose source answered a cookie (RFC
// 7296 §2.6), for which the worker keeps no state. Part of the ring is kept for what belongs to SAs
// that exist.
#include <algorithm>

#include "dataplane/stages.h"

namespace dp {
namespace {

constexpr std::uint32_t kKeepsUpBelow = kPuntRingLen / 16;  // letters: all of a burst go through
constexpr unsigned kPerBurst = 8;
constexpr unsigned kPerBurstUnderLoad = 1;
constexpr unsigned kLoadPermille = 500;  // of the receive ring; message 1 is shed then, too
constexpr std::uint32_t kCookiesAbove = kPuntRingLen / 2;
constexpr std::uint32_t kReserved = kPuntRingLen / 8;

// What a cookie is computed over, and the cookie that stands first.
struct Initiation {
  crypto::Bytes nonce;
  crypto::Bytes cookie;
};

// Reads no more than that; the rest is the control thread's.
bool read(crypto::Bytes message, const ike::Header& header, Initiation& out) {
  if (!header.from_initiator() || header.message_id.value() != 0) return false;
  ike::PayloadChain chain(header.next_payload, message.subspan(ike::kHeaderLen));
  ike::Payload payload;
  for (bool first = true; chain.next(payload); first = false) {
    if (payload.type == ike::PayloadType::nonce) out.nonce = payload.body;
    ike::NotifyView notify;
    if (first && payload.type == ike::PayloadType::notify &&
        ike::parse_notify(payload.body, notify) == ike::ParseError::none &&
        notify.type == static_cast<std::uint16_t>(ike::Notify::cookie))
      out.cookie = notify.data;
  }
  // The control thread names an unknown critical payload in its answer.
  const bool whole =
      chain.error() == ike::ParseError::none || chain.error() == ike::ParseError::critical_unknown;
  return whole && out.nonce.size() >= ike::kNonceLenMin && out.nonce.size() <= ike::kNonceLenMax;
}

bool are_cookies_demanded(const WorkerParts& w) {
  if (w.config.admission.cookies != CookieMode::automatic)
    return w.config.admission.cookies == CookieMode::always;
  return w.sa_init_cookies.load(std::memory_order_relaxed) || w.seam.punts.size() > kCookiesAbove;
}

void challenge(Burst& burst, unsigned lane, crypto::Bytes cookie, WorkerParts& w) {
  const std::size_t len = ike::write_cookie_challenge(
      burst.header[lane].spi_i, ike::Exchange::ike_sa_init, cookie, burst.reply_room(lane));
  if (len == 0 || !turn_into_reply(burst, lane, len, w.link, w.port.can_offload_checksums()))
    return burst.drop(lane, Drop::reply_too_large);
  burst.reply(lane, Drop::cookie_required);
  w.counters.cookies_sent.add();
  w.counters.sa_init_challenges.add();
}

LaneSet demand_cookies(Burst& burst, LaneSet in, const std::array<Initiation, kBurstMax>& read,
                       WorkerParts& w) {
  std::array<CookieJar::Request, kBurstMax> requests;
  std::size_t count = 0;
  for (unsigned lane : in)
    requests[count++] = {.path = &burst.path[lane],
                         .exchange = ike::Exchange::ike_sa_init,
                         .spi_i = burst.header[lane].spi_i,
                         .nonce_i = read[lane].nonce,
                         .cookie = read[lane].cookie};
  w.cookies.check({requests.data(), count});
  w.cookies.bake({requests.data(), count});
  LaneSet good;
  count = 0;
  for (unsigned lane : in) {
    const CookieJar::Request& request = requests[count++];
    if (request.good)
      good.add(lane);
    else
      challenge(burst, lane, request.fresh, w);
  }
  return good;
}

}  // namespace

LaneSet admit_initiations(Burst& burst, LaneSet in, WorkerParts& w) {
  if (in.empty()) return in;
  std::array<Initiation, kBurstMax> initiations;
  LaneSet whole;
  for (unsigned lane : in) {
    if (read(burst.message[lane], burst.header[lane], initiations[lane]))
      whole.add(lane);
    else
      burst.drop(lane, Drop::init_malformed);
  }
  if (are_cookies_demanded(w)) whole = demand_cookies(burst, whole, initiations, w);

  const std::uint32_t waiting = std::min(kPuntRingLen, w.seam.punts.size());
  unsigned left = waiting < kKeepsUpBelow ? kBurstMax : kPerBurst;
  if (w.port.backlog_permille() > kLoadPermille) left = kPerBurstUnderLoad;
  std::uint32_t room = kPuntRingLen - waiting;
  LaneSet admitted;
  for (unsigned lane : whole) {
    if (left == 0) {
      burst.drop(lane, Drop::shed_overload);
    } else if (room <= kReserved) {
      burst.drop(lane, Drop::punt_full);
      w.counters.punts_dropped.add();
    } else {
      admitted.add(lane);
      w.counters.sa_init_punts.add();
      --left;
      --room;
    }
  }
  return admitted;
}

}  // namespace dp
