// Dead peer detection (RFC 7296 §1.4) on every resumed session: proves SK_e and SK_a both ways.
#include <algorithm>

#include "crypto/base/secret.h"
#include "tools/storm/initiator.h"
#include "tools/storm/initiator_batch.h"

namespace storm {

void Initiator::keep_for_dpd(const Flight& f, const ike::Suite& suite) {
  std::uint8_t* record =
      static_cast<std::uint8_t*>(dpd_arena_.data()) + std::size_t{f.client} * dpd_stride_;
  crypto::store_be64(record, f.spi_i.value());
  crypto::store_be64(record + 8, f.spi_r.value());
  // SK_ai | SK_ar | SK_ei | SK_er stand behind SK_d in the keymat.
  std::memcpy(record + 16, f.keymat.data() + ike::prf_len(suite), dpd_record_len(suite) - 16);
}

std::size_t Initiator::start_more(std::uint64_t now_ns, std::span<Outgoing> out) {
  if (!config_.dpd || !everyone_has_ended()) return 0;
  if (next_dpd_ == 0) dpd_epoch_ns_ = now_ns;
  std::array<Flight*, kBatchMax> started;
  std::size_t count = 0;
  std::uint64_t scheduled_ns = 0;
  while (count < out.size() && next_dpd_ < config_.clients && has_free_flight() &&
         next_is_due(now_ns, next_dpd_, dpd_epoch_ns_, scheduled_ns)) {
    const std::uint32_t client = next_dpd_++;
    if (outcomes_[client] != Outcome::resumed) continue;
    Flight& f = take_flight(client, FlightState::dpd, scheduled_ns);
    const ike::Suite suite = bag_.at(client).suite;
    const std::uint8_t* record =
        static_cast<const std::uint8_t*>(dpd_arena_.data()) + std::size_t{client} * dpd_stride_;
    f.spi_i = ike::IkeSpi(crypto::load_be64(record));
    f.spi_r = ike::IkeSpi(crypto::load_be64(record + 8));
    std::memcpy(f.keymat.data() + ike::prf_len(suite), record + 16, dpd_record_len(suite) - 16);
    lanes_.write(f, suite, ike::Exchange::informational, 2, [](ike::ChainBuilder&) {});
    started[count++] = &f;
  }
  lanes_.seal();
  for (std::size_t i = 0; i < count; ++i) out[i] = send(*started[i], now_ns);
  return count;
}

void Initiator::take_dpd_answer(Flight& f, const OpenLane& lane, std::uint64_t now_ns) {
  crypto::Bytes inner;
  const bool alive = ike::strip_padding({lane.plaintext, lane.sk.ciphertext.size()}, inner) ==
                         ike::ParseError::none &&
                     inner.empty();
  (alive ? totals_.dpd_answered : totals_.dpd_failed).add();
  if (alive) dpd_latency_->record(now_ns - f.scheduled_ns);
  ++dpd_finished_;
  release(f);
}

void Initiator::lapse(Flight& f) {
  totals_.dpd_failed.add();
  ++dpd_finished_;
  release(f);
}

}  // namespace storm
