// Fragments: IKE fragments of message 3 (RFC 7383 §2.6) kept until they are complete.
//
// Bounded in every way: a fixed number of records per worker, kFragmentsMax fragments and
// kFragmentsLen octets a message, and a record lives no longer than its half-open session. Each
// fragment was authenticated before it comes here. Worker thread only.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "crypto/base/error.h"
#include "dataplane/arena.h"
#include "dataplane/session.h"
#include "ike/sk_payload.h"

namespace dp {

inline constexpr std::size_t kFragmentsMax = 16;
inline constexpr std::size_t kFragmentsLen = 3072;

class Fragments {
 public:
  static crypto::Result<std::unique_ptr<Fragments>> make(std::uint32_t records);

  enum class Added : std::uint8_t { waiting, complete, refused };
  // Keeps one fragment. A larger total than before starts anew, a smaller one is refused (RFC 7383
  // §2.6). A fragment that is already there counts as waiting.
  Added add(HalfOpen& half, const ike::SkView& sk, crypto::Bytes inner);
  // Octets of all fragments of a complete message.
  std::size_t total_len(const HalfOpen& half) const;
  // Copies the fragments in order to `out` (total_len octets) and frees the record. `first_inner`
  // becomes the payload type that fragment 1 named.
  crypto::Bytes join(HalfOpen& half, std::uint8_t* out, ike::PayloadType& first_inner);
  // Frees the record of a session that ends; nothing when it has none.
  void forget(HalfOpen& half);

 private:
  struct Record {
    std::uint16_t total;
    std::uint16_t used;     // octets
    std::uint16_t present;  // bit per fragment
    std::uint16_t offset[kFragmentsMax];
    std::uint16_t len[kFragmentsMax];
    ike::PayloadType first_inner;
    std::uint8_t octets[kFragmentsLen];
  };
  Fragments(Arena arena, std::uint32_t records);
  Record& record(const HalfOpen& half) const;

  Arena arena_;
  std::vector<std::uint32_t> free_;
};

}  // namespace dp
