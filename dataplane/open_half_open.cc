// Stage open_half_open: a slot, an SPIr, a nonce and message 2 for each accepted ticket.
//
// No key is derived here. A replayed (sniffed) message 1 therefore costs one ticket opening and one
// half-open record, of which a ticket may have two; keys are derived when a message 3 arrives,
// which only a client that saw message 2 can send. For a genuine client the work is the same, only
// later and in one piece.
#include "dataplane/stages.h"

namespace dp {
namespace {

// Claims everything that is counted; gives back what was claimed when a later claim fails.
HalfOpen* claim(Burst& burst, unsigned lane, ResumeTrip& trip, WorkerParts& w) {
  IssuerUse& use = *trip.issuer[lane];
  const ike::TicketSerial serial = trip.ticket[lane].serial;
  if (!use.enter(serial, w.config.admission.half_open_per_ticket)) {
    burst.drop(lane, Drop::ticket_in_use);
    return nullptr;
  }
  const std::uint32_t bucket = w.sources.prefix_bucket(burst.path[lane]);
  if (!w.sources.enter(bucket)) {
    use.leave(serial);
    burst.drop(lane, Drop::source_limit);
    return nullptr;
  }
  HalfOpen* half = w.sessions.open_half(w.random);
  if (half == nullptr) {
    use.leave(serial);
    w.sources.leave(bucket);
    burst.drop(lane, Drop::table_full);
    return nullptr;
  }
  half->prefix_bucket = bucket;
  return half;
}

// Views of `state` move from Scratch into the record.
crypto::Bytes moved(crypto::Bytes view, const std::uint8_t* from, const std::uint8_t* to) {
  return {to + (view.data() - from), view.size()};
}

void fill(HalfOpen& half, unsigned lane, ResumeTrip& trip, WorkerParts& w) {
  const ike::ResumeRequest& request = trip.request[lane];
  half.spi_i = request.spi_i;
  half.request_hash = trip.request_hash[lane];
  half.created_ms = w.now.ms;
  half.issuer = trip.ticket[lane].issuer;
  half.serial = trip.ticket[lane].serial;
  half.connection = trip.connection[lane];
  half.message1_len = static_cast<std::uint16_t>(request.message.size());
  std::memcpy(half.message1.data(), request.message.data(), request.message.size());
  half.nonce_i_offset = static_cast<std::uint16_t>(request.nonce.data() - request.message.data());
  half.nonce_i_len = static_cast<std::uint16_t>(request.nonce.size());

  const std::uint8_t* from = trip.plaintext[lane];
  half.state_len = static_cast<std::uint16_t>(request.ticket.size() - ike::kTicketOverhead);
  std::memcpy(half.state.data(), from, half.state_len);
  half.ticket = trip.state[lane];
  for (crypto::Bytes* view :
       {&half.ticket.sk_d, &half.ticket.id_i, &half.ticket.id_r, &half.ticket.eap_identity})
    *view = moved(*view, from, half.state.data());
  w.random.fill(half.nonce_r);
}

// SHA-1 values of both addresses for the clients that sent theirs (RFC 7296 §2.23), in one batch.
class NatDetection {
 public:
  void add(const HalfOpen& half, const Path& path) {
    const auto input = [&](crypto::Bytes address, std::uint16_t port) {
      Cell& cell = cells_[count_];
      const std::size_t len =
          ike::write_nat_detection_input(half.spi_i, half.spi_r, address, port, cell.input.data());
      lanes_[count_++] = {{cell.input.data(), len}, cell.digest.data()};
    };
    // Our end is the source of the answer.
    input(path.destination_octets(), path.destination_port);
    input(path.source_octets(), path.source_port);
  }
  void run(crypto::Engine& engine) { engine.sha1({lanes_.data(), count_}); }
  // The digests in the order of add(): source, destination.
  crypto::Bytes take() { return cells_[taken_++].digest; }

 private:
  struct Cell {
    std::array<std::uint8_t, 40> input;
    std::array<std::uint8_t, 20> digest;
  };
  std::array<Cell, 2 * kBurstMax> cells_;
  std::array<crypto::Sha1Lane, 2 * kBurstMax> lanes_;
  std::size_t count_ = 0;
  std::size_t taken_ = 0;
};

void write_message2(HalfOpen& half, const ike::ResumeRequest& request, NatDetection& nat) {
  ike::ResumeResponse response{.spi_i = half.spi_i, .spi_r = half.spi_r, .nonce = half.nonce_r};
  if (request.has_nat_detection) {
    response.nat_source = nat.take();
    response.nat_destination = nat.take();
  }
  half.fragmentation = request.fragmentation_supported;
  response.fragmentation_supported = half.fragmentation;
  const std::size_t len =
      ike::write_resume_response(response, crypto::MutBytes(half.message2).first(kMessage2Max));
  CHECK(len != 0);
  half.message2_len = static_cast<std::uint16_t>(len);
}

}  // namespace

LaneSet open_half_open(Burst& burst, LaneSet in, ResumeTrip& trip, WorkerParts& w) {
  LaneSet opened;
  NatDetection nat;
  for (unsigned lane : in) {
    // The same request may stand twice in one burst.
    const std::uint32_t slot = w.requests.find(trip.request_hash[lane]);
    if (slot != kNoIndex && w.sessions.state(slot) == SlotState::half_open &&
        w.sessions.half_open(slot).request_hash == trip.request_hash[lane]) {
      burst.drop(lane, Drop::duplicate_request);
      continue;
    }
    HalfOpen* half = claim(burst, lane, trip, w);
    if (half == nullptr) continue;
    fill(*half, lane, trip, w);
    w.requests.insert(half->request_hash, half->slot);
    if (trip.request[lane].has_nat_detection) nat.add(*half, burst.path[lane]);
    trip.half[lane] = half;
    opened.add(lane);
  }
  nat.run(w.engine);
  for (unsigned lane : opened) write_message2(*trip.half[lane], trip.request[lane], nat);
  return opened;
}

}  // namespace dp
