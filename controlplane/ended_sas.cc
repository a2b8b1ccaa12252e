// First in, first out.
#include "controlplane/ended_sas.h"

namespace cp {

void EndedSas::keep(std::unique_ptr<IkeSa> sa, std::uint64_t now_ms) {
  sa->handshake.reset();
  sa->children = {};
  sa->own = {};
  by_spi_.insert_or_assign(sa->our_spi().value(), sa.get());
  sas_.push_back({std::move(sa), now_ms + kEndedMs});
}

const IkeSa* EndedSas::find(ike::IkeSpi our_spi) const {
  const auto at = by_spi_.find(our_spi.value());
  return at == by_spi_.end() ? nullptr : at->second;
}

std::unique_ptr<IkeSa> EndedSas::take_old(std::uint64_t now_ms) {
  if (sas_.empty() || (now_ms < sas_.front().until_ms && sas_.size() <= kEndedMax)) return nullptr;
  std::unique_ptr<IkeSa> old = std::move(sas_.front().sa);
  sas_.pop_front();
  if (const auto at = by_spi_.find(old->our_spi().value()); at->second == old.get())
    by_spi_.erase(at);
  return old;
}

}  // namespace cp
