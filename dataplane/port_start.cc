// Start, stop and statistics of a port. Not on the packet path.
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "dataplane/lanes.h"
#include "dataplane/port.h"
#include "dataplane/port_queue.h"

namespace dp {
namespace {

constexpr unsigned kHandOverRingLen = 1024;
constexpr unsigned kPoolCacheLen = 256;
constexpr unsigned kLongFrames = 127;
constexpr std::uint64_t kRxChecksums = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM;
constexpr std::uint64_t kTxChecksums = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
constexpr std::uint64_t kRssWanted = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP;

std::string known_devices() {
  std::string text;
  for (std::uint16_t id = 0; id < RTE_MAX_ETHPORTS; ++id) {
    char name[RTE_ETH_NAME_MAX_LEN];
    if (!rte_eth_dev_is_valid_port(id) || rte_eth_dev_get_name_by_port(id, name) != 0) continue;
    text += (text.empty() ? "" : ", ") + std::string(name);
  }
  return text.empty() ? "none" : text;
}

}  // namespace

// The steps of Port::start, in order. Each says what to do when it fails.
class PortStarter {
 public:
  PortStarter(Port& port, const LinkConfig& config, unsigned workers)
      : port_(port), config_(config), workers_(workers) {}

  crypto::Status run() {
    port_.device_ = config_.device.substr(0, config_.device.find(','));
    crypto::Status done = find();
    if (done) done = configure();
    if (done) done = make_pools();
    if (done) done = start();
    if (done) done = listen();
    if (done) done = make_rings();
    if (done) make_queues();
    return done;
  }

 private:
  std::unexpected<crypto::Error> refused(const std::string& step, int error) const {
    return crypto::fail("device " + port_.device_ + " (" + port_.driver_ + "): cannot " + step +
                        ": " + rte_strerror(error < 0 ? -error : error));
  }

  crypto::Status find();
  crypto::Status describe();
  crypto::Status check_mtu();
  crypto::Status configure();
  int try_configure(unsigned rx_queues, unsigned tx_queues);
  crypto::Status settle_descriptors();
  crypto::Status make_pools();
  crypto::Status make_pool(const char* kind, unsigned count, unsigned cache, unsigned room,
                           void*& pool);
  crypto::Status make_rings();
  crypto::Result<void*> make_ring(const char* kind, unsigned index) const;
  crypto::Status start();
  crypto::Status listen();
  int try_start();
  void make_queues();

