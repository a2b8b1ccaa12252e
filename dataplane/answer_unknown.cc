// Stage answer_unknown: protected requests of IKE SAs that nobody has any more. After a restart
// that is the normal case for every client that was connected before: the answer tells it so at
// once (RFC 7296 §2.4, RFC 6290 §4.5), where it would otherwise wait for its liveness timeout.
#include "dataplane/stages.h"
#include "ike/crash_detection.h"

namespace dp {
namespace {

constexpr unsigned kLoadPermille = 500;  // of the receive ring: then only what brings clients back
// The shortest protected request: an empty SK payload in an AEAD suite. What is shorter would make
// us an amplifier.
constexpr std::size_t kProtectedMin = ike::kHeaderLen + 4 + 8 + 1 + 16;

bool is_protected_request(const ike::Header& header, crypto::Bytes message) {
  return (header.next_payload == ike::PayloadType::sk ||
          header.next_payload == ike::PayloadType::skf) &&
         message.size() >= kProtectedMin && header.exchange != ike::Exchange::ike_sa_init &&
         header.exchange != ike::Exchange::ike_session_resume;
}

// The token kills an SA at its peer, so it must never be told for one that is alive. The SPI that
// is ours by the I flag is of no SA; the other one is looked at as well, because a stranger who saw
// the SPIs of a live SA can turn the flag round. What this worker cannot know counts as alive.
bool may_be_alive(const ike::Header& header, WorkerParts& w) {
  const SpiParts other = w.codec.decode(header.from_initiator() ? header.spi_i : header.spi_r);
  if (other.owner == w.index) return w.sessions.find(other).state != SlotState::free;
  if (other.owner < w.config.worker_count) return other.slot < w.config.sessions_max;
  return is_control_spi(other);
}

void answer(Burst& burst, unsigned lane, WorkerParts& w) {
  const ike::Header& header = burst.header[lane];
  std::array<std::uint8_t, ike::kQcdTokenLen> token;
  ike::derive_qcd_token(w.engine, w.qcd_secret, header.spi_i, header.spi_r, token.data());
  const std::size_t len = ike::write_crash_answer(header, token, burst.reply_room(lane));
  if (len == 0 || !turn_into_reply(burst, lane, len, w.link, w.port.can_offload_checksums()))
    return burst.drop(lane, Drop::reply_too_large);
  burst.reply(lane, Drop::spi_unknown);
  w.counters.crash_answers.add();
}

}  // namespace

void answer_unknown(Burst& burst, LaneSet in, WorkerParts& w) {
  if (in.empty()) return;
  const bool loaded = w.port.backlog_permille() > kLoadPermille;
  for (unsigned lane : in) {
    const ike::Header& header = burst.header[lane];
    if (loaded || !is_protected_request(header, burst.message[lane]) || may_be_alive(header, w))
      burst.drop(lane, Drop::spi_unknown);
    else if (!w.sources.may_answer(burst.path[lane], w.now))
      burst.drop(lane, Drop::answer_limit);
    else
      answer(burst, lane, w);
  }
}

}  // namespace dp
