// Stage encapsulate: a sequence number, padding and the outer headers for each inner packet. The
// text is sealed by the next stage.
#include "dataplane/stages.h"

namespace dp {
namespace {

constexpr std::uint8_t kNextIp4 = 4, kNextIp6 = 41;
constexpr std::size_t kEspHeaderLen = 8;

Flow flow_of(const EspSa& sa, std::uint8_t traffic_class, const Link& link) {
  return {.local_mac = link.mac,
          .peer_mac = sa.peer_mac,
          .vlan = link.vlan,
          .is_ip6 = sa.peer_is_ip6,
          .traffic_class = traffic_class,
          .local = sa.local,
          .peer = sa.peer,
          .local_port = sa.local_port,
          .peer_port = sa.peer_port};
}

// RFC 4303 §2.2: the counter never wraps; the SA is rekeyed long before.
bool take_number(EspSa& sa, std::uint64_t& number) {
  const std::uint64_t last = sa.esn ? ~std::uint64_t{0} : 0xffffffff;
  if (sa.sent >= last) return false;
  number = ++sa.sent;
  return true;
}

// RFC 4303 §2.4: 1, 2, 3, ..., then their count and the next header.
void put_trailer(std::uint8_t* end, std::size_t pad_len, bool is_ip6) {
  for (std::size_t i = 0; i < pad_len; ++i) end[i] = static_cast<std::uint8_t>(i + 1);
  end[pad_len] = static_cast<std::uint8_t>(pad_len);
  end[pad_len + 1] = is_ip6 ? kNextIp6 : kNextIp4;
}

// Everything round the text. The frame begins with the outer Ethernet header afterwards.
Drop wrap(Burst& burst, unsigned lane, EspTrip& trip, EspSa& sa, const Link& link) {
  Frame& frame = burst.frame[lane];
  const InnerPacket& inner = trip.inner[lane];
  std::uint8_t* packet = trip.packet(burst, lane);
  if (inner.len > inner_max(sa, link)) return Drop::inner_too_big;  // fit_tunnel saw to most
  const Flow flow = flow_of(sa, traffic_class(packet, inner.is_ip6), link);
  const std::size_t front = kEspHeaderLen + iv_len(sa.cipher);
  const std::size_t block = block_len(sa.cipher);
  const std::size_t pad_len = padding_to(inner.len + 2u, block);
  const std::size_t text_len = inner.len + pad_len + 2;
  const std::size_t udp_len = sa.encapsulated ? kUdpLen : 0;
  const std::size_t before = flow.l2_len() + flow.l3_len() + udp_len + front;
  if (before > std::size_t{frame.headroom} + inner.offset ||
      inner.offset + text_len + sa.icv_len() > frame.capacity)
    return Drop::reply_too_large;
  if (!take_number(sa, trip.number[lane])) return Drop::sequence_exhausted;

  put_trailer(packet + inner.len, pad_len, inner.is_ip6);
  std::uint8_t* esp = packet - front;
  crypto::store_be32(esp, sa.out.spi);
  crypto::store_be32(esp + 4, static_cast<std::uint32_t>(trip.number[lane]));
  const std::size_t esp_len = front + text_len + sa.icv_len();
  trip.text[lane] = {.packet = {esp, esp_len}, .sa = &sa, .number = trip.number[lane]};
  std::uint8_t* start = nullptr;
  if (sa.encapsulated) {
    std::uint8_t* udp = esp - kUdpLen;
    crypto::store_be16(udp, flow.local_port);
    crypto::store_be16(udp + 2, flow.peer_port);
    crypto::store_be16(udp + 4, static_cast<std::uint16_t>(kUdpLen + esp_len));
    crypto::store_be16(udp + 6, 0);  // RFC 3948 §2.1: SHOULD be 0 over IPv4
    start = put_headers(udp, flow, kProtocolUdp, kUdpLen + esp_len, 64);
  } else {
    start = put_headers(esp, flow, kProtocolEsp, esp_len, 64);
  }
  move_front(frame, start);
  frame.len = static_cast<std::uint32_t>(before + text_len + sa.icv_len());
  frame.offload_checksums = false;
  frame.l2_len = static_cast<std::uint8_t>(flow.l2_len());
  return Drop::none;
}

}  // namespace

std::size_t inner_max(const EspSa& sa, const Link& link) {
  const std::size_t outer = (sa.peer_is_ip6 ? kIp6Len : kIp4Len) + (sa.encapsulated ? kUdpLen : 0) +
                            kEspHeaderLen + iv_len(sa.cipher) + sa.icv_len();
  const std::size_t block = block_len(sa.cipher);
  return ((link.mtu - outer) & ~(block - 1)) - 2;
}

LaneSet encapsulate(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w) {
  LaneSet wrapped;
  for (unsigned lane : in) {
    EspSa& sa = w.esp.at(trip.place[lane]);
    const InnerPacket& inner = trip.inner[lane];
    Drop why = Drop::inner_not_selected;
    if (sa.limited && !may_carry(trip.place[lane], sa, EspKeyCache::Way::out, w))
      why = Drop::child_spent;
    else if (selects(inner, trip.packet(burst, lane), sa, w))
      why = wrap(burst, lane, trip, sa, w.link);
    if (why != Drop::none) {
      ++sa.drops_out;
      burst.drop(lane, why);
      continue;
    }
    ++sa.packets_out;
    sa.octets_out += trip.text[lane].packet.size();
    w.counters.esp_out.add();
    w.counters.esp_out_octets.add(inner.len);
    wrapped.add(lane);
  }
  return wrapped;
}

}  // namespace dp
