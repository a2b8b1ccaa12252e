// Inner packets: the ICMP echo requests that clients send through their tunnels, and whether what
// comes back is the reply (RFC 792, RFC 4443 §4).
#pragma once

#include <array>
#include <cstdint>

#include "crypto/base/bytes.h"

namespace storm {

// The two ends. IPv4 addresses stand in the first 4 octets.
struct EchoEnds {
  std::array<std::uint8_t, 16> client{}, target{};
  bool is_ip6 = false;

  std::size_t address_len() const { return is_ip6 ? 16 : 4; }
  std::size_t header_len() const { return is_ip6 ? 40 : 20; }
};

// What the data of one request say. A reply carries them back, so the sender keeps no record of
// what it sent.
struct EchoMark {
  std::uint32_t client = 0;
  std::uint32_t number = 0;  // of this client's packets; its low half is the ICMP sequence
  std::uint64_t sent_ns = 0;
  std::uint8_t kind = 0;  // the sender's
};

// The shortest packet that holds a mark.
inline constexpr std::size_t kEchoMarkLen = 17;
constexpr std::size_t echo_len_min(bool is_ip6) { return (is_ip6 ? 40u : 20u) + 8 + kEchoMarkLen; }

// Fills `packet` whole; at least echo_len_min octets. The data behind the mark follow from it.
void write_echo_request(const EchoEnds& ends, const EchoMark& mark, crypto::MutBytes packet);

// True when `packet` is the reply to a request that write_echo_request() made with these ends and
// the mark that is left in `mark`: every address, length, checksum, identifier, sequence number and
// octet of data is right. What the mark says of time and kind is for the caller to judge.
[[nodiscard]] bool read_echo_reply(const EchoEnds& ends, std::uint32_t client, crypto::Bytes packet,
                                   EchoMark& mark);

}  // namespace storm
