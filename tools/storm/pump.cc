// Turns of the pump.
#include "tools/storm/pump.h"

#include <algorithm>

namespace storm {

using crypto::Bytes;

Pump::Pump(dp::PacketPort& port, Framing& framing, Initiator& initiator, const PumpConfig& config,
           PcapWriter* pcap)
    : port_(port),
      framing_(framing),
      initiator_(initiator),
      config_(config),
      pcap_(pcap),
      there_(config.there, config.seed),
      back_(config.back, config.seed + 1) {}

void Pump::record(const dp::Frame& frame, std::uint64_t now_ns) {
  if (pcap_ != nullptr) pcap_->write({frame.data, frame.len}, config_.unix_ns_at_0 + now_ns);
}

unsigned Pump::turn(std::uint64_t now_ns) {
  unsigned moved = take(now_ns);
  if (config_.ask_again) ask(now_ns);
  if (!framing_.knows_gateway()) return moved;
  moved += config_.there.any() ? give_impaired(now_ns) : give(now_ns);
  counters_.lost.set(there_.lost() + back_.lost());
  counters_.duplicated.set(there_.duplicated() + back_.duplicated());
  counters_.reordered.set(there_.reordered() + back_.reordered());
  return moved;
}

unsigned Pump::take(std::uint64_t now_ns) {
  std::array<dp::Frame, dp::kBurstMax> frames, answers;
  std::array<Bytes, dp::kBurstMax> messages;
  const unsigned count = port_.receive(frames);
  std::size_t message_count = 0, answer_count = 0, release_count = 0;
  for (unsigned i = 0; i < count; ++i) __builtin_prefetch(frames[i].data);
  for (unsigned i = 0; i < count; ++i) {
    dp::Frame& frame = frames[i];
    record(frame, now_ns);
    switch (framing_.read(frame, messages[message_count])) {
      case Received::message:
        ++message_count;
        break;
      case Received::question:
        answers[answer_count++] = frame;
        continue;
      case Received::gateway_mac:
        break;
      case Received::misaddressed:
        counters_.misaddressed.add();
        break;
      case Received::wrong_checksum:
        counters_.wrong_checksum.add();
        break;
      case Received::other:
        counters_.other.add();
        break;
    }
    frames[release_count++] = frame;
  }
  counters_.frames_in.add(count);
  if (message_count != 0) heard_ns_ = now_ns;
  hand_over(std::span(messages).first(message_count), now_ns);
  if (release_count != 0) port_.release(std::span(frames).first(release_count));
  counters_.answered.add(answer_count);
  if (answer_count != 0) transmit(std::span(answers).first(answer_count), now_ns);
  return count;
}

void Pump::hand_over(std::span<const Bytes> messages, std::uint64_t now_ns) {
  if (!config_.back.any()) {
    if (!messages.empty()) initiator_.receive(messages, now_ns);
    return;
  }
  for (const Bytes message : messages) back_.push(message, now_ns);
  while (back_.pop(now_ns, octets_)) {
    const Bytes message = octets_;
    initiator_.receive({&message, 1}, now_ns);
  }
}

void Pump::ask(std::uint64_t now_ns) {
  const bool waiting = initiator_.totals().in_flight.get() != 0;
  const bool silent = waiting && now_ns - heard_ns_ >= kAskEveryNs;
  if (framing_.knows_gateway() && !silent) return;
  if (asked_ns_ != 0 && now_ns - asked_ns_ < kAskEveryNs) return;
  asked_ns_ = now_ns;
  dp::Frame frame;
  if (port_.allocate({&frame, 1}) == 0) return counters_.unsendable.add();
  if (!framing_.write_question(frame)) {
    port_.release({&frame, 1});
    return counters_.unsendable.add();
  }
  counters_.asked.add();
  transmit({&frame, 1}, now_ns);
}

unsigned Pump::give(std::uint64_t now_ns) {
  std::array<Outgoing, dp::kBurstMax> out;
  const std::size_t count = initiator_.poll(now_ns, out);
  if (count == 0) return 0;
  std::array<dp::Frame, dp::kBurstMax> frames;
  const unsigned room = port_.allocate(std::span(frames).first(count));
  const bool offload = port_.can_offload_checksums();
  counters_.unsendable.add(count - room);
  unsigned written = 0;
  for (unsigned i = 0; i < room; ++i) {
    dp::Frame frame = frames[i];
    if (framing_.write(out[i], frame, offload)) {
      frames[written++] = frame;
    } else {
      port_.release({&frame, 1});
      counters_.unsendable.add();
    }
  }
  transmit(std::span(frames).first(written), now_ns);
  return written;
}

// The frame is finished in memory of our own, with checksums of our own, and waits there.
unsigned Pump::give_impaired(std::uint64_t now_ns) {
  std::array<Outgoing, dp::kBurstMax> out;
  std::array<std::uint8_t, 2048> room;
  for (const Outgoing& o : std::span(out).first(initiator_.poll(now_ns, out))) {
    dp::Frame frame;
    frame.data = room.data();
    frame.capacity = room.size();
    if (framing_.write(o, frame, false)) {
      there_.push({frame.data, frame.len}, now_ns);
    } else {
      counters_.unsendable.add();
    }
  }
  unsigned sent = 0;
  for (; sent < dp::kBurstMax && there_.pop(now_ns, octets_); ++sent) {
    dp::Frame frame;
    if (port_.allocate({&frame, 1}) == 0 || frame.capacity < octets_.size()) {
      if (frame.data != nullptr) port_.release({&frame, 1});
      counters_.unsendable.add();
      continue;
    }
    std::memcpy(frame.data, octets_.data(), octets_.size());
    frame.len = static_cast<std::uint32_t>(octets_.size());
    frame.offload_checksums = false;
    transmit({&frame, 1}, now_ns);
  }
  return sent;
}

void Pump::transmit(std::span<const dp::Frame> frames, std::uint64_t now_ns) {
  if (pcap_ != nullptr)
    for (const dp::Frame& frame : frames) record(frame, now_ns);
  const unsigned taken = port_.transmit(frames);
  counters_.frames_out.add(taken);
  counters_.ring_full.add(frames.size() - taken);
}

}  // namespace storm
