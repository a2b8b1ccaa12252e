// Sealing and opening SK payloads of a burst.
#include "tools/storm/protected_lanes.h"

#include "crypto/base/error.h"

namespace storm {

ike::Header ProtectedLanes::header_of(const Flight& f, ike::Exchange exchange,
                                      std::uint32_t message_id) {
  ike::Header header;
  header.spi_i = f.spi_i;
  header.spi_r = f.spi_r;
  header.exchange = exchange;
  header.flags = ike::kFlagInitiator;
  header.message_id = ike::MessageId(message_id);
  return header;
}

void ProtectedLanes::finish(Flight& f, const ike::Suite& suite, ike::SkBuilder& message,
                            std::uint32_t message_id) {
  CHECK(seal_count_ < kBatchMax);
  std::array<std::uint8_t, 16> iv;
  const std::size_t iv_len = write_iv(suite, message_id, random_, iv);
  const std::size_t len = message.finish({iv.data(), iv_len});
  CHECK(len != 0);
  f.request_len = static_cast<std::uint16_t>(len);
  const ike::IkeKeys keys = ike::split_ike_keymat(suite, f.keymat);
  seals_[seal_count_++] = {&f, suite, keys.sk_ei, keys.sk_ai, {f.request.data(), len}};
}

std::span<const SealLane> ProtectedLanes::seal() {
  const std::span<SealLane> lanes = std::span(seals_).first(seal_count_);
  crypto_.seal(lanes);
  seal_count_ = 0;
  return lanes;
}

bool ProtectedLanes::read(Flight& f, const ike::Suite& suite, crypto::Bytes message,
                          const ike::Header& header) {
  CHECK(open_count_ < kBatchMax);
  OpenLane& lane = opens_[open_count_];
  if (ike::find_sk(message, header, suite, lane.sk) != ike::ParseError::none || lane.sk.fragment)
    return false;
  const ike::IkeKeys keys = ike::split_ike_keymat(suite, f.keymat);
  lane.flight = &f;
  lane.suite = suite;
  lane.sk_e = keys.sk_er;
  lane.sk_a = keys.sk_ar;
  lane.plaintext = plaintexts_[open_count_++].data();
  lane.ok = false;
  return true;
}

std::span<const OpenLane> ProtectedLanes::open() {
  const std::span<OpenLane> lanes = std::span(opens_).first(open_count_);
  crypto_.open(lanes);
  return lanes;
}

}  // namespace storm
