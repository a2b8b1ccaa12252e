// PacketPort: where a worker's frames come from and go to. The DPDK port (port.h) is the real one;
// the tests' FakePort is another. One virtual call per burst.
//
// Ownership: a frame belongs to the port until receive() returns it, then to the burst, and goes
// back by exactly one of transmit, release, hand_over. Worker thread only, except where noted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dp {

// A received or outgoing Ethernet frame. `data` points at the destination MAC; octets data[0 ..
// capacity) may be written, so a reply is built in the frame of its request.
struct Frame {
  std::uint8_t* data = nullptr;
  std::uint32_t len = 0;
  std::uint32_t capacity = 0;
  std::uint32_t headroom = 0;  // octets before `data` that may be written, as received
  void* buffer = nullptr;      // the port's own handle (an mbuf)

  bool handed_over = false;  // received from another worker

  // Receive: what the device already checked.
  bool ip_checksum_good = false;
  bool ip_checksum_bad = false;
  bool l4_checksum_good = false;
  bool l4_checksum_bad = false;
  // Transmit: what the device shall compute (set only when the port says it can).
  bool offload_checksums = false;
  std::uint8_t l2_len = 0;
  std::uint16_t l3_len = 0;
  bool is_ip6 = false;
};

// Of the frames of allocate_long: Ethernet and IP headers, and 10 KiB of datagram behind them.
inline constexpr std::size_t kLongFrameLen = 10'400;

class PacketPort {
 public:
  virtual ~PacketPort() = default;
  // Up to frames.size() frames (at most kBurstMax): from the device queue and from other workers.
  virtual unsigned receive(std::span<Frame> frames) = 0;
  // Sends; what the ring does not take is released. Returns how many were taken, from the front.
  virtual unsigned transmit(std::span<const Frame> frames) = 0;
  virtual void release(std::span<const Frame> frames) = 0;
  // Gives the frame to another worker. False when its ring is full: the caller still owns the
  // frame.
  virtual bool hand_over(unsigned worker, const Frame& frame) = 0;
  // How full the receive ring is, 0 (empty) .. 1000 (full): the signal for shedding.
  virtual unsigned backlog_permille() = 0;
  virtual bool can_offload_checksums() const = 0;
  // Empty frames (len 0, data after the port's headroom) for datagrams that we originate, at most
  // kBurstMax. Returns how many could be had; each is then owned as if it had been received.
  virtual unsigned allocate(std::span<Frame> frames) = 0;
  // The same with room for the longest datagram that is put together (kLongFrameLen); of these a
  // port has few.
  virtual unsigned allocate_long(std::span<Frame> frames) = 0;
  // True when this worker's device queue also feeds workers without a queue: it then hands each
  // message 1 to message1_worker() (spread.h).
  virtual bool spreads_in_software() const { return false; }
};

}  // namespace dp
