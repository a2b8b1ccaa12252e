// WorkerPlane: the control thread's door to the workers' tables (controlplane/workers.h), over
// what the workers share.
#pragma once

#include <memory>
#include <vector>

#include "controlplane/workers.h"
#include "dataplane/child_places.h"
#include "dataplane/spi_codec.h"
#include "dataplane/worker.h"

namespace gateway {

class WorkerPlane final : public cp::Workers {
 public:
  // Both outlive it.
  WorkerPlane(dp::SharedState& shared, dp::UsedSet& used)
      : shared_(shared), used_(used), codec_(shared.spi_secret) {
    for (unsigned i = 0; i < shared.config.worker_count; ++i)
      child_places_.emplace_back(shared.config, i);
  }

  // Before the first counters() or sweep_issuers(): one for each worker, in their order.
  void watch(std::vector<const dp::WorkerCounters*> counters) { counters_ = std::move(counters); }

  unsigned worker_count() const override { return shared_.config.worker_count; }
  const dp::WorkerCounters& counters(unsigned worker) const override { return *counters_[worker]; }

  void publish(crypto::KeyringSnapshot keyring) override;
  void publish(dp::DenyList denied) override;
  void reclaim() override;

  dp::IssuerRequests& issuer_requests() override { return shared_.issuer_requests; }
  dp::IssuerSupply& issuer_supply(unsigned worker) override { return shared_.issuers[worker]; }
  crypto::Result<dp::IssuerUse*> open_issuer(ike::IssuerId issuer,
                                             std::uint64_t valid_until_s) override;
  crypto::Result<std::size_t> sweep_issuers(std::uint64_t now_s) override;
  std::uint64_t latest_wall_s() const override { return used_.latest_s(); }
  crypto::Status flush_issuers() override { return used_.flush(); }
  bool spend_ticket(ike::IssuerId issuer, ike::TicketSerial serial) override;
  std::uint64_t ticket_capacity() const override { return dp::kIssuerCapacity; }

  dp::Punt* next_punt(unsigned worker) override { return shared_.seams[worker]->punts.peek(); }
  void punt_done(unsigned worker) override;
  const dp::Report* next_report(unsigned worker) override {
    return shared_.seams[worker]->reports.peek();
  }
  void report_done(unsigned worker) override;
  dp::Order* claim_order(unsigned worker) override { return shared_.seams[worker]->orders.claim(); }
  void send_order(unsigned worker) override;
  dp::Doorbell& doorbell() override { return shared_.doorbell; }
  void set_sa_init_cookies(bool demanded) override { shared_.sa_init_cookies.store(demanded); }
  ike::IkeSpi new_control_spi(crypto::Random& random) override;
  ike::EspSpi new_child_spi(unsigned worker, crypto::Random& random) override;
  unsigned worker_of(ike::EspSpi spi) const override {
    return dp::EspSpiCodec(shared_.config).decode(spi).worker;
  }

  std::optional<ike::Ip4> lease4(const ike::Ip4* wish, ike::IkeSpi holder, ike::IkeSpi previous,
                                 std::uint32_t hint) override;
  std::optional<ike::Ip6> lease6(const ike::Ip6* wish, ike::IkeSpi holder, ike::IkeSpi previous,
                                 std::uint32_t hint) override;
  void release4(const ike::Ip4& address, ike::IkeSpi holder) override;
  std::uint32_t held4() const override { return shared_.leases.held4(); }
  std::uint32_t held6() const override { return shared_.leases.held6(); }
  std::size_t issuer_count() const override { return used_.issuer_count(); }
  void release6(const ike::Ip6& address, ike::IkeSpi holder) override;
  std::uint32_t index4(const ike::Ip4& address) const override {
    return shared_.leases.index4(address);
  }
  std::uint32_t index6(const ike::Ip6& address) const override {
    return shared_.leases.index6(address);
  }
  ike::Ip4 address4(std::uint32_t index) const override { return shared_.leases.address4(index); }
  ike::Ip6 address6(std::uint32_t index) const override { return shared_.leases.address6(index); }

 private:
  dp::SharedState& shared_;
  dp::UsedSet& used_;
  dp::SpiCodec codec_;
  std::vector<dp::ChildPlaces> child_places_;  // by worker
  std::vector<const dp::WorkerCounters*> counters_;
  std::vector<std::uint64_t> swept_;  // quiet states at the last sweep; empty = none yet
};

}  // namespace gateway
