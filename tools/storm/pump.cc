// Turns of the pump.
#include "tools/storm/pump.h"

#include <algorithm>

namespace storm {

using crypto::Bytes;

Pump::Pump(dp::PacketPort& port, Framing& framing, PumpEnds ends, const PumpConfig& config,
           PcapWriter* pcap)
    : port_(port),
      framing_(framing),
      ends_(std::move(ends)),
      config_(config),
      pcap_(pcap),
      there_(config.there, config.seed),
      back_(config.back, config.seed + 1),
      esp_back_(config.back, config.seed + 2) {}

void Pump::record(const dp::Frame& frame, std::uint64_t now_ns) {
  if (pcap_ != nullptr) pcap_->write({frame.data, frame.len}, config_.unix_ns_at_0 + now_ns);
}

unsigned Pump::turn(std::uint64_t now_ns) {
  unsigned moved = take(now_ns);
  if (config_.ask_again) ask(now_ns);
  if (!framing_.knows_gateway()) return moved;
  std::array<Outgoing, dp::kBurstMax> out;
  for (Tunnels* tunnels : ends_.tunnels)
    moved += send(std::span(out).first(tunnels->poll(now_ns, out)), now_ns);
  for (Crowd* crowd : ends_.crowds)
    moved += send(std::span(out).first(crowd->poll(now_ns, out)), now_ns);
  if (config_.there.any()) moved += give_impaired(now_ns);
  if (ends_.flood != nullptr) {
    const unsigned sent =
        give(std::span(out).first(ends_.flood->poll(now_ns, out)), ends_.flood->paths(), now_ns);
    counters_.flooded.add(sent);
    moved += sent;
  }
  counters_.lost.set(there_.lost() + back_.lost() + esp_back_.lost());
  counters_.duplicated.set(there_.duplicated() + back_.duplicated() + esp_back_.duplicated());
  counters_.reordered.set(there_.reordered() + back_.reordered() + esp_back_.reordered());
  return moved;
}

unsigned Pump::send(std::span<const Outgoing> due, std::uint64_t now_ns) {
  if (!config_.there.any()) return give(due, framing_.paths(), now_ns);
  impair(due, now_ns);
  return 0;
}

unsigned Pump::take(std::uint64_t now_ns) {
  std::array<dp::Frame, dp::kBurstMax> frames, answers;
  std::array<Bytes, dp::kBurstMax> messages, packets;
  const unsigned count = port_.receive(frames);
  std::size_t message_count = 0, packet_count = 0, answer_count = 0, release_count = 0;
  for (unsigned i = 0; i < count; ++i) __builtin_prefetch(frames[i].data);
  for (unsigned i = 0; i < count; ++i) {
    dp::Frame& frame = frames[i];
    record(frame, now_ns);
    Bytes octets;
    switch (framing_.read(frame, octets)) {
      case Received::message:
        messages[message_count++] = octets;
        break;
      case Received::esp:
        packets[packet_count++] = octets;
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
  if (message_count + packet_count != 0) heard_ns_ = now_ns;
  hand_over(std::span(messages).first(message_count), std::span(packets).first(packet_count),
            now_ns);
  if (release_count != 0) port_.release(std::span(frames).first(release_count));
  counters_.answered.add(answer_count);
  if (answer_count != 0) transmit(std::span(answers).first(answer_count), now_ns);
  return count;
}

void Pump::hand_over(std::span<const Bytes> messages, std::span<const Bytes> packets,
                     std::uint64_t now_ns) {
  if (!config_.back.any()) {
    sort(messages, now_ns);
    return sort_esp(packets, now_ns);
  }
  for (const Bytes message : messages) back_.push(message, now_ns);
  for (const Bytes packet : packets) esp_back_.push(packet, now_ns);
  while (back_.pop(now_ns, octets_)) {
    const Bytes message = octets_;
    sort({&message, 1}, now_ns);
  }
  while (esp_back_.pop(now_ns, octets_)) {
    const Bytes packet = octets_;
    sort_esp({&packet, 1}, now_ns);
  }
}

// The framing lets no message pass that is shorter than a header or for nobody.
void Pump::sort(std::span<const Bytes> messages, std::uint64_t now_ns) {
  if (messages.empty()) return;
  if (ends_.crowds.size() == 1) return ends_.crowds.front()->receive(messages, now_ns);
  std::array<Bytes, dp::kBurstMax> theirs;
  for (Crowd* crowd : ends_.crowds) {
    std::size_t count = 0;
    for (const Bytes message : messages)
      if (crowd->has(client_of(ike::IkeSpi(crypto::load_be64(message.data())))))
        theirs[count++] = message;
    if (count != 0) crowd->receive(std::span(theirs).first(count), now_ns);
  }
}

// A packet of nobody goes to the first tunnels, which count it.
void Pump::sort_esp(std::span<const Bytes> packets, std::uint64_t now_ns) {
  if (packets.empty() || ends_.tunnels.empty()) return counters_.other.add(packets.size());
  if (ends_.tunnels.size() == 1) return ends_.tunnels.front()->receive(packets, now_ns);
  for (const Bytes packet : packets) {
    const std::uint32_t client = client_of(ike::EspSpi(crypto::load_be32(packet.data())));
    const auto whose = std::ranges::find_if(
        ends_.tunnels, [client](const Tunnels* tunnels) { return tunnels->has(client); });
    Tunnels* tunnels = whose == ends_.tunnels.end() ? ends_.tunnels.front() : *whose;
    tunnels->receive({&packet, 1}, now_ns);
  }
}

void Pump::ask(std::uint64_t now_ns) {
  const bool waiting =
      std::ranges::any_of(
          ends_.crowds, [](const Crowd* crowd) { return crowd->totals().in_flight.get() != 0; }) ||
      std::ranges::any_of(ends_.tunnels, [](const Tunnels* tunnels) { return !tunnels->done(); });
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

unsigned Pump::give(std::span<const Outgoing> out, const ClientPaths& paths, std::uint64_t now_ns) {
  if (out.empty()) return 0;
  std::array<dp::Frame, dp::kBurstMax> frames;
  const unsigned room = port_.allocate(std::span(frames).first(out.size()));
  const bool offload = port_.can_offload_checksums();
  counters_.unsendable.add(out.size() - room);
  unsigned written = 0;
  for (unsigned i = 0; i < room; ++i) {
    dp::Frame frame = frames[i];
    if (framing_.write(out[i], paths, frame, offload)) {
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
void Pump::impair(std::span<const Outgoing> out, std::uint64_t now_ns) {
  std::array<std::uint8_t, 2048> room;
  for (const Outgoing& o : out) {
    dp::Frame frame;
    frame.data = room.data();
    frame.capacity = room.size();
    if (framing_.write(o, framing_.paths(), frame, false)) {
      there_.push({frame.data, frame.len}, now_ns);
    } else {
      counters_.unsendable.add();
    }
  }
}

unsigned Pump::give_impaired(std::uint64_t now_ns) {
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
