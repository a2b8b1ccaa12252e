// Stage serve_orders: what the control thread asks of this worker, a bounded number per burst.
#include "dataplane/split_datagram.h"
#include "dataplane/stages.h"

namespace dp {
namespace {

constexpr unsigned kOrdersPerBurst = 32;

constexpr std::uint32_t kFetchAhead = 4;
constexpr std::size_t kFetchOctets = 448;  // an answer to IKE_SA_INIT, or to IKE_AUTH with a ticket

// The control thread wrote the letter on another core: all its lines are asked for at once.
void prefetch(const Order* order) {
  if (order == nullptr) return;
  const auto* head = static_cast<const std::uint8_t*>(static_cast<const void*>(order));
  __builtin_prefetch(head);
  __builtin_prefetch(head + 64);
  const std::uint8_t* message = order->message.data();
  __builtin_prefetch(&order->message_len);
  for (std::size_t at = 0; at < kFetchOctets; at += 64) __builtin_prefetch(message + at);
}

// Frames on their way out, sent together.
class Outbox {
 public:
  explicit Outbox(WorkerParts& w) : w_(w) {}

  void add(const Order& order) {
    const Flow flow = flow_of(order.path);
    const std::size_t count = frames_of_datagram(flow, order.message_len, w_.link.mtu);
    if (count > kBurstMax) return drop(Drop::reply_too_large);
    if (count_ + count > kBurstMax) flush();
    const std::span<Frame> frames = std::span(frames_).subspan(count_, count);
    if (const unsigned got = w_.port.allocate(frames); got < count) {
      w_.port.release(frames.first(got));
      return drop(Drop::no_buffer);
    }
    if (!write(frames, flow, order.message_octets())) {
      w_.port.release(frames);
      return drop(Drop::reply_too_large);
    }
    count_ += count;
    w_.counters.transmitted.add();
  }

  void flush() {
    if (count_ == 0) return;
    std::uint64_t octets = 0;
    for (const Frame& frame : std::span(frames_).first(count_)) octets += frame.len;
    const unsigned sent = w_.port.transmit(std::span(frames_).first(count_));
    w_.counters.tx_packets.add(sent);
    w_.counters.tx_octets.add(octets);
    w_.counters.drops[static_cast<std::size_t>(Drop::tx_full)].add(count_ - sent);
    count_ = 0;
  }

 private:
  Flow flow_of(const PeerPath& path) const {
    return {.local_mac = w_.link.mac,
            .peer_mac = path.peer_mac,
            .vlan = w_.link.vlan,
            .is_ip6 = path.is_ip6,
            .non_esp_marker = path.non_esp_marker,
            .local = path.local,
            .peer = path.peer,
            .local_port = path.local_port,
            .peer_port = path.peer_port};
  }

  bool write(std::span<Frame> frames, const Flow& flow, crypto::Bytes message) {
    if (frames.size() != 1)
      return write_fragments(frames, flow, message, w_.link.mtu, w_.random.u32());
    Frame& frame = frames[0];
    const std::size_t at = flow.overhead();
    if (frame.capacity < at + message.size()) return false;
    std::memcpy(frame.data + at, message.data(), message.size());
    return write_datagram(frame, flow, at, message.size(), w_.link.mtu,
                          w_.port.can_offload_checksums());
  }

  void drop(Drop why) { w_.counters.drops[static_cast<std::size_t>(why)].add(); }

  WorkerParts& w_;
  std::array<Frame, kBurstMax> frames_;
  std::size_t count_ = 0;
};

void obey(const Order& order, Outbox& outbox, WorkerParts& w) {
  switch (order.kind) {
    case OrderKind::transmit:
      return outbox.add(order);
    case OrderKind::release:
      return release(order.spi_r, w);
    case OrderKind::recall:
      return recall(order.spi_r, w);
    case OrderKind::install_child:
    case OrderKind::remove_child:
    case OrderKind::move_child:
      return obey_child(order, w);
    case OrderKind::report_sas:
    case OrderKind::report_children:
      return report(order, w);
  }
}

// A question costs as much as a burst of packets: what stands behind it waits for the next one.
bool is_question(const Order& order) {
  return order.kind == OrderKind::report_sas || order.kind == OrderKind::report_children;
}

}  // namespace

unsigned serve_orders(WorkerParts& w) {
  SpscRing<Order>& orders = w.seam.orders;
  Order* order = orders.peek();
  if (order == nullptr) [[likely]]
    return 0;
  Outbox outbox(w);
  unsigned served = 0;
  for (std::uint32_t i = 1; i < kFetchAhead; ++i) prefetch(orders.ahead(i));
  for (bool more = true; more && order != nullptr && served < kOrdersPerBurst;
       order = orders.peek(), ++served) {
    prefetch(orders.ahead(kFetchAhead));
    more = !is_question(*order);
    obey(*order, outbox, w);
    wipe(*order);
    orders.done();
  }
  outbox.flush();
  w.counters.orders.add(served);
  return served;
}

}  // namespace dp
