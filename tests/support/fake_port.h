// FakePort: a PacketPort in memory for tests, bench and simulation. Counts every frame and knows
// where each one is, so that a frame used twice or lost is found at once.
//
// Buffers are fixed and reused: no allocation after construction. One thread for all connected
// ports.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "crypto/base/bytes.h"
#include "dataplane/packet_port.h"

namespace dp {

class FakePort final : public PacketPort {
 public:
  static constexpr std::size_t kBufferLen = 2048;
  static constexpr std::size_t kHeadroom = 128;  // as an mbuf has it, before data
  static constexpr unsigned kUnlimited = ~0u;

  // What the pretended device says about the checksums of a frame.
  struct Marks {
    bool ip_good = false, ip_bad = false, l4_good = false, l4_bad = false;
  };
  // Frames since construction. `received` counts frames from the device and from other workers.
  struct Counts {
    std::uint64_t injected = 0, inject_failed = 0, received = 0, allocated = 0;
    std::uint64_t transmitted = 0, transmit_lost = 0, released = 0;
    std::uint64_t handed_over = 0, hand_over_refused = 0;
    std::uint64_t crossed_in = 0, crossed_out = 0;  // from and to the partner
  };

  explicit FakePort(unsigned buffer_count = 1024, unsigned long_buffers = 32);
  ~FakePort() override;
  FakePort(const FakePort&) = delete;
  FakePort& operator=(const FakePort&) = delete;

  // Makes the ports workers 0 .. size-1 of one device: hand_over(w) puts the frame before ports[w].
  static void connect(const std::vector<FakePort*>& ports);
  // Two ports of one worker: frames of either may leave by the other.
  static void join(FakePort& a, FakePort& b) {
    a.partner_ = &b;
    b.partner_ = &a;
  }

  // Puts a copy of `octets` into the receive queue. False when no buffer is free (the device would
  // drop it) or the frame is longer than a buffer.
  bool inject(crypto::Bytes octets) { return inject(octets, Marks{}); }
  bool inject(crypto::Bytes octets, Marks marks);

  // Calls f(crypto::Bytes) for each transmitted frame, oldest first, and frees them.
  template <class F>
  void drain_sent(F&& f) {
    while (!sent_.empty()) {
      Buffer* b = sent_.front();
      sent_.pop_front();
      f(crypto::Bytes{b->octets.get() + b->sent_offset, b->sent_len});
      free_buffer(b);
    }
  }
  // The same as copies.
  std::vector<std::vector<std::uint8_t>> take_sent();
  // Of the frame that waits longest: what write_replies asked of the device.
  const Frame& first_sent_frame() const { return sent_.front()->frame; }

  // Faults. `frames` more frames fit the transmit ring; it does not drain by itself.
  void set_transmit_room(unsigned frames) { transmit_room_ = frames; }
  void set_hand_over_room(unsigned frames) { hand_over_room_ = frames; }  // of this port's ring
  void set_backlog_permille(unsigned permille) { backlog_permille_ = permille; }
  void set_can_offload(bool can) { can_offload_ = can; }
  void set_spreads_in_software(bool spreads) { spreads_ = spreads; }

  const Counts& counts() const { return counts_; }
  // Frames that receive() or allocate() gave and nobody gave back yet: 0 between bursts. CHECKs
  // that the counts say the same.
  unsigned held() const;
  std::size_t waiting() const { return device_queue_.size() + worker_queue_.size(); }
  std::size_t buffers_free() const { return free_.size(); }

  unsigned receive(std::span<Frame> frames) override;
  unsigned transmit(std::span<const Frame> frames) override;
  void release(std::span<const Frame> frames) override;
  bool hand_over(unsigned worker, const Frame& frame) override;
  unsigned backlog_permille() override { return backlog_permille_; }
  bool can_offload_checksums() const override { return can_offload_; }
  unsigned allocate(std::span<Frame> frames) override;
  unsigned allocate_long(std::span<Frame> frames) override;
  bool spreads_in_software() const override { return spreads_; }

 private:
  enum class Place : std::uint8_t { free, waiting, held, sent };
  struct Buffer {
    std::vector<Buffer*>* home = nullptr;  // the list it returns to
    std::size_t len = kBufferLen;          // of `octets`, behind the headroom
    FakePort* holder = nullptr;            // whose burst it is in, while held
    Place place = Place::free;
    std::size_t sent_offset = 0;
    std::size_t sent_len = 0;
    Frame frame;  // as received, or as transmitted
    std::unique_ptr<std::uint8_t[]> octets;
  };

  unsigned allocate_from(std::vector<Buffer*>& free, std::span<Frame> frames);
  static Buffer* take_buffer(std::vector<Buffer*>& free);
  static void free_buffer(Buffer* b);
  Buffer* take_back(const Frame& frame, Place to);
  unsigned receive_from(std::deque<Buffer*>& queue, std::span<Frame> frames);

  std::vector<Buffer> buffers_;
  std::vector<Buffer*> free_, long_free_;
  std::deque<Buffer*> device_queue_, worker_queue_, sent_;
  std::vector<FakePort*> workers_;
  FakePort* partner_ = nullptr;
  Counts counts_;
  unsigned held_ = 0;
  unsigned transmit_room_ = kUnlimited, hand_over_room_ = kUnlimited;
  unsigned backlog_permille_ = 0;
  bool can_offload_ = false, spreads_ = false;
};

}  // namespace dp
