// Makes rows of SAs and compares them with a selection.
#include "controlplane/sa_rows.h"

#include <algorithm>

#include "controlplane/handlers.h"
#include "controlplane/identity_text.h"

namespace cp {
namespace {

std::optional<std::uint64_t> seconds_until(std::uint64_t at_ms, std::uint64_t now_ms) {
  if (at_ms == ExchangeWindow::kNever) return std::nullopt;
  return at_ms > now_ms ? (at_ms - now_ms) / 1000 : 0;
}
std::uint64_t seconds_since(std::uint64_t then_ms, std::uint64_t now_ms) {
  return (now_ms - std::min(then_ms, now_ms)) / 1000;
}

CtlEndpoint endpoint(const std::array<std::uint8_t, 16>& octets, bool is_ip6, std::uint16_t port) {
  if (is_ip6) return {ike::Ip6(octets), port};
  ike::Ip4 ip4;
  std::copy_n(octets.begin(), ip4.size(), ip4.begin());
  return {ip4, port};
}

// What the peer proved to be: IDi, or what EAP says, where there is one.
bool is_identity(const CtlSa& row, const IdPattern& pattern) {
  if (!row.remote_id.empty() && match(pattern, row.remote_id) != IdMatch::none) return true;
  if (row.eap_identity.empty()) return false;
  const auto body = parse_identity(row.eap_identity);
  return body && match(pattern, IdBody(body->begin(), body->end())) != IdMatch::none;
}

CtlChild child_row(const dp::ReportedSa& sa, unsigned worker, const CtlSa& row,
                   std::uint64_t now_ms) {
  std::optional<ike::Ip4> ip4;
  std::optional<ike::Ip6> ip6;
  for (const Address& address : row.addresses)
    if (const auto* a = std::get_if<ike::Ip4>(&address))
      ip4 = *a;
    else
      ip6 = std::get<ike::Ip6>(address);
  return {.spi_in = sa.child_in,
          .spi_out = sa.child_out,
          .worker = worker,
          .suite = sa.child_suite,
          .installed_s = seconds_since(sa.traffic.installed_ms, now_ms),
          .traffic = traffic_of(sa.traffic, now_ms),
          .local_ts = sa.ts_local,
          .remote_ts = sa.ts_remote.count != 0 ? sa.ts_remote : leased_selectors(ip4, ip6)};
}

}  // namespace

CtlTraffic traffic_of(const dp::ChildTraffic& traffic, std::uint64_t now_ms) {
  CtlTraffic out{.packets_in = traffic.packets_in,
                 .bytes_in = traffic.octets_in,
                 .packets_out = traffic.packets_out,
                 .bytes_out = traffic.octets_out,
                 .drops_in = traffic.drops_in,
                 .drops_out = traffic.drops_out};
  if (traffic.packets_in != 0) out.last_in_s = seconds_since(traffic.seen_ms, now_ms);
  return out;
}

CtlSa sa_row(const IkeSa& sa, std::uint64_t now_ms) {
  CtlSa row;
  row.connection = sa.connection;
  row.state = state_name(sa.state);
  row.spi_i = sa.spi_i;
  row.spi_r = sa.spi_r;
  row.own_spi = sa.our_spi();
  row.worker = sa.worker;
  row.local = endpoint(sa.path.local, sa.path.is_ip6, sa.path.local_port);
  row.remote = endpoint(sa.path.peer, sa.path.is_ip6, sa.path.peer_port);
  row.local_id = sa.own_id;
  row.remote_id = sa.peer_id;
  row.eap_identity.assign(sa.eap_identity.begin(), sa.eap_identity.end());
  row.suite = sa.suite;
  row.established_s =
      seconds_since(sa.established_ms != 0 ? sa.established_ms : sa.created_ms, now_ms);
  row.rekey_in_s = seconds_until(sa.rekey_at_ms, now_ms);
  row.ends_in_s = seconds_until(sa.ends_at_ms, now_ms);
  row.resumptions = sa.resumptions;
  row.nat = sa.nat_here || sa.nat_there;
  row.mobike = sa.mobike;
  if (sa.ip4) row.addresses.emplace_back(*sa.ip4);
  if (sa.ip6) row.addresses.emplace_back(*sa.ip6);
  row.issuer = sa.issuer;
  row.serial = sa.serial;
  for (const ChildSa& child : sa.children)
    row.children.push_back({.spi_in = child.spi_in,
                            .spi_out = child.spi_out,
                            .worker = child.worker,
                            .suite = child.suite,
                            .installed_s = seconds_since(child.installed_ms, now_ms),
                            .local_ts = child.ts_local,
                            .remote_ts = child.ts_remote});
  return row;
}

CtlSa sa_row(unsigned worker, const dp::ReportedSa& sa, const Plane& plane) {
  const std::uint64_t now_ms = plane.now.ms;
  const auto octets = [](const auto& array, std::size_t len) {
    return crypto::Bytes(array).first(len);
  };
  CtlSa row;
  const auto& connections = plane.workers_config.connections;
  if (sa.connection_index < connections.size())
    row.connection = connections[sa.connection_index].name;
  row.state = "resumed";
  row.spi_i = sa.spi_i;
  row.spi_r = row.own_spi = sa.spi_r;
  row.by_worker = true;
  row.worker = worker;
  row.local = endpoint(sa.path.local, sa.path.is_ip6, sa.path.local_port);
  row.remote = endpoint(sa.path.peer, sa.path.is_ip6, sa.path.peer_port);
  const auto id_r = octets(sa.id_r, sa.id_r_len), id_i = octets(sa.id_i, sa.id_i_len);
  const auto eap_identity = octets(sa.eap_identity, sa.eap_identity_len);
  row.local_id.assign(id_r.begin(), id_r.end());
  row.remote_id.assign(id_i.begin(), id_i.end());
  row.eap_identity.assign(eap_identity.begin(), eap_identity.end());
  row.suite = sa.suite;
  row.established_s = seconds_since(sa.established_ms, now_ms);
  // Its worker ends it with the lifetime of its ticket.
  row.ends_in_s = seconds_until(
      sa.established_ms + std::uint64_t{plane.workers_config.tickets.lifetime_s} * 1000, now_ms);
  row.resumptions = sa.resumptions;
  row.nat = sa.path.non_esp_marker;
  row.mobike = sa.mobike;
  if (sa.ip4_lease != dp::kNoLease)
    row.addresses.emplace_back(plane.workers.address4(sa.ip4_lease));
  if (sa.ip6_lease != dp::kNoLease)
    row.addresses.emplace_back(plane.workers.address6(sa.ip6_lease));
  row.issuer = sa.issuer;
  row.serial = sa.serial;
  if (sa.has_child) row.children.push_back(child_row(sa, worker, row, now_ms));
  return row;
}

bool fits(const CtlSa& row, const CtlSelection& selection) {
  if (selection.spi_r && *selection.spi_r != row.own_spi) return false;
  if (selection.worker && *selection.worker != row.worker) return false;
  if (!selection.connection.empty() && selection.connection != row.connection) return false;
  if (selection.remote && *selection.remote != row.remote.address) return false;
  if (selection.address &&
      std::ranges::find(row.addresses, *selection.address) == row.addresses.end())
    return false;
  return !selection.identity || is_identity(row, *selection.identity);
}

WorkerRange workers_of(const CtlSelection& selection, const Plane& plane) {
  if (selection.worker) return {*selection.worker, *selection.worker + 1};
  return {0, plane.workers.worker_count()};
}

}  // namespace cp
