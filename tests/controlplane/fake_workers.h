// FakeWorkers: the workers' side of the control thread with real used-sets and no workers.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "controlplane/workers.h"
#include "dataplane/lease_table.h"
#include "dataplane/spi_codec.h"
#include "dataplane/used_set.h"
#include "tests/controlplane/scratch_folder.h"

namespace cp {

class FakeWorkers final : public Workers {
 public:
  explicit FakeWorkers(unsigned count, std::uint64_t now_s = 0)
      : counters_(count),
        supply_(count),
        seams_(count),
        used_(dp::UsedSet::open(folder_.path(), now_s).value()) {}

  unsigned worker_count() const override { return static_cast<unsigned>(counters_.size()); }
  const dp::WorkerCounters& counters(unsigned worker) const override { return counters_[worker]; }
  void publish(crypto::KeyringSnapshot keyring) override { keyrings.push_back(std::move(keyring)); }
  void publish(dp::DenyList denied) override { deny_lists.push_back(std::move(denied)); }
  void reclaim() override { ++reclaimed; }
  dp::IssuerRequests& issuer_requests() override { return requests; }
  dp::IssuerSupply& issuer_supply(unsigned worker) override { return supply_[worker]; }
  crypto::Result<dp::IssuerUse*> open_issuer(ike::IssuerId issuer,
                                             std::uint64_t valid_until_s) override {
    if (disk_full) return crypto::fail("no space left");
    return used_->create(issuer, kTicketCapacity, valid_until_s);
  }
  crypto::Result<std::size_t> sweep_issuers(std::uint64_t now_s) override {
    return used_->sweep(now_s);
  }
  std::uint64_t latest_wall_s() const override { return used_->latest_s(); }
  crypto::Status flush_issuers() override {
    ++flushed;
    return used_->flush();
  }

  bool spend_ticket(ike::IssuerId issuer, ike::TicketSerial serial) override {
    dp::IssuerUse* use = used_->find(issuer);
    return use != nullptr && use->spend(serial);
  }
  std::uint64_t ticket_capacity() const override { return kTicketCapacity; }

  dp::Punt* next_punt(unsigned worker) override { return seams_[worker].punts.peek(); }
  void punt_done(unsigned worker) override {
    dp::wipe(*seams_[worker].punts.peek());
    seams_[worker].punts.done();
  }
  const dp::Report* next_report(unsigned worker) override { return seams_[worker].reports.peek(); }
  void report_done(unsigned worker) override {
    dp::wipe(*seams_[worker].reports.peek());
    seams_[worker].reports.done();
  }
  dp::Order* claim_order(unsigned worker) override {
    return orders_full ? nullptr : seams_[worker].orders.claim();
  }
  void send_order(unsigned worker) override { seams_[worker].orders.publish(); }
  dp::Doorbell& doorbell() override { return doorbell_; }
  void set_sa_init_cookies(bool demanded) override { sa_init_cookies = demanded; }
  ike::IkeSpi new_control_spi(crypto::Random& random) override {
    return dp::control_spi(codec_, random);
  }
  ike::EspSpi new_child_spi(unsigned worker, crypto::Random& random) override {
    return ike::EspSpi(0x8000'0000u | worker << 24 | (random.u32() & 0xff'ffff));
  }
  unsigned worker_of(ike::EspSpi spi) const override { return spi.value() >> 24 & 0x7f; }

  std::optional<ike::Ip4> lease4(const ike::Ip4* wish, ike::IkeSpi holder, ike::IkeSpi previous,
                                 std::uint32_t hint) override {
    const std::uint32_t index = leases_.claim_wish4(wish, holder, previous, hint);
    if (index == dp::kNoLease) return std::nullopt;
    return leases_.address4(index);
  }
  std::optional<ike::Ip6> lease6(const ike::Ip6* wish, ike::IkeSpi holder, ike::IkeSpi previous,
                                 std::uint32_t hint) override {
    const std::uint32_t index = leases_.claim_wish6(wish, holder, previous, hint);
    if (index == dp::kNoLease) return std::nullopt;
    return leases_.address6(index);
  }
  void release4(const ike::Ip4& address, ike::IkeSpi holder) override {
    leases_.release4(leases_.index4(address), holder);
  }
  void release6(const ike::Ip6& address, ike::IkeSpi holder) override {
    leases_.release6(leases_.index6(address), holder);
  }
  std::uint32_t held4() const override { return leases_.held4(); }
  std::uint32_t held6() const override { return leases_.held6(); }
  std::size_t issuer_count() const override { return used_->issuer_count(); }
  std::uint32_t index4(const ike::Ip4& address) const override { return leases_.index4(address); }
  std::uint32_t index6(const ike::Ip6& address) const override { return leases_.index6(address); }
  ike::Ip4 address4(std::uint32_t index) const override { return leases_.address4(index); }
  ike::Ip6 address6(std::uint32_t index) const override { return leases_.address6(index); }

  // The worker's ends of the seam: a test writes punts and reads orders.
  dp::SpscRing<dp::Punt>& punts(unsigned worker) { return seams_[worker].punts; }
  dp::SpscRing<dp::Order>& orders(unsigned worker) { return seams_[worker].orders; }
  // The report is filled as a worker would, and its letter follows.
  void report(unsigned worker, const std::function<void(dp::Report&)>& fill) {
    dp::Report* report = seams_[worker].reports.claim();
    dp::Punt* letter = seams_[worker].punts.claim();
    CHECK(report != nullptr && letter != nullptr);
    report->next = dp::kReportEnd;
    report->sas_count = report->children_count = 0;
    fill(*report);
    seams_[worker].reports.publish();
    letter->kind = dp::PuntKind::reported;
    letter->message_len = 0;
    seams_[worker].punts.publish();
  }
  dp::LeaseTable& leases() { return leases_; }
  const dp::SpiCodec& codec() const { return codec_; }

  dp::WorkerCounters& counters_of(unsigned worker) { return counters_[worker]; }
  dp::UsedSet& used() { return *used_; }
  // What a worker does when its issuer has no serials left.
  dp::IssuerUse* take(unsigned worker) { return supply_[worker].ready.exchange(nullptr); }

  std::vector<crypto::KeyringSnapshot> keyrings;
  std::vector<dp::DenyList> deny_lists;
  dp::IssuerRequests requests;
  int reclaimed = 0, flushed = 0;
  bool disk_full = false;
  bool orders_full = false;  // as if no worker served its orders
  bool sa_init_cookies = false;

 private:
  static constexpr std::uint64_t kTicketCapacity = 64;
  ScratchFolder folder_;
  std::deque<dp::WorkerCounters> counters_;
  std::deque<dp::IssuerSupply> supply_;
  std::deque<dp::Seam> seams_;
  dp::Doorbell doorbell_;
  // 10.1.0.0/16, fd00::/112
  dp::LeaseTable leases_{{.base = {10, 1, 0, 0}, .count = 65536}, {.base = {0xfd}, .count = 65536}};
  dp::SpiCodec codec_{{1, 2, 3}};
  std::unique_ptr<dp::UsedSet> used_;
};

}  // namespace cp
