// Reassembler: pieces of IP datagrams (RFC 791 §3.2, RFC 8200 §4.5) until each is whole.
//
// Bounded in every way: kReassemblies datagrams at a time and kReassembliesPerSource of one source,
// kDatagramMax octets each, for kReassemblyMs. A new datagram pushes the oldest out, so that a
// stranger who sends first pieces has to send them faster than a peer sends the rest of its own.
// Pieces that overlap end their datagram (RFC 5722 §4). No allocation after make(). Worker thread
// only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "crypto/base/bytes.h"
#include "crypto/base/error.h"
#include "dataplane/api/seam.h"
#include "dataplane/arena.h"
#include "dataplane/frame.h"

namespace dp {

inline constexpr unsigned kReassemblies = 128;
inline constexpr unsigned kReassembliesPerSource = 4;
inline constexpr std::uint64_t kReassemblyMs = 2000;
// UDP header, marker and the longest message that crosses the seam.
inline constexpr std::size_t kDatagramMax = kUdpLen + ike::kNonEspMarkerLen + kSeamMessageMax;
static_assert(kDatagramMax + kEtherLen + kVlanTagLen + kIp6Len <= kLongFrameLen);

// One piece, as its headers say.
struct IpFragment {
  bool is_ip6 = false;
  bool more = false;  // not the last piece
  std::uint8_t protocol = 0;
  std::uint32_t identification = 0;
  std::size_t offset = 0;                                // octets
  std::array<std::uint8_t, 16> source{}, destination{};  // IPv4 in the first 4 octets
  crypto::Bytes octets;
};

class Reassembler {
 public:
  static crypto::Result<std::unique_ptr<Reassembler>> make(std::uint64_t secret);

  enum class Added : std::uint8_t {
    waiting,   // kept, or a copy of what is there
    complete,  // `whole` is set
    bad,       // malformed or overlapping; its datagram is given up
    limit,     // beyond a limit
  };
  // `whole`, of a complete datagram: `ethernet`, a plain IP header and the datagram, in memory that
  // is valid until begin_burst().
  Added add(const IpFragment& fragment, crypto::Bytes ethernet, std::uint64_t now_ms,
            crypto::Bytes& whole);
  // Forgets the datagrams that are complete.
  void begin_burst();
  // Gives up datagrams that are too old. Returns how many were given up since the last call, those
  // that were pushed out too.
  unsigned expire(std::uint64_t now_ms);

 private:
  static constexpr std::size_t kFront = 64;  // Ethernet, tag, IP header
  static constexpr std::size_t kUnit = 8;
  struct Record {
    IpFragment first;       // addresses, identification, protocol; no octets
    std::size_t total = 0;  // 0 = the last piece has not come
    std::size_t received = 0;
    std::array<std::uint64_t, (kDatagramMax / kUnit + 64) / 64> present{};  // bit per unit
    std::array<std::uint8_t, kFront + kDatagramMax> octets;
  };
  explicit Reassembler(Arena arena, std::uint64_t secret);
  Record& record(unsigned index) const;
  unsigned find(std::uint64_t key, const IpFragment& fragment) const;
  unsigned open(std::uint64_t key, std::uint64_t source_key, const IpFragment& fragment,
                std::uint64_t now_ms);
  Added put(unsigned index, const IpFragment& fragment);
  crypto::Bytes finish(unsigned index, crypto::Bytes ethernet);
  void give_up(unsigned index);

  static constexpr unsigned kNone = ~0u;
  Arena arena_;
  std::uint64_t secret_;
  std::array<std::uint64_t, kReassemblies> key_{};  // odd, or what place it is
  std::array<std::uint64_t, kReassemblies> source_key_{};
  std::array<std::uint64_t, kReassemblies> created_ms_{};
  unsigned live_ = 0;
  unsigned given_up_ = 0;
};

}  // namespace dp
