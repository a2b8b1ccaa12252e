// Reading, writing and judging NAT_DETECTION_*_IP.
#include "ike/nat_detection.h"

#include <algorithm>

#include "ike/resume.h"

namespace ike {
namespace {

// What is compared travels in clear, so an ordinary comparison does.
bool same(crypto::Bytes seen, const NatHash& hash) { return std::ranges::equal(seen, hash); }

}  // namespace

ParseError take_nat_detection(const NotifyView& notify, NatDetection& out) {
  const bool source = notify.is(Notify::nat_detection_source_ip);
  if (!source && !notify.is(Notify::nat_detection_destination_ip)) return ParseError::none;
  if (notify.data.size() != kNatHashLen) return ParseError::bad_notify;
  if (!source) {
    if (!first_time(out.has_nat_destination)) return ParseError::duplicate_payload;
    out.nat_destination = notify.data;
    return ParseError::none;
  }
  out.has_nat_source = true;
  if (out.nat_source_count < kNatSourcesMax) out.nat_sources[out.nat_source_count++] = notify.data;
  return ParseError::none;
}

void write_nat_detection(ChainBuilder& chain, crypto::Bytes source, crypto::Bytes destination) {
  if (!source.empty()) chain.notify(Notify::nat_detection_source_ip, source);
  if (!destination.empty()) chain.notify(Notify::nat_detection_destination_ip, destination);
}

NatHash nat_hash(crypto::Engine& engine, IkeSpi spi_i, IkeSpi spi_r, crypto::Bytes address,
                 std::uint16_t port) {
  std::array<std::uint8_t, 34> input;
  const std::size_t len = write_nat_detection_input(spi_i, spi_r, address, port, input.data());
  NatHash hash;
  const crypto::Sha1Lane lane{{input.data(), len}, hash.data()};
  engine.sha1({&lane, 1});
  return hash;
}

bool sender_behind_nat(const NatDetection& seen, const NatHash& peer_endpoint) {
  const auto sources = std::span(seen.nat_sources).first(seen.nat_source_count);
  return !sources.empty() && std::ranges::none_of(sources, [&](crypto::Bytes source) {
    return same(source, peer_endpoint);
  });
}

bool receiver_behind_nat(const NatDetection& seen, const NatHash& own_endpoint) {
  return seen.has_nat_destination && !same(seen.nat_destination, own_endpoint);
}

}  // namespace ike
