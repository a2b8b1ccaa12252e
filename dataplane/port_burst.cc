// The packet path of a port: mbufs to frames and back. Worker thread only.
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <algorithm>
#include <array>

#include "crypto/base/error.h"
#include "dataplane/lanes.h"
#include "dataplane/port_queue.h"

namespace dp {
namespace {

rte_mbuf* mbuf_of(const Frame& frame) { return static_cast<rte_mbuf*>(frame.buffer); }
rte_ring* ring(void* p) { return static_cast<rte_ring*>(p); }

Frame frame_of(rte_mbuf* m) {
  Frame frame;
  frame.data = rte_pktmbuf_mtod(m, std::uint8_t*);
  frame.len = m->data_len;
  frame.capacity = static_cast<std::uint32_t>(m->buf_len - m->data_off);
  frame.headroom = m->data_off;
  frame.buffer = m;
  // "None" means that the octets in the packet are not a checksum but the content is known to be
  // intact, as between two ends of a shared-memory device.
  const std::uint64_t ip = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
  const std::uint64_t l4 = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
  frame.ip_checksum_bad = ip == RTE_MBUF_F_RX_IP_CKSUM_BAD;
  frame.ip_checksum_good = ip == RTE_MBUF_F_RX_IP_CKSUM_GOOD || ip == RTE_MBUF_F_RX_IP_CKSUM_NONE;
  frame.l4_checksum_bad = l4 == RTE_MBUF_F_RX_L4_CKSUM_BAD;
  frame.l4_checksum_good = l4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD || l4 == RTE_MBUF_F_RX_L4_CKSUM_NONE;
  return frame;
}

// Brings the mbuf's start and length to what the frame says.
rte_mbuf* fitted(const Frame& frame) {
  rte_mbuf* m = mbuf_of(frame);
  m->data_off = static_cast<std::uint16_t>(frame.data - static_cast<std::uint8_t*>(m->buf_addr));
  m->data_len = static_cast<std::uint16_t>(frame.len);
  m->pkt_len = frame.len;
  return m;
}

// The receive flags share a word with the transmit flags.
rte_mbuf* outgoing(const Frame& frame) {
  rte_mbuf* m = fitted(frame);
  m->ol_flags &= RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
  m->tx_offload = 0;
  if (frame.offload_checksums) {
    m->l2_len = frame.l2_len & 0x7fu;
    m->l3_len = frame.l3_len & 0x1ffu;
    m->ol_flags |= RTE_MBUF_F_TX_UDP_CKSUM;
    m->ol_flags |= frame.is_ip6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
  }
  return m;
}

// Sends from the front; the rest is freed. Returns how many the device took.
unsigned send(std::uint16_t port, std::uint16_t queue, rte_mbuf** mbufs, unsigned count,
              bool prepare) {
  std::uint16_t ready = static_cast<std::uint16_t>(count);
  if (prepare) ready = rte_eth_tx_prepare(port, queue, mbufs, ready);
  const unsigned taken = rte_eth_tx_burst(port, queue, mbufs, ready);
  if (taken < count) rte_pktmbuf_free_bulk(mbufs + taken, count - taken);
  return taken;
}

}  // namespace

PortQueue::~PortQueue() {
  while (staged() != 0)
    rte_pktmbuf_free(static_cast<rte_mbuf*>(stage_[stage_begin_++ % kStageLen]));
}

unsigned PortQueue::receive_inbox(std::span<Frame> frames) {
  std::array<void*, kBurstMax> mbufs;
  const auto want = static_cast<unsigned>(std::min(frames.size(), mbufs.size()));
  const unsigned count =
      rte_ring_sc_dequeue_burst(ring(parts_.inboxes[parts_.index]), mbufs.data(), want, nullptr);
  for (unsigned i = 0; i < count; ++i) {
    frames[i] = frame_of(static_cast<rte_mbuf*>(mbufs[i]));
    frames[i].handed_over = true;
  }
  return count;
}

unsigned PortQueue::receive_device(std::span<Frame> frames) {
  std::array<rte_mbuf*, kBurstMax> mbufs;
  const auto want = static_cast<std::uint16_t>(std::min(frames.size(), mbufs.size()));
  unsigned got = 0;
  for (; got < want && staged() != 0; ++got)
    mbufs[got] = static_cast<rte_mbuf*>(stage_[stage_begin_++ % kStageLen]);
  if (got < want)
    got += rte_eth_rx_burst(parts_.port_id, parts_.rx_queue, mbufs.data() + got,
                            static_cast<std::uint16_t>(want - got));
  last_burst_full_ = got == want;
  unsigned count = 0;
  for (unsigned i = 0; i < got; ++i) {
    // A device may chain buffers although nobody asked for it (vhost). Stages see one piece.
    if (mbufs[i]->nb_segs != 1 && rte_pktmbuf_linearize(mbufs[i]) != 0) [[unlikely]] {
      rte_pktmbuf_free(mbufs[i]);
      scattered.add();
      continue;
    }
    frames[count++] = frame_of(mbufs[i]);
  }
  return count;
}

unsigned PortQueue::receive(std::span<Frame> frames) {
  if (parts_.outbox != nullptr && parts_.tx_queue != kNoQueue) forward_outbox();
  if (parts_.rx_queue == kNoQueue) return receive_inbox(frames);
  // Half for the other workers, so that neither they nor the device can starve the other.
  unsigned count = receive_inbox(frames.first(frames.size() / 2));
  count += receive_device(frames.subspan(count));
  if (count < frames.size()) count += receive_inbox(frames.subspan(count));
  return count;
}

unsigned PortQueue::transmit(std::span<const Frame> frames) {
  unsigned total = 0;
  for (std::size_t start = 0; start < frames.size(); start += kBurstMax) {
    std::array<rte_mbuf*, kBurstMax> mbufs;
    const auto part =
        frames.subspan(start, std::min<std::size_t>(kBurstMax, frames.size() - start));
    const auto count = static_cast<unsigned>(part.size());
    for (unsigned i = 0; i < count; ++i) mbufs[i] = outgoing(part[i]);
    unsigned taken = 0;
    if (parts_.tx_queue != kNoQueue) {
      taken = send(parts_.port_id, parts_.tx_queue, mbufs.data(), count, parts_.can_offload);
    } else {
      auto** objects = reinterpret_cast<void**>(mbufs.data());
      taken = rte_ring_mp_enqueue_burst(ring(parts_.outbox), objects, count, nullptr);
      if (taken < count) rte_pktmbuf_free_bulk(mbufs.data() + taken, count - taken);
    }
    tx_full.add(count - taken);
    total += taken;
    if (taken < count) {
      const auto rest = frames.subspan(start + count);
      release(rest);
      tx_full.add(rest.size());
      break;
    }
  }
  return total;
}

void PortQueue::forward_outbox() {
  std::array<rte_mbuf*, kBurstMax> mbufs;
  auto** objects = reinterpret_cast<void**>(mbufs.data());
  const unsigned count =
      rte_ring_sc_dequeue_burst(ring(parts_.outbox), objects, kBurstMax, nullptr);
  if (count == 0) return;
  const unsigned taken =
      send(parts_.port_id, parts_.tx_queue, mbufs.data(), count, parts_.can_offload);
  tx_full.add(count - taken);
}

void PortQueue::release(std::span<const Frame> frames) {
  for (const Frame& frame : frames) rte_pktmbuf_free(mbuf_of(frame));
}

bool PortQueue::hand_over(unsigned worker, const Frame& frame) {
  CHECK(worker < parts_.inboxes.size());
  if (rte_ring_mp_enqueue(ring(parts_.inboxes[worker]), fitted(frame)) == 0) return true;
  hand_over_full.add();
  return false;
}

namespace {

// In bulk it is all or none; the last buffers of the pool are taken one by one.
unsigned allocate_from(void* from, std::span<Frame> frames) {
  std::array<rte_mbuf*, kBurstMax> mbufs;
  const auto want = static_cast<unsigned>(std::min(frames.size(), mbufs.size()));
  auto* pool = static_cast<rte_mempool*>(from);
  unsigned count = 0;
  if (rte_pktmbuf_alloc_bulk(pool, mbufs.data(), want) == 0) {
    count = want;
  } else {
    while (count < want && (mbufs[count] = rte_pktmbuf_alloc(pool)) != nullptr) ++count;
  }
  for (unsigned i = 0; i < count; ++i) frames[i] = frame_of(mbufs[i]);
  return count;
}

}  // namespace

unsigned PortQueue::allocate(std::span<Frame> frames) { return allocate_from(parts_.pool, frames); }

unsigned PortQueue::allocate_long(std::span<Frame> frames) {
  return allocate_from(parts_.long_pool, frames);
}

// Full bursts alone do not tell a ring that is filling from a few peers that wait for their
// answers, so a device that cannot count is emptied into the stage as far as that goes.
void PortQueue::stage_from_device() {
  std::array<rte_mbuf*, kBurstMax> mbufs;
  while (staged() + kBurstMax <= kStageLen) {
    const unsigned got = rte_eth_rx_burst(parts_.port_id, parts_.rx_queue, mbufs.data(), kBurstMax);
    for (unsigned i = 0; i < got; ++i) stage_[stage_end_++ % kStageLen] = mbufs[i];
    if (got < kBurstMax) break;
  }
}

// Asked only after a full burst: some drivers walk the ring to count.
unsigned PortQueue::device_backlog_permille() {
  if (parts_.rx_queue == kNoQueue || !last_burst_full_) return 0;
  int count = rte_eth_rx_queue_count(parts_.port_id, parts_.rx_queue);
  // vhost subtracts 16-bit ring indices as ints: when the producer's has wrapped and ours has not,
  // the count comes out 65536 too small. Errors are small negative numbers.
  if (count < -32768) count += 65536;
  if (count < 0) {
    stage_from_device();
    count = 0;
  }
  const unsigned ring_len = std::min<unsigned>(parts_.rx_descriptors, kStageLen - kBurstMax);
  return std::min(1000u, (staged() + static_cast<unsigned>(count)) * 1000u / ring_len);
}

unsigned PortQueue::backlog_permille() {
  const rte_ring* inbox = ring(parts_.inboxes[parts_.index]);
  const unsigned handed = rte_ring_count(inbox) * 1000u / rte_ring_get_capacity(inbox);
  return std::max(device_backlog_permille(), handed);
}

}  // namespace dp
