// Where pieces lie, which octets are there, and who has to go when there is no room.
#include "dataplane/reassembler.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "dataplane/mix.h"

namespace dp {
namespace {

constexpr std::uint64_t kFree = 0;
constexpr std::uint64_t kComplete = 2;  // read by the stages of this burst

std::uint64_t mix(std::uint64_t secret, crypto::Bytes source, std::uint64_t rest) {
  Mixer mixer(secret);
  mixer.add(source);
  mixer.add(rest, 0);
  return mixer.value() | 1;  // others mark what is no datagram in the making
}

bool is_same_datagram(const IpFragment& a, const IpFragment& b) {
  return a.is_ip6 == b.is_ip6 && a.identification == b.identification && a.protocol == b.protocol &&
         a.source == b.source && a.destination == b.destination;
}

}  // namespace

Reassembler::Reassembler(Arena arena, std::uint64_t secret)
    : arena_(std::move(arena)), secret_(secret) {}

crypto::Result<std::unique_ptr<Reassembler>> Reassembler::make(std::uint64_t secret) {
  auto arena = Arena::map(kReassemblies * sizeof(Record), "IP fragments");
  if (!arena) return std::unexpected(arena.error());
  return std::unique_ptr<Reassembler>(new Reassembler(std::move(*arena), secret));
}

Reassembler::Record& Reassembler::record(unsigned index) const {
  return static_cast<Record*>(arena_.data())[index];
}

unsigned Reassembler::find(std::uint64_t key, const IpFragment& fragment) const {
  for (unsigned i = 0; i < kReassemblies; ++i)
    if (key_[i] == key && is_same_datagram(record(i).first, fragment)) return i;
  return kNone;
}

// A place for a new datagram: a free one, else that of the oldest which is not complete.
unsigned Reassembler::open(std::uint64_t key, std::uint64_t source_key, const IpFragment& fragment,
                           std::uint64_t now_ms) {
  if (std::ranges::count(source_key_, source_key) >= kReassembliesPerSource) return kNone;
  unsigned place = kNone;
  for (unsigned i = 0; i < kReassemblies; ++i) {
    if (key_[i] == kFree) {
      place = i;
      break;
    }
    if (key_[i] == kComplete) continue;
    if (place == kNone || created_ms_[i] < created_ms_[place]) place = i;
  }
  if (place == kNone) return kNone;
  if (key_[place] != kFree) {
    ++given_up_;
    give_up(place);
  }
  key_[place] = key;
  source_key_[place] = source_key;
  created_ms_[place] = now_ms;
  Record& r = record(place);
  std::uninitialized_default_construct_n(&r, 1);  // all but the octets
  r.first = fragment;
  r.first.octets = {};
  ++live_;
  return place;
}

Reassembler::Added Reassembler::put(unsigned index, const IpFragment& fragment) {
  Record& r = record(index);
  const std::size_t end = fragment.offset + fragment.octets.size();
  // The last piece says where the datagram ends; no other may say so, or lie beyond.
  const bool ends_well =
      fragment.more ? r.total == 0 || end < r.total : r.total == 0 || r.total == end;
  if (!ends_well) return Added::bad;
  std::size_t present = 0;
  const std::size_t first_unit = fragment.offset / kUnit;
  const std::size_t last_unit = (end + kUnit - 1) / kUnit;
  for (std::size_t unit = first_unit; unit < last_unit; ++unit)
    present += r.present[unit / 64] >> (unit % 64) & 1;
  std::uint8_t* to = r.octets.data() + kFront + fragment.offset;
  if (present != 0) {
    const bool is_copy =
        present == last_unit - first_unit && (fragment.more || r.total == end) &&
        std::ranges::equal(fragment.octets, crypto::Bytes(to, fragment.octets.size()));
    return is_copy ? Added::waiting : Added::bad;
  }
  if (!fragment.more) {
    // Nothing that came before may lie beyond the end.
    for (std::size_t unit = last_unit; unit < kDatagramMax / kUnit + 1; ++unit)
      if ((r.present[unit / 64] >> (unit % 64) & 1) != 0) return Added::bad;
    r.total = end;
  }
  std::ranges::copy(fragment.octets, to);
  for (std::size_t unit = first_unit; unit < last_unit; ++unit)
    r.present[unit / 64] |= std::uint64_t{1} << (unit % 64);
  r.received += fragment.octets.size();
  return r.received == r.total ? Added::complete : Added::waiting;
}

crypto::Bytes Reassembler::finish(unsigned index, crypto::Bytes ethernet) {
  key_[index] = kComplete;
  source_key_[index] = 0;
  Record& r = record(index);
  std::uint8_t* l4 = r.octets.data() + kFront;
  const std::size_t ip_len = r.first.is_ip6 ? kIp6Len : kIp4Len;
  std::uint8_t* ip = l4 - ip_len;
  std::fill(ip, l4, std::uint8_t{0});
  if (r.first.is_ip6) {
    ip[0] = 0x60;
    crypto::store_be16(ip + 4, static_cast<std::uint16_t>(r.total));
    ip[6] = r.first.protocol;
    ip[7] = 1;
    std::copy_n(r.first.source.begin(), 16, ip + 8);
    std::copy_n(r.first.destination.begin(), 16, ip + 24);
  } else {
    ip[0] = 0x45;
    crypto::store_be16(ip + 2, static_cast<std::uint16_t>(kIp4Len + r.total));
    ip[8] = 1;
    ip[9] = r.first.protocol;
    std::copy_n(r.first.source.begin(), 4, ip + 12);
    std::copy_n(r.first.destination.begin(), 4, ip + 16);
    crypto::store_be16(ip + 10, ip4_header_checksum(ip));
  }
  std::uint8_t* start = ip - ethernet.size();
  std::ranges::copy(ethernet, start);
  return {start, ethernet.size() + ip_len + r.total};
}

Reassembler::Added Reassembler::add(const IpFragment& fragment, crypto::Bytes ethernet,
                                    std::uint64_t now_ms, crypto::Bytes& whole) {
  CHECK(ethernet.size() + kIp6Len <= kFront);
  if (fragment.offset + fragment.octets.size() > kDatagramMax) return Added::limit;
  const crypto::Bytes source(fragment.source);
  const std::uint64_t key = mix(secret_, source, fragment.identification);
  unsigned index = find(key, fragment);
  if (fragment.octets.empty() || (fragment.more && fragment.octets.size() % kUnit != 0)) {
    if (index != kNone) give_up(index);
    return Added::bad;
  }
  if (index == kNone) index = open(key, mix(~secret_, source, 0), fragment, now_ms);
  if (index == kNone) return Added::limit;
  const Added added = put(index, fragment);
  if (added == Added::bad) give_up(index);
  if (added == Added::complete) whole = finish(index, ethernet);
  return added;
}

void Reassembler::give_up(unsigned index) {
  key_[index] = kFree;
  source_key_[index] = 0;
  --live_;
}

void Reassembler::begin_burst() {
  for (unsigned i = 0; live_ != 0 && i < kReassemblies; ++i)
    if (key_[i] == kComplete) give_up(i);
}

unsigned Reassembler::expire(std::uint64_t now_ms) {
  for (unsigned i = 0; live_ != 0 && i < kReassemblies; ++i) {
    if (key_[i] == kFree || key_[i] == kComplete || now_ms - created_ms_[i] < kReassemblyMs)
      continue;
    give_up(i);
    ++given_up_;
  }
  return std::exchange(given_up_, 0u);
}

}  // namespace dp
