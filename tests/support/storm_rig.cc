// Carrying frames between the load generator's clients and the workers of a rig.
#include "tests/support/storm_rig.h"

#include "crypto/base/error.h"
#include "dataplane/spread.h"

namespace rig {

StormRig::StormRig(GatewayRig& gateway, const storm::TicketBag& bag, const StormOptions& options)
    : gateway_(gateway),
      options_(options),
      random_(options.seed),
      faults_(options.seed + 1),
      engine_(crypto::make_mb_engine()) {
  if (options_.initiator.clients == 0)
    options_.initiator.clients = static_cast<std::uint32_t>(bag.count());
  auto made = storm::Initiator::make(options_.initiator, bag, *engine_, random_);
  CHECK(made.has_value());
  initiator_ = std::move(*made);
}

dp::PacketBuilder StormRig::builder_of(std::uint32_t client) const {
  dp::PacketBuilder builder;
  builder.is_ip6 = options_.is_ip6;
  builder.source4 = {198, static_cast<std::uint8_t>(18 + (client >> 16)),
                     static_cast<std::uint8_t>(client >> 8), static_cast<std::uint8_t>(client)};
  crypto::store_be32(builder.source6.data() + 10, client + 1);
  builder.source_port = static_cast<std::uint16_t>(10000 + client % 50000);
  builder.destination_port = options_.port;
  return builder;
}

unsigned StormRig::copies(Octets& frame, std::vector<Octets>& kept) {
  const auto happens = [&](unsigned permille) {
    return permille != 0 && faults_.below(1000) < permille;
  };
  if (happens(options_.loss_permille)) return 0;
  if (happens(options_.reorder_permille)) {
    kept.push_back(std::move(frame));
    return 0;
  }
  return happens(options_.duplicate_permille) ? 2 : 1;
}

void StormRig::send_frames() {
  std::vector<Octets> frames = std::move(late_requests_);
  late_requests_.clear();
  std::vector<storm::Outgoing> out(storm::kBatchMax);
  while (const std::size_t count = initiator_->poll(now_ns_, out)) {
    for (std::size_t i = 0; i < count; ++i) {
      Octets frame = builder_of(out[i].client).ike(out[i].message);
      for (unsigned n = copies(frame, late_requests_); n > 0; --n) frames.push_back(frame);
    }
    if (frames.size() > 1024) break;
  }
  // As RSS would: by the client's address.
  for (const Octets& frame : frames) {
    const unsigned worker = options_.is_ip6 ? frame[37] : frame[29];
    gateway_.port(worker % gateway_.workers()).inject(frame);
  }
}

void StormRig::take_answers() {
  std::vector<Octets> frames = std::move(late_answers_);
  late_answers_.clear();
  for (unsigned i = 0; i < gateway_.workers(); ++i)
    for (Octets& frame : gateway_.port(i).take_sent())
      for (unsigned n = copies(frame, late_answers_); n > 0; --n) frames.push_back(frame);
  for (const Octets& frame : frames) {
    std::string why;
    const auto packet = dp::read_packet(frame, &why);
    CHECK(packet.has_value());
    const crypto::Bytes message = packet->ike;
    initiator_->receive({&message, 1}, now_ns_);
  }
}

void StormRig::step() {
  send_frames();
  gateway_.run();
  take_answers();
  now_ns_ += std::uint64_t{options_.step_ms} * 1'000'000;
  gateway_.now.ms += options_.step_ms;
}

void StormRig::run_to_end() {
  const std::uint64_t limit = now_ns_ + options_.limit_ms * 1'000'000;
  while (!initiator_->done() && now_ns_ < limit) step();
}

std::string StormRig::describe() const {
  std::string text;
  for (const storm::OutcomeRow& row : storm::kOutcomes)
    if (const auto n = totals().of(row.outcome))
      text += std::string(row.name) + "=" + std::to_string(n) + " ";
  for (const dp::DropInfo& row : dp::kDropInfo)
    if (const auto n = gateway_.drops(row.reason))
      text += std::string(row.name) + "=" + std::to_string(n) + " ";
  return text;
}

}  // namespace rig
