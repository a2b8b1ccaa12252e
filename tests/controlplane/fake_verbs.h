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
    one.spi_r = ike::IkeSpi(spi_r);
    one.local = {ike::Ip4{192, 0, 2, 1}, 4500};
    one.remote = {ike::Ip4{198, 51, 100, 7}, 4500};
    one.remote_id = {alice.begin(), alice.end()};
    one.suite = parse_ike_proposal("aes256gcm16-prfsha256-x25519").value().front();
    one.established_s = 75;
    one.addresses = {ike::Ip4{10, 0, 0, 1}};
    one.children.push_back({.spi_in = ike::EspSpi(2),
                            .spi_out = ike::EspSpi(3),
                            .suite = parse_esp_proposal("aes256gcm16").value().front(),
                            .bytes_in = 1500,
                            .bytes_out = 7});
    return one;
  }

  CtlPage<CtlSa> list_sas(const CtlSelection& selection, std::uint64_t from) override {
    ++pages;
    CtlPage<CtlSa> page;
    const std::size_t end = std::min(sas.size(), static_cast<std::size_t>(from) + kCtlPageRows);
    for (std::size_t i = static_cast<std::size_t>(from); i < end; ++i)
      if (selection.connection.empty() || sas[i].connection == selection.connection)
        page.rows.push_back(sas[i]);
    page.next = end == sas.size() ? 0 : end;
    return page;
  }
  const std::vector<Connection>& connections() override { return policy; }
  std::vector<CtlPool> list_pools() override { return {{"ipv4", "10.0.0.1-10.0.0.4", 4, 1}}; }
  CtlStats stats() override { return {.version = "1", .uptime_s = 3700, .sealing_key = "0abc"}; }
  std::vector<CtlValue> counters() override { return {{"rx_packets", 12, "frames received"}}; }
  crypto::Result<std::uint64_t> terminate(const CtlSelection& selection) override {
    if (!selection.spi_r) return crypto::fail("there is no such IKE SA");
    return 1;
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
  int pages = 0;
};

}  // namespace cp
