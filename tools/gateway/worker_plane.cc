// Binds the control thread to what the workers share.
#include "tools/gateway/worker_plane.h"

#include <utility>

namespace gateway {

void WorkerPlane::publish(crypto::KeyringSnapshot keyring) {
  shared_.keyring.publish(std::make_unique<const crypto::KeyringSnapshot>(std::move(keyring)));
}

void WorkerPlane::publish(dp::DenyList denied) {
  shared_.denied.publish(std::make_unique<const dp::DenyList>(std::move(denied)));
}

void WorkerPlane::reclaim() {
  shared_.keyring.reclaim();
  shared_.denied.reclaim();
}

crypto::Result<dp::IssuerUse*> WorkerPlane::open_issuer(ike::IssuerId issuer,
                                                        std::uint64_t valid_until_s) {
  return used_.create(issuer, dp::kIssuerCapacity, valid_until_s);
}

// A sweep unmaps what the one before unpublished, so every worker must have been quiet in between.
std::size_t WorkerPlane::sweep_issuers(std::uint64_t now_s) {
  if (!swept_.empty() && !shared_.quiescence.passed(swept_)) return 0;
  const std::size_t removed = used_.sweep(now_s);
  swept_ = shared_.quiescence.mark();
  return removed;
}

}  // namespace gateway
