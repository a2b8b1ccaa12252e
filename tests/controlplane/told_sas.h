// ToldSas: resumed SAs that workers of a PlaneRig serve, told of as a worker tells of them.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/identity_text.h"
#include "tests/controlplane/plane_rig.h"

namespace cp {

class ToldSas {
 public:
  explicit ToldSas(PlaneRig& rig) : sas_(rig.workers().worker_count()) {
    rig.tell = [this](const PlaneRig::Asked& asked, dp::Report& report) { tell(asked, report); };
  }

  // Of a client of this name, with address 10.1.x.y for the n-th.
  dp::ReportedSa& add(unsigned worker, std::uint64_t spi_r, const std::string& name) {
    auto sa = std::make_unique<dp::ReportedSa>();
    sa->spi_i = ike::IkeSpi(~spi_r);
    sa->spi_r = ike::IkeSpi(spi_r);
    sa->path = rig_path(4500);
    const std::string body = parse_identity(name).value();
    sa->id_i_len = static_cast<std::uint16_t>(body.size());
    std::ranges::copy(body, sa->id_i.begin());
    sa->ip4_lease = ++leases_;
    sa->has_child = true;
    sa->child_in = ike::EspSpi(0x5000 + leases_);
    sa->child_out = ike::EspSpi(0x6000 + leases_);
    sa->traffic = {.spi_in = sa->child_in, .packets_in = 3, .octets_in = 300};
    sas_[worker].push_back(std::move(sa));
    return *sas_[worker].back();
  }
  void remove(unsigned worker, std::uint64_t spi_r) {
    for (auto& sa : sas_[worker])
      if (sa != nullptr && sa->spi_r.value() == spi_r) sa.reset();
  }

  std::size_t per_piece = 4;
  std::vector<dp::ChildTraffic> children;  // of the control thread's SAs

 private:
  void tell(const PlaneRig::Asked& asked, dp::Report& report) {
    const auto& mine = sas_[asked.worker];
    if (asked.kind == dp::OrderKind::report_children) {
      const auto spis = std::span(asked.question.children).first(asked.question.children_count);
      for (const dp::ChildTraffic& child : children)
        if (std::ranges::find(spis, child.spi_in) != spis.end())
          report.children[report.children_count++] = child;
      return;
    }
    const ike::IkeSpi one = asked.question.spi_r;
    std::size_t slot = asked.question.from;
    for (; slot < mine.size() && report.sas_count < per_piece; ++slot)
      if (mine[slot] != nullptr && (one.value() == 0 || mine[slot]->spi_r == one))
        report.sas[report.sas_count++] = *mine[slot];
    if (one.value() == 0 && slot < mine.size()) report.next = static_cast<std::uint32_t>(slot);
  }

  std::vector<std::vector<std::unique_ptr<dp::ReportedSa>>> sas_;  // by worker and slot
  std::uint32_t leases_ = 0;
};

}  // namespace cp
