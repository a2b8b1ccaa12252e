// Port: one DPDK device, started with a queue pair for each worker as far as the device has them,
// and the workers' PacketPorts on it.
//
// Any device works: PCI NICs with RSS and checksum offloads, and vdevs with neither. What a device
// lacks is made up for in software:
//  - fewer receive queues than workers: the first workers poll, the others receive what these hand
//    over (PacketPort::spreads_in_software; the decision is message1_worker in spread.h);
//  - fewer transmit queues: the others' frames are sent by a worker that has one, over a ring;
//  - no checksum offload: can_offload_checksums() is false.
//
// With net_vhost set rx_descriptors to the peer's queue_size: backlog_permille() is counted against
// it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "crypto/base/error.h"
#include "dataplane/api/config.h"
#include "dataplane/frame.h"
#include "dataplane/packet_port.h"

namespace dp {

// Since start. Any thread.
struct PortStats {
  std::uint64_t rx_packets = 0, tx_packets = 0, rx_octets = 0, tx_octets = 0;
  std::uint64_t rx_missed = 0;     // by the device: the workers were too slow
  std::uint64_t rx_no_buffer = 0;  // by the device: the buffer pool was empty
  std::uint64_t rx_errors = 0, tx_errors = 0;
  std::uint64_t rx_scattered = 0;    // longer than a buffer; dropped
  std::uint64_t tx_full = 0;         // frames the transmit ring did not take
  std::uint64_t hand_over_full = 0;  // refused by another worker's ring
  std::uint64_t buffers_total = 0;
  std::uint64_t buffers_free = 0;  // the rest is in rings, queues and bursts
};

class PortQueue;

class Port {
 public:
  // Configures and starts config.device (after Eal::start): the PCI address or vdev name of a
  // device that EAL has found, or a vdev with its arguments
  // ("net_vhost0,iface=/run/x.sock,queues=2"), which is made. Errors say what to change: unknown
  // device, MTU, memory, or the step that the driver refused. The link may still be down.
  static crypto::Result<std::unique_ptr<Port>> start(const LinkConfig& config,
                                                     unsigned worker_count);
  // Stops and closes the device. No worker may use its PacketPort any more. A vdev of EAL's own
  // arguments is gone until the next start of the process; one that start() made can be made again.
  ~Port();
  // Stops and closes the device and frees the buffers that lie in its queues. Where frames of one
  // port leave by another, both are closed before either goes: buffers of both lie in both.
  void close();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  unsigned worker_count() const { return static_cast<unsigned>(queues_.size()); }
  PacketPort& worker(unsigned index);
  unsigned rx_queue_count() const { return rx_queues_; }
  unsigned tx_queue_count() const { return tx_queues_; }
  // Our addresses of the configuration with the device's MAC.
  const Link& link() const { return link_; }
  // Driver, queues and offloads, for the log.
  std::string description() const;

  // Error when the link is still down after `timeout_ms`; the port works as soon as it comes up.
  // (The link of a shared-memory device comes up when the peer connects.)
  crypto::Status wait_link_up(unsigned timeout_ms) const;

  // Any thread.
  PortStats stats() const;
  // All counters that the driver has, by its names.
  std::vector<std::pair<std::string, std::uint64_t>> extended_stats() const;

 private:
  friend class PortStarter;
  Port() = default;

  std::string device_, driver_;
  Link link_;
  std::uint16_t port_id_ = 0;
  void* made_device_ = nullptr;  // rte_device, when start() made it
  bool configured_ = false;
  bool started_ = false;
  bool can_offload_ = false;
  unsigned rx_queues_ = 0, tx_queues_ = 0;
  void* pool_ = nullptr;                   // rte_mempool
  void* long_pool_ = nullptr;              // rte_mempool of frames of kLongFrameLen
  std::vector<void*> inboxes_, outboxes_;  // rte_ring
  std::vector<std::unique_ptr<PortQueue>> queues_;
};

}  // namespace dp
