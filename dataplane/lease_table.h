// LeaseTable: pool addresses and who holds them. One word per address, claimed and moved with
// compare-and-swap, so that two sessions never hold one address, whatever workers they are on.
//
// The holder is an IKE responder SPI (0 = free). A resumed session takes its old address over from
// the session named in its ticket; after a restart the address is free and simply claimed. The
// table is also the route table of the inside port: address -> holder. Any worker thread; make() at
// start.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/api/config.h"
#include "ike/config_payload.h"
#include "ike/ids.h"

namespace dp {

class LeaseTable {
 public:
  LeaseTable(const AddressPool4& pool4, const AddressPool6& pool6);

  static constexpr std::uint32_t kNone = 0xffffffff;
  // Index of an address in its pool, or kNone.
  std::uint32_t index4(const ike::Ip4& address) const;
  std::uint32_t index6(const ike::Ip6& address) const;
  ike::Ip4 address4(std::uint32_t index) const;
  ike::Ip6 address6(std::uint32_t index) const;

  // Claims `index` for `holder` (never 0) when it is free or held by `previous` or by `holder`
  // already. False = somebody else has it, or it is not of the pool.
  [[nodiscard]] bool claim4(std::uint32_t index, ike::IkeSpi holder, ike::IkeSpi previous);
  [[nodiscard]] bool claim6(std::uint32_t index, ike::IkeSpi holder, ike::IkeSpi previous);
  // Claims any free address, searching from a place that `hint` spreads. kNone = exhausted, which
  // is answered at once. Otherwise a few probes, then at most one pass over the counts of free
  // addresses per 512 and the group that has one: a full pool of a million costs about a
  // microsecond, not a scan.
  std::uint32_t claim_any4(ike::IkeSpi holder, std::uint32_t hint);
  std::uint32_t claim_any6(ike::IkeSpi holder, std::uint32_t hint);
  // `wish` when it can be claimed, else any; kNone = exhausted.
  std::uint32_t claim_wish4(const ike::Ip4* wish, ike::IkeSpi holder, ike::IkeSpi previous,
                            std::uint32_t hint);
  std::uint32_t claim_wish6(const ike::Ip6* wish, ike::IkeSpi holder, ike::IkeSpi previous,
                            std::uint32_t hint);
  // Frees `index` when `holder` still has it.
  void release4(std::uint32_t index, ike::IkeSpi holder);
  void release6(std::uint32_t index, ike::IkeSpi holder);

  // What claiming `index`, or any address with this `hint`, will touch first comes to the cache.
  void prefetch4(std::uint32_t index) const { holders4_.prefetch(index); }
  void prefetch6(std::uint32_t index) const { holders6_.prefetch(index); }
  void prefetch_any4(std::uint32_t hint) const { holders4_.prefetch_any(hint); }
  void prefetch_any6(std::uint32_t hint) const { holders6_.prefetch_any(hint); }

  ike::IkeSpi holder4(std::uint32_t index) const;
  ike::IkeSpi holder6(std::uint32_t index) const;
  std::uint32_t size4() const { return pool4_.count; }
  std::uint32_t size6() const { return pool6_.count; }
  std::uint32_t held4() const;
  std::uint32_t held6() const;

 private:
  // The holders of one family's pool, with counts that make searching cheap. A count may lag behind
  // its holders for a moment; what decides is the holder's compare-and-swap.
  class Holders {
   public:
    explicit Holders(std::uint32_t count);
    bool claim(std::uint32_t index, std::uint64_t holder, std::uint64_t previous);
    std::uint32_t claim_any(std::uint64_t holder, std::uint32_t hint);
    void release(std::uint32_t index, std::uint64_t holder);
    std::uint64_t holder(std::uint32_t index) const;
    std::uint32_t held() const;
    void prefetch(std::uint32_t index) const;
    void prefetch_any(std::uint32_t hint) const;

   private:
    static constexpr std::uint32_t kGroup = 512;
    std::uint32_t probe(std::uint64_t& place) const;  // the next index to try; moves `place` on
    bool take_free(std::uint32_t index, std::uint64_t holder);
    std::uint32_t take_from_group(std::uint32_t group, std::uint64_t holder);

    std::uint32_t count_;
    std::uint32_t groups_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> words_;      // 0 = free
    std::unique_ptr<std::atomic<std::int32_t>[]> group_free_;  // by index / kGroup
    std::atomic<std::int64_t> held_{0};
  };
  AddressPool4 pool4_;
  AddressPool6 pool6_;
  Holders holders4_, holders6_;
};

// Here because each packet of a tunnel asks several times.
inline std::uint32_t LeaseTable::index4(const ike::Ip4& address) const {
  const std::uint32_t index =
      crypto::load_be32(address.data()) - crypto::load_be32(pool4_.base.data());
  return index < pool4_.count ? index : kNone;
}

inline std::uint32_t LeaseTable::index6(const ike::Ip6& address) const {
  const std::uint64_t high = crypto::load_be64(address.data());
  const std::uint64_t low = crypto::load_be64(address.data() + 8);
  const std::uint64_t base_high = crypto::load_be64(pool6_.base.data());
  const std::uint64_t base_low = crypto::load_be64(pool6_.base.data() + 8);
  const std::uint64_t borrow = low < base_low ? 1 : 0;
  if (high - base_high - borrow != 0) return kNone;
  const std::uint64_t index = low - base_low;
  return index < pool6_.count ? static_cast<std::uint32_t>(index) : kNone;
}

}  // namespace dp
