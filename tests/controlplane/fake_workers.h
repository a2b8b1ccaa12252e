// FakeWorkers: the workers' side of the control thread with real used-sets and no workers.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "controlplane/workers.h"
#include "dataplane/used_set.h"
#include "tests/controlplane/scratch_folder.h"

namespace cp {

class FakeWorkers final : public Workers {
 public:
  explicit FakeWorkers(unsigned count, std::uint64_t now_s = 0)
      : counters_(count), supply_(count), used_(dp::UsedSet::open(folder_.path(), now_s).value()) {}

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
    return used_->create(issuer, 64, valid_until_s);
  }
  std::size_t sweep_issuers(std::uint64_t now_s) override { return used_->sweep(now_s); }
  crypto::Status flush_issuers() override {
    ++flushed;
    return used_->flush();
  }

  dp::WorkerCounters& counters_of(unsigned worker) { return counters_[worker]; }
  dp::UsedSet& used() { return *used_; }
  // What a worker does when its issuer has no serials left.
  dp::IssuerUse* take(unsigned worker) { return supply_[worker].ready.exchange(nullptr); }

  std::vector<crypto::KeyringSnapshot> keyrings;
  std::vector<dp::DenyList> deny_lists;
  dp::IssuerRequests requests;
  int reclaimed = 0, flushed = 0;
  bool disk_full = false;

 private:
  ScratchFolder folder_;
  std::deque<dp::WorkerCounters> counters_;
  std::deque<dp::IssuerSupply> supply_;
  std::unique_ptr<dp::UsedSet> used_;
};

}  // namespace cp