  Port& port_;
  const LinkConfig& config_;
  const unsigned workers_;
  bool made_ = false;
  rte_eth_dev_info device_{};
  rte_eth_conf conf_{};
  std::uint16_t rx_descriptors_ = 0, tx_descriptors_ = 0;
};

// "name" must be there; "name,arguments" is made here, as --vdev would have made it.
crypto::Status PortStarter::find() {
  if (workers_ == 0 || workers_ > 255) return crypto::fail("a port serves 1 to 255 workers");
  const bool known = rte_eth_dev_get_port_by_name(port_.device_.c_str(), &port_.port_id_) == 0;
  if (!known && port_.device_ != config_.device) {
    if (const int error = rte_dev_probe(config_.device.c_str()); error != 0)
      return crypto::fail("cannot make device \"" + config_.device + "\": " + rte_strerror(-error) +
                          "; the driver's own words are in the lines above");
    made_ = true;
  }
  if (rte_eth_dev_get_port_by_name(port_.device_.c_str(), &port_.port_id_) != 0)
    return crypto::fail("no device \"" + port_.device_ + "\"; DPDK has: " + known_devices() +
                        ". Give a vdev its arguments (" + port_.device_ +
                        ",...), or bind the PCI device to vfio-pci and name its address");
  return describe();
}

crypto::Status PortStarter::describe() {
  if (const int error = rte_eth_dev_info_get(port_.port_id_, &device_); error != 0)
    return refused("be asked what it can do", error);
  if (made_) port_.made_device_ = device_.device;
  port_.driver_ = device_.driver_name;
  rte_ether_addr mac{};
  if (const int error = rte_eth_macaddr_get(port_.port_id_, &mac); error != 0)
    return refused("tell its MAC address", error);
  Mac octets{};
  std::memcpy(octets.data(), mac.addr_bytes, octets.size());
  port_.link_ = link_of(config_, octets);
  return check_mtu();
}

crypto::Status PortStarter::check_mtu() {
  if (config_.mtu >= device_.min_mtu && config_.mtu <= device_.max_mtu) return {};
  return crypto::fail("device " + port_.device_ + ": mtu " + std::to_string(config_.mtu) +
                      " is outside what it can do, " + std::to_string(device_.min_mtu) + " to " +
                      std::to_string(device_.max_mtu));
}

int PortStarter::try_configure(unsigned rx_queues, unsigned tx_queues) {
  conf_ = {};
  conf_.rxmode.mtu = config_.mtu;
  conf_.rxmode.offloads = device_.rx_offload_capa & kRxChecksums;
  port_.can_offload_ = (device_.tx_offload_capa & kTxChecksums) == kTxChecksums;
  if (port_.can_offload_) conf_.txmode.offloads = kTxChecksums;
  const std::uint64_t rss = device_.flow_type_rss_offloads & kRssWanted;
  if (rx_queues > 1 && rss != 0) {
    conf_.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf_.rx_adv_conf.rss_conf.rss_hf = rss;
  }
  port_.rx_queues_ = rx_queues;
  port_.tx_queues_ = tx_queues;
  return rte_eth_dev_configure(port_.port_id_, static_cast<std::uint16_t>(rx_queues),
                               static_cast<std::uint16_t>(tx_queues), &conf_);
}

// As many queues as there are workers; else one, because some drivers promise more than their
// kernel has.
crypto::Status PortStarter::configure() {
  const unsigned rx = std::min<unsigned>(workers_, device_.max_rx_queues);
  const unsigned tx = std::min<unsigned>(workers_, device_.max_tx_queues);
  if (rx == 0 || tx == 0)
    return crypto::fail("device " + port_.device_ + " cannot both receive and send");
  int error = try_configure(rx, tx);
  if (error != 0 && (rx > 1 || tx > 1)) error = try_configure(1, 1);
  if (error != 0) return refused("be configured", error);
  port_.configured_ = true;
  return settle_descriptors();
}

crypto::Status PortStarter::settle_descriptors() {
  rx_descriptors_ = config_.rx_descriptors;
  tx_descriptors_ = config_.tx_descriptors;
  const int error =
      rte_eth_dev_adjust_nb_rx_tx_desc(port_.port_id_, &rx_descriptors_, &tx_descriptors_);
  if (error != 0) return refused("settle the number of descriptors", error);
  if (rx_descriptors_ == 0 || tx_descriptors_ == 0)
    return crypto::fail("device " + port_.device_ + ": descriptor counts must not be 0");
  return {};
}

crypto::Status PortStarter::make_pools() {
  // Every place where a buffer can be, full at once: device rings, hand-over rings, the burst and
  // the cache of each worker.
  const unsigned cache_places = kPoolCacheLen * 3 / 2;  // a cache overflows at 1.5 times its length
  unsigned count = port_.rx_queues_ * (rx_descriptors_ + PortQueue::kStageLen) +
                   port_.tx_queues_ * tx_descriptors_ +
                   (workers_ + 1) * (cache_places + 2 * kBurstMax);
  if (workers_ > 1) count += 2 * workers_ * kHandOverRingLen;
  count = std::bit_ceil(count + 1) - 1;  // the length that a mempool uses best
  const unsigned room = std::max(2048u, config_.mtu + 64u);
  if (auto made = make_pool("pool", count, kPoolCacheLen, room, port_.pool_); !made) return made;
  // Without a cache, so that one worker's cannot hold all of them.
  return make_pool("long", kLongFrames, 0, kLongFrameLen, port_.long_pool_);
}

crypto::Status PortStarter::make_pool(const char* kind, unsigned count, unsigned cache,
                                      unsigned room, void*& pool) {
  const std::string name = "resurge_" + std::string(kind) + "_" + std::to_string(port_.port_id_);
  pool = rte_pktmbuf_pool_create(name.c_str(), count, cache, 0,
                                 static_cast<std::uint16_t>(room + RTE_PKTMBUF_HEADROOM),
                                 rte_eth_dev_socket_id(port_.port_id_));
  if (pool != nullptr) return {};
  const unsigned mib = static_cast<unsigned>(std::uint64_t{count} * (room + 384) >> 20) + 1;
  return crypto::fail("device " + port_.device_ + ": no memory for " + std::to_string(count) +
                      " packet buffers (about " + std::to_string(mib) +
                      " MiB): " + rte_strerror(rte_errno) +
                      "; raise -m in [dpdk] eal, or lower rx_descriptors and tx_descriptors");
}

// Many workers put, one takes.
crypto::Result<void*> PortStarter::make_ring(const char* kind, unsigned index) const {
  const std::string name =
      "resurge_" + std::string(kind) + std::to_string(port_.port_id_) + "_" + std::to_string(index);
  void* made = rte_ring_create(name.c_str(), kHandOverRingLen,
                               rte_eth_dev_socket_id(port_.port_id_), RING_F_SC_DEQ);
  if (made == nullptr) return refused("have a hand-over ring", rte_errno);
  return made;
}

crypto::Status PortStarter::make_rings() {
  for (unsigned i = 0; i < workers_; ++i) {
    const auto inbox = make_ring("in", i);
    if (!inbox) return std::unexpected(inbox.error());
    port_.inboxes_.push_back(*inbox);
  }
  if (port_.tx_queues_ == workers_) return {};
  for (unsigned i = 0; i < port_.tx_queues_; ++i) {
    const auto outbox = make_ring("out", i);
    if (!outbox) return std::unexpected(outbox.error());
    port_.outboxes_.push_back(*outbox);
  }
  return {};
}

int PortStarter::try_start() {
  const auto socket = static_cast<unsigned>(rte_eth_dev_socket_id(port_.port_id_));
  auto* pool = static_cast<rte_mempool*>(port_.pool_);
  rte_eth_rxconf rx = device_.default_rxconf;
  rx.offloads = conf_.rxmode.offloads;
  for (unsigned q = 0; q < port_.rx_queues_; ++q) {
    const int error = rte_eth_rx_queue_setup(port_.port_id_, static_cast<std::uint16_t>(q),
                                             rx_descriptors_, socket, &rx, pool);
    if (error != 0) return error;
  }
  rte_eth_txconf tx = device_.default_txconf;
  tx.offloads = conf_.txmode.offloads;
  for (unsigned q = 0; q < port_.tx_queues_; ++q) {
    const int error = rte_eth_tx_queue_setup(port_.port_id_, static_cast<std::uint16_t>(q),
                                             tx_descriptors_, socket, &tx);
    if (error != 0) return error;
  }
  return rte_eth_dev_start(port_.port_id_);
}

crypto::Status PortStarter::start() {
  int error = try_start();
  // net_tap, for one, finds out only here that its kernel lacks multiqueue.
  if (error != 0 && (port_.rx_queues_ > 1 || port_.tx_queues_ > 1) && try_configure(1, 1) == 0)
    error = try_start();
  if (error != 0)
    return refused("be started with " + std::to_string(port_.rx_queues_) + " queues and " +
                       std::to_string(rx_descriptors_) + "/" + std::to_string(tx_descriptors_) +
                       " descriptors",
                   error);
  port_.started_ = true;
  return {};
}

// Solicited-node groups must arrive; classify drops the rest. Devices without filters lack the
// calls.
crypto::Status PortStarter::listen() {
  int error = rte_eth_allmulticast_enable(port_.port_id_);
  if (error != 0 && error != -ENOTSUP) return refused("receive multicast", error);
  error = rte_eth_promiscuous_disable(port_.port_id_);
  if (error != 0 && error != -ENOTSUP) return refused("leave promiscuous mode", error);
  return {};
}

void PortStarter::make_queues() {
  for (unsigned i = 0; i < workers_; ++i) {
    PortQueue::Parts parts{.port_id = port_.port_id_,
                           .rx_descriptors = rx_descriptors_,
                           .pool = port_.pool_,
                           .long_pool = port_.long_pool_,
                           .inboxes = port_.inboxes_,
                           .index = i,
                           .can_offload = port_.can_offload_};
    if (i < port_.rx_queues_) {
      parts.rx_queue = static_cast<std::uint16_t>(i);
      parts.spreads = port_.rx_queues_ < workers_;
    }
    if (i < port_.tx_queues_) parts.tx_queue = static_cast<std::uint16_t>(i);
    if (!port_.outboxes_.empty()) parts.outbox = port_.outboxes_[i % port_.tx_queues_];
    port_.queues_.push_back(std::make_unique<PortQueue>(parts));
  }
}

crypto::Result<std::unique_ptr<Port>> Port::start(const LinkConfig& config, unsigned worker_count) {
  std::unique_ptr<Port> port(new Port);
  if (crypto::Status done = PortStarter(*port, config, worker_count).run(); !done)
    return std::unexpected(done.error());
  return port;
}

void Port::close() {
  queues_.clear();
  if (std::exchange(started_, false)) rte_eth_dev_stop(port_id_);
  if (std::exchange(configured_, false)) rte_eth_dev_close(port_id_);
  if (void* made = std::exchange(made_device_, nullptr); made != nullptr)
    rte_dev_remove(static_cast<rte_device*>(made));
  for (auto* rings : {&inboxes_, &outboxes_}) {
    for (void* r : *rings) {
      void* mbuf = nullptr;
      while (rte_ring_sc_dequeue(static_cast<rte_ring*>(r), &mbuf) == 0)
        rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
      rte_ring_free(static_cast<rte_ring*>(r));
    }
    rings->clear();
  }
}

Port::~Port() {
  close();
  rte_mempool_free(static_cast<rte_mempool*>(pool_));
  rte_mempool_free(static_cast<rte_mempool*>(long_pool_));
}

PacketPort& Port::worker(unsigned index) {
  CHECK(index < queues_.size());
  return *queues_[index];
}

std::string Port::description() const {
  return device_ + " (" + driver_ + "): " + std::to_string(rx_queues_) + " receive and " +
         std::to_string(tx_queues_) + " transmit queues for " + std::to_string(queues_.size()) +
         " workers, checksums of answers by the " + (can_offload_ ? "device" : "workers");
}

crypto::Status Port::wait_link_up(unsigned timeout_ms) const {
  for (unsigned waited = 0;; waited += 10) {
    rte_eth_link link{};
    if (const int error = rte_eth_link_get_nowait(port_id_, &link); error != 0)
      return crypto::fail("device " + device_ +
                          ": cannot tell its link state: " + rte_strerror(-error));
    if (link.link_status == RTE_ETH_LINK_UP) return {};
    if (waited >= timeout_ms)
      return crypto::fail("device " + device_ + ": the link is still down after " +
                          std::to_string(timeout_ms) +
                          " ms; check the cable, or start the peer of a shared-memory device");
    rte_delay_us_sleep(10000);
  }
}

PortStats Port::stats() const {
  PortStats out;
  rte_eth_stats device{};
  if (rte_eth_stats_get(port_id_, &device) == 0) {
    out.rx_packets = device.ipackets;
    out.tx_packets = device.opackets;
    out.rx_octets = device.ibytes;
    out.tx_octets = device.obytes;
    out.rx_missed = device.imissed;
    out.rx_no_buffer = device.rx_nombuf;
    out.rx_errors = device.ierrors;
    out.tx_errors = device.oerrors;
  }
  for (const auto& queue : queues_) {
    out.rx_scattered += queue->scattered.get();
    out.tx_full += queue->tx_full.get();
    out.hand_over_full += queue->hand_over_full.get();
  }
  const auto* pool = static_cast<const rte_mempool*>(pool_);
  out.buffers_total = pool->populated_size;
  out.buffers_free = rte_mempool_avail_count(pool);
  return out;
}

std::vector<std::pair<std::string, std::uint64_t>> Port::extended_stats() const {
  const int count = rte_eth_xstats_get(port_id_, nullptr, 0);
  if (count <= 0) return {};
  const auto size = static_cast<unsigned>(count);
  std::vector<rte_eth_xstat> values(size);
  std::vector<rte_eth_xstat_name> names(size);
  if (rte_eth_xstats_get(port_id_, values.data(), size) != count ||
      rte_eth_xstats_get_names(port_id_, names.data(), size) != count)
    return {};
  std::vector<std::pair<std::string, std::uint64_t>> out;
  for (const rte_eth_xstat& value : values) out.emplace_back(names[value.id].name, value.value);
  return out;
}

}  // namespace dp
