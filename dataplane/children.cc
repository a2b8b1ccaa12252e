// Child SAs come, move, are replaced and go: the table, the routes to leased addresses and the
// expanded keys stay of one mind.
//
// RFC 7296 §2.8: of a rekeyed Child SA both live side by side for a while. Receiving works on both.
// When the peer asked for the new one it may not have our answer yet, so we send on the old one
// until the peer uses the new one or deletes the old one. For a peer that does neither there is
// kSwitchAfterMs: longer than it takes to ask again for an answer that was lost.
#include "dataplane/stages.h"

namespace dp {
namespace {

constexpr std::uint64_t kSwitchAfterMs = 60'000;
using Family = EspRoutes::Family;

// f(family, lease) for each leased address of the SA.
template <class F>
void for_each_lease(const EspSa& sa, F f) {
  if (sa.ip4_lease != kNoPlace) f(Family::ip4, sa.ip4_lease);
  if (sa.ip6_lease != kNoPlace) f(Family::ip6, sa.ip6_lease);
}

std::uint32_t index_of(std::uint32_t place, const WorkerParts& w) {
  return w.esp.spis().index(w.index, place);
}

// The SA of ours that packets to this address take now; kNoPlace when there is none.
std::uint32_t our_place(Family family, std::uint32_t lease, const WorkerParts& w) {
  const std::uint32_t index = w.esp_routes.find(family, lease);
  if (index == EspRoutes::kNone) return kNoPlace;
  const auto where = w.esp.spis().of_index(index);
  return where.worker == w.index && w.esp.live(where.place) ? where.place : kNoPlace;
}

void lead_here(std::uint32_t place, const EspInstall& child, WorkerParts& w) {
  EspSa& sa = w.esp.at(place);
  for_each_lease(sa, [&](Family family, std::uint32_t lease) {
    const std::uint32_t before = our_place(family, lease, w);
    if (before != kNoPlace && before != place && !child.we_initiated) {
      EspSa& old = w.esp.at(before);
      if (old.successor != kNoPlace && old.successor != place)
        w.esp.at(old.successor).predecessor = kNoPlace;
      old.successor = place;
      old.switch_ms = w.now.ms + kSwitchAfterMs;
      sa.predecessor = before;
      return;
    }
    w.esp_routes.set(family, lease, index_of(place, w));
  });
}

}  // namespace

bool install_child(std::uint32_t place, const EspInstall& child, const PeerPath& path,
                   WorkerParts& w) {
  if (w.esp.live(place)) remove_child(place, w);  // its order to go was lost
  if (!w.esp.put(place, child, path, w.now.ms)) {
    w.counters.children_refused.add();
    return false;
  }
  lead_here(place, child, w);
  return true;
}

void use_successor(std::uint32_t place, WorkerParts& w) {
  EspSa& old = w.esp.at(place);
  const std::uint32_t next = old.successor;
  if (next == kNoPlace) return;
  for_each_lease(w.esp.at(next), [&](Family family, std::uint32_t lease) {
    w.esp_routes.replace(family, lease, index_of(place, w), index_of(next, w));
  });
  old.successor = kNoPlace;
  w.esp.at(next).predecessor = kNoPlace;
}

void remove_child(std::uint32_t place, WorkerParts& w) {
  if (!w.esp.live(place)) return;
  use_successor(place, w);
  EspSa& sa = w.esp.at(place);
  if (sa.predecessor != kNoPlace) w.esp.at(sa.predecessor).successor = kNoPlace;
  for_each_lease(sa, [&](Family family, std::uint32_t lease) {
    w.esp_routes.replace(family, lease, index_of(place, w), EspRoutes::kNone);
  });
  const bool frees_slot = sa.outlives_session;
  w.esp_keys.forget(sa);
  w.esp.clear(place);
  if (frees_slot) w.sessions.close(place);
}

void obey_child(const Order& order, WorkerParts& w) {
  const ChildInstall& child = order.child;
  const auto where = w.esp.spis().decode(child.spi_in);
  if (where.worker != w.index) return;  // not a place that this worker has: an SPI made up
  if (order.kind == OrderKind::install_child) {
    // Leased addresses alone are kept as leases: one comparison instead of a list each.
    static constexpr ike::SelectorList kLeasesOnly{};
    const EspInstall install{
        .spi_in = child.spi_in,
        .spi_out = child.spi_out,
        .suite = child.suite,
        .we_initiated = child.we_initiated,
        .ike_spi_r = child.ike_spi_r,
        .ip4_lease = child.ip4_lease,
        .ip6_lease = child.ip6_lease,
        .ts_local = &child.ts_local,
        .ts_remote = is_leases_only(child.ts_remote, child.ip4_lease, child.ip6_lease, w)
                         ? &kLeasesOnly
                         : &child.ts_remote,
        .sent = child.sent,
        .limits = child.limits,
        .keymat = crypto::Bytes(child.keymat).first(ike::child_keymat_len(child.suite))};
    install_child(where.place, install, order.path, w);
    return;
  }
  EspSa* sa = w.esp.find(child.spi_in, where.place);
  if (sa == nullptr) return;
  if (order.kind == OrderKind::remove_child) return remove_child(where.place, w);
  w.esp.set_path(*sa, order.path);
  sa->ike_spi_r = order.spi_r;  // another one after a rekey of the IKE SA
}

bool is_leases_only(const ike::SelectorList& remote, std::uint32_t ip4_lease,
                    std::uint32_t ip6_lease, const WorkerParts& w) {
  bool seen4 = ip4_lease == kNoPlace, seen6 = ip6_lease == kNoPlace;
  if (seen4 && seen6) return false;
  for (std::size_t i = 0; i < remote.count; ++i) {
    const ike::Selector& s = remote.items[i];
    if (ip4_lease != kNoPlace && ike::is_one_address(s, w.leases.address4(ip4_lease)))
      seen4 = true;
    else if (ip6_lease != kNoPlace && ike::is_one_address(s, w.leases.address6(ip6_lease)))
      seen6 = true;
    else
      return false;
  }
  return seen4 && seen6;
}

}  // namespace dp
