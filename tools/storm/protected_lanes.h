// Requests of flights under SK, sealed in one batch, and their answers, opened in one: IKE_AUTH of
// clients that resume and of those that connect, and DPD.
#pragma once

#include <array>
#include <span>

#include "crypto/random.h"
#include "ike/sk_payload.h"
#include "tools/storm/flight.h"
#include "tools/storm/message_iv.h"

namespace storm {

class ProtectedLanes {
 public:
  // Both references outlive the object.
  ProtectedLanes(FlightCrypto& crypto, crypto::Random& random) : crypto_(crypto), random_(random) {}

  // Forgets the answers of the burst before.
  void begin_burst() { open_count_ = 0; }

  // Puts SK{what fill(ike::ChainBuilder&) writes} into the flight's request, not sealed yet. At
  // most kBatchMax before seal().
  template <class Fill>
  void write(Flight& f, const ike::Suite& suite, ike::Exchange exchange, std::uint32_t message_id,
             Fill fill) {
    ike::SkBuilder message(crypto::MutBytes(f.request).first(kRequestMax),
                           header_of(f, exchange, message_id), suite);
    fill(message.chain());
    finish(f, suite, message, message_id);
  }
  // Seals what was written since the last call; the flights in the order in which they stand.
  std::span<const SealLane> seal();

  // Notes an answer of this burst, at most kBatchMax. False when there is no SK payload to open.
  [[nodiscard]] bool read(Flight& f, const ike::Suite& suite, crypto::Bytes message,
                          const ike::Header& header);
  // The answers, opened; `plaintext` stays until the next call of read().
  std::span<const OpenLane> open();

 private:
  static ike::Header header_of(const Flight& f, ike::Exchange exchange, std::uint32_t message_id);
  void finish(Flight& f, const ike::Suite& suite, ike::SkBuilder& message,
              std::uint32_t message_id);

  FlightCrypto& crypto_;
  crypto::Random& random_;
  std::array<SealLane, kBatchMax> seals_;
  std::size_t seal_count_ = 0;
  std::array<OpenLane, kBatchMax> opens_;
  std::size_t open_count_ = 0;
  std::array<std::array<std::uint8_t, kAnswerMax>, kBatchMax> plaintexts_;
};

}  // namespace storm
