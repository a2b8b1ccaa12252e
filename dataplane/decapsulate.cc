// Stage decapsulate: from authentic plaintext to an inner packet that its Child SA allows.
#include "dataplane/stages.h"

namespace dp {
namespace {

using crypto::Bytes;

constexpr std::uint8_t kNextIp4 = 4, kNextIp6 = 41, kNextNone = 59;

// RFC 4303 §2.4: 1, 2, 3, ... Behind an AEAD the tag has covered them already.
bool padding_is_right(Bytes padding) {
  for (std::size_t i = 0; i < padding.size(); ++i)
    if (padding[i] != static_cast<std::uint8_t>(i + 1)) return false;
  return true;
}

// Cuts trailer, padding and TFC padding off; leaves the inner packet in `out`.
Drop strip(Bytes text, const EspSa& sa, InnerPacket& out) {
  const std::uint8_t next = text.back();
  if (next == kNextNone) return Drop::esp_dummy;
  const std::size_t pad_len = text[text.size() - 2];
  if (pad_len + 2 > text.size()) return Drop::esp_bad_padding;
  const Bytes payload = text.first(text.size() - 2 - pad_len);
  if (!is_aead(sa.cipher) && !padding_is_right(text.subspan(payload.size(), pad_len)))
    return Drop::esp_bad_padding;
  if (next != kNextIp4 && next != kNextIp6) return Drop::esp_bad_next_header;
  // RFC 4303 §2.7: what follows the packet's own length is TFC padding.
  if (!read_inner(payload, out) || out.is_ip6 != (next == kNextIp6)) return Drop::inner_malformed;
  return Drop::none;
}

bool is_lease(const InnerPacket& inner, const std::uint8_t* address, const EspSa& sa,
              const LeaseTable& leases) {
  if (inner.is_ip6) {
    ike::Ip6 ip6;
    std::copy_n(address, ip6.size(), ip6.begin());
    return sa.ip6_lease != kNoPlace && leases.index6(ip6) == sa.ip6_lease;
  }
  ike::Ip4 ip4;
  std::copy_n(address, ip4.size(), ip4.begin());
  return sa.ip4_lease != kNoPlace && leases.index4(ip4) == sa.ip4_lease;
}

// RFC 4301 §5.2 step 4, the check that keeps one client from speaking as another.
Drop check_selectors(const InnerPacket& inner, const std::uint8_t* packet, const EspSa& sa,
                     WorkerParts& w) {
  const SelectorPair& allowed = w.esp.selectors(sa);
  const SelectorSubject& subject = inner.subject;
  const std::uint8_t* source = inner.source(packet);
  const bool source_good = allowed.remote.count == 0
                               ? is_lease(inner, source, sa, w.leases)
                               : covers(allowed.remote, subject, source, subject.source_port);
  if (!source_good) return Drop::inner_spoofed;
  return covers(allowed.local, subject, inner.destination(packet), subject.destination_port)
             ? Drop::none
             : Drop::inner_not_selected;
}

// RFC 6040 §4.2. False when the packet must be dropped.
bool merge_ecn(std::uint8_t outer, std::uint8_t* packet, bool is_ip6) {
  constexpr std::uint8_t kNotCapable = 0, kEct1 = 1, kEct0 = 2, kCongested = 3;
  const std::uint8_t inner = traffic_class(packet, is_ip6) & 3;
  outer &= 3;
  if (outer == kCongested) {
    if (inner == kNotCapable) return false;
    if (inner != kCongested) set_ecn(packet, is_ip6, kCongested);
  } else if (outer == kEct1 && inner == kEct0) {
    set_ecn(packet, is_ip6, kEct1);
  }
  return true;
}

}  // namespace

bool selects(const InnerPacket& inner, const std::uint8_t* packet, const EspSa& sa,
             WorkerParts& w) {
  const SelectorPair& allowed = w.esp.selectors(sa);
  const SelectorSubject& subject = inner.subject;
  const std::uint8_t* destination = inner.destination(packet);
  if (allowed.remote.count == 0
          ? !is_lease(inner, destination, sa, w.leases)
          : !covers(allowed.remote, subject, destination, subject.destination_port))
    return false;
  return covers(allowed.local, subject, inner.source(packet), subject.source_port);
}

LaneSet decapsulate(Burst& burst, LaneSet in, EspTrip& trip, WorkerParts& w) {
  LaneSet good;
  for (unsigned lane : in) {
    EspSa& sa = w.esp.at(trip.place[lane]);
    InnerPacket& inner = trip.inner[lane];
    std::uint8_t* packet = trip.packet(burst, lane);
    Drop why = strip({packet, inner.len}, sa, inner);
    if (why == Drop::none) why = check_selectors(inner, packet, sa, w);
    if (why == Drop::none) {
      const Path& path = burst.path[lane];
      const std::uint8_t outer =
          traffic_class(burst.frame[lane].data + path.l3_offset, path.is_ip6);
      if (!merge_ecn(outer, packet, inner.is_ip6)) why = Drop::ecn_congested;
    }
    if (why != Drop::none) {
      if (why != Drop::esp_dummy) ++sa.drops_in;
      burst.drop(lane, why);
      continue;
    }
    w.counters.esp_in.add();
    w.counters.esp_in_octets.add(inner.len);
    good.add(lane);
  }
  return good;
}

}  // namespace dp
