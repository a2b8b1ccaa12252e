// PortQueue: a worker's side of a Port. Internal to port_start.cc and port_burst.cc.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/api/counters.h"
#include "dataplane/packet_port.h"

namespace dp {

class PortQueue final : public PacketPort {
 public:
  static constexpr std::uint16_t kNoQueue = 0xffff;
  static constexpr unsigned kStageLen = 1024;

  // Pointers are DPDK objects of the Port, which outlives its queues.
  struct Parts {
    std::uint16_t port_id = 0;
    std::uint16_t rx_queue = kNoQueue;
    std::uint16_t tx_queue = kNoQueue;
    std::uint16_t rx_descriptors = 0;
    void* pool = nullptr;
    void* long_pool = nullptr;       // of frames of kLongFrameLen
    std::span<void* const> inboxes;  // hand-over ring of each worker, by worker
    unsigned index = 0;              // which of them is ours
    void* outbox =
        nullptr;  // frames of workers without a transmit queue: where we put ours, or, when we
                  // have a queue, where we find theirs; nullptr when all have one
    bool can_offload = false;
    bool spreads = false;
  };
  explicit PortQueue(const Parts& parts) : parts_(parts) {}
  ~PortQueue() override;
  PortQueue(const PortQueue&) = delete;
  PortQueue& operator=(const PortQueue&) = delete;

  unsigned receive(std::span<Frame> frames) override;
  unsigned transmit(std::span<const Frame> frames) override;
  void release(std::span<const Frame> frames) override;
  bool hand_over(unsigned worker, const Frame& frame) override;
  unsigned backlog_permille() override;
  bool can_offload_checksums() const override { return parts_.can_offload; }
  unsigned allocate(std::span<Frame> frames) override;
  unsigned allocate_long(std::span<Frame> frames) override;
  bool spreads_in_software() const override { return parts_.spreads; }

  Counter scattered, tx_full, hand_over_full;  // read by Port::stats

 private:
  unsigned receive_inbox(std::span<Frame> frames);
  unsigned receive_device(std::span<Frame> frames);
  void forward_outbox();
  unsigned device_backlog_permille();
  void stage_from_device();
  unsigned staged() const { return stage_end_ - stage_begin_; }

  Parts parts_;
  bool last_burst_full_ = false;
  // Packets of a device that cannot count its ring, taken out of it to be counted: a queue of mbufs
  // between two indices that only grow.
  unsigned stage_begin_ = 0, stage_end_ = 0;
  std::array<void*, kStageLen> stage_;
};

}  // namespace dp
