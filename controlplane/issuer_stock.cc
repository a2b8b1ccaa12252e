// Draws issuers for workers and opens foreign ones.
#include "controlplane/issuer_stock.h"

namespace cp {
namespace {

// How long an issuer in use is kept beyond the last sweep. Spare ones of a gateway that stopped go
// soon.
constexpr std::uint64_t kInUseS = 3600;

}  // namespace

crypto::Status IssuerStock::refill(std::uint64_t now_s) {
  for (unsigned worker = 0; worker < held_.size(); ++worker) {
    dp::IssuerSupply& supply = workers_.issuer_supply(worker);
    if (supply.ready.load(std::memory_order_acquire) != nullptr) continue;
    ike::IssuerId fresh;
    while (fresh.value() == 0) fresh = ike::IssuerId(random_.u64());
    const auto use = workers_.open_issuer(fresh, now_s + kInUseS);
    if (!use) return std::unexpected(use.error());
    held_[worker] = {.sealing = held_[worker].spare, .spare = fresh};
    supply.ready.store(*use, std::memory_order_release);
  }
  return {};
}

crypto::Result<std::size_t> IssuerStock::answer_requests(std::uint64_t now_s) {
  std::size_t opened = 0;
  while (true) {
    const ike::IssuerId issuer = workers_.issuer_requests().take();
    if (issuer.value() == 0) return opened;
    const auto use = workers_.open_issuer(issuer, now_s + ticket_life_s_);
    if (!use) return std::unexpected(use.error());
    ++opened;
  }
}

crypto::Result<std::size_t> IssuerStock::sweep(std::uint64_t now_s) {
  const auto keep = [&](ike::IssuerId issuer) -> crypto::Status {
    if (issuer.value() == 0) return {};
    const auto use = workers_.open_issuer(issuer, now_s + kInUseS);
    if (!use) return std::unexpected(use.error());
    return {};
  };
  for (const Held& held : held_)
    for (const ike::IssuerId issuer : {held.sealing, held.spare})
      if (const auto kept = keep(issuer); !kept) return std::unexpected(kept.error());
  return workers_.sweep_issuers(now_s);
}

}  // namespace cp
