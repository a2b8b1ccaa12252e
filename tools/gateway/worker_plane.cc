// Binds the control thread to what the workers share.
#include "tools/gateway/worker_plane.h"

#include <chrono>
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
crypto::Result<std::size_t> WorkerPlane::sweep_issuers(std::uint64_t now_s) {
  if (!swept_.empty() && !shared_.quiescence.passed(swept_)) return 0;
  auto removed = used_.sweep(now_s);
  swept_ = shared_.quiescence.mark();
  return removed;
}

bool WorkerPlane::spend_ticket(ike::IssuerId issuer, ike::TicketSerial serial) {
  dp::IssuerUse* use = used_.find(issuer);
  return use != nullptr && use->spend(serial);
}

void WorkerPlane::punt_done(unsigned worker) {
  dp::SpscRing<dp::Punt>& punts = shared_.seams[worker]->punts;
  dp::wipe(*punts.peek());
  punts.done();
}

void WorkerPlane::report_done(unsigned worker) {
  dp::SpscRing<dp::Report>& reports = shared_.seams[worker]->reports;
  dp::wipe(*reports.peek());
  reports.done();
}

ike::IkeSpi WorkerPlane::new_control_spi(crypto::Random& random) {
  return dp::control_spi(codec_, random);
}

ike::EspSpi WorkerPlane::new_child_spi(unsigned worker, crypto::Random& random) {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return child_places_[worker].take(
      random, static_cast<std::uint64_t>(
                  std::chrono::duration_cast<std::chrono::milliseconds>(now).count()));
}

// A letter in the ring is certain to be read, so this is where a place begins and ends to be used.
void WorkerPlane::send_order(unsigned worker) {
  dp::SpscRing<dp::Order>& orders = shared_.seams[worker]->orders;
  const dp::Order& letter = *orders.claim();
  if (letter.kind == dp::OrderKind::install_child)
    child_places_[worker].installed(letter.child.spi_in);
  else if (letter.kind == dp::OrderKind::remove_child)
    child_places_[worker].removed(letter.child.spi_in);
  orders.publish();
}

std::optional<ike::Ip4> WorkerPlane::lease4(const ike::Ip4* wish, ike::IkeSpi holder,
                                            ike::IkeSpi previous, std::uint32_t hint) {
  const std::uint32_t index = shared_.leases.claim_wish4(wish, holder, previous, hint);
  if (index == dp::kNoLease) return std::nullopt;
  return shared_.leases.address4(index);
}

std::optional<ike::Ip6> WorkerPlane::lease6(const ike::Ip6* wish, ike::IkeSpi holder,
                                            ike::IkeSpi previous, std::uint32_t hint) {
  const std::uint32_t index = shared_.leases.claim_wish6(wish, holder, previous, hint);
  if (index == dp::kNoLease) return std::nullopt;
  return shared_.leases.address6(index);
}

void WorkerPlane::release4(const ike::Ip4& address, ike::IkeSpi holder) {
  const std::uint32_t index = shared_.leases.index4(address);
  if (index != dp::kNoLease) shared_.leases.release4(index, holder);
}

void WorkerPlane::release6(const ike::Ip6& address, ike::IkeSpi holder) {
  const std::uint32_t index = shared_.leases.index6(address);
  if (index != dp::kNoLease) shared_.leases.release6(index, holder);
}

}  // namespace gateway
