// FakeVerbs: a gateway as the control socket sees it, with what a test puts into it.
#pragma once

#include <algorithm>

#include "controlplane/ctl_verbs.h"
#include "controlplane/identity_text.h"
#include "controlplane/proposal_text.h"

namespace cp {

class FakeVerbs final : public CtlVerbs {
 public:
  static CtlSa sa(std::uint64_t spi_r) {
    const std::string alice = parse_identity("alice@example.org").value();
    CtlSa one;
    one.connection = "staff";
    one.state = "established";
    one.spi_i = ike::IkeSpi(1);
    one.spi_r = one.own_spi = ike::IkeSpi(spi_r);
    one.local = {ike::Ip4{192, 0, 2, 1}, 4500};
    one.remote = {ike::Ip4{198, 51, 100, 7}, 4500};
    one.remote_id = {alice.begin(), alice.end()};
    one.suite = parse_ike_proposal("aes256gcm16-prfsha256-x25519").value().front();
    one.established_s = 75;
    one.addresses = {ike::Ip4{10, 0, 0, 1}};
    one.children.push_back(
        {.spi_in = ike::EspSpi(2),
         .spi_out = ike::EspSpi(3),
         .suite = parse_esp_proposal("aes256gcm16").value().front(),
         .traffic = CtlTraffic{
             .packets_in = 3, .bytes_in = 1500, .packets_out = 1, .bytes_out = 7, .last_in_s = 2}});
    return one;
  }

  class Listing final : public CtlListing {
   public:
    Listing(FakeVerbs& verbs, CtlSelection selection, std::uint64_t limit)
        : verbs_(verbs), selection_(std::move(selection)), limit_(limit) {}
    ~Listing() override { ++verbs_.lists_ended; }
    std::vector<CtlSa> next() override {
      ++verbs_.pages;
      std::vector<CtlSa> rows;
      if (waits()) return rows;
      const std::size_t end = std::min(verbs_.sas.size(), at_ + kCtlPageRows);
      for (; at_ < end; ++at_) {
        if (!selection_.connection.empty() && verbs_.sas[at_].connection != selection_.connection)
          continue;
        if (limit_ != 0 && taken_ == limit_) {
          ++more_;
          continue;
        }
        ++taken_;
        rows.push_back(verbs_.sas[at_]);
      }
      return rows;
    }
    bool is_over() const override { return !waits() && at_ == verbs_.sas.size(); }
    bool waits() const override { return verbs_.workers_are_slow; }
    std::uint64_t more() const override { return more_; }
    std::vector<unsigned> silent() const override { return verbs_.silent; }

   private:
    FakeVerbs& verbs_;
    CtlSelection selection_;
    std::uint64_t limit_, taken_ = 0, more_ = 0;
    std::size_t at_ = 0;
  };

  crypto::Result<std::unique_ptr<CtlListing>> list_sas(const CtlSelection& selection,
                                                       std::uint64_t limit) override {
    if (selection.worker) return crypto::fail("there is no such worker");
    return std::make_unique<Listing>(*this, selection, limit);
  }
  const std::vector<Connection>& connections() override { return policy; }
  std::vector<CtlPool> list_pools() override { return {{"ipv4", "10.0.0.1-10.0.0.4", 4, 1}}; }
  CtlStats stats() override { return {.version = "1", .uptime_s = 3700, .sealing_key = "0abc"}; }
  std::vector<CtlValue> counters() override { return {{"rx_packets", 12, "frames received"}}; }
  crypto::Result<std::shared_ptr<const CtlEnding>> terminate(
      const CtlSelection& selection) override {
    if (!selection.spi_r) return crypto::fail("there is no such IKE SA");
    return ending;
  }
  crypto::Result<std::string> rotate_keys() override { return "0abd seals now"; }
  crypto::Result<std::string> revoke(const CtlRevocation& revocation) override {
    revoked = revocation;
    return "refused from now on";
  }
  CtlReload reload() override { return reloaded; }

  std::vector<CtlSa> sas;
  std::vector<Connection> policy;
  CtlRevocation revoked;
  CtlReload reloaded;
  int pages = 0, lists_ended = 0;
  bool workers_are_slow = false;
  std::vector<unsigned> silent;
  std::shared_ptr<CtlEnding> ending =
      std::make_shared<CtlEnding>(CtlEnding{.is_over = true, .closing = 1, .silent = {}});
};

}  // namespace cp
