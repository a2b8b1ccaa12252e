// EndedSas: IKE SAs that ended with an answer, as long as their peers may ask for it again: an
// answer gets lost, and whoever sends a Delete twice must not be told that we know nothing of it
// (RFC 7296 §2.1).
//
// Of bounded number and time, in the order of their ends. Control thread only.
#pragma once

#include <deque>
#include <memory>
#include <unordered_map>

#include "controlplane/ike_sa.h"

namespace cp {

inline constexpr std::size_t kEndedMax = 1024;
inline constexpr std::uint64_t kEndedMs = 30'000;

class EndedSas {
 public:
  // An SA that is in no table any more. What only a living SA needs is thrown away.
  void keep(std::unique_ptr<IkeSa> sa, std::uint64_t now_ms);
  const IkeSa* find(ike::IkeSpi our_spi) const;
  // The oldest one whose time is over, or that is one too many; null when there is none.
  std::unique_ptr<IkeSa> take_old(std::uint64_t now_ms);
  std::size_t size() const { return sas_.size(); }

 private:
  struct Ended {
    std::unique_ptr<IkeSa> sa;
    std::uint64_t until_ms;
  };
  std::deque<Ended> sas_;
  std::unordered_map<std::uint64_t, const IkeSa*> by_spi_;
};

}  // namespace cp
